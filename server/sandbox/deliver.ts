/** Carries the sandbox's notices to whoever ordered: one POST with a deadline, to this machine only. */
import type { Deliver } from '#server/sandbox/bank.ts';

const PATIENCE_MS = 5_000;
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Sends a notice as JSON; a receiver that answers with 2xx has taken it. */
export const deliver: Deliver = async (url, notice) => {
  // A sandbox that could be told to call any address would be a tool against other machines.
  if (!LOOPBACK.has(new URL(url).hostname)) return false;
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(notice),
    redirect: 'error',
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  await answer.body?.cancel();
  return answer.ok;
};
