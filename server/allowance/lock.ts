/** Locks allowances by what payments name them by: region by region, for a statement that locks names its region. */
import { type HeldAllowance, heldOf, regionKnown } from '#server/allowance/held.ts';
import * as store from '#server/allowance/store.ts';
import { byRegion } from '#server/ledger/by-region.ts';
import type { Sql } from '#server/platform/database.ts';

/** The allowances of `references`, of every region, locked in one order until `tx` ends. */
export async function lockHeld(tx: Sql, references: readonly Uint8Array[]): Promise<HeldAllowance[]> {
  // One that was read before says itself where it was issued; the others are looked for in every region.
  const placed = references.map((reference) => ({ reference, region: regionKnown(reference) }));
  const unknown = placed.flatMap(({ reference, region }) => (region === undefined ? [reference] : []));
  const known = placed.flatMap(({ reference, region }) => (region === undefined ? [] : [{ reference, region }]));
  const found = unknown.length === 0 ? known : [...known, ...(await store.readByReference(tx, unknown))];
  const rows = await byRegion(found, (region, some) =>
    store.lockByReference(
      tx,
      region,
      some.map(({ reference }) => reference),
    ),
  );
  return rows.map(heldOf);
}
