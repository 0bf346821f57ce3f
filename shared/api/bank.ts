/**
 * What the house and a bank say to each other about a top-up by transfer, in the meaning of ISO 20022:
 * order (pain.001), status report (pain.002), notice (camt.054) and query (camt.005/006), as JSON.
 */
import Type, { type Static } from 'typebox';
import { utf8 } from '#shared/base/bytes.ts';

const Uuid = Type.String({ pattern: '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$' });
const Code = Type.String({ pattern: '^[A-Z]{3}$' });
const Minor = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });

/** pain.001: pay `amount` minor units into the house's account; `id` is the end-to-end id; news goes to `notify`. */
export const BankOrder = Type.Object(
  { id: Uuid, amount: Minor, currency: Code, notify: Type.String({ maxLength: 200, pattern: '^https?://' }) },
  { additionalProperties: false },
);
/** pain.001: one order to a bank. */
export type BankOrder = Static<typeof BankOrder>;

/** PDNG: in work. ACSC: settled, the money is there. RJCT: refused for `reason`, no money moves. */
export const BankStatus = Type.Union([Type.Literal('PDNG'), Type.Literal('ACSC'), Type.Literal('RJCT')]);
/** PDNG, ACSC or RJCT (ISO 20022 ExternalPaymentTransactionStatus1Code). */
export type BankStatus = Static<typeof BankStatus>;

/** pain.002 and camt.006: where the order stands; `reason` is an ISO 20022 ExternalStatusReason1Code. */
export const BankReport = Type.Object({
  id: Uuid,
  status: BankStatus,
  amount: Minor,
  currency: Code,
  reason: Type.Optional(Type.String({ pattern: '^[A-Z]{2}[0-9]{2}$' })),
});
/** pain.002 and camt.006: where an order stands. */
export type BankReport = Static<typeof BankReport>;

/**
 * camt.054 in a signed envelope: `message` is the JSON text of a {@link BankReport}, `at` whole seconds,
 * `signature` the raw 64-byte ES256 signature over {@link noticeBytes} as base64url. The same notice keeps its `id`.
 */
export const BankNotice = Type.Object(
  {
    id: Uuid,
    at: Type.Integer({ minimum: 0 }),
    message: Type.String({ maxLength: 1000 }),
    signature: Type.String({ pattern: '^[A-Za-z0-9_-]{86}$' }),
  },
  { additionalProperties: false },
);
/** camt.054 in a signed envelope. */
export type BankNotice = Static<typeof BankNotice>;

/** The bytes a bank signs for a notice: a domain tag, the id, the time and the message, one a line. */
export function noticeBytes(notice: Pick<BankNotice, 'id' | 'at' | 'message'>): Uint8Array<ArrayBuffer> {
  return utf8(`piaohao-bank-notice-v1\n${notice.id}\n${notice.at}\n${notice.message}`);
}

/** A bank's public key: `key` is the base64url of its SPKI (RFC 5280) P-256 key. */
export const BankKey = Type.Object({ key: Type.String({ pattern: '^[A-Za-z0-9_-]{100,200}$' }) });
