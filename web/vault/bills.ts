/**
 * Bills on this phone: facts the server made, replaced by a higher sequence of the same id, never edited here; and beside
 * them what the person brought in from other wallets, which no fact ever touches.
 * Invariant: sums and words are kept in the transaction that keeps the bills.
 */
import type { Bill } from '#shared/api/bill.ts';
import type { BillRow, BroughtRow, Source } from '#web/vault/rows.ts';
import { monthOf, openTally } from '#web/vault/tally.ts';
import type { Vault } from '#web/vault/vault.ts';
import { openWording } from '#web/vault/words.ts';

/**
 * Keeps bills of the feed, together with the cursor they brought: either all of it or nothing. The cursor only goes on:
 * of two who read the feed at once, the one who is behind does not send the other back.
 */
export async function keepBills(vault: Vault, bills: readonly Bill[], cursor: number): Promise<void> {
  await vault.transaction('rw', [vault.bills, vault.totals, vault.words, vault.settings], async () => {
    await countOnce(vault);
    await upsert(vault, bills);
    const held = (await vault.settings.get('cursor'))?.value;
    if (typeof held !== 'number' || cursor > held) await vault.settings.put({ name: 'cursor', value: cursor });
  });
}

const COUNTED_AT_ONCE = 2_000;

/** Counts and words the bills a phone kept before it had sums by day; for every other phone one look at a setting. */
export async function countOnce(vault: Vault): Promise<void> {
  await vault.transaction('rw', [vault.bills, vault.totals, vault.words, vault.settings], async () => {
    if (await vault.settings.get('counted')) return;
    let last = '';
    for (;;) {
      const rows = await vault.bills.where('id').above(last).limit(COUNTED_AT_ONCE).toArray();
      await replace(vault, 'house', rows, new Map());
      last = rows.at(-1)?.id ?? '';
      if (rows.length < COUNTED_AT_ONCE) break;
    }
    await vault.settings.put({ name: 'counted', value: true });
  });
}

async function upsert(vault: Vault, bills: readonly Bill[]): Promise<void> {
  const newest = new Map<string, Bill>();
  for (const bill of bills) if (bill.sequence > (newest.get(bill.id)?.sequence ?? 0)) newest.set(bill.id, bill);
  const ids = [...newest.keys()];
  const held = new Map((await vault.bills.bulkGet(ids)).filter(isRow).map((row) => [row.id, row]));
  const rows = [...newest.values()]
    .filter((bill) => (held.get(bill.id)?.sequence ?? 0) < bill.sequence)
    .map((bill) => billRow(bill));
  await replace(vault, 'house', rows, held);
  await vault.bills.bulkPut(rows);
}

/** Takes the old rows out of sums and words and the new ones in. */
async function replace(
  vault: Vault,
  source: Source,
  rows: readonly BillRow[],
  held: ReadonlyMap<string, BillRow>,
): Promise<void> {
  for (const count of [openTally(vault, source), openWording(vault, source)]) {
    for (const row of rows) {
      const old = held.get(row.id);
      if (old) count.takeOut(old);
      count.add(row);
    }
    await count.keep();
  }
}

/** Keeps what the person brought in; what is there already stays as it is. Answers how many were new. */
export async function keepBrought(vault: Vault, rows: readonly BroughtRow[]): Promise<number> {
  return await vault.transaction('rw', [vault.brought, vault.totals, vault.words, vault.settings], async () => {
    const held = new Set(
      await vault.brought
        .where('id')
        .anyOf(rows.map(({ id }) => id))
        .primaryKeys(),
    );
    const fresh = [...new Map(rows.filter(({ id }) => !held.has(id)).map((row) => [row.id, row])).values()];
    await replace(vault, 'brought', fresh, new Map());
    await vault.brought.bulkAdd(fresh);
    return fresh.length;
  });
}

/** Takes everything that was brought in out again; the wallet it came from still has it. */
export async function dropBrought(vault: Vault): Promise<void> {
  await vault.transaction('rw', [vault.brought, vault.totals, vault.words, vault.settings], async () => {
    await vault.brought.clear();
    await vault.totals.where('[source+span]').between(['brought', ''], ['brought', '\uffff']).delete();
    await vault.words.where('[source+day]').between(['brought', ''], ['brought', '\uffff']).delete();
    await vault.settings.put({ name: 'wordsChanged', value: crypto.randomUUID() });
  });
}

/** When what a bill tells of happened, as lists order it (milliseconds). */
export function momentOf(times: Bill['times']): number {
  return times.signed ?? times.posted ?? times.reconciled ?? times.uploaded ?? 0;
}

function billRow(bill: Bill): BillRow {
  const at = momentOf(bill.times);
  return { ...bill, at, month: monthOf(at) };
}

function isRow(row: BillRow | undefined): row is BillRow {
  return row !== undefined;
}
