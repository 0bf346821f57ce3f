/**
 * Money coming in and going out: kept, then asked for outside any transaction, then heard of until its last word.
 * Invariant: what is settled stands in the ledger exactly once, what is not has left no trace but a reversal, whatever
 * was lost, doubled or killed.
 */
import { type Cards, openCards } from '#server/funding/card.ts';
import type { ChannelDoor, Notice, Way } from '#server/funding/channel.ts';
import { openCreditCard } from '#server/funding/channels/credit-card.ts';
import { type OrderedNeeds, openOrdered } from '#server/funding/channels/ordered.ts';
import { hear, pursue } from '#server/funding/course.ts';
import { type FundingNeeds, type Owner, USUAL_TEMPO } from '#server/funding/needs.ts';
import { openReconciling, type Reconciling } from '#server/funding/reconcile.ts';
import { keepWish } from '#server/funding/start.ts';
import * as store from '#server/funding/store.ts';
import { readTopUpTerms, readWithdrawalTerms } from '#server/funding/terms.ts';
import type {
  ChannelTerms,
  TopUp,
  TopUpRequest,
  Withdrawal,
  WithdrawalRequest,
  WithdrawalTerms,
} from '#shared/api/funding.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import { type Id, readId } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { after } from '#shared/base/time.ts';

export type { Way } from '#server/funding/channel.ts';
export type { FundingNeeds, Owner } from '#server/funding/needs.ts';
export { statementAudit } from '#server/funding/statement-command.ts';

/** Top-ups and withdrawals one process looks at in one moment. */
const RUN_MOST = 64;

/** Top-ups or withdrawals a person sees in the list. */
const LIST_MOST = 50;

/** Where the pauses begin again for a person who is back from a provider's page: after 16 seconds. */
const AWAKE_TRIES = 5;

/** The front door of money coming in and going out. */
export interface Funding {
  /**
   * Keeps a top-up and sets it going; the same id with the same content is the same top-up, for ever.
   * Refusals: funding.no-channel, funding.tier, funding.below-least, funding.above-most, funding.above-day,
   * funding.id-reused, card.not-found, card.kind, agreement.new.
   */
  start(owner: Owner, request: TopUpRequest): Promise<Result<TopUp, Refusal>>;
  /** One top-up of this wallet; another's reads like none: request.not-found. */
  read(owner: Owner, id: Id): Promise<Result<TopUp, Refusal>>;
  /** The newest top-ups of this wallet, newest first. */
  list(owner: Owner): Promise<TopUp[]>;
  /** What each channel costs and allows this wallet now. */
  terms(owner: Owner): Promise<ChannelTerms[]>;
  /** Takes a withdrawal out of the wallet and sets it going. Refusals as of {@link Funding.start}, ledger.insufficient, wallet.frozen. */
  withdraw(owner: Owner, request: WithdrawalRequest): Promise<Result<Withdrawal, Refusal>>;
  /** One withdrawal of this wallet; another's reads like none. */
  readWithdrawal(owner: Owner, id: Id): Promise<Result<Withdrawal, Refusal>>;
  /** The newest withdrawals of this wallet, newest first. */
  listWithdrawals(owner: Owner): Promise<Withdrawal[]>;
  /** What withdrawals cost and allow this wallet now. */
  withdrawalTerms(owner: Owner): Promise<WithdrawalTerms[]>;
  /** The cards of people. */
  readonly cards: Cards;
  /** The statements of the providers against what the house knows. */
  readonly reconciling: Reconciling;
  /** Takes a provider's signed notice, any number of times and at any moment. */
  notice(channel: Way, region: string, envelope: unknown): Promise<Result<'taken', Refusal>>;
  /** Begins to look after what is due, without waiting for the providers; what the job runs. Answers how many. */
  runDue(): Promise<number>;
  /** Waits until nothing started here is under way. */
  idle(): Promise<void>;
}

/** What the usual channels need: one place outside behind which all providers stand. */
export type ChannelsNeeds = Omit<OrderedNeeds, 'service' | 'notifyUrl' | 'backUrl'> & {
  /** Where notices come in; the channel is added. */
  readonly callbacksUrl: string;
  /** Where a person comes back to from a provider's page; the id is added. */
  readonly backUrl: string;
};

/** Opens every channel behind one address. */
export function openChannels(needs: ChannelsNeeds): Readonly<Record<Way, ChannelDoor>> {
  const { callbacksUrl, backUrl, ...provider } = needs;
  const notifyUrl = (channel: Way) => `${callbacksUrl}/${channel}`;
  return {
    'bank-transfer': openOrdered({ ...provider, service: 'bank', notifyUrl: notifyUrl('bank-transfer') }),
    'third-party': openOrdered({ ...provider, service: 'pay', notifyUrl: notifyUrl('third-party'), backUrl }),
    counter: openOrdered({ ...provider, service: 'counter', notifyUrl: notifyUrl('counter') }),
    payout: openOrdered({ ...provider, service: 'payout', notifyUrl: notifyUrl('payout') }),
    'credit-card': openCreditCard(provider),
  };
}

/** Opens funding over its channels. */
export function openFunding(needs: FundingNeeds): Funding {
  const { database, clock } = needs;
  const underWay = new Set<Promise<void>>();

  /** Goes on without being waited for; what fails is tried again by the job. */
  function goOn(region: string, id: Id): Promise<void> {
    const act: Promise<void> = pursue(needs, region, id)
      .catch((error: unknown) => needs.log.warn({ err: error, region, funding: id }, 'a top-up could not go on'))
      .finally(() => underWay.delete(act));
    underWay.add(act);
    return act;
  }

  async function readOwn(owner: Owner, id: Id, way: store.Row['way']): Promise<Result<store.Row, Refusal>> {
    const row = await store.readRow(database, owner.region, id);
    return row?.wallet === owner.wallet && row.way === way ? ok(row) : refuse({ code: 'request.not-found' });
  }

  const listOwn = (owner: Owner, way: store.Row['way']) => store.readOfWallet(database, { ...owner, way }, LIST_MOST);

  return {
    start: async (owner, request) => {
      const kept = await keepWish(needs, owner, request);
      if (!kept.ok) return kept;
      if (kept.value.state === 'started') void goOn(owner.region, kept.value.id);
      return ok(shownTopUp(kept.value));
    },
    read: async (owner, id) => {
      const row = await readOwn(owner, id, 'in');
      if (!row.ok) return row;
      await wakeUp(needs, row.value);
      return ok(shownTopUp(row.value));
    },
    list: async (owner) => (await listOwn(owner, 'in')).map(shownTopUp),
    terms: (owner) => readTopUpTerms(database, owner, clock()),
    withdraw: async (owner, request) => {
      const kept = await keepWish(needs, owner, { ...request, channel: 'payout' });
      if (!kept.ok) return kept;
      if (kept.value.state === 'started') void goOn(owner.region, kept.value.id);
      return ok(shownWithdrawal(kept.value));
    },
    readWithdrawal: async (owner, id) => {
      const row = await readOwn(owner, id, 'out');
      return row.ok ? ok(shownWithdrawal(row.value)) : row;
    },
    listWithdrawals: async (owner) => (await listOwn(owner, 'out')).map(shownWithdrawal),
    withdrawalTerms: (owner) => readWithdrawalTerms(needs, database, owner, clock()),
    cards: openCards(needs),
    reconciling: openReconciling(needs),
    notice: async (channel, region, envelope) => {
      const notice = await needs.channels[channel].read?.(envelope);
      if (!notice) return refuse({ code: 'request.not-found' });
      return notice.ok ? takeNotice(needs, channel, region, notice.value) : notice;
    },
    runDue: async () => {
      let count = 0;
      for (const region of needs.regions()) {
        // A silent provider must not keep the next round waiting: what does not fit now is still due then.
        const due = await store.readDue(database, region, clock(), Math.max(0, RUN_MOST - underWay.size));
        for (const id of due) void goOn(region, id);
        count += due.length;
      }
      return count;
    },
    idle: async () => {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}

/** Somebody is looking at a top-up that waits: what is due only later than a look may take is looked at now. */
async function wakeUp(needs: FundingNeeds, row: store.Row): Promise<void> {
  const now = needs.clock();
  const later = after(now, (needs.tempo ?? USUAL_TEMPO).lease);
  if (row.state === 'pending' && row.nextAt !== null && row.nextAt > later)
    await store.wake(needs.database, row, now, later, AWAKE_TRIES);
}

async function takeNotice(
  needs: FundingNeeds,
  channel: Way,
  region: string,
  notice: Notice,
): Promise<Result<'taken', Refusal>> {
  const reference = readId(notice.reference);
  const row = reference && (await store.findByReference(needs.database, region, reference));
  if (!row) return refuse({ code: 'request.not-found' });
  // One provider's key must not open the door of another: each speaks of its own top-ups only.
  if (row.channel !== channel) {
    needs.log.warn({ region, funding: row.id, told: channel }, 'a notice came by another channel than its top-up');
    return refuse({ code: 'funding.notice-channel' });
  }
  if (notice.amount !== row.amount || notice.currency !== row.currency) {
    needs.log.warn({ region, funding: row.id, told: notice.amount }, 'a notice speaks of another sum');
    return refuse({ code: 'funding.notice-mismatch' });
  }
  const heard = await hear(needs, region, row.id, notice.word);
  return heard.ok ? ok('taken') : heard;
}

function shownTopUp(row: store.Row): TopUp {
  const { id, reference, channel, amount, fee, currency, state, reason, startedAt, changedAt, page, code, until } = row;
  assert(channel !== 'payout', `${id} is a withdrawal`);
  return {
    ...{ id, reference, channel, amount, fee, currency, state, startedAt, changedAt },
    ...(reason === null ? {} : { reason }),
    ...(row.card === null ? {} : { card: cardOf(row) }),
    ...(page === null ? {} : { page }),
    ...(code === null ? {} : { code }),
    ...(until === null ? {} : { until }),
  };
}

function shownWithdrawal(row: store.Row): Withdrawal {
  const { id, reference, amount, fee, currency, state, reason, startedAt, changedAt } = row;
  const card = cardOf(row);
  return {
    ...{ id, reference, card, amount, fee, currency, state, startedAt, changedAt },
    ...(reason === null ? {} : { reason }),
  };
}

function cardOf({ id, card, cardBank, cardLast4 }: store.Row): Withdrawal['card'] {
  assert(card !== null, `${id} names no card`);
  return { id: card, bank: cardBank ?? '', last4: cardLast4 ?? '' };
}
