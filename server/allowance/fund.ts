/**
 * The guarantee fund's side of issuing: what it may come to be owed, and that nothing more is promised than its cap.
 * Invariant: the sums promised are added one transaction after the other; of two at the brink the second is thrown away.
 */
import type { AllowanceParts } from '#server/allowance/parts.ts';
import * as store from '#server/allowance/store.ts';
import { byRegion } from '#server/ledger/by-region.ts';
import type { Sql } from '#server/platform/database.ts';
import { Undone } from '#server/platform/undone.ts';
import { heldOpenUntil, type Region } from '#server/region/region.ts';
import { assert } from '#shared/base/assert.ts';
import { type Instant, instant } from '#shared/base/time.ts';
import { reservedFor } from '#shared/rules/guarantee.ts';

/** What an open allowance asks the fund to stand for, in minor units of its region's home currency. */
export interface Promised {
  readonly region: string;
  readonly total: number;
  /** Last moment of its claim window. */
  readonly claimUntil: Instant;
}

/**
 * The most the fund of a region may come to be owed if `more` is issued: what payers owe it, and for every allowance that can
 * still be claimed what the fund would pay for it. A closed or stopped one counts as well: a copy may have paid with it before.
 */
export async function exposureOf(
  { regions, fundOwed }: AllowanceParts,
  tx: Sql,
  region: Region,
  more: number,
  now: Instant,
): Promise<number> {
  // Behind a closed border claims stay open beyond their window: then whatever is remembered counts.
  const since = heldOpenUntil(regions.list(), now) > now ? instant(0) : now;
  const owed = await fundOwed(tx, region.region, region.currency);
  const outstanding = await store.sumOutstanding(tx, region.region, since);
  return owed + reservedFor({ total: outstanding + more, isLocked: false }, region.terms.clonesAssumed);
}

/** Throws {@link Undone} where the fund of `region` could not stand for `more`. */
export async function assertFund(
  parts: AllowanceParts,
  tx: Sql,
  region: Region,
  more: number,
  now: Instant,
): Promise<void> {
  const exposed = await exposureOf(parts, tx, region, more, now);
  if (exposed > region.terms.fundCap) throw new Undone({ code: 'allowance.fund-cap' });
}

/** Counts allowances against the funds of their regions; throws {@link Undone} where one of those could not stand for all. */
export async function promise(
  parts: AllowanceParts,
  tx: Sql,
  promised: readonly Promised[],
  regions: ReadonlyMap<string, Region>,
  now: Instant,
): Promise<void> {
  await byRegion(promised, async (code, some) => {
    await store.lockOutstanding(tx, code);
    await store.addOutstanding(tx, code, some);
    const region = regions.get(code);
    assert(region !== undefined, 'what is promised is promised by a region of ours');
    await assertFund(parts, tx, region, 0, now);
    return [];
  });
}
