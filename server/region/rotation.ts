/**
 * Changing a region's key before its time, by an operator.
 * Invariant: a new key signs nothing before every process of the house knows it and phones had the notice to learn it.
 */
import { writeDown } from '#server/logbook/logbook.ts';
import type { Database } from '#server/platform/database.ts';
import { generationOf, generationStart } from '#server/region/issuer-key.ts';
import { insertRotation, lockRegion, readRotations } from '#server/region/store.ts';
import type { By } from '#server/region/switches.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { after, type Duration, duration, type Instant } from '#shared/base/time.ts';

/**
 * The usual notice: the longest allowance (3 d) and 4 d of late sync. A phone that was online once within it knows the new
 * key before anybody shows it something that key signed.
 */
export const ROTATION_NOTICE: Duration = duration(7, 'd');

/** The shortest: every process has published the key set by then (a minute), with room. For a key that has leaked. */
export const ROTATION_AT_ONCE: Duration = duration(2, 'min');

/** In one generation: each key stays in the key set for a month after it, and that has to fit into one message. */
const ROTATIONS_MOST = 3;

/** Why a key is not changed. `pending`: it is being changed already; `due`: the calendar changes it before. */
export type RotationRefusal = 'no-region' | 'pending' | 'due' | 'too-many';

/** Has the key of `region` changed after `notice`; answers when, or why not. */
export function rotateKey(
  database: Database,
  region: string,
  notice: Duration,
  by: By,
  now: Instant,
): Promise<Result<Instant, RotationRefusal>> {
  return database.transaction(async (tx) => {
    if ((await lockRegion(tx, region)) === undefined) return refuse('no-region');
    const from = after(now, notice);
    const generation = generationOf(now);
    if (from >= generationStart(generation + 1)) return refuse('due');
    const past = (await readRotations(tx)).filter((one) => one.region === region);
    if (past.some((one) => one.from > now)) return refuse('pending');
    if (past.filter((one) => generationOf(one.from) === generation).length >= ROTATIONS_MOST) return refuse('too-many');
    await insertRotation(tx, { region, from });
    await writeDown(tx, [{ region, at: now, act: 'key-rotated', who: by.who, about: { from, why: by.why } }]);
    return ok(from);
  });
}
