/** How a payee's phone answers a pay code it has scanned, and how the payer's phone hears of it. */
import Type, { type Static } from 'typebox';

const Signed = Type.String({ pattern: '^[A-Za-z0-9_-]+$', maxLength: 5_500 });

/** The pay code as it was scanned, and the payee's own invoice and certificate (base64url of the signed messages). */
export const PayCodeRequest = Type.Object(
  { code: Signed, invoice: Signed, certificate: Signed },
  { additionalProperties: false },
);
/** The pay code, and what is asked for. */
export type PayCodeRequest = Static<typeof PayCodeRequest>;

/** The code in a path: base64url of its 32-byte id. */
export const PayCodeParams = Type.Object({ id: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }) });
/** The code in a path. */
export type PayCodeParams = Static<typeof PayCodeParams>;

/**
 * waiting: nobody has presented it, as far as the asker may know. presented: a payee has; the payer's phone reads the
 * invoice here. fetched: the payer's phone has it.
 */
export const PayCodeView = Type.Object({
  state: Type.Union([Type.Literal('waiting'), Type.Literal('presented'), Type.Literal('fetched')]),
  invoice: Type.Optional(Signed),
  certificate: Type.Optional(Signed),
});
/** How far a pay code has come. */
export type PayCodeView = Static<typeof PayCodeView>;
