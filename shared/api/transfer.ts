/**
 * Money between people: finding somebody, asking for money, sharing a bill, and claiming back what went to the wrong
 * person. Sending itself is no request of its own: it is the one signed payment (see sync), named by a note.
 * A person is named by a payee id, which says nothing about their other phones; the phone makes every id and keeps it first.
 */
import Type, { type Static } from 'typebox';
import { MoneyProof } from '#shared/api/password.ts';
import { MEMO_BYTES } from '#shared/base/limits.ts';

const Uuid = Type.String({ pattern: '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$' });
const Sum = Type.Integer({ minimum: 1, maximum: 100_000_000_000 });
const Minor = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Currency = Type.String({ pattern: '^[A-Z]{3}$' });
const Moment = Type.Integer({ minimum: 0 });
const PaymentId = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' });
const Memo = Type.String({ minLength: 1, maxLength: MEMO_BYTES });
const Signed = Type.String({ maxLength: 4096, pattern: '^[A-Za-z0-9_-]+$' });
/** Somebody as everybody may see them: the verified name, never a number. */
const Peer = Type.Object({ name: Type.String(), region: Type.String(), payee: Type.Optional(Uuid) });

/** One thing in a path. */
export const TransferParams = Type.Object({ id: Uuid });
/** One thing in a path. */
export type TransferParams = Static<typeof TransferParams>;

/** POST /transfers/find: a whole phone number or a whole nickname; half of one finds nobody. */
export const FindRequest = Type.Object(
  { who: Type.String({ minLength: 2, maxLength: 40 }) },
  { additionalProperties: false },
);
/** Whom to look for. */
export type FindRequest = Static<typeof FindRequest>;

/** Where money for somebody may be sent: base64url of a certificate, whose name the phone verifies and shows. */
export const Address = Type.Object({ certificate: Signed });
/** Where money for somebody may be sent. */
export type Address = Static<typeof Address>;

/** GET /transfers/nickname. `changeableAt`: when another may be chosen; absent when now. */
export const NicknameView = Type.Object({
  nickname: Type.Optional(Type.String()),
  changeableAt: Type.Optional(Moment),
  pauseDays: Type.Integer({ minimum: 0 }),
});
/** One's own nickname. */
export type NicknameView = Static<typeof NicknameView>;

/** PUT /transfers/nickname. */
export const NicknameRequest = Type.Object(
  { nickname: Type.String({ minLength: 2, maxLength: 40 }) },
  { additionalProperties: false },
);
/** The nickname to be found by from now on. */
export type NicknameRequest = Static<typeof NicknameRequest>;

/** POST /transfers/requests: `payee` is asked for `amount`, until `expiresAt` or the longest the region allows. */
export const AskRequest = Type.Object(
  { id: Uuid, payee: Uuid, amount: Sum, currency: Currency, memo: Type.Optional(Memo), expiresAt: Moment },
  { additionalProperties: false },
);
/** Who is asked for what. */
export type AskRequest = Static<typeof AskRequest>;

/** People one bill may be shared among beside whoever asks: more is a crowd, not a table. */
export const SPLIT_MOST = 20;

/** POST /transfers/splits: `own` is what whoever asks pays himself; with the shares it adds up to `total`. */
export const SplitRequest = Type.Object(
  {
    id: Uuid,
    total: Sum,
    own: Minor,
    currency: Currency,
    memo: Type.Optional(Memo),
    expiresAt: Moment,
    shares: Type.Array(Type.Object({ id: Uuid, payee: Uuid, amount: Sum }, { additionalProperties: false }), {
      minItems: 1,
      maxItems: SPLIT_MOST,
    }),
  },
  { additionalProperties: false },
);
/** A bill to be shared. */
export type SplitRequest = Static<typeof SplitRequest>;

/** open: may be paid. paying: a payment names it that has not come in yet. The others are last words, but late money is still money. */
export const AskState = Type.Union([
  Type.Literal('open'),
  Type.Literal('paying'),
  Type.Literal('paid'),
  Type.Literal('declined'),
  Type.Literal('cancelled'),
  Type.Literal('expired'),
]);
/** Where a request for money stands. */
export type AskState = Static<typeof AskState>;

/** One request for money. `role` payee asked for it, payer is asked; `certificate` is where the payer sends it. */
export const Ask = Type.Object({
  id: Uuid,
  role: Type.Union([Type.Literal('payee'), Type.Literal('payer')]),
  state: AskState,
  peer: Peer,
  amount: Sum,
  currency: Currency,
  memo: Type.Optional(Type.String()),
  reason: Type.Optional(Type.String()),
  madeAt: Moment,
  expiresAt: Moment,
  changedAt: Moment,
  remindedAt: Type.Optional(Moment),
  /** When another reminder may be sent; told to whoever asked. */
  remindableAt: Type.Optional(Moment),
  payment: Type.Optional(PaymentId),
  split: Type.Optional(Uuid),
  certificate: Type.Optional(Signed),
});
/** One request for money. */
export type Ask = Static<typeof Ask>;

/** A shared bill as whoever asked sees it; its shares are among the requests. */
export const Split = Type.Object({
  id: Uuid,
  total: Sum,
  own: Minor,
  currency: Currency,
  memo: Type.Optional(Type.String()),
  madeAt: Moment,
});
/** A shared bill. */
export type Split = Static<typeof Split>;

/** Why a request is declined; the asker reads it. */
export const DeclineRequest = Type.Object({ reason: Type.Optional(Memo) }, { additionalProperties: false });
/** Why a request is declined. */
export type DeclineRequest = Static<typeof DeclineRequest>;

/** POST /transfers/claims: `payment` went to the wrong person; `reason` is read by that person. */
export const ClaimRequest = Type.Object(
  { id: Uuid, payment: PaymentId, reason: Memo, proof: Type.Optional(MoneyProof) },
  { additionalProperties: false },
);
/** A payment claimed back. */
export type ClaimRequest = Static<typeof ClaimRequest>;

/** POST /transfers/claims/:id/answer: `give` minor units back, nought to refuse; a refusal says why and needs no proof. */
export const ClaimAnswer = Type.Object(
  { give: Minor, reason: Type.Optional(Memo), proof: Type.Optional(MoneyProof) },
  { additionalProperties: false },
);
/** The payee's answer to a claim. */
export type ClaimAnswer = Static<typeof ClaimAnswer>;

/** asked: the payee has not answered. The rest are last words; lapsed: no answer came in time. */
export const ClaimState = Type.Union([
  Type.Literal('asked'),
  Type.Literal('returned'),
  Type.Literal('refused'),
  Type.Literal('lapsed'),
  Type.Literal('withdrawn'),
]);
/** Where a claim stands. */
export type ClaimState = Static<typeof ClaimState>;

/** One moment in the life of a claim; sums in minor units. */
export const ClaimEvent = Type.Object({
  at: Moment,
  code: Type.Union([
    Type.Literal('claimed'),
    Type.Literal('held'),
    Type.Literal('refused'),
    Type.Literal('lapsed'),
    Type.Literal('withdrawn'),
    Type.Literal('returned'),
    Type.Literal('released'),
  ]),
  amount: Type.Optional(Minor),
  reason: Type.Optional(Type.String()),
});
/** One moment in the life of a claim. */
export type ClaimEvent = Static<typeof ClaimEvent>;

/**
 * One claim as either side sees it. `held`: what of it is set aside at the payee while it is open. `silence`: what the
 * region does with that when no answer comes by `dueAt`.
 */
export const Claim = Type.Object({
  id: Uuid,
  role: Type.Union([Type.Literal('payer'), Type.Literal('payee')]),
  state: ClaimState,
  payment: PaymentId,
  peer: Peer,
  amount: Sum,
  currency: Currency,
  reason: Type.String(),
  held: Minor,
  given: Minor,
  madeAt: Moment,
  dueAt: Moment,
  silence: Type.Union([Type.Literal('release'), Type.Literal('return')]),
  timeline: Type.Array(ClaimEvent),
});
/** One claim as either side sees it. */
export type Claim = Static<typeof Claim>;

/** GET /transfers: what concerns who asks, the newest first. */
export const TransferFeed = Type.Object({
  asks: Type.Array(Ask),
  splits: Type.Array(Split),
  claims: Type.Array(Claim),
});
/** What concerns who asks. */
export type TransferFeed = Static<typeof TransferFeed>;

/**
 * What goes up beside payments nobody asked for: the note each of them names. `toCode`: the payee stood on a code on paper
 * or in a link; such payments share the cap of a day.
 */
export const UploadedNote = Type.Object({
  payment: PaymentId,
  note: Signed,
  toCode: Type.Optional(Type.Literal(true)),
});
/** The note of a payment. */
export type UploadedNote = Static<typeof UploadedNote>;

/**
 * What comes with every sync: how much waits for this person's word, and of what codes on paper may be sent in a day
 * (`codeDay`) how much all phones of the wallet have sent them (`codeSpent`) since that day began (`codeFrom`).
 */
export const TransferNews = Type.Object({
  asks: Minor,
  claims: Minor,
  codeDay: Minor,
  codeFrom: Moment,
  codeSpent: Minor,
});
/** What waits for this person's word, and what is left of the day's cap on codes. */
export type TransferNews = Static<typeof TransferNews>;
