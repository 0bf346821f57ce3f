/** The kill switches of a region: turned by an operator, followed by every process, written into the logbook. */
import { writeDown } from '#server/logbook/logbook.ts';
import type { Database } from '#server/platform/database.ts';
import { lockRegion, writeSwitches } from '#server/region/store.ts';
import type { Instant } from '#shared/base/time.ts';

/** How they stand. */
export interface Switches {
  /** Off: no new allowance and no new certificate. */
  readonly issuing: boolean;
  /** Off: no money leaves the house: a withdrawal is refused before anything is set aside for it. */
  readonly withdrawal: boolean;
  /** Off: nothing new is promised across the border, and payments that crossed it in people's hands wait. */
  readonly crossRegion: boolean;
}

/** Who decides something about a region, and why; both stand in the logbook. */
export interface By {
  readonly who: string;
  readonly why: string;
}

/**
 * Turns switches of a region, for a house or an operator's command beside it; every process follows within
 * two seconds. Answers how they stand; undefined when there is no such region.
 */
export function switchRegion(
  database: Database,
  region: string,
  to: Partial<Switches>,
  by: By,
  at: Instant,
): Promise<Switches | undefined> {
  return database.transaction(async (tx) => {
    const row = await lockRegion(tx, region);
    if (row === undefined) return undefined;
    const now = {
      issuing: to.issuing ?? row.issuing,
      withdrawal: to.withdrawal ?? row.withdrawal,
      crossRegion: to.crossRegion ?? row.cross_region,
    };
    await writeSwitches(tx, region, { ...now, cross_region: now.crossRegion }, at);
    await writeDown(tx, [{ region, at, act: 'switch', who: by.who, about: { ...to, why: by.why } }]);
    return now;
  });
}
