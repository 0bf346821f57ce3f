/**
 * One name for one act across servers (W3C Trace Context): taken from whoever calls, handed on to whomever we call, and
 * written into the log. Nothing is kept or sent anywhere else.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import type { Http } from '#server/platform/http.ts';

/** Where an act stands: its name (32 hex digits), the step that is ours (16), and whether somebody records it. */
export interface Trace {
  readonly trace: string;
  readonly span: string;
  readonly sampled: boolean;
}

const current = new AsyncLocalStorage<Trace>();

/** The trace in a `traceparent` header; undefined when there is none, or not one of the standard's form. */
export function readTraceparent(header: string | undefined): Trace | undefined {
  const [, version, trace = '', span = '', flags = '', more] =
    /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/.exec(header ?? '') ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(trace) || /^0+$/.test(span)) return undefined;
  return { trace, span, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** The `traceparent` header of the act under way; undefined outside of one, or when tracing is off. */
export function traceparent(): string | undefined {
  const at = current.getStore();
  return at && `00-${at.trace}-${at.span}-${at.sampled ? '01' : '00'}`;
}

/** From now on every request of `app` is a step of its caller's trace, or begins one. */
export function traceRequests(app: Http): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const header = request.headers.traceparent;
    const caller = readTraceparent(typeof header === 'string' ? header : undefined);
    const own: Trace = {
      trace: caller?.trace ?? randomBytes(16).toString('hex'),
      span: randomBytes(8).toString('hex'),
      sampled: caller?.sampled ?? false,
    };
    request.log = request.log.child({ trace: own.trace, span: own.span });
    current.run(own, done);
  });
}
