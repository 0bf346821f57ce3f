/**
 * What the house and the providers of money say to each other, in the meaning of ISO 20022, as JSON: an order
 * (pain.001, for a third party the request to pay pain.013), a status report (pain.002 and pain.014), a notice (camt.054),
 * a query (camt.005/006), a return (pacs.004) and the statement of a day (camt.053).
 */
import Type, { type Static } from 'typebox';
import { utf8 } from '#shared/base/bytes.ts';
import { type Duration, duration } from '#shared/base/time.ts';

const Uuid = Type.String({ pattern: '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$' });
const Code = Type.String({ pattern: '^[A-Z]{3}$' });
const Minor = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });

/** Who provides: a bank's direct debit, a third party's pay page, a counter for cash, a bank's payout to a card, a card network. */
export const Service = Type.Union([
  Type.Literal('bank'),
  Type.Literal('pay'),
  Type.Literal('counter'),
  Type.Literal('payout'),
  Type.Literal('card'),
]);
/** Who provides. */
export type Service = Static<typeof Service>;

const Address = Type.String({ maxLength: 300, pattern: '^https?://' });

/**
 * pain.001: move `amount` minor units into the house's account (with `card`: out of it, to that card's token); `id` is the
 * end-to-end id, `account` the house's account there, news goes to `notify`, a person who was sent away goes `back`.
 */
export const BankOrder = Type.Object(
  {
    id: Uuid,
    amount: Minor,
    currency: Code,
    notify: Address,
    account: Type.Optional(Type.String({ maxLength: 20 })),
    back: Type.Optional(Address),
    card: Type.Optional(Type.String({ maxLength: 80 })),
  },
  { additionalProperties: false },
);
/** pain.001: one order to a bank. */
export type BankOrder = Static<typeof BankOrder>;

/** PDNG: in work. ACSC: settled, the money is there. RJCT: refused for `reason`, no money moves. RTRN: settled, and sent back since. */
export const BankStatus = Type.Union([
  Type.Literal('PDNG'),
  Type.Literal('ACSC'),
  Type.Literal('RJCT'),
  Type.Literal('RTRN'),
]);
/** PDNG, ACSC, RJCT (ISO 20022 ExternalPaymentTransactionStatus1Code), or RTRN after a pacs.004. */
export type BankStatus = Static<typeof BankStatus>;

/**
 * pain.002 and camt.006: where the order stands; `reason` is an ISO 20022 ExternalStatusReason1Code. While it waits for
 * the person: the `page` to confirm it on, or the `code` for the counter, good `until` (seconds).
 */
export const BankReport = Type.Object({
  id: Uuid,
  status: BankStatus,
  amount: Minor,
  currency: Code,
  reason: Type.Optional(Type.String({ pattern: '^[A-Z]{2}[0-9]{2}$' })),
  page: Type.Optional(Address),
  code: Type.Optional(Type.String({ pattern: '^[0-9]{12}$' })),
  until: Type.Optional(Type.Integer({ minimum: 0 })),
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

/** The bytes a provider signs for a notice: the domain tag of its service, the id, the time and the message, one a line. */
export function noticeBytes(
  notice: Pick<BankNotice, 'id' | 'at' | 'message'>,
  service: Service = 'bank',
): Uint8Array<ArrayBuffer> {
  return utf8(`piaohao-${service}-notice-v1\n${notice.id}\n${notice.at}\n${notice.message}`);
}

/** Days of a statement begin at midnight in Beijing. */
export const STATEMENT_DAY_OFFSET: Duration = duration(480, 'min');

/** One booking of a statement. CRDT: came in. DBIT: went out. `returned`: the booking takes an earlier one of this `id` back. */
export const StatementEntry = Type.Object({
  id: Uuid,
  amount: Minor,
  currency: Code,
  side: Type.Union([Type.Literal('CRDT'), Type.Literal('DBIT')]),
  returned: Type.Boolean(),
  reason: Type.Optional(Type.String({ maxLength: 4 })),
});
/** One booking of a statement. */
export type StatementEntry = Static<typeof StatementEntry>;

/** camt.053: a page of what was booked on one account on one `day` (2026-11-26); `next` is asked for as `after`, absent at the end. */
export const Statement = Type.Object({
  account: Type.String(),
  day: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' }),
  entries: Type.Array(StatementEntry, { maxItems: 1_000 }),
  next: Type.Optional(Type.Integer({ minimum: 1 })),
});
/** camt.053: a page of one day. */
export type Statement = Static<typeof Statement>;

/** A bank's public key: `key` is the base64url of its SPKI (RFC 5280) P-256 key. */
export const BankKey = Type.Object({ key: Type.String({ pattern: '^[A-Za-z0-9_-]{100,200}$' }) });
