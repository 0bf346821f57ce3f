/** What there is to tell: money that came, read in the journal, and what happened to keys, read in the list of events. */

import { follow } from '#server/ledger/follow.ts';
import type { JournalTransfer, TransferKind } from '#server/ledger/ledger.ts';
import type { NoticeParts } from '#server/notice/notice.ts';
import * as store from '#server/notice/store.ts';
import type { PaymentStory } from '#server/payment/payment.ts';
import type { Sql } from '#server/platform/database.ts';
import type { NoticeText } from '#shared/api/notice.ts';
import type { SecurityEvent } from '#shared/api/security.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import { BEFORE_ALL, type Id } from '#shared/base/id.ts';
import { duration, type Instant, instant } from '#shared/base/time.ts';

/** Gathers everything since the last time and puts it on its way. */
export interface Tidings {
  readonly gather: () => Promise<void>;
}

/** What is older is no news: a house that was switched off for a week does not tell that week. */
const NEWS = duration(1, 'h');
/** Events are read once more for so long: the transaction of an earlier one may have ended later. */
const OVERLAP = duration(2, 'min');
const EVENTS_AT_ONCE = 500;

/** By which kinds of transfers money comes to somebody, and what that is called. */
const ARRIVALS: Partial<Record<TransferKind, 'payment' | 'top-up' | 'refund'>> = {
  claim: 'payment',
  shortfall: 'payment',
  'late-claim': 'payment',
  'top-up': 'top-up',
  refund: 'refund',
  'give-back': 'refund',
};

/** One thing to tell to a wallet; `subject` names it once for all. */
interface Tiding {
  readonly wallet: Id;
  readonly subject: string;
  readonly at: Instant;
  /** `details`: with sums. */
  readonly said: (details: boolean) => NoticeText;
  /** Whose name belongs to it; it is looked up when it goes out. */
  readonly peer?: Id | undefined;
}

/** Opens it over `parts`. */
export function openTidings(parts: NoticeParts): Tidings {
  const { database, ledger } = parts;
  const followers = parts.regions().map((region) =>
    follow({
      database,
      ledger,
      name: 'notice',
      region,
      step: async (tx, transfers) => {
        const arrivals = transfers.flatMap(arrivalsOf).filter(({ at }) => isNews(parts, at));
        await tell(parts, tx, region, await told(parts, tx, region, arrivals));
      },
    }),
  );
  return {
    async gather() {
      for (const readOn of followers) await readOn();
      for (const region of parts.regions()) await readEvents(parts, region);
    },
  };
}

const isNews = ({ clock }: NoticeParts, at: Instant): boolean => clock() - at <= NEWS;

interface Arrival {
  readonly wallet: Id;
  readonly of: 'payment' | 'top-up' | 'refund';
  readonly amount: number;
  readonly currency: string;
  readonly at: Instant;
  readonly payment: string | undefined;
  readonly id: Id;
}

/** What a transfer brought to whom; what moves between accounts of one wallet is no arrival. */
function arrivalsOf(transfer: JournalTransfer): Arrival[] {
  const of = ARRIVALS[transfer.kind];
  if (of === undefined) return [];
  const sums = new Map<Id, Arrival>();
  for (const { debit, credit, amount, currency } of transfer.moves) {
    if ((credit.kind !== 'available' && credit.kind !== 'arriving') || credit.owner === debit.owner) continue;
    if (credit.owner === null) continue;
    const wallet = credit.owner as Id;
    const payment = typeof transfer.about.payment === 'string' ? transfer.about.payment : undefined;
    const before = sums.get(wallet)?.amount ?? 0;
    sums.set(wallet, { wallet, of, amount: before + amount, currency, at: transfer.at, payment, id: transfer.id });
  }
  return [...sums.values()];
}

/** Arrivals as tidings, for wallets somebody is told about: of the others nothing is looked up. */
async function told(parts: NoticeParts, tx: Sql, region: string, arrivals: readonly Arrival[]): Promise<Tiding[]> {
  const phones = await store.phonesOf(tx, region, [...new Set(arrivals.map(({ wallet }) => wallet))]);
  const heard = new Set(phones.map(({ wallet }) => wallet));
  const wanted = arrivals.filter(({ wallet }) => heard.has(wallet));
  const paid = wanted.flatMap(({ payment }) => payment ?? []);
  const stories = paid.length === 0 ? new Map<string, PaymentStory>() : await parts.payments.stories(tx, paid);
  return wanted.flatMap((arrival) => {
    const { wallet, of, amount, currency, at, payment, id } = arrival;
    const story = payment === undefined ? undefined : stories.get(payment);
    const peer = story && (wallet === story.payee ? story.payer : story.payee);
    if (peer === wallet) return [];
    const bill = of === 'payment' && story ? toBase64url(story.id) : id;
    // A payment is settled in several transfers at times; it came once.
    const sum = of === 'payment' && story ? story.amount : amount;
    const facts = { amount: sum, currency };
    const said = (details: boolean): NoticeText => ({ kind: 'arrival', of, bill, ...(details ? facts : {}) });
    return [{ wallet, subject: `${of} ${bill}`, at, said, peer }];
  });
}

/** Puts tidings on their way to every phone of their wallets. */
async function tell({ clock }: NoticeParts, tx: Sql, region: string, tidings: readonly Tiding[]): Promise<void> {
  if (tidings.length === 0) return;
  const phones = await store.phonesOf(tx, region, [...new Set(tidings.map(({ wallet }) => wallet))]);
  const now = clock();
  const rows = tidings.flatMap(({ wallet, subject, at, said, peer }) =>
    phones
      // What happened before a phone asked to be told, its person has seen.
      .filter((phone) => phone.wallet === wallet && phone.made_at <= at)
      .map(({ device, details }) => ({
        ...{ region, device, subject, wallet, made_at: now },
        said: JSON.stringify(said(details)),
        peer: (details && peer) || null,
      })),
  );
  await store.insertDue(tx, rows);
}

/** Reads the events of a region since the last time, and a little from before that; writes only when there are any. */
async function readEvents(parts: NoticeParts, region: string): Promise<void> {
  const { database, clock, identity } = parts;
  const now = clock();
  const seen = await store.readSeen(database, region);
  if (seen === undefined) return await store.saveSeen(database, region, now);
  let after = { at: instant(Math.max(seen - OVERLAP, now - NEWS)), id: BEFORE_ALL };
  for (;;) {
    const events = await identity.eventsAfter(region, after, EVENTS_AT_ONCE);
    const last = events.at(-1);
    if (!last) return;
    const isMore = events.length === EVENTS_AT_ONCE;
    await database.transaction(async (tx) => {
      await tell(parts, tx, region, events.map(tidingOf));
      if (last.at > seen) await store.saveSeen(tx, region, instant(last.at));
    });
    if (!isMore) return;
    after = { at: instant(last.at), id: last.id as Id };
  }
}

function tidingOf({ wallet, id, code, device, at }: SecurityEvent & { readonly wallet: Id }): Tiding {
  return {
    wallet,
    subject: `event ${id}`,
    at: instant(at),
    said: () => ({ kind: 'security', code, ...(device === undefined ? {} : { device: device.slice(0, 64) }) }),
  };
}
