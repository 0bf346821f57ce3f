/** The statements of the sandbox's providers (camt.053): what was booked on an account on a day, with the planted mistake. */
import { dayOf, reportOf } from '#server/sandbox/bank.ts';
import type { Order, Store } from '#server/sandbox/store.ts';
import { cardStoryOf, MISBOOKED, storyOf } from '#server/sandbox/story.ts';
import type { Service, Statement, StatementEntry } from '#shared/api/bank.ts';
import type { Clock } from '#shared/base/time.ts';

/** Entries of a page. */
const PAGE = 500;

/** What the planted mistake adds to a booking, in minor units. */
const TOO_MUCH = 100;

interface Booking {
  readonly at: number;
  readonly entry: StatementEntry;
}

/** The page after entry number `after` of what `service` booked for `account` on `day` (2026-11-26) by now. */
export function statementOf(
  { store, clock }: { store: Store; clock: Clock },
  of: { readonly service: Service; readonly account: string; readonly day: string; readonly after: number },
): Statement {
  const { service, account, day, after } = of;
  const now = clock();
  const bookings = service === 'card' ? chargesOf(store, account) : ordersOf(store, service, account, now);
  const wanted = bookings
    .filter(({ at }) => at <= now && nameOf(at) === day)
    .sort((left, right) => left.at - right.at || (left.entry.id < right.entry.id ? -1 : 1))
    .map(({ entry }) => entry);
  const entries = wanted.slice(after, after + PAGE);
  return { account, day, entries, ...(after + PAGE < wanted.length ? { next: after + PAGE } : {}) };
}

function ordersOf(store: Store, service: Service, account: string, now: number): Booking[] {
  return store
    .all('order')
    .filter((order) => order.taken && order.service === service && order.account === account)
    .flatMap((order) => bookingsOf(order, service, now));
}

function bookingsOf(order: Order, service: Service, now: number): Booking[] {
  const { status } = reportOf(order, now);
  if (order.decidedAt === undefined || order.end !== 'ACSC' || (status !== 'ACSC' && status !== 'RTRN')) return [];
  const more = storyOf(order.amount, service).misbooked ? TOO_MUCH : 0;
  const [there, back] = service === 'payout' ? (['DBIT', 'CRDT'] as const) : (['CRDT', 'DBIT'] as const);
  const base = { id: order.id, amount: order.amount + more, currency: order.currency };
  const booked: Booking = { at: order.decidedAt, entry: { ...base, side: there, returned: false } };
  if (order.returnsAt === undefined || status !== 'RTRN') return [booked];
  const reason = order.returnReason ?? 'MS03';
  return [booked, { at: order.returnsAt, entry: { ...base, side: back, returned: true, reason } }];
}

/** A charge that was reversed is not booked at all: the network clears what stands at the end of the day. */
function chargesOf(store: Store, account: string): Booking[] {
  return store.all('charge').flatMap((charge) => {
    if (charge.account !== account || charge.takenAt === undefined || charge.reversedAt !== undefined) return [];
    const more = cardStoryOf(charge.amount).digits === MISBOOKED.digits ? TOO_MUCH : 0;
    const { id, amount, currency } = charge;
    return [{ at: charge.takenAt, entry: { id, amount: amount + more, currency, side: 'CRDT', returned: false } }];
  });
}

function nameOf(moment: number): string {
  return new Date(dayOf(moment) * 86_400_000).toISOString().slice(0, 10);
}
