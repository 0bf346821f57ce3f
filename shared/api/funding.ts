/**
 * Topping up a wallet: what the phone asks, what a top-up is while it lives, and what a channel costs and allows.
 * The phone makes the id, keeps it, then sends; sending it again is the same top-up.
 */
import Type, { type Static } from 'typebox';

const Uuid = Type.String({ pattern: '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$' });
const Minor = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Code = Type.String({ pattern: '^[A-Z]{3}$' });

/** Ways for money to come in. */
export const Channel = Type.Literal('bank-transfer');
/** Ways for money to come in. */
export type Channel = Static<typeof Channel>;

/** POST /top-ups: `amount` minor units of `currency` are to leave the bank; the fee is taken from it on arrival. */
export const TopUpRequest = Type.Object(
  { id: Uuid, channel: Channel, amount: Type.Integer({ minimum: 1, maximum: 100_000_000_000 }), currency: Code },
  { additionalProperties: false },
);
/** What the phone asks. */
export type TopUpRequest = Static<typeof TopUpRequest>;

/**
 * started: kept, nobody asked yet. asked: the provider is being asked. unknown: it gave no answer, we keep asking it.
 * pending: it works on it. settled: the money is in the wallet. declined: no money moved; `reason` says why.
 */
export const TopUpState = Type.Union([
  Type.Literal('started'),
  Type.Literal('asked'),
  Type.Literal('unknown'),
  Type.Literal('pending'),
  Type.Literal('settled'),
  Type.Literal('declined'),
]);
/** Where a top-up stands. */
export type TopUpState = Static<typeof TopUpState>;

/** One top-up of one wallet. `reason` is an ISO 20022 status reason; times in milliseconds; `reference` names it at the bank and in the ledger. */
export const TopUp = Type.Object({
  id: Uuid,
  reference: Uuid,
  channel: Channel,
  amount: Minor,
  fee: Minor,
  currency: Code,
  state: TopUpState,
  reason: Type.Optional(Type.String()),
  startedAt: Type.Integer(),
  changedAt: Type.Integer(),
});
/** One top-up of one wallet. */
export type TopUp = Static<typeof TopUp>;

/** GET /top-ups: the newest first, at most 50. */
export const TopUpList = Type.Object({ topUps: Type.Array(TopUp) });
/** The newest top-ups of a wallet. */
export type TopUpList = Static<typeof TopUpList>;

/**
 * What a channel costs and allows this wallet, in minor units. `dayLeft` is what may still be topped up today.
 * The fee of an amount is `feeFixed` plus `feeBasisPoints` ten-thousandths of it, rounded up.
 */
export const ChannelTerms = Type.Object({
  channel: Channel,
  currency: Code,
  least: Minor,
  most: Minor,
  dayMost: Minor,
  dayLeft: Minor,
  feeFixed: Minor,
  feeBasisPoints: Minor,
  arrivalSeconds: Minor,
});
/** What a channel costs and allows. */
export type ChannelTerms = Static<typeof ChannelTerms>;

/** GET /top-ups/terms. */
export const TermsList = Type.Object({ terms: Type.Array(ChannelTerms) });
/** What each channel costs and allows. */
export type TermsList = Static<typeof TermsList>;

/** States in which a top-up has had its last word. */
export function isFinal(state: TopUpState): boolean {
  return state === 'settled' || state === 'declined';
}

/** The fee of `amount` minor units under `terms`, rounded up to a whole unit; exact for every safe amount. */
export function feeOf(terms: Pick<ChannelTerms, 'feeFixed' | 'feeBasisPoints'>, amount: number): number {
  const share = (BigInt(amount) * BigInt(terms.feeBasisPoints) + 9_999n) / 10_000n;
  return terms.feeFixed + Number(share);
}

/** Which bound of `terms` an `amount` breaks; undefined when none. */
export function boundBroken(terms: ChannelTerms, amount: number): 'least' | 'most' | 'day' | undefined {
  if (amount < terms.least || amount <= feeOf(terms, amount)) return 'least';
  if (amount > terms.most) return 'most';
  return amount > terms.dayLeft ? 'day' : undefined;
}
