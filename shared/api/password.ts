/**
 * The payment password and the proof of an act of money that every capability asks for in the same words.
 * Six digits travel to the server and stay nowhere: neither on the phone nor in a log, and there only as a hash.
 */
import Type, { type Static } from 'typebox';

const IdText = Type.String({ pattern: '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$' });
const Sum = Type.Integer({ minimum: 0, maximum: 100_000_000_000 });
const Count = Type.Integer({ minimum: 0, maximum: 1000 });
const Moment = Type.Integer({ minimum: 0 });

/** The six digits as they are typed. */
export const SixDigits = Type.String({ pattern: '^[0-9]{6}$' });

/**
 * What stands for an act of money: the payment password, or a passkey touched for it within five minutes (`POST
 * /step-up`). One touch stands for one act. Where both are needed, touch first and send the password.
 * A body carries it as `proof: Type.Optional(MoneyProof)`: small and seldom acts need none.
 */
export const MoneyProof = Type.Union([
  Type.Object({ by: Type.Literal('password'), password: SixDigits }),
  Type.Object({ by: Type.Literal('passkey') }),
]);
/** What stands for an act of money. */
export type MoneyProof = Static<typeof MoneyProof>;

/**
 * Sets or changes the payment password. `id` is made by the phone and kept: the same again is the same act. The proof is
 * the old one or a fresh passkey; the first one is always proved by the passkey.
 */
export const PasswordRequest = Type.Object({ id: IdText, password: SixDigits, proof: MoneyProof });
/** Sets or changes the payment password. */
export type PasswordRequest = Static<typeof PasswordRequest>;

/** What shall go without a proof: sums up to `each` (minor units), at most `count` times a day. */
export const FreeRequest = Type.Object({ each: Sum, count: Count, proof: MoneyProof });
/** What shall go without a proof. */
export type FreeRequest = Static<typeof FreeRequest>;

/**
 * How the payment password stands and when it is asked for: all a phone needs to decide as the server will
 * (shared/rules/password.ts). `guessesLeft` before it is locked; `mustReset`: only the way of a forgotten one is left.
 */
export const PasswordView = Type.Object({
  isSet: Type.Boolean(),
  setAt: Type.Optional(Moment),
  guessesLeft: Type.Integer({ minimum: 0 }),
  lockedUntil: Type.Optional(Moment),
  mustReset: Type.Boolean(),
  currency: Type.String(),
  free: Type.Object({ each: Sum, count: Count, left: Count, eachMost: Sum, countMost: Count }),
  largeFrom: Sum,
  risk: Type.Optional(Type.Union([Type.Literal('new-device'), Type.Literal('recovered')])),
  riskUntil: Type.Optional(Moment),
});
/** How the payment password stands. */
export type PasswordView = Static<typeof PasswordView>;
