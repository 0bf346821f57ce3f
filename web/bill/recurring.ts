/** Payments that come again by themselves (rent, a subscription), found by looking; nobody has to tell. */
import type { BillRow } from '#web/vault/rows.ts';

/** How often something comes. */
export type Rhythm = 'week' | 'fortnight' | 'month' | 'quarter' | 'year';

/** Something that comes again: who, about how much (minor units), and when it is due next (milliseconds). */
export interface Recurring {
  readonly peer: { readonly id: string; readonly name: string };
  readonly currency: string;
  readonly amount: number;
  readonly rhythm: Rhythm;
  readonly count: number;
  readonly lastAt: number;
  readonly nextAt: number;
}

const DAY_MS = 86_400_000;
/** Days from one to the next, and how many it may be off. */
const RHYTHMS: readonly (readonly [rhythm: Rhythm, days: number, off: number])[] = [
  ['week', 7, 1],
  ['fortnight', 14, 2],
  ['month', 30.4, 4],
  ['quarter', 91.3, 8],
  ['year', 365.25, 12],
];
/** Three make a rhythm; two are a coincidence. */
const LEAST = 3;
/** How far a sum may be from the usual one. */
const NEAR = 0.2;

/** What comes again among paid bills, the next due first. What should have come and did not has ended. */
export function findRecurring(rows: readonly BillRow[], now: number): Recurring[] {
  const paid = rows.filter((row) => row.kind === 'payment' && row.direction === 'out' && row.state === 'settled');
  const groups = Map.groupBy(paid, (row) => `${row.peer?.id ?? ''} ${row.currency}`);
  return [...groups.values()]
    .flatMap((group) => recurringOf(group) ?? [])
    .filter(({ nextAt, rhythm }) => nextAt + allowed(rhythm) >= now)
    .sort((left, right) => left.nextAt - right.nextAt);
}

function recurringOf(group: readonly BillRow[]): Recurring | undefined {
  const peer = group[0]?.peer;
  if (!peer || group.length < LEAST) return undefined;
  const usual = middle(group.map(({ amount }) => amount));
  // Beside a monthly fee one may buy something else in the same shop.
  const like = group
    .filter(({ amount }) => Math.abs(amount - usual) <= usual * NEAR)
    .sort((left, right) => left.at - right.at);
  const last = like.at(-1);
  if (!last || like.length < LEAST || like.length * 2 < group.length) return undefined;
  const gaps = like.slice(1).map((row, place) => (row.at - (like[place]?.at ?? row.at)) / DAY_MS);
  const [rhythm, days] = RHYTHMS.find(([, wanted, off]) => gaps.every((gap) => Math.abs(gap - wanted) <= off)) ?? [];
  if (rhythm === undefined || days === undefined) return undefined;
  return {
    peer,
    currency: last.currency,
    amount: middle(like.map(({ amount }) => amount)),
    rhythm,
    count: like.length,
    lastAt: last.at,
    nextAt: nextAfter(last.at, rhythm, days),
  };
}

/** The same day of a later month where months are meant, not so and so many days. */
function nextAfter(at: number, rhythm: Rhythm, days: number): number {
  const months = { month: 1, quarter: 3, year: 12 }[rhythm as 'month'];
  if (months === undefined) return at + days * DAY_MS;
  const last = new Date(at);
  const next = new Date(last.getFullYear(), last.getMonth() + months + 1, 0);
  return new Date(at).setFullYear(next.getFullYear(), next.getMonth(), Math.min(last.getDate(), next.getDate()));
}

function allowed(rhythm: Rhythm): number {
  return (RHYTHMS.find(([name]) => name === rhythm)?.[2] ?? 0) * DAY_MS;
}

function middle(numbers: readonly number[]): number {
  return numbers.toSorted((left, right) => left - right)[Math.floor(numbers.length / 2)] ?? 0;
}
