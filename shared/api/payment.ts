/** What payer and payee may ask about their payments, and about the cases of those who promised more than they had. */
import Type, { type Static } from 'typebox';

const Minor = Type.Integer({ minimum: 0 });
/** Milliseconds since the epoch. */
const Moment = Type.Integer({ minimum: 0 });
const PaymentId = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' });
/** Base64url of 32 bytes. */
const Digest = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' });
const Signed = Type.String({ pattern: '^[A-Za-z0-9_-]+$' });
const Peer = Type.Object({ id: Type.String(), name: Type.String(), region: Type.String() });
const Role = Type.Union([Type.Literal('payer'), Type.Literal('payee')]);
const CaseKind = Type.Union([Type.Literal('fork'), Type.Literal('overspent')]);

/** The payment in a path: base64url of its 32-byte id. */
export const PaymentParams = Type.Object({ id: PaymentId });
/** The payment in a path. */
export type PaymentParams = Static<typeof PaymentParams>;

/** `finality=true` asks for the issuer's signed word that the payment is final. */
export const PaymentQuery = Type.Object({ finality: Type.Optional(Type.Boolean()) });
/** What is asked beside the payment. */
export type PaymentQuery = Static<typeof PaymentQuery>;

/** A payment as its payer or payee may see it; sums in minor units of `currency`. */
export const PaymentView = Type.Object({
  id: PaymentId,
  role: Role,
  state: Type.Union([
    Type.Literal('settled'),
    Type.Literal('arriving'),
    Type.Literal('disputed'),
    Type.Literal('voided'),
    Type.Literal('reversed'),
  ]),
  amount: Minor,
  currency: Type.String(),
  peer: Peer,
  /** Part of `amount` that the guarantee fund paid. */
  guaranteed: Minor,
  code: Type.Optional(Type.String()),
  signedAt: Moment,
  /** When the payee took it, by the payee's own signed receipt; absent when none was brought in. */
  handedAt: Type.Optional(Moment),
  uploadedAt: Moment,
  /** Whose phone brought it in: one of the two, or a third that carried it. */
  uploadedBy: Type.Union([Type.Literal('payer'), Type.Literal('payee'), Type.Literal('another')]),
  /** When the guaranteed part becomes spendable. */
  spendableAt: Type.Optional(Moment),
  finality: Type.Optional(Signed),
  /**
   * That the payment stands in the tree of settled claims whose root is in `card`, an epoch card of the payee's region
   * (protocol, section 8): comes with the finality, once a card has been signed since the settlement.
   */
  settled: Type.Optional(
    Type.Object({ card: Signed, place: Minor, count: Minor, path: Type.Array(Digest, { maxItems: 40 }) }),
  ),
});
/** A payment as its payer or payee may see it. */
export type PaymentView = Static<typeof PaymentView>;

/**
 * What anybody who has seen a receipt may hear of its payment: whether it still stands. Nobody's name and no sum; who
 * asks holds them on the receipt.
 */
export const ReceiptState = Type.Object({
  state: Type.Union([
    Type.Literal('settled'),
    Type.Literal('arriving'),
    Type.Literal('disputed'),
    Type.Literal('reversed'),
  ]),
});
/** Whether the payment of a receipt still stands. */
export type ReceiptState = Static<typeof ReceiptState>;

/**
 * One event of a case, oldest first; the screen has words for each `code`: signed, uploaded, conflict-found,
 * paid-from-allowance, paid-by-guarantee, paid-late, disputed, voided, stopped, spendable, owed.
 */
export const CaseEvent = Type.Object({
  at: Moment,
  code: Type.Union([
    Type.Literal('signed'),
    Type.Literal('uploaded'),
    Type.Literal('conflict-found'),
    Type.Literal('paid-from-allowance'),
    Type.Literal('paid-by-guarantee'),
    Type.Literal('paid-late'),
    Type.Literal('disputed'),
    Type.Literal('voided'),
    Type.Literal('stopped'),
    Type.Literal('spendable'),
    Type.Literal('owed'),
  ]),
  payment: Type.Optional(PaymentId),
  /** The number both payments carry, where it is about that. */
  number: Type.Optional(Type.Integer()),
  amount: Type.Optional(Minor),
  name: Type.Optional(Type.String()),
  reason: Type.Optional(Type.String()),
});
/** One event of a case. */
export type CaseEvent = Static<typeof CaseEvent>;

/** A case in a list. `amount`: what is at stake for who asks, in minor units of `currency`. */
export const CaseSummary = Type.Object({
  id: Type.String(),
  kind: CaseKind,
  role: Role,
  region: Type.String(),
  openedAt: Moment,
  amount: Minor,
  currency: Type.String(),
});
/** A case in a list. */
export type CaseSummary = Static<typeof CaseSummary>;

/** The cases that concern who asks, newest first. */
export const CaseList = Type.Object({ cases: Type.Array(CaseSummary) });
/** The cases that concern who asks. */
export type CaseList = Static<typeof CaseList>;

/** The case in a path. */
export const CaseParams = Type.Object({ id: Type.String({ format: 'uuid' }) });
/** The case in a path. */
export type CaseParams = Static<typeof CaseParams>;

/**
 * A case as the payer or one of the payees may read it. A payee sees what happened to its own payments and that another
 * payment with the same number exists; whom that one paid stands only in the signed proof, which cannot be cut.
 * `proofs`: bytes of the protocol's fork proof, verifiable by anybody with the network's key set.
 */
export const CaseFile = Type.Object({
  ...CaseSummary.properties,
  timeline: Type.Array(CaseEvent),
  proofs: Type.Array(Type.Object({ payment: PaymentId, other: PaymentId, kind: CaseKind, proof: Signed })),
});
/** A case as the payer or one of the payees may read it. */
export type CaseFile = Static<typeof CaseFile>;
