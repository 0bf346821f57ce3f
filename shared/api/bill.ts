/** A bill: one fact about money as its owner sees it, made by the server and never edited by hand. */
import Type, { type Static } from 'typebox';

/** Moments in the life of what the bill is about, in milliseconds since the epoch; absent ones have not happened (yet). */
export const BillTimes = Type.Object({
  signed: Type.Optional(Type.Integer()),
  handed: Type.Optional(Type.Integer()),
  uploaded: Type.Optional(Type.Integer()),
  reconciled: Type.Optional(Type.Integer()),
  posted: Type.Optional(Type.Integer()),
});

/**
 * One bill of one wallet. The feed is append-only: a change of state is the same `id` again under a higher `sequence`.
 * `amount` is in minor units and never negative; `direction` says which way it went.
 * `payment` is the payment id (base64url of 32 bytes), by which the phone finds its own copy; `invoice` the first 16 bytes
 * of the hash of the invoice it paid (base64url), told to the payee, whose phone made it.
 */
export const Bill = Type.Object({
  id: Type.String(),
  sequence: Type.Integer({ minimum: 1 }),
  kind: Type.Union([
    Type.Literal('payment'),
    Type.Literal('top-up'),
    Type.Literal('withdrawal'),
    Type.Literal('fee'),
    Type.Literal('refund'),
    Type.Literal('debt'),
  ]),
  direction: Type.Union([Type.Literal('in'), Type.Literal('out'), Type.Literal('neutral')]),
  state: Type.Union([
    Type.Literal('settled'),
    Type.Literal('arriving'),
    Type.Literal('disputed'),
    Type.Literal('declined'),
    Type.Literal('reversed'),
  ]),
  amount: Type.Integer({ minimum: 0 }),
  currency: Type.String(),
  region: Type.String(),
  peer: Type.Optional(Type.Object({ id: Type.String(), name: Type.String(), region: Type.Optional(Type.String()) })),
  payment: Type.Optional(Type.String()),
  invoice: Type.Optional(Type.String()),
  /** Nobody asked for it: the payer named the payee and the sum, and `memo` is what the payer wrote. */
  unasked: Type.Optional(Type.Boolean()),
  memo: Type.Optional(Type.String({ maxLength: 140 })),
  reason: Type.Optional(Type.String()),
  times: BillTimes,
});

/** One bill of one wallet. */
export type Bill = Static<typeof Bill>;

/** A page of a wallet's bills, in order and without gaps: where the next begins, and whether there is one now. */
export const BillPage = Type.Object({ bills: Type.Array(Bill), cursor: Type.Integer(), more: Type.Boolean() });

/** A page of a wallet's bills. */
export type BillPage = Static<typeof BillPage>;
