/** How the house calls a provider: its address, its patience, and an answer or nothing. */
import type { callOutside } from '#server/platform/outside.ts';
import type { Duration } from '#shared/base/time.ts';

/** One provider's address and how long its silence is waited for. */
export interface Provider {
  readonly url: string;
  readonly call: typeof callOutside;
  readonly patience: Duration;
}

/** Asks `path` of the provider; undefined when it gave no usable answer: then it may or may not have done its work. */
export async function exchange(
  provider: Provider,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<{ status: number; body: unknown } | undefined> {
  const answer = await provider.call(new URL(path, provider.url).href, {
    method,
    timeoutMs: provider.patience,
    ...(body === undefined ? {} : { body }),
  });
  return answer.ok ? answer.value : undefined;
}
