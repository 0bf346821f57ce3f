/**
 * How a top-up and a withdrawal begin: kept once under the person's id, within the bounds of the day.
 * Invariant: what a withdrawal takes from the wallet is posted in the transaction that keeps it.
 */
import type { Way } from '#server/funding/channel.ts';
import { payOut } from '#server/funding/course.ts';
import { referenceOf } from '#server/funding/names.ts';
import type { FundingNeeds, Owner } from '#server/funding/needs.ts';
import * as store from '#server/funding/store.ts';
import * as terms from '#server/funding/terms.ts';
import type { Sql } from '#server/platform/database.ts';
import { Undone } from '#server/platform/undone.ts';
import { boundBroken, withdrawalBound } from '#shared/api/funding.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { type Id, readId } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import type { Instant } from '#shared/base/time.ts';
import { type Currency, isCurrency } from '#shared/money/currency.ts';

/** What a person asks for, as it came. */
export interface Wish {
  readonly id: string;
  readonly channel: Way;
  readonly amount: number;
  readonly currency: string;
  readonly card?: string | undefined;
}

interface ReadWish {
  readonly id: Id;
  readonly channel: Way;
  readonly amount: number;
  readonly currency: Currency;
  readonly card: Id | null;
}

/** Keeps the wish; the same id with the same content is the same act, whatever has become of it. */
export async function keepWish(needs: FundingNeeds, owner: Owner, asked: Wish): Promise<Result<store.Row, Refusal>> {
  const wish = readWish(asked);
  if (!wish) return refuse({ code: 'request.malformed' });
  const now = needs.clock();
  const work = async (tx: Sql): Promise<Result<store.Row, Refusal>> => {
    const before = await store.readRow(tx, owner.region, wish.id);
    if (before) return sameAct(before, owner, wish);
    const found = await terms.findTerms(tx, owner, wish.channel, wish.currency);
    if ('code' in found) return refuse(found);
    const stop = await (wish.channel === 'payout' ? needs.mayLeave : needs.mayEnter)(tx, owner);
    if (stop) return refuse(stop);
    const card = wish.card === null ? undefined : await usableCard(tx, owner, wish.card, wish.channel);
    if (card && !card.ok) return card;
    const charged = await chargeFor(needs, tx, owner, wish, now);
    if (!charged.ok) return charged;
    const row = freshRow(owner, wish, { ...charged.value, card: card?.value, terms: found, now });
    await keepRow(needs, tx, row, charged.value);
    return ok(row);
  };
  try {
    return await needs.database.transaction(work);
  } catch (error) {
    if (!(error instanceof Undone)) throw error;
    const rival = await store.readRow(needs.database, owner.region, wish.id);
    return rival ? sameAct(rival, owner, wish) : refuse(error.refusal);
  }
}

/** A card belongs to the credit-card channel and to withdrawals, which cannot do without one; to the others never. */
function readWish({ card, ...asked }: Wish): ReadWish | undefined {
  const id = readId(asked.id);
  const named = card === undefined ? null : readId(card);
  const wantsCard = asked.channel === 'payout' || asked.channel === 'credit-card';
  if (!id || named === undefined || wantsCard !== (named !== null) || !isCurrency(asked.currency)) return undefined;
  return { id, channel: asked.channel, amount: asked.amount, currency: asked.currency, card: named };
}

function sameAct(row: store.Row, owner: Owner, wish: ReadWish): Result<store.Row, Refusal> {
  const same =
    row.wallet === owner.wallet &&
    row.channel === wish.channel &&
    row.amount === wish.amount &&
    row.currency === wish.currency &&
    row.card === wish.card;
  return same ? ok(row) : refuse({ code: 'funding.id-reused' });
}

/** The card, kept from being unbound until the act is kept; credit cards pay in, debit cards are paid out to. */
async function usableCard(tx: Sql, owner: Owner, id: Id, channel: Way): Promise<Result<store.CardRow, Refusal>> {
  const card = await store.readCard(tx, owner.region, id, true);
  if (card?.wallet !== owner.wallet || card.state !== 'bound') return refuse({ code: 'card.not-found' });
  const fits = card.kind === (channel === 'payout' ? 'debit' : 'credit');
  return fits ? ok(card) : refuse({ code: 'card.kind' });
}

async function chargeFor(
  needs: FundingNeeds,
  tx: Sql,
  owner: Owner,
  { channel, amount, currency }: ReadWish,
  now: Instant,
): Promise<Result<{ fee: number; free: number; dayLeft: number; dayMost: number }, Refusal>> {
  if (channel === 'payout') {
    const bounds = (await terms.readWithdrawalTerms(needs, tx, owner, now, true)).find(
      (one) => one.currency === currency,
    );
    if (!bounds) return refuse({ code: 'funding.no-channel' });
    const refusal = terms.boundRefusal(withdrawalBound(bounds, amount), bounds);
    return refusal ? refuse(refusal) : ok({ ...bounds, ...terms.chargeOf(bounds, amount) });
  }
  const bounds = (await terms.readTopUpTerms(tx, owner, now)).find(
    (one) => one.channel === channel && one.currency === currency,
  );
  if (!bounds) return refuse({ code: 'funding.no-channel' });
  const refusal = terms.boundRefusal(boundBroken(bounds, amount), bounds);
  return refusal ? refuse(refusal) : ok({ ...bounds, fee: terms.topUpFee(bounds, amount), free: 0 });
}

function freshRow(
  owner: Owner,
  wish: ReadWish,
  found: {
    readonly fee: number;
    readonly free: number;
    readonly card: store.CardRow | undefined;
    readonly terms: store.Terms;
    readonly now: Instant;
  },
): store.Row {
  const { fee, free, card, now } = found;
  const day = terms.dayOf(found.terms, now);
  const month = terms.monthOf(found.terms, now);
  return {
    ...{ ...wish, region: owner.region, wallet: owner.wallet, reference: referenceOf(owner, wish.id) },
    ...{ way: wish.channel === 'payout' ? 'out' : 'in', fee, free, day, month },
    ...{ cardBank: card?.bank ?? null, cardLast4: card?.last4 ?? null, page: null, code: null, until: null },
    ...{ state: 'started', reason: null, tries: 0, startedAt: now, changedAt: now, nextAt: now },
  };
}

async function keepRow(
  needs: FundingNeeds,
  tx: Sql,
  row: store.Row,
  day: { readonly dayMost: number; readonly dayLeft: number },
): Promise<void> {
  // Somebody else's insert of the same id, or use of the same day, may have come first: the database decides.
  if (!(await store.insertRow(tx, row))) throw new Undone({ code: 'house.busy' });
  if (!(await store.useDay(tx, row, row.amount, day.dayMost))) {
    throw new Undone({ code: 'funding.above-day', detail: { left: day.dayLeft, currency: row.currency } });
  }
  if (row.way === 'out') {
    await store.useFree(tx, row, row.free);
    await payOut(needs, tx, row);
  }
}
