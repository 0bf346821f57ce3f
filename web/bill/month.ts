/** A month understood: what came in and went out, by category, day, shop and place. Sums equal those of the list to the fen. */
import { type Flow, flowOf, isCounted } from '#shared/rules/bill.ts';
import { type BudgetState, budgetState } from '#shared/rules/filing.ts';
import { billsOfMonth } from '#web/vault/days.ts';
import { filer, ofType } from '#web/vault/opinions.ts';
import type { BillRow, Source } from '#web/vault/rows.ts';
import { dayOf, dayOfRow, monthTotals, startOf, totalsOf } from '#web/vault/tally.ts';
import type { Vault } from '#web/vault/vault.ts';

/** Sums by flow; minor units. */
export interface Sums {
  readonly in: number;
  readonly out: number;
  readonly neutral: number;
  readonly count: number;
}

/** A part of the month: a category, a shop or a place by its id. */
export interface Part extends Sums {
  readonly id: string;
  /** The name people know it by, where the id is none. */
  readonly name?: string;
}

/** How far a budget of the month is used up. */
export interface BudgetView {
  readonly id: string;
  readonly category: string;
  readonly spent: number;
  readonly amount: number;
  readonly noticeAt: number;
  readonly state: BudgetState;
}

/** One month in one currency. Parts stand with the largest spending first; days as they came. */
export interface MonthView {
  readonly sums: Sums;
  readonly categories: readonly Part[];
  readonly days: readonly Part[];
  readonly peers: readonly Part[];
  readonly regions: readonly Part[];
  readonly budgets: readonly BudgetView[];
}

const NOTHING: Sums = { in: 0, out: 0, neutral: 0, count: 0 };

/** The currencies anything was counted in in `month`, the busiest first; `home` when there were none. */
export async function currenciesOf(
  vault: Vault,
  month: string,
  sources: readonly Source[],
  home: string,
): Promise<string[]> {
  const totals = await totalsOf(vault, month, sources);
  const found = totals.toSorted((left, right) => right.count - left.count).map(({ currency }) => currency);
  return found.length > 0 ? found : [home];
}

/** Reads one month in one currency. */
export async function readMonth(
  vault: Vault,
  month: string,
  sources: readonly Source[],
  currency: string,
): Promise<MonthView> {
  const [file, budgets, bills] = await Promise.all([
    filer(vault),
    ofType(vault, 'budget'),
    billsOfMonth(vault, month, sources),
  ]);
  const rows = bills.filter((row) => row.currency === currency && isCounted(row));
  const categories = partsOf(rows, (row) => [file(row)]);
  const sums = sumsOf(rows);
  return {
    sums,
    categories,
    days: partsOf(rows, (row) => [dayOfRow(row)]).sort((left, right) => left.id.localeCompare(right.id)),
    peers: partsOf(rows, (row) => (row.peer ? [row.peer.id, row.peer.name] : undefined)),
    regions: partsOf(rows, (row) => (row.region === '' ? undefined : [row.peer?.region ?? row.region])),
    budgets: budgets
      .filter((budget) => budget.currency === currency)
      .map(({ _id: id, category, amount, noticeAt }) => {
        const part = category === 'all' ? sums : categories.find((one) => one.id === category);
        const spent = part?.out ?? 0;
        return { id, category, spent, amount, noticeAt, state: budgetState(spent, amount, noticeAt) };
      }),
  };
}

const LOOKED_BACK_MONTHS = 26;

/** What was paid in the last two years and a little, read month by month, so that the screen draws in between. */
export async function recentPayments(vault: Vault, sources: readonly Source[], now: number): Promise<BillRow[]> {
  const rows: BillRow[] = [];
  for (let back = 0; back < LOOKED_BACK_MONTHS; back += 1) {
    const read = await billsOfMonth(vault, monthBy(dayOf(now).slice(0, 7), -back), sources);
    rows.push(...read.filter(({ kind, direction }) => kind === 'payment' && direction === 'out'));
  }
  return rows;
}

function partsOf(
  rows: readonly BillRow[],
  keyOf: (row: BillRow) => readonly [id: string, name?: string] | undefined,
): Part[] {
  const parts = new Map<string, Part>();
  for (const row of rows) {
    const [id, name] = keyOf(row) ?? [];
    if (id === undefined) continue;
    const part = parts.get(id) ?? { ...NOTHING, id, ...(name === undefined ? {} : { name }) };
    parts.set(id, { ...part, ...added(part, flowOf(row), row.amount) });
  }
  return [...parts.values()].sort((left, right) => right.out - left.out || right.in - left.in);
}

function sumsOf(rows: readonly BillRow[]): Sums {
  return rows.reduce((sums, row) => added(sums, flowOf(row), row.amount), NOTHING);
}

function added(sums: Sums, flow: Flow, amount: number): Sums {
  return {
    in: sums.in + (flow === 'in' ? amount : 0),
    out: sums.out + (flow === 'out' ? amount : 0),
    neutral: sums.neutral + (flow === 'neutral' ? amount : 0),
    count: sums.count + 1,
  };
}

/** The sums of the `count` months up to `month`, the oldest first, in one currency; from the kept totals. */
export async function readTrend(
  vault: Vault,
  month: string,
  count: number,
  sources: readonly Source[],
  currency: string,
): Promise<Part[]> {
  const months = Array.from({ length: count }, (_, place) => monthBy(month, place - count + 1));
  const totals = await monthTotals(vault, months, sources);
  return months.map((id) => {
    const found = totals.find((total) => total.span === id && total.currency === currency) ?? NOTHING;
    return { id, in: found.in, out: found.out, neutral: found.neutral, count: found.count };
  });
}

/** The month `more` months after `month`. */
export function monthBy(month: string, more: number): string {
  return dayOf(startOf(month, more)).slice(0, 7);
}

/** The largest parts, and the others as one; so that a ring of many categories can still be read. */
export function foldParts(parts: readonly Part[], most: number): Part[] {
  const spent = parts.filter(({ out }) => out > 0);
  if (spent.length <= most) return spent;
  const rest = spent.slice(most - 1).reduce<Sums>(
    (sums, part) => ({
      in: sums.in + part.in,
      out: sums.out + part.out,
      neutral: sums.neutral + part.neutral,
      count: sums.count + part.count,
    }),
    NOTHING,
  );
  return [...spent.slice(0, most - 1), { ...rest, id: REST }];
}

/** The id of what {@link foldParts} put together. */
export const REST = '…';

/** Parts of a thousand, as exact as whole ones can be: they add up to a thousand (the largest remainders get what is left). */
export function perMille(sums: readonly number[]): number[] {
  const all = sums.reduce((total, sum) => total + sum, 0);
  if (all === 0) return sums.map(() => 0);
  const exact = sums.map((sum) => (sum * 1_000) / all);
  const shares = exact.map(Math.floor);
  const left = 1_000 - shares.reduce((total, share) => total + share, 0);
  const order = exact
    .map((share, place) => ({ place, rest: share - Math.floor(share) }))
    .sort((one, other) => other.rest - one.rest);
  for (const { place } of order.slice(0, left)) shares[place] = (shares[place] ?? 0) + 1;
  return shares;
}
