/**
 * Money coming in: a top-up is kept, then asked for outside any transaction, then heard of until its last word.
 * Invariant: a settled top-up has exactly one transfer in the ledger, any other has none, whatever was lost, doubled or killed.
 */
import { createHash } from 'node:crypto';
import type { ChannelDoor, Notice, Order, Word } from '#server/funding/channel.ts';
import { type Happening, stepOf } from '#server/funding/steps.ts';
import * as store from '#server/funding/store.ts';
import { available, feeIncome, outside } from '#server/ledger/chart.ts';
import type { Ledger, Move } from '#server/ledger/ledger.ts';
import type { Database, Sql } from '#server/platform/database.ts';
import {
  boundBroken,
  type Channel,
  type ChannelTerms,
  feeOf,
  isFinal,
  type TopUp,
  type TopUpRequest,
} from '#shared/api/funding.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import { type Id, idFromBytes, readId } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { after, type Clock, type Duration, duration, type Instant } from '#shared/base/time.ts';
import { isCurrency } from '#shared/money/currency.ts';
import { money } from '#shared/money/money.ts';

export { openBankTransfer } from '#server/funding/channels/bank-transfer.ts';

/** Whose money it is: the wallet's id, its region and how well the person is known (see rules/policy). */
export interface Owner {
  readonly wallet: Id;
  readonly region: string;
  readonly tier: string;
}

/** How patient the house is: first and longest pause before it asks a provider again, and how long one look may take. */
export interface Tempo {
  readonly first: Duration;
  readonly most: Duration;
  /** Longer than asking and querying together may take, so that two never look at one top-up at once. */
  readonly lease: Duration;
}

/** Pauses grow from a second, so that a lost notice costs a person a breath, to ten minutes, so that a dead bank costs us nothing. */
export const USUAL_TEMPO: Tempo = { first: duration(1, 's'), most: duration(10, 'min'), lease: duration(20, 's') };

/** Top-ups one process looks at in one moment. */
const RUN_MOST = 64;

/** Top-ups a person sees in the list. */
const LIST_MOST = 50;

/** What funding stands on. `log` hears of what needs hands: providers that contradict themselves. */
export interface FundingNeeds {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly channels: Readonly<Record<Channel, ChannelDoor>>;
  /** Regions whose top-ups this process looks after. */
  readonly regions: () => readonly string[];
  readonly log: { warn(facts: object, message: string): void };
  readonly tempo?: Tempo;
}

/** The front door of money coming in. */
export interface Funding {
  /**
   * Keeps a top-up and sets it going; the same id with the same content is the same top-up, for ever.
   * Refusals: funding.no-channel, funding.below-least, funding.above-most, funding.above-day, funding.id-reused.
   */
  start(owner: Owner, request: TopUpRequest): Promise<Result<TopUp, Refusal>>;
  /** One top-up of this wallet; another's reads like none: request.not-found. */
  read(owner: Owner, id: Id): Promise<Result<TopUp, Refusal>>;
  /** The newest top-ups of this wallet, newest first. */
  list(owner: Owner): Promise<TopUp[]>;
  /** What each channel costs and allows this wallet now. */
  terms(owner: Owner): Promise<ChannelTerms[]>;
  /** Top-ups by id, for whoever makes bills of them. */
  describe(region: string, ids: readonly Id[], tx?: Sql): Promise<TopUp[]>;
  /** Takes a provider's signed notice, any number of times and at any moment. */
  notice(channel: Channel, region: string, envelope: unknown): Promise<Result<'taken', Refusal>>;
  /** Begins to look after the top-ups that are due, without waiting for the providers; what the job runs. Answers how many. */
  runDue(): Promise<number>;
  /** Waits until nothing started here is under way. */
  idle(): Promise<void>;
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

  return {
    start: async (owner, request) => {
      const kept = await keep(needs, owner, request);
      if (kept.ok && kept.value.state === 'started') void goOn(owner.region, kept.value.id);
      return kept.ok ? ok(shown(kept.value)) : kept;
    },
    read: async (owner, id) => {
      const row = await store.readRow(database, owner.region, id);
      return row?.wallet === owner.wallet ? ok(shown(row)) : refuse({ code: 'request.not-found' });
    },
    list: async (owner) => (await store.readOfWallet(database, owner.region, owner.wallet, LIST_MOST)).map(shown),
    terms: async (owner) => {
      const terms = await store.readTerms(database, owner.region, owner.tier);
      return Promise.all(terms.map((one) => withDayLeft(database, owner, one, clock())));
    },
    describe: async (region, ids, tx = database) => (await store.readSome(tx, region, ids)).map(shown),
    notice: async (channel, region, envelope) => {
      const notice = await needs.channels[channel].read(envelope);
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

/** Thrown inside a transaction to undo it and answer the refusal. */
class Undone extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.code);
    this.refusal = refusal;
  }
}

async function keep(needs: FundingNeeds, owner: Owner, request: TopUpRequest): Promise<Result<store.Row, Refusal>> {
  const id = readId(request.id);
  const { channel, currency, amount } = request;
  if (!id || !isCurrency(currency)) return refuse({ code: 'request.malformed' });
  const now = needs.clock();
  const work = async (tx: Sql): Promise<Result<store.Row, Refusal>> => {
    const before = await store.readRow(tx, owner.region, id);
    if (before) return sameTopUp(before, owner, request);
    const terms = (await store.readTerms(tx, owner.region, owner.tier)).find(
      (one) => one.channel === channel && one.currency === currency,
    );
    if (!terms) return refuse({ code: 'funding.no-channel' });
    const bounded = await withDayLeft(tx, owner, terms, now);
    const refusal = refusalOf(bounded, amount);
    if (refusal) return refuse(refusal);
    const row: store.Row = {
      ...{ region: owner.region, id, wallet: owner.wallet, reference: referenceOf(owner, id), channel, currency },
      ...{ amount, fee: feeOf(terms, amount), state: 'started', reason: null, day: dayOf(terms, now), tries: 0 },
      ...{ startedAt: now, changedAt: now, nextAt: now },
    };
    // Somebody else's insert of the same id, or use of the same day, may have come first: the database decides.
    if (!(await store.insertRow(tx, row))) throw new Undone({ code: 'house.busy' });
    if (!(await store.useDay(tx, row, amount, terms.dayMost))) {
      throw new Undone({ code: 'funding.above-day', detail: { left: bounded.dayLeft, currency } });
    }
    return ok(row);
  };
  try {
    return await needs.database.transaction(work);
  } catch (error) {
    if (!(error instanceof Undone)) throw error;
    const rival = await store.readRow(needs.database, owner.region, id);
    return rival ? sameTopUp(rival, owner, request) : refuse(error.refusal);
  }
}

function sameTopUp(row: store.Row, owner: Owner, request: TopUpRequest): Result<store.Row, Refusal> {
  const same =
    row.wallet === owner.wallet &&
    row.channel === request.channel &&
    row.amount === request.amount &&
    row.currency === request.currency;
  return same ? ok(row) : refuse({ code: 'funding.id-reused' });
}

function refusalOf(terms: ChannelTerms, amount: number): Refusal | undefined {
  const { currency } = terms;
  switch (boundBroken(terms, amount)) {
    case 'least':
      return { code: 'funding.below-least', detail: { least: terms.least, currency } };
    case 'most':
      return { code: 'funding.above-most', detail: { most: terms.most, currency } };
    case 'day':
      return { code: 'funding.above-day', detail: { left: terms.dayLeft, currency } };
    default:
      return undefined;
  }
}

async function withDayLeft(tx: Sql, owner: Owner, terms: store.Terms, now: Instant): Promise<ChannelTerms> {
  const { dayOffsetMinutes: _, ...rest } = terms;
  assert(isCurrency(terms.currency), `terms in an unknown currency: ${terms.currency}`);
  const day = { ...owner, channel: terms.channel, currency: terms.currency, day: dayOf(terms, now) };
  return { ...rest, dayLeft: Math.max(0, terms.dayMost - (await store.readUsed(tx, day))) };
}

function dayOf(terms: store.Terms, now: Instant): number {
  return Math.floor((now + duration(terms.dayOffsetMinutes, 'min')) / duration(1, 'd'));
}

/**
 * The name a top-up has outside: bound to region and wallet, so that nobody can make the bank answer for another's order
 * by choosing the same id. A UUID of version 8 (RFC 9562 section 5.8).
 */
function referenceOf(owner: Owner, id: Id): Id {
  const text = `piaohao-funding-v1\n${owner.region}\n${owner.wallet}\n${id}`;
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes[6] = 0x80 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  return idFromBytes(bytes);
}

/** One look at a top-up: ask when it was never asked, else query; ask again when the provider never heard of it. */
async function pursue(needs: FundingNeeds, region: string, id: Id): Promise<void> {
  const claimed = await claim(needs, region, id);
  if (!claimed) return;
  const door = needs.channels[claimed.row.channel];
  const order: Order = claimed.row;
  let word = claimed.first ? await door.ask(order) : await door.query(order);
  if (word.says === 'absent') {
    await hear(needs, region, id, { says: 'absent' });
    const mayAsk = await hear(needs, region, id, 'ask');
    if (!mayAsk) return;
    word = await door.ask(order);
  }
  await hear(needs, region, id, word);
}

/** Takes a due top-up for one look, so that no other process looks at the same time; undefined when it is not due. */
function claim(needs: FundingNeeds, region: string, id: Id): Promise<{ row: store.Row; first: boolean } | undefined> {
  const { lease } = needs.tempo ?? USUAL_TEMPO;
  return needs.database.transaction(async (tx) => {
    const row = await store.readRow(tx, region, id, true);
    const now = needs.clock();
    if (!row || row.nextAt === null || row.nextAt > now) return undefined;
    const first = row.state === 'started';
    const state = first ? 'asked' : row.state;
    await store.updateRow(tx, { ...row, state, tries: row.tries + 1, nextAt: after(now, lease) });
    return { row, first };
  });
}

/** Books what happened; true when it was a legal step. Settling posts to the ledger in the same transaction. */
function hear(needs: FundingNeeds, region: string, id: Id, word: Word | 'ask'): Promise<boolean> {
  const happening: Happening = word === 'ask' ? 'ask' : word.says;
  return needs.database.transaction(async (tx) => {
    const row = await store.readRow(tx, region, id, true);
    assert(row !== undefined, `no top-up ${id} in ${region}`);
    const state = stepOf(row.state, happening);
    if (state === undefined) {
      const contradicts = isFinal(row.state) && (happening === 'settled' || happening === 'declined');
      if (contradicts && row.state !== happening) {
        needs.log.warn({ region, funding: id, state: row.state, happening }, 'a provider contradicts itself');
      }
      return false;
    }
    const now = needs.clock();
    const reason = word !== 'ask' && word.says === 'declined' ? word.reason : null;
    const changedAt = state === row.state ? row.changedAt : now;
    await store.updateRow(tx, { ...row, state, reason, changedAt, nextAt: nextLook(needs, row, happening, state) });
    if (state === 'settled') await post(needs, tx, row, now);
    if (state === 'declined') await store.giveBackDay(tx, row, row.amount);
    return true;
  });
}

function nextLook(
  needs: FundingNeeds,
  row: store.Row,
  happening: Happening,
  state: store.Row['state'],
): Instant | null {
  if (isFinal(state)) return null;
  const { first, most, lease } = needs.tempo ?? USUAL_TEMPO;
  if (happening === 'ask' || happening === 'absent') return after(needs.clock(), lease);
  const pause = Math.min(most, first * 2 ** Math.min(Math.max(row.tries - 1, 0), 20));
  return after(needs.clock(), duration(pause, 'ms'));
}

async function post(needs: FundingNeeds, tx: Sql, row: store.Row, at: Instant): Promise<void> {
  const { region, currency } = row;
  const source = outside(region, row.channel, currency);
  const arriving: Move = {
    debit: source,
    credit: available(region, row.wallet, currency),
    amount: money(row.amount - row.fee, currency),
  };
  const fee: Move = { debit: source, credit: feeIncome(region, currency), amount: money(row.fee, currency) };
  const transfer = {
    region,
    id: row.reference,
    kind: 'top-up' as const,
    moves: row.fee > 0 ? [arriving, fee] : [arriving],
    at,
    about: { funding: row.id, channel: row.channel },
  };
  const [posted] = await needs.ledger.postWithin(tx, [[transfer]]);
  assert(posted?.ok === true, `the ledger would not take top-up ${row.id}`);
}

async function takeNotice(
  needs: FundingNeeds,
  channel: Channel,
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
  await hear(needs, region, row.id, notice.word);
  return ok('taken');
}

function shown(row: store.Row): TopUp {
  const { id, reference, channel, amount, fee, currency, state, reason, startedAt, changedAt } = row;
  return {
    ...{ id, reference, channel, amount, fee, currency, state, startedAt, changedAt },
    ...(reason === null ? {} : { reason }),
  };
}
