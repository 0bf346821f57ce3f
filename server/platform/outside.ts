/** Calls to other companies' servers: JSON only, with a bound on the time, on the size and on where it may lead. */
import { traceparent, traceStep } from '#server/platform/trace.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';

/** What to ask. `body` goes as JSON; `headers` are added to ours. */
export interface OutsideCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly body?: unknown;
  readonly timeoutMs: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What came back; `body` is undefined when the answer had none. */
export interface OutsideAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Why nothing usable came back. After `timeout` or `lost` the other side may well have done what was asked. */
export type OutsideFailure = 'timeout' | 'lost' | 'too-large' | 'not-json';

const MOST_BYTES = 1024 * 1024;

/** Asks `url` once, never follows a redirect, never throws for what the other side does. */
export function callOutside(url: string, call: OutsideCall): Promise<Result<OutsideAnswer, OutsideFailure>> {
  // The path may name a person or a payment: a step says the server alone.
  const says = { 'http.request.method': call.method, 'server.address': new URL(url).host };
  return traceStep(
    { name: call.method, kind: 'client', says },
    () => ask(url, call),
    (answer) =>
      answer.ok
        ? { says: { 'http.response.status_code': answer.value.status }, failed: answer.value.status >= 400 }
        : { says: { 'error.type': answer.error }, failed: true },
  );
}

async function ask(url: string, call: OutsideCall): Promise<Result<OutsideAnswer, OutsideFailure>> {
  const signal = AbortSignal.timeout(call.timeoutMs);
  const trace = traceparent();
  try {
    const response = await fetch(url, {
      method: call.method,
      redirect: 'manual',
      signal,
      headers: {
        accept: 'application/json',
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(trace === undefined ? {} : { traceparent: trace }),
        ...call.headers,
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    });
    const text = await readBounded(response);
    if (text === undefined) return refuse('too-large');
    if (text === '') return ok({ status: response.status, body: undefined });
    return ok({ status: response.status, body: JSON.parse(text) as unknown });
  } catch (error) {
    if (error instanceof SyntaxError) return refuse('not-json');
    return refuse(signal.aborted ? 'timeout' : 'lost');
  }
}

async function readBounded(response: Response): Promise<string | undefined> {
  if (!response.body) return '';
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body) {
    length += part.length;
    if (length > MOST_BYTES) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
