/**
 * Bills on this phone: facts the server made, replaced by a higher sequence of the same id, never edited here; and beside
 * them what the person brought in from other wallets, which no fact ever touches.
 * Invariant: sums and words are kept in the transaction that keeps the bills.
 */
import type { Bill } from '#shared/api/bill.ts';
import { inPieces, TOLD_AT_MOST } from '#web/vault/pieces.ts';
import type { BillRow, BroughtRow, Source } from '#web/vault/rows.ts';
import { dropSetting, keepSetting, readSetting } from '#web/vault/settings.ts';
import { openTally, spansOf, type Tally } from '#web/vault/tally.ts';
import type { Vault } from '#web/vault/vault.ts';
import { openWording } from '#web/vault/words.ts';

/**
 * Keeps bills of the feed, together with the cursor they brought: either all of it or nothing. The cursor only goes on:
 * of two who read the feed at once, the one who is behind does not send the other back. `more`: whether the house has told
 * of bills after these; nothing is known of it when it is absent.
 */
export async function keepBills(vault: Vault, bills: readonly Bill[], cursor: number, more?: boolean): Promise<void> {
  await vault.transaction('rw', [vault.bills, vault.totals, vault.words, vault.settings], async () => {
    await countOnce(vault);
    await upsert(vault, bills);
    const held = (await vault.settings.get('cursor'))?.value;
    if (typeof held !== 'number' || cursor > held) await vault.settings.put({ name: 'cursor', value: cursor });
    // Written once: whoever watches it is not told with every page.
    if (more === true && !(await readSetting(vault, 'pastMissing'))) await keepSetting(vault, 'pastMissing', true);
    if (more === false) await dropSetting(vault, 'pastMissing');
  });
}

/** Rows looked up and worded in one go: even on a slow phone the screen waits a frame or two for them, not longer. */
const READ_AT_ONCE = 10;
/** Rows written in one go. Of fewer than fifty Dexie tells whoever watches each key, which costs more than to read anew. */
const WRITTEN_AT_ONCE = TOLD_AT_MOST + 1;

/** Counts and words the bills a phone kept before it had sums by day; for every other phone one look at a setting. */
export async function countOnce(vault: Vault): Promise<void> {
  await vault.transaction('rw', [vault.bills, vault.totals, vault.words, vault.settings], async () => {
    if (await vault.settings.get('counted')) return;
    const counts = openCounts(vault, 'house');
    let last = '';
    for (;;) {
      const rows = await vault.bills.where('id').above(last).limit(READ_AT_ONCE).toArray();
      for (const row of rows) counts.add(row);
      last = rows.at(-1)?.id ?? '';
      if (rows.length < READ_AT_ONCE) break;
    }
    await counts.keep();
    await vault.settings.put({ name: 'counted', value: true });
  });
}

async function upsert(vault: Vault, bills: readonly Bill[]): Promise<void> {
  const newest = new Map<string, Bill>();
  for (const bill of bills) if (bill.sequence > (newest.get(bill.id)?.sequence ?? 0)) newest.set(bill.id, bill);
  const counts = openCounts(vault, 'house');
  const rows: BillRow[] = [];
  for (const some of inPieces([...newest.values()], READ_AT_ONCE)) {
    const held = await vault.bills.bulkGet(some.map(({ id }) => id));
    for (const [at, bill] of some.entries()) {
      const old = held[at];
      if (old && old.sequence >= bill.sequence) continue;
      const row = billRow(bill);
      if (old) counts.takeOut(old);
      counts.add(row);
      rows.push(row);
    }
  }
  for (const some of inPieces(rows, WRITTEN_AT_ONCE)) await vault.bills.bulkPut(some);
  await counts.keep();
}

/** The sums and the words of rows `source` brought, changed together. */
function openCounts(vault: Vault, source: Source): Tally {
  const both = [openTally(vault, source), openWording(vault, source)];
  return {
    add(row) {
      for (const count of both) count.add(row);
    },
    takeOut(row) {
      for (const count of both) count.takeOut(row);
    },
    async keep() {
      for (const count of both) await count.keep();
    },
  };
}

/** Keeps what the person brought in; what is there already stays as it is. Answers how many were new. */
export async function keepBrought(vault: Vault, rows: readonly BroughtRow[]): Promise<number> {
  return await vault.transaction('rw', [vault.brought, vault.totals, vault.words, vault.settings], async () => {
    const counts = openCounts(vault, 'brought');
    const fresh: BroughtRow[] = [];
    for (const some of inPieces([...new Map(rows.map((row) => [row.id, row])).values()], READ_AT_ONCE)) {
      const held = await vault.brought.bulkGet(some.map(({ id }) => id));
      for (const row of some.filter((_, at) => held[at] === undefined)) {
        counts.add(row);
        fresh.push(row);
      }
    }
    for (const some of inPieces(fresh, WRITTEN_AT_ONCE)) await vault.brought.bulkAdd(some);
    await counts.keep();
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
  return { ...bill, ...spansOf(momentOf(bill.times)) };
}
