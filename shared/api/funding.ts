/**
 * Money in and out of a wallet: what the phone asks, what a top-up and a withdrawal are while they live, what each way
 * costs and allows, and the bank cards of a person. The phone makes the id, keeps it, then sends; again is the same act.
 */
import Type, { type Static } from 'typebox';
import { MoneyProof } from '#shared/api/password.ts';

const Uuid = Type.String({ pattern: '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$' });
const Minor = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Code = Type.String({ pattern: '^[A-Z]{3}$' });

/** Ways for money to come in. */
export const Channel = Type.Union([
  Type.Literal('bank-transfer'),
  Type.Literal('credit-card'),
  Type.Literal('third-party'),
  Type.Literal('counter'),
]);
/** Ways for money to come in. */
export type Channel = Static<typeof Channel>;

const Sum = Type.Integer({ minimum: 1, maximum: 100_000_000_000 });

/**
 * POST /top-ups: `amount` minor units of `currency` are to leave the bank; the fee is taken from it on arrival. `card` is
 * the bound credit card to charge, for that channel alone.
 */
export const TopUpRequest = Type.Object(
  { id: Uuid, channel: Channel, amount: Sum, currency: Code, card: Type.Optional(Uuid) },
  { additionalProperties: false },
);
/** What the phone asks. */
export type TopUpRequest = Static<typeof TopUpRequest>;

/**
 * started: kept, nobody asked yet. asked: the provider is being asked. unknown: it gave no answer, we keep asking it.
 * pending: it works on it, or waits for the person. settled: the money is where it should be. declined: no money moved
 * in the end; `reason` says why. returned: it had arrived and was sent back: a counter took cash back the same day, a
 * bank returned a withdrawal.
 */
export const TopUpState = Type.Union([
  Type.Literal('started'),
  Type.Literal('asked'),
  Type.Literal('unknown'),
  Type.Literal('pending'),
  Type.Literal('settled'),
  Type.Literal('declined'),
  Type.Literal('returned'),
]);
/** Where a top-up stands. */
export type TopUpState = Static<typeof TopUpState>;

/** Which card, as far as anybody is told: the bank's short name of rules/card-number and the last four digits. */
const CardName = Type.Object({ id: Uuid, bank: Type.String(), last4: Type.String() });

/**
 * One top-up of one wallet. `reason` is an ISO 20022 status reason, of a card two digits of ISO 8583; times in
 * milliseconds; `reference` names it at the bank and in the ledger. While it waits for the person: the `page` to confirm
 * it on, or the `code` to show at a counter, good `until`.
 */
export const TopUp = Type.Object({
  id: Uuid,
  reference: Uuid,
  channel: Channel,
  amount: Minor,
  fee: Minor,
  currency: Code,
  state: TopUpState,
  reason: Type.Optional(Type.String()),
  card: Type.Optional(CardName),
  page: Type.Optional(Type.String()),
  code: Type.Optional(Type.String()),
  until: Type.Optional(Type.Integer()),
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

/** POST /withdrawals: `amount` minor units are to arrive at `card`; the fee leaves the wallet beside it. `proof`: see api/password. */
export const WithdrawalRequest = Type.Object(
  { id: Uuid, card: Uuid, amount: Sum, currency: Code, proof: Type.Optional(MoneyProof) },
  { additionalProperties: false },
);
/** What the phone asks. */
export type WithdrawalRequest = Static<typeof WithdrawalRequest>;

/** One withdrawal. The wallet gives `amount` and `fee` at once; declined and returned give both back. */
export const Withdrawal = Type.Object({
  id: Uuid,
  reference: Uuid,
  card: CardName,
  amount: Minor,
  fee: Minor,
  currency: Code,
  state: TopUpState,
  reason: Type.Optional(Type.String()),
  startedAt: Type.Integer(),
  changedAt: Type.Integer(),
});
/** One withdrawal. */
export type Withdrawal = Static<typeof Withdrawal>;

/** GET /withdrawals: the newest first, at most 50. */
export const WithdrawalList = Type.Object({ withdrawals: Type.Array(Withdrawal) });
/** The newest withdrawals of a wallet. */
export type WithdrawalList = Static<typeof WithdrawalList>;

/** What a withdrawal costs and allows: as of a channel, but `free` minor units a month cost nothing, `freeLeft` are left. */
export const WithdrawalTerms = Type.Object({
  currency: Code,
  least: Minor,
  most: Minor,
  dayMost: Minor,
  dayLeft: Minor,
  free: Minor,
  freeLeft: Minor,
  feeFixed: Minor,
  feeBasisPoints: Minor,
  arrivalSeconds: Minor,
});
/** What a withdrawal costs and allows. */
export type WithdrawalTerms = Static<typeof WithdrawalTerms>;

/** GET /withdrawals/terms. */
export const WithdrawalTermsList = Type.Object({ terms: Type.Array(WithdrawalTerms) });
/** What withdrawals cost and allow, one line a currency; none: not at this tier. */
export type WithdrawalTermsList = Static<typeof WithdrawalTermsList>;

/**
 * One bank card of a person. binding: the person is on the bank's `page`. refused: it was not bound; `reason` says why.
 * unbound: it was once.
 */
export const Card = Type.Object({
  id: Uuid,
  state: Type.Union([Type.Literal('binding'), Type.Literal('bound'), Type.Literal('refused'), Type.Literal('unbound')]),
  bank: Type.Optional(Type.String()),
  kind: Type.Optional(Type.Union([Type.Literal('debit'), Type.Literal('credit')])),
  last4: Type.Optional(Type.String()),
  isDefault: Type.Boolean(),
  page: Type.Optional(Type.String()),
  reason: Type.Optional(Type.String()),
  startedAt: Type.Integer(),
});
/** One bank card of a person. */
export type Card = Static<typeof Card>;

/** POST /cards: begin to bind a card; the same id is the same card. */
export const CardRequest = Type.Object({ id: Uuid }, { additionalProperties: false });

/** GET /cards: what is bound or being bound, the default one first. */
export const CardList = Type.Object({ cards: Type.Array(Card) });
/** The cards of a person. */
export type CardList = Static<typeof CardList>;

/** States after which nothing more is asked of the provider. */
export function isFinal(state: TopUpState): boolean {
  return state === 'settled' || state === 'declined' || state === 'returned';
}

/** The fee of sending `amount` minor units to a card: nothing while it fits into what is free, else of what does not. */
export function withdrawalFee(
  terms: Pick<WithdrawalTerms, 'freeLeft' | 'feeFixed' | 'feeBasisPoints'>,
  amount: number,
): number {
  const charged = Math.max(0, amount - terms.freeLeft);
  return charged === 0 ? 0 : feeOf(terms, charged);
}

/** The most that can be sent to a card now out of `available` minor units, its fee beside it; 0 when nothing can. */
export function mostWithdrawable(terms: WithdrawalTerms, available: number): number {
  let fits = 0;
  let tooMuch = Math.min(available, terms.most, terms.dayLeft) + 1;
  // What leaves the wallet grows with what is sent, so that the bound between both is found by halving.
  while (tooMuch - fits > 1) {
    const middle = Math.floor((fits + tooMuch) / 2);
    if (middle + withdrawalFee(terms, middle) <= available) fits = middle;
    else tooMuch = middle;
  }
  return fits >= terms.least ? fits : 0;
}

/** Which bound of `terms` a withdrawal of `amount` breaks; undefined when none. */
export function withdrawalBound(terms: WithdrawalTerms, amount: number): 'least' | 'most' | 'day' | undefined {
  if (amount < terms.least) return 'least';
  if (amount > terms.most) return 'most';
  return amount > terms.dayLeft ? 'day' : undefined;
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
