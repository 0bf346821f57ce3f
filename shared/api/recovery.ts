/**
 * A forgotten payment password: two of the passkey, a code by text and a code by e-mail, then a new one; and the e-mail
 * address that has to be proved before it counts. Ids are made by the phone and kept; sending again is the same act.
 */
import Type, { type Static } from 'typebox';
import { SixDigits } from '#shared/api/password.ts';

const IdText = Type.String({ pattern: '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$' });
const Moment = Type.Integer({ minimum: 0 });

/** Which way a code goes. */
export const CodeWay = Type.Union([Type.Literal('phone'), Type.Literal('email')]);
/** Which way a code goes. */
export type CodeWay = Static<typeof CodeWay>;

/** Adds or changes the address; the code goes there. */
export const EmailRequest = Type.Object({ id: IdText, address: Type.String({ minLength: 3, maxLength: 254 }) });
/** Adds or changes the address. */
export type EmailRequest = Static<typeof EmailRequest>;

/** The proved address as its owner may see it, and one whose code is under way. */
export const EmailView = Type.Object({
  masked: Type.Optional(Type.String()),
  provedAt: Type.Optional(Moment),
  pending: Type.Optional(Type.Object({ id: Type.String(), masked: Type.String(), resendAt: Moment })),
});
/** The proved address. */
export type EmailView = Static<typeof EmailView>;

/** The six digits of a text or a mail. */
export const CodeAnswer = Type.Object({ code: Type.String({ pattern: '^[0-9]{6}$' }) });

/** Begins finding the password again. */
export const RecoveryRequest = Type.Object({ id: IdText });
/** Asks for a code. */
export const RecoveryCodeRequest = Type.Object({ way: CodeWay });
/** Shows a code. */
export const RecoveryCodeAnswer = Type.Object({ way: CodeWay, code: Type.String({ pattern: '^[0-9]{6}$' }) });
/** The new password. */
export const RecoveryPassword = Type.Object({ password: SixDigits });

const Coded = Type.Object({ masked: Type.String(), proved: Type.Boolean(), resendAt: Type.Optional(Moment) });

/** How far it is: `missing` more factors are to be proved. `email` only when there is a proved address; `support` once two agents stand for the person. */
export const RecoveryView = Type.Object({
  id: Type.String(),
  expiresAt: Moment,
  passkey: Type.Boolean(),
  phone: Coded,
  email: Type.Optional(Coded),
  support: Type.Boolean(),
  missing: Type.Integer({ minimum: 0 }),
  done: Type.Boolean(),
});
/** How far it is. */
export type RecoveryView = Static<typeof RecoveryView>;
