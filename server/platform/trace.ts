/**
 * One name for one act across servers (W3C Trace Context): taken from whoever calls, handed on to whomever we call,
 * written into the log, and its steps told to a collector where there is one.
 * Invariant: a step says what was done and how long it took, never for whom: a route is its pattern, a statement its verb.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { steadyMs, systemClock } from '#server/platform/clock.ts';
import type { Http } from '#server/platform/http.ts';
import type { Database, Sql } from '#server/platform/sql.ts';

/** Where an act stands: its name (32 hex digits), the step that is ours (16), and whether somebody records it. */
export interface Trace {
  readonly trace: string;
  readonly span: string;
  readonly sampled: boolean;
}

/** A step that has ended: `began` in Unix milliseconds, `took` in milliseconds, `says` under OpenTelemetry's names. */
export interface Step extends Omit<Trace, 'sampled'> {
  readonly parent: string | undefined;
  readonly name: string;
  readonly kind: StepKind;
  readonly began: number;
  readonly took: number;
  readonly says: Says;
  readonly failed: boolean;
}
export type StepKind = 'internal' | 'server' | 'client';
export type Says = Readonly<Record<string, string | number>>;

/** Who takes the steps of the acts it wants; it decides by an act's name, so that all servers of one setting agree. */
export interface Collector {
  readonly wants: (trace: string) => boolean;
  readonly take: (step: Step) => void;
}

interface Act extends Trace {
  readonly collector: Collector | undefined;
}

const current = new AsyncLocalStorage<Act>();

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
export function traceRequests(app: Http, collector?: Collector): void {
  const begun = new WeakMap<object, { own: Act; parent: string | undefined; began: number; started: number }>();
  app.addHook('onRequest', (request, _reply, done) => {
    const header = request.headers.traceparent;
    const caller = readTraceparent(typeof header === 'string' ? header : undefined);
    // A stranger's wish to be recorded does not count where steps are collected: it would fill the collector.
    const own = beginAct(collector, caller);
    request.log = request.log.child({ trace: own.trace, span: own.span });
    if (own.collector) begun.set(request, { own, parent: caller?.span, began: systemClock(), started: steadyMs() });
    current.run(own, done);
  });
  app.addHook('onResponse', async (request, reply) => {
    const known = begun.get(request);
    if (!known) return;
    const { own, parent, began, started } = known;
    const route = request.routeOptions.url ?? '(none)';
    const status = reply.statusCode;
    own.collector?.take({
      ...own,
      parent,
      began,
      took: steadyMs() - started,
      name: `${request.method} ${route}`,
      kind: 'server',
      says: { 'http.request.method': request.method, 'http.route': route, 'http.response.status_code': status },
      failed: status >= 500,
    });
  });
}

/** Runs `work` as an act of its own, begun by nobody: a round of periodic work. */
export function traceAct<Answer>(collector: Collector, name: string, work: () => Promise<Answer>): Promise<Answer> {
  return runStep(beginAct(collector), undefined, { name, kind: 'internal' }, work);
}

/**
 * Runs `work` as a step of the act under way; outside of one it just runs. `outcome` says more of the answer, and
 * whether it was a failure; a throw always is one.
 */
export function traceStep<Answer>(
  what: { readonly name: string; readonly kind: StepKind; readonly says?: Says },
  work: () => Promise<Answer>,
  outcome?: (answer: Answer) => { readonly says?: Says; readonly failed: boolean },
): Promise<Answer> {
  const at = current.getStore();
  if (!at?.collector) return work();
  return runStep({ ...at, span: newSpan() }, at.span, what, work, outcome);
}

/** `database` with a step for each transaction and statement. */
export function traceDatabase(database: Database): Database {
  return {
    kind: database.kind,
    query: traced(database).query,
    transaction: (work) =>
      traceStep({ name: 'transaction', kind: 'internal' }, () => database.transaction((tx) => work(traced(tx)))),
    probe: () => database.probe(),
    close: () => database.close(),
  };
}

function traced(sql: Sql): Sql {
  return {
    query: (text, values) => {
      const verb = /[a-z]+/i.exec(text)?.[0].toUpperCase() ?? 'SQL';
      const says = { 'db.system.name': 'postgresql', 'db.operation.name': verb };
      return traceStep({ name: verb, kind: 'client', says }, () => sql.query(text, values));
    },
  };
}

function beginAct(collector: Collector | undefined, caller?: Trace): Act {
  const trace = caller?.trace ?? randomBytes(16).toString('hex');
  const wanted = collector?.wants(trace);
  return {
    trace,
    span: newSpan(),
    sampled: wanted ?? caller?.sampled ?? false,
    collector: wanted ? collector : undefined,
  };
}

function newSpan(): string {
  return randomBytes(8).toString('hex');
}

async function runStep<Answer>(
  own: Act,
  parent: string | undefined,
  what: { readonly name: string; readonly kind: StepKind; readonly says?: Says },
  work: () => Promise<Answer>,
  outcome?: (answer: Answer) => { readonly says?: Says; readonly failed: boolean },
): Promise<Answer> {
  const { trace, span } = own;
  const [began, started] = [systemClock(), steadyMs()];
  const end = (failed: boolean, more: Says = {}) =>
    own.collector?.take({
      ...{ trace, span, parent, began, failed },
      took: steadyMs() - started,
      name: what.name,
      kind: what.kind,
      says: { ...what.says, ...more },
    });
  try {
    const answer = await current.run(own, work);
    const said = outcome?.(answer);
    end(said?.failed ?? false, said?.says);
    return answer;
  } catch (error) {
    end(true);
    throw error;
  }
}
