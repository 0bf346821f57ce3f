/** Counts acts in fixed windows and says when there were too many; what is counted is kept only as a keyed hash. */
import type { IdentityParts } from '#server/identity/parts.ts';
import { no } from '#server/identity/parts.ts';
import { count } from '#server/identity/store.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { ok, type Result } from '#shared/base/result.ts';
import { type Duration, duration, instant } from '#shared/base/time.ts';

const MINUTE = duration(1, 'min');
const HOUR = duration(1, 'h');
const DAY = duration(1, 'd');

/** What is counted, and over how long. */
const WINDOWS = {
  options: MINUTE,
  verify: MINUTE,
  account: MINUTE,
  registration: HOUR,
  'text-caller': HOUR,
  'text-phone': HOUR,
  'real-name': DAY,
  freeze: HOUR,
  recovery: DAY,
  question: DAY,
} as const satisfies Record<string, Duration>;

/** Counts one more `act` of `subject`; refused with the seconds to wait once there are more than `most` in the window. */
export async function mayAct(
  parts: IdentityParts,
  act: keyof typeof WINDOWS,
  subject: string,
  most: number,
): Promise<Result<undefined, Refusal>> {
  const now = parts.clock();
  const window = WINDOWS[act];
  const windowAt = instant(now - (now % window));
  const counted = await count(parts.database, {
    region: '',
    act,
    subject: parts.secrets.hash('caller', subject),
    windowAt,
  });
  if (counted <= most) return ok(undefined);
  return no('request.too-many', { seconds: Math.ceil((windowAt + window - now) / 1000) });
}
