/**
 * The house's only way to speak HTTP: one shape of refusal, bounds on everything, and headers that give nothing away.
 * Invariant: every answer that is not a success is application/problem+json (RFC 9457) with a code of the one table.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:zlib';
import compress from '@fastify/compress';
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify';
import type { DestinationStream } from 'pino';
import Type from 'typebox';
import { type AdmissionLimits, admitWithin, USUAL_ADMISSION } from '#server/platform/admission.ts';
import { systemClock } from '#server/platform/clock.ts';
import type { Config } from '#server/platform/config.ts';
import { plainJson } from '#server/platform/json.ts';
import { createLog } from '#server/platform/log.ts';
import { answerWithin } from '#server/platform/patience.ts';
import { type Database, Unavailable } from '#server/platform/sql.ts';
import { drainBeforeClose } from '#server/platform/stop.ts';
import { type Refusal, type RefusalCode, refusalRemedy, refusalStatus } from '#shared/api/refusal.ts';

/** The house's Fastify: route schemas are TypeBox schemas and type their handlers. */
export type Http = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Called by another company's server, which signs what it says: no browser, so no Origin is asked for. */
    readonly machine?: boolean;
  }
}

/** What the front needs beside the configuration. */
export interface HttpParts {
  readonly database?: Database;
  /** More things that must hold before traffic may come: each resolves, or throws within a second. */
  readonly checks?: Readonly<Record<string, () => Promise<void>>>;
  /** How much is taken on at once; {@link USUAL_ADMISSION} when not said. */
  readonly admission?: AdmissionLimits;
  /** After so long without an answer a request is told that the house is busy; 30 s when not said. */
  readonly answerWithinMs?: number;
  /** Where the log goes; standard output unless a test listens. */
  readonly logTo?: DestinationStream;
}

/** A refusal on the wire (RFC 9457); figures of the refusal stand beside these members. */
export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String(),
    remedy: Type.String(),
  },
  { additionalProperties: true },
);

const BODY_LIMIT_BYTES = 512 * 1024;
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
const READY_WITHIN_MS = 1_000;
/** As long as the longest statement may take; see server/platform/database.ts. */
const ANSWER_WITHIN_MS = 30_000;

/** Builds the front; the caller adds routes and listens. */
export async function createHttp(
  config: Pick<Config, 'origin' | 'logLevel' | 'trustProxy'> & Partial<Pick<Config, 'drainMs'>>,
  parts: HttpParts = {},
): Promise<Http> {
  const app: Http = Fastify({
    loggerInstance: createLog(config.logLevel, parts.logTo) as FastifyBaseLogger,
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    trustProxy: config.trustProxy.length > 0 ? [...config.trustProxy] : false,
    bodyLimit: BODY_LIMIT_BYTES,
    connectionTimeout: 60_000,
    requestTimeout: 30_000,
    keepAliveTimeout: 72_000,
    forceCloseConnections: 'idle',
    // What was taken is served, also while the house closes (see stop.ts).
    return503OnClosing: false,
    // Fastify would give a stop up after ten seconds, whatever is under way: it has a limit of its own (see stop.ts).
    pluginTimeout: 0,
    routerOptions: { maxParamLength: 512 },
    frameworkErrors: (error, request, reply) => {
      // Such an answer passes no hook.
      setHeaders(request, reply as FastifyReply, config.origin);
      answerError(error, request, reply as FastifyReply);
    },
    clientErrorHandler: answerBrokenRequest,
    // Node's own answers to these are bare; ours are problems (see isWellAddressed and answerExpectation).
    http: { requireHostHeader: false },
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  // First of all, for what waits before its handler waits as well.
  answerWithin(app, parts.answerWithinMs ?? ANSWER_WITHIN_MS, (request, reply) =>
    answerError(new Unavailable('house.busy', 'no answer in time'), request, reply),
  );
  readBodies(app);
  const limits = { ...(parts.admission ?? USUAL_ADMISSION), bodyLimit: BODY_LIMIT_BYTES };
  // Before draining, which lets requests wait: those count as well.
  admitWithin(app, limits, (reply, seconds) =>
    refused(reply.header('retry-after', String(seconds)), { code: 'house.busy', detail: { seconds } }),
  );
  const isDraining = drainBeforeClose(app, config.drainMs ?? 0);
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((_request, reply) => refused(reply, { code: 'request.not-found' }));
  app.server.on('checkExpectation', answerExpectation);
  app.addHook('onRequest', async (request, reply) => {
    if (!isWellAddressed(request)) return refused(reply.header('connection', 'close'), { code: 'request.malformed' });
    if (!isOurOrigin(request, config.origin)) return refused(reply, { code: 'request.origin' });
  });
  app.addHook('onSend', async (request, reply) => setHeaders(request, reply, config.origin));
  app.addHook('onRoute', (route) => {
    const schema = route.schema ?? {};
    const response = typeof schema.response === 'object' ? schema.response : {};
    route.schema = { ...schema, response: { '4xx': Problem, '5xx': Problem, ...response } };
  });
  await app.register(compress, {
    threshold: 1024,
    encodings: ['br', 'gzip'],
    brotliOptions: { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } },
  });
  await app.register(rateLimit, {
    global: false,
    errorResponseBuilder: (_request, context) => new TooMany(Math.ceil(context.ttl / 1000)),
  });
  await app.register(swagger, {
    openapi: { openapi: '3.1.0', info: { title: 'Piaohao', version: '0.1.0' }, servers: [{ url: config.origin }] },
  });
  addHouseRoutes(app, parts, isDraining);
  return app;
}

const rawBodies = new WeakMap<FastifyRequest, Uint8Array>();

/** The bytes of the body as they came, before they were read as JSON; empty when there was none. For signatures. */
export function rawBodyOf(request: FastifyRequest): Uint8Array {
  return rawBodies.get(request) ?? new Uint8Array();
}

/** JSON is the only language spoken here; `__proto__` in it is refused, and what could be read in two ways. */
function readBodies(app: Http): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    rawBodies.set(request, body as Buffer);
    // Without a reading it goes on as an empty text, which is refused as malformed.
    void parse(request, plainJson(body as Buffer) ?? '', done);
  });
}

/** What a route says that has nothing to say, as its `response: { 204: Nothing }`. */
export const Nothing = Type.Unsafe<void>(Type.Null({ description: 'Done.' }));

/** Answers `refusal` as problem+json with its status of the one table. */
export function refused(reply: FastifyReply, refusal: Refusal): FastifyReply {
  return reply
    .code(refusalStatus(refusal.code))
    .type('application/problem+json')
    .serializer(JSON.stringify)
    .send(problemOf(refusal));
}

class TooMany extends Error {
  readonly statusCode = 429;
  readonly seconds: number;

  constructor(seconds: number) {
    super('too many requests');
    this.seconds = seconds;
  }
}

function problemOf(refusal: Refusal): object {
  return {
    ...refusal.detail,
    type: `/problems/${refusal.code}`,
    title: refusal.code.replaceAll(/[.-]/g, ' '),
    status: refusalStatus(refusal.code),
    code: refusal.code,
    remedy: refusalRemedy(refusal.code),
  };
}

function answerError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = refusalOf(error);
  if (refusalStatus(refusal.code) >= 500) request.log.error({ err: error, req: request }, 'a request failed');
  if (error instanceof Unavailable) reply.header('retry-after', '2');
  return refused(reply, refusal);
}

const FRAMEWORK_CODES: Readonly<Record<string, RefusalCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'request.too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'request.media-type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'request.malformed',
};

function refusalOf(error: FastifyError | Error): Refusal {
  if (error instanceof Unavailable) return { code: error.code };
  if (error instanceof TooMany) return { code: 'request.too-many', detail: { seconds: error.seconds } };
  if ('validation' in error && error.validation)
    return { code: 'request.malformed', detail: placesOf(error.validation) };
  const known = 'code' in error && typeof error.code === 'string' ? FRAMEWORK_CODES[error.code] : undefined;
  if (known) return { code: known };
  const status = 'statusCode' in error ? error.statusCode : undefined;
  if (status === 404) return { code: 'request.not-found' };
  return { code: status !== undefined && status >= 400 && status < 500 ? 'request.malformed' : 'house.fault' };
}

/** Where the input is wrong, never what it was. */
function placesOf(validation: unknown): Record<string, string> {
  const faults = Array.isArray(validation) ? (validation as { instancePath?: string; message?: string }[]) : [];
  return {
    wrong: faults
      .slice(0, 5)
      .map((fault) => `${fault.instancePath || '/'} ${fault.message ?? ''}`.trim())
      .join('; '),
  };
}

/** What never became a request: broken bytes, endless headers, a client too slow. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: import('node:net').Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const body = JSON.stringify(problemOf({ code: 'request.malformed' }));
  if (socket.writable) {
    socket.write(
      `HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    );
  }
  socket.destroy();
}

/** Whether it says which host it means, once, as HTTP/1.1 asks of every request (RFC 9112 section 3.2). */
function isWellAddressed({ raw }: FastifyRequest): boolean {
  if (raw.httpVersionMajor < 1 || (raw.httpVersionMajor === 1 && raw.httpVersionMinor === 0)) return true;
  return raw.rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === 'host').length === 1;
}

/** Nothing but `100-continue` may be expected (RFC 9110 section 10.1.1). */
function answerExpectation(_request: unknown, response: import('node:http').ServerResponse): void {
  const body = JSON.stringify(problemOf({ code: 'request.malformed' }));
  response.writeHead(refusalStatus('request.malformed'), {
    ...HEADERS,
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  });
  response.end(body);
}

/**
 * Whether an unsafe request comes from our own pages, or from what is no page at all: a device that signs its
 * requests, or another company's server. A foreign page cannot leave out Origin, nor set Sec-Fetch-Site.
 */
function isOurOrigin(request: FastifyRequest, origin: string): boolean {
  if (SAFE_METHODS.has(request.method)) return true;
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return false;
  if (request.headers.origin !== undefined) return request.headers.origin === origin;
  if (request.routeOptions.config.machine === true) return true;
  return /^Device /i.test(request.headers.authorization ?? '');
}

const HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'permissions-policy':
    'camera=(self), publickey-credentials-get=(self), publickey-credentials-create=(self), screen-wake-lock=(self), ' +
    'clipboard-read=(self), clipboard-write=(self), web-share=(self), geolocation=(), microphone=(), payment=(), usb=(), ' +
    'bluetooth=(), serial=(), hid=(), midi=(), accelerometer=(), gyroscope=(), magnetometer=(), display-capture=()',
  'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
};

function setHeaders(request: FastifyRequest, reply: FastifyReply, origin: string): void {
  for (const [name, value] of Object.entries(HEADERS)) if (!reply.hasHeader(name)) reply.header(name, value);
  if (origin.startsWith('https:')) reply.header('strict-transport-security', 'max-age=63072000; includeSubDomains');
  reply.header('x-request-id', request.id);
}

function addHouseRoutes(app: Http, parts: HttpParts, isDraining: () => boolean): void {
  const quiet = { logLevel: 'silent', config: { always: true } } as const;
  app.get('/openapi.json', { ...quiet, schema: { hide: true } }, async () => app.swagger());
  app.get('/livez', { ...quiet, schema: { response: { 200: Type.Object({ alive: Type.Boolean() }) } } }, async () => ({
    alive: true,
  }));
  app.get(
    '/readyz',
    { ...quiet, schema: { response: { 200: Type.Object({ ready: Type.Boolean() }) } } },
    async (_request, reply) => {
      const checks = { ...databaseChecks(parts.database), ...parts.checks };
      const failed = isDraining() ? ['draining'] : await failedChecks(checks);
      if (failed.length === 0) return { ready: true };
      return refused(reply, { code: 'house.busy', detail: { failed: failed.join(',') } });
    },
  );
}

function databaseChecks(database: Database | undefined): Record<string, () => Promise<void>> {
  if (!database) return {};
  return {
    disk: () => database.probe(),
    migrations: async () => {
      if ((await database.query('select 1 as one from platform_step limit 1')).length === 0)
        throw new Error('no step has run');
    },
    write: async () => {
      await database.query(
        `insert into platform_pulse (name, beat_at) values ('ready', $1::bigint)
         on conflict (name) do update set beat_at = excluded.beat_at`,
        [systemClock()],
      );
    },
  };
}

async function failedChecks(checks: Readonly<Record<string, () => Promise<void>>>): Promise<string[]> {
  const outcomes = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => ((await holdsInTime(check)) ? undefined : name)),
  );
  return outcomes.filter((name) => name !== undefined);
}

function holdsInTime(check: () => Promise<void>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), READY_WITHIN_MS);
    check()
      .then(
        () => resolve(true),
        () => resolve(false),
      )
      .finally(() => clearTimeout(timer));
  });
}
