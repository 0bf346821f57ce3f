/**
 * What each way costs and allows a wallet now: the region's terms, less what is used of the day and of the free month.
 * One question after another: a transaction has one line to the database.
 */
import type { Way } from '#server/funding/channel.ts';
import type { FundingNeeds, Owner } from '#server/funding/needs.ts';
import * as store from '#server/funding/store.ts';
import type { Sql } from '#server/platform/database.ts';
import { type Channel, type ChannelTerms, feeOf, type WithdrawalTerms, withdrawalFee } from '#shared/api/funding.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import { duration, type Instant } from '#shared/base/time.ts';
import { type Currency, isCurrency } from '#shared/money/currency.ts';

/** The terms of every way for `owner` with what is left of them at `now`. */
export async function readTopUpTerms(tx: Sql, owner: Owner, now: Instant): Promise<ChannelTerms[]> {
  const terms = await store.readTerms(tx, owner.region, owner.tier);
  const coming = terms.filter((one): one is store.Terms & { channel: Channel } => one.channel !== 'payout');
  const left: ChannelTerms[] = [];
  for (const one of coming) {
    const { dayOffsetMinutes: _offset, freeMonth: _free, ...rest } = one;
    left.push({ ...rest, dayLeft: await dayLeft(tx, owner, one, now) });
  }
  return left;
}

/** The terms of withdrawals for `owner` with what is left of them at `now`; the free month stays locked when `lock`. */
export async function readWithdrawalTerms(
  { limitShare }: Pick<FundingNeeds, 'limitShare'>,
  tx: Sql,
  owner: Owner,
  now: Instant,
  lock = false,
): Promise<WithdrawalTerms[]> {
  const terms = await store.readTerms(tx, owner.region, owner.tier);
  const share = await limitShare(tx, owner);
  const shared = (minor: number): number => Math.floor((minor * share) / 100);
  const left: WithdrawalTerms[] = [];
  for (const one of terms.filter(({ channel }) => channel === 'payout')) {
    const { dayOffsetMinutes: _offset, channel: _channel, freeMonth, ...rest } = one;
    const month = { ...owner, currency: currencyOf(one), month: monthOf(one, now) };
    const freeLeft = Math.max(0, freeMonth - (await store.readFreeUsed(tx, month, lock)));
    const bounds = { most: shared(one.most), dayMost: shared(one.dayMost) };
    const ofDay = await dayLeft(tx, owner, { ...one, ...bounds }, now);
    left.push({ ...rest, ...bounds, dayLeft: ofDay, free: freeMonth, freeLeft });
  }
  return left;
}

/** The region's own words on one way, or why this owner may not use it. */
export async function findTerms(
  tx: Sql,
  owner: Owner,
  channel: Way,
  currency: Currency,
): Promise<store.Terms | Refusal> {
  const terms = await store.readTerms(tx, owner.region, owner.tier);
  const found = terms.find((one) => one.channel === channel && one.currency === currency);
  if (found) return found;
  const forOthers = await store.hasTerms(tx, owner.region, channel, currency);
  return { code: forOthers ? 'funding.tier' : 'funding.no-channel' };
}

/** What a withdrawal of `amount` costs, and how much of it uses up the free month. */
export function chargeOf(terms: WithdrawalTerms, amount: number): { readonly fee: number; readonly free: number } {
  return { fee: withdrawalFee(terms, amount), free: Math.min(amount, terms.freeLeft) };
}

/** The fee of a top-up. */
export const topUpFee = feeOf;

/** The day of `terms` that `now` falls in. */
export function dayOf(terms: Pick<store.Terms, 'dayOffsetMinutes'>, now: Instant): number {
  return Math.floor((now + duration(terms.dayOffsetMinutes, 'min')) / duration(1, 'd'));
}

/** The month of `terms` that `now` falls in, counted from the year 0. */
export function monthOf(terms: Pick<store.Terms, 'dayOffsetMinutes'>, now: Instant): number {
  const local = new Date(now + duration(terms.dayOffsetMinutes, 'min'));
  return local.getUTCFullYear() * 12 + local.getUTCMonth();
}

/** The refusal of a sum that breaks `bound`. */
export function boundRefusal(
  bound: 'least' | 'most' | 'day' | undefined,
  terms: Pick<ChannelTerms, 'least' | 'most' | 'dayLeft' | 'currency'>,
): Refusal | undefined {
  const { currency } = terms;
  switch (bound) {
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

async function dayLeft(tx: Sql, owner: Owner, terms: store.Terms, now: Instant): Promise<number> {
  const day = { ...owner, channel: terms.channel, currency: currencyOf(terms), day: dayOf(terms, now) };
  return Math.max(0, terms.dayMost - (await store.readUsed(tx, day)));
}

function currencyOf({ currency }: store.Terms): Currency {
  assert(isCurrency(currency), `terms in an unknown currency: ${currency}`);
  return currency;
}
