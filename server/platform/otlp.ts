/**
 * Sends the steps of acts to an OpenTelemetry collector: OTLP over HTTP in its JSON form (OTLP 1.x, "OTLP/HTTP").
 * Invariant: the house never waits for the collector and never keeps more than {@link KEPT_MOST} steps for it.
 */
import type { OutsideAnswer, OutsideCall, OutsideFailure } from '#server/platform/outside.ts';
import type { Collector, Says, Step, StepKind } from '#server/platform/trace.ts';
import { assert } from '#shared/base/assert.ts';
import type { Result } from '#shared/base/result.ts';

/** Where steps go, and how many of all acts: `share` from 0 to 1. */
export interface CollectorPlace {
  /** The traces endpoint itself, with its path. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What this house is called there. */
  readonly service: string;
  readonly share: number;
}

export interface ExporterParts {
  readonly place: CollectorPlace;
  readonly call: (url: string, call: OutsideCall) => Promise<Result<OutsideAnswer, OutsideFailure>>;
  /** Told how many steps arrived, or were given up. */
  readonly count: (fate: 'sent' | 'dropped', steps: number) => void;
  /** Between two sendings, 5 s when not said; and before a sending is tried again, 1 s and then twice as long each time. */
  readonly everyMs?: number;
  readonly retryMs?: number;
}

/** A collector that is sent to; `close` sends what is left, once. */
export interface Exporter extends Collector {
  readonly close: () => Promise<void>;
}

const KEPT_MOST = 2_048;
const SENT_AT_ONCE = 512;
const TRIES = 4;
const PATIENCE_MS = 10_000;
const LAST_PATIENCE_MS = 2_000;
/** What may be sent again: the collector is busy or away, and has taken nothing (OTLP "Retryable Response Codes"). */
const BUSY = [429, 502, 503, 504];

/** Starts sending to `parts.place`. */
export function openExporter(parts: ExporterParts): Exporter {
  const { place, count } = parts;
  let waiting: Step[] = [];
  let sending: Promise<void> | undefined;
  let closed = false;
  const send = async () => {
    while (waiting.length > 0) {
      const steps = waiting.slice(0, SENT_AT_ONCE);
      waiting = waiting.slice(SENT_AT_ONCE);
      const taken = await deliver(parts, steps, () => closed);
      if (taken === 0 && closed) {
        // Nobody waits at the end for a collector that is away.
        count('dropped', waiting.length);
        waiting = [];
      }
      if (taken > 0) count('sent', taken);
      if (taken < steps.length) count('dropped', steps.length - taken);
    }
  };
  const flush = () => {
    sending ??= send().finally(() => {
      sending = undefined;
    });
    return sending;
  };
  // Begun here and not where a step is taken: a sending inside an act would be a step of it, to be sent in turn.
  const timer = setInterval(() => void flush(), parts.everyMs ?? 5_000);
  timer.unref();
  return {
    wants: (trace) => Number.parseInt(trace.slice(-13), 16) < place.share * 2 ** 52,
    take(step) {
      if (waiting.length < KEPT_MOST) waiting.push(step);
      else count('dropped', 1);
    },
    async close() {
      closed = true;
      clearInterval(timer);
      const rest = (async () => {
        await sending;
        await flush();
      })();
      await Promise.race([rest, new Promise((resolve) => setTimeout(resolve, LAST_PATIENCE_MS))]);
    },
  };
}

/** How many of `steps` the collector took in the end. */
async function deliver(parts: ExporterParts, steps: readonly Step[], isClosed: () => boolean): Promise<number> {
  const { url, headers, service } = parts.place;
  const body = traceBody(service, steps);
  for (let attempt = 1; ; attempt += 1) {
    const timeoutMs = isClosed() ? LAST_PATIENCE_MS : PATIENCE_MS;
    const answer = await parts.call(url, { method: 'POST', body, headers, timeoutMs });
    if (answer.ok && answer.value.status < 300) return steps.length - rejectedIn(answer.value.body);
    const mayTryAgain = answer.ok ? BUSY.includes(answer.value.status) : answer.error === 'lost';
    if (!mayTryAgain || attempt === TRIES || isClosed()) return 0;
    await new Promise((resolve) => setTimeout(resolve, (parts.retryMs ?? 1_000) * 2 ** (attempt - 1)).unref());
  }
}

/** `partialSuccess.rejectedSpans` of an answer: an int64, so a number or a text. */
function rejectedIn(body: unknown): number {
  if (typeof body !== 'object' || body === null || !('partialSuccess' in body)) return 0;
  const partial = body.partialSuccess;
  if (typeof partial !== 'object' || partial === null || !('rejectedSpans' in partial)) return 0;
  return Number(partial.rejectedSpans) || 0;
}

/** `SpanKind` of opentelemetry-proto, trace.proto. */
const KINDS: Readonly<Record<StepKind, number>> = { internal: 1, server: 2, client: 3 };
const STATUS_ERROR = 2;

/** An `ExportTraceServiceRequest` in the JSON form of Protobuf, with ids in hex as OTLP has them. */
export function traceBody(service: string, steps: readonly Step[]): unknown {
  const spans = steps.map((step) => ({
    traceId: step.trace,
    spanId: step.span,
    ...(step.parent === undefined ? {} : { parentSpanId: step.parent }),
    name: step.name,
    kind: KINDS[step.kind],
    startTimeUnixNano: nanos(step.began),
    endTimeUnixNano: nanos(step.began + step.took),
    attributes: attributes(step.says),
    status: step.failed ? { code: STATUS_ERROR } : {},
  }));
  const resource = { attributes: attributes({ 'service.name': service }) };
  return { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'piaohao' }, spans }] }] };
}

function attributes(says: Says): unknown[] {
  return Object.entries(says).map(([key, value]) => ({
    key,
    value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
  }));
}

/** Milliseconds as whole nanoseconds in decimal: more digits than a number holds. */
function nanos(ms: number): string {
  assert(Number.isFinite(ms) && ms >= 0, `no moment: ${ms}`);
  return String(BigInt(Math.round(ms * 1_000)) * 1_000n);
}
