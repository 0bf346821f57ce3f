/**
 * The log: JSON lines on standard output that say what happened and never to whom.
 * Invariant: no address of a request with its ids, no body, no header, no name, number, key or password is written.
 */
import pino, { type DestinationStream, type Logger } from 'pino';

/** Personal numbers have eleven digits or more: phones 11, identity cards 17 and a check mark, bank cards 13 to 19. */
const LONG_NUMBERS = /\d{11,}[Xx]?/g;

const SECRETS = [
  'authorization',
  'cookie',
  'password',
  'pin',
  'phone',
  'name',
  'verifiedName',
  'idNumber',
  'card',
  'memo',
  'code',
  'token',
  'secret',
  'key',
  'body',
  'headers',
  'email',
  'address',
];

/** `text` without personal numbers. */
export function scrub(text: string): string {
  return text.replaceAll(LONG_NUMBERS, '[number]');
}

/** Opens the log at `level`; `to` is standard output unless a test listens. */
export function createLog(level: string, to?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[kept out]' },
    serializers: { req: describeRequest, res: describeReply, err: describeError },
    hooks: {
      logMethod(this: Logger, args: Parameters<pino.LogFn>, method: pino.LogFn) {
        const [first, ...rest] = args as unknown[];
        const clean = [first, ...rest].map((part) => (typeof part === 'string' ? scrub(part) : part));
        method.apply(this, clean as Parameters<pino.LogFn>);
      },
    },
  };
  return to ? pino(options, to) : pino(options);
}

/** The pattern of the route, not the address asked for: that one may carry ids and searches. */
function describeRequest(request: { method?: string; routeOptions?: { url?: string | undefined } }): object {
  return { method: request.method, route: request.routeOptions?.url ?? '(none)' };
}

function describeReply(reply: { statusCode?: number }): object {
  return { status: reply.statusCode };
}

function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const sqlState = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return { type: error.name, ...(sqlState ? { state: sqlState } : {}), stack: scrub(error.stack ?? error.message) };
}
