/**
 * Sums by month and by day, kept in the transaction that keeps the bills.
 * Invariant: they equal a sum over all bills, without anybody ever reading all bills.
 */
import { flowOf, isCounted } from '#shared/rules/bill.ts';
import { inPieces, TOLD_AT_MOST } from '#web/vault/pieces.ts';
import type { BillRow, Source, TotalRow } from '#web/vault/rows.ts';
import type { Vault } from '#web/vault/vault.ts';

/** The month a moment falls in by the phone's own zone: `2026-11`. */
export function monthOf(at: number): string {
  return dayOf(at).slice(0, 7);
}

/** The day a moment falls on by the phone's own zone: `2026-11-24`. */
export function dayOf(at: number): string {
  const day = new Date(at);
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

/** Where a row of that moment counts, by the zone the phone is in now. */
export function spansOf(at: number): Required<Pick<BillRow, 'at' | 'day' | 'month'>> {
  return { at, day: dayOf(at), month: monthOf(at) };
}

/** The day a row counts in: that of the zone the phone was in when it came, wherever it is now. */
export function dayOfRow({ day, at }: Pick<BillRow, 'day' | 'at'>): string {
  return day ?? dayOf(at);
}

/** The moment (milliseconds) a month (`2026-11`) or a day begins, by the phone's own zone; `more` months or days later. */
export function startOf(span: string, more = 0): number {
  const [year = 1970, month = 1, day] = span.split('-').map(Number);
  return day === undefined
    ? new Date(year, month - 1 + more, 1).getTime()
    : new Date(year, month - 1, day + more).getTime();
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}

/** What the sums change by. */
export interface Tally {
  readonly add: (row: BillRow) => void;
  readonly takeOut: (row: BillRow) => void;
  /** Writes the changes; in the transaction that writes the rows. */
  readonly keep: () => Promise<void>;
}

/** Begins to count rows that `source` brought. */
export function openTally(vault: Pick<Vault, 'totals'>, source: Source): Tally {
  const changes = new Map<string, TotalRow>();
  const count = (row: BillRow, by: 1 | -1) => {
    if (!isCounted(row)) return;
    for (const span of [row.month, dayOfRow(row)]) {
      const key = `${span} ${row.currency}`;
      const total = changes.get(key) ?? { source, span, currency: row.currency, in: 0, out: 0, neutral: 0, count: 0 };
      total[flowOf(row)] += by * row.amount;
      total.count += by;
      changes.set(key, total);
    }
  };
  return {
    add: (row) => count(row, 1),
    takeOut: (row) => count(row, -1),
    async keep() {
      const wanted = [...changes.values()];
      const held = await vault.totals.bulkGet(wanted.map(({ span, currency }) => [source, span, currency]));
      const sums = wanted.map((change, at) => sum(change, held[at]));
      for (const some of inPieces(sums, TOLD_AT_MOST)) await vault.totals.bulkPut(some);
    },
  };
}

function sum(change: TotalRow, held: TotalRow | undefined): TotalRow {
  if (held === undefined) return change;
  return {
    ...change,
    in: change.in + held.in,
    out: change.out + held.out,
    neutral: change.neutral + held.neutral,
    count: change.count + held.count,
  };
}

/** The sums of one month (`2026-11`) or day, one a currency, of everything `sources` brought. */
export async function totalsOf(vault: Vault, span: string, sources: readonly Source[]): Promise<TotalRow[]> {
  return merged(await rowsOf(vault, span, span, sources));
}

/** The sums of every day of a month (`2026-11`) or a year (`2026`), one a day and currency. */
export async function dayTotals(vault: Vault, span: string, sources: readonly Source[]): Promise<TotalRow[]> {
  const rows = await rowsOf(vault, `${span}-`, `${span}-\uffff`, sources);
  return merged(rows.filter((row) => row.span.length === 10));
}

/** The sums of each of `months`, one a month and currency. */
export async function monthTotals(
  vault: Vault,
  months: readonly string[],
  sources: readonly Source[],
): Promise<TotalRow[]> {
  return (await Promise.all(months.map((month) => totalsOf(vault, month, sources)))).flat();
}

async function rowsOf(vault: Vault, first: string, last: string, sources: readonly Source[]): Promise<TotalRow[]> {
  const ranges = sources.map((source) =>
    vault.totals.where('[source+span]').between([source, first], [source, last], true, true).toArray(),
  );
  return (await Promise.all(ranges)).flat();
}

function merged(rows: readonly TotalRow[]): TotalRow[] {
  const sums = new Map<string, TotalRow>();
  for (const row of rows) {
    const key = `${row.span} ${row.currency}`;
    sums.set(key, sum(row, sums.get(key)));
  }
  return [...sums.values()].filter(({ count }) => count > 0);
}
