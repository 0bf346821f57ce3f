/**
 * Bills on this phone: facts the server made, replaced by a higher sequence of the same id, never edited here.
 * Invariant: the month totals are kept in the transaction that keeps the bills, so they are equal to a sum over all
 * bills without anybody ever reading all bills.
 */
import type { Bill } from '#shared/api/bill.ts';
import type { BillRow, MonthTotalRow } from '#web/vault/rows.ts';
import type { Vault } from '#web/vault/vault.ts';

/** States in which a bill has moved money and so counts in its month. */
const COUNTED: ReadonlySet<Bill['state']> = new Set(['settled', 'arriving']);

/** Keeps bills of the feed, together with the cursor they brought: either all of it or nothing. */
export async function keepBills(vault: Vault, bills: readonly Bill[], cursor: number): Promise<void> {
  await vault.transaction('rw', vault.bills, vault.monthTotals, vault.settings, async () => {
    await upsert(vault, bills);
    await vault.settings.put({ name: 'cursor', value: cursor });
  });
}

async function upsert(vault: Vault, bills: readonly Bill[]): Promise<void> {
  const newest = new Map<string, Bill>();
  for (const bill of bills) if (bill.sequence > (newest.get(bill.id)?.sequence ?? 0)) newest.set(bill.id, bill);
  const ids = [...newest.keys()];
  const held = new Map((await vault.bills.bulkGet(ids)).filter(isRow).map((row) => [row.id, row]));
  const changes = new Map<string, MonthTotalRow>();
  const rows: BillRow[] = [];
  for (const bill of newest.values()) {
    const old = held.get(bill.id);
    if (old && old.sequence >= bill.sequence) continue;
    const row = billRow(bill);
    if (old) count(changes, old, -1);
    count(changes, row, 1);
    rows.push(row);
  }
  await vault.bills.bulkPut(rows);
  const keys = [...changes.values()].map((total): [string, string] => [total.month, total.currency]);
  const totals = await vault.monthTotals.bulkGet(keys);
  await vault.monthTotals.bulkPut([...changes.values()].map((change, at) => sum(change, totals[at])));
}

/** One page of bills, newest first, that are older than `before` (milliseconds, not included). */
export async function billsBefore(vault: Vault, before: number, most: number): Promise<BillRow[]> {
  return await vault.bills.where('at').below(before).reverse().limit(most).toArray();
}

/** The newest sum of every currency of `month` (`2026-11`). */
export async function monthTotals(vault: Vault, month: string): Promise<MonthTotalRow[]> {
  return await vault.monthTotals.where('month').equals(month).toArray();
}

/** The month a moment falls in by the phone's own zone: `2026-11`. */
export function monthOf(at: number): string {
  const day = new Date(at);
  return `${day.getFullYear()}-${String(day.getMonth() + 1).padStart(2, '0')}`;
}

function billRow(bill: Bill): BillRow {
  const at = bill.times.signed ?? bill.times.posted ?? bill.times.reconciled ?? bill.times.uploaded ?? 0;
  return { ...bill, at, month: monthOf(at) };
}

function count(changes: Map<string, MonthTotalRow>, bill: BillRow, by: 1 | -1): void {
  if (!COUNTED.has(bill.state)) return;
  const key = `${bill.month} ${bill.currency}`;
  const total = changes.get(key) ?? { ...NOTHING, month: bill.month, currency: bill.currency };
  total[bill.direction] += by * bill.amount;
  total.count += by;
  changes.set(key, total);
}

const NOTHING = { in: 0, out: 0, neutral: 0, count: 0 } as const;

function sum(change: MonthTotalRow, old: MonthTotalRow = { ...change, ...NOTHING }): MonthTotalRow {
  return {
    ...change,
    in: change.in + old.in,
    out: change.out + old.out,
    neutral: change.neutral + old.neutral,
    count: change.count + old.count,
  };
}

function isRow(row: BillRow | undefined): row is BillRow {
  return row !== undefined;
}
