/** Notices on a phone whose app is closed: what a browser hands in to get them, and what it is then told, encrypted for it alone. */
import Type, { type Static } from 'typebox';
import { SecurityEventCode } from '#shared/api/security.ts';

/** Where the phone that signed the request is reached; a phone has one such place, and the newest counts. */
export const NoticeRequest = Type.Object(
  {
    /** The address at the browser's push service. */
    endpoint: Type.String({ minLength: 12, maxLength: 2_048, pattern: '^https?://' }),
    /** The browser's public key and secret, base64url, as it gives them out. */
    publicKey: Type.String({ pattern: '^[A-Za-z0-9_-]{87}$' }),
    secret: Type.String({ pattern: '^[A-Za-z0-9_-]{22}$' }),
    /** The house's key the browser subscribed with: one of those it has published. */
    houseKey: Type.String({ pattern: '^[A-Za-z0-9_-]{87}$' }),
    /** Whether sums and names may be told as well: they stand on the lock screen then. */
    details: Type.Boolean(),
  },
  { additionalProperties: false },
);
/** Where a phone is reached. */
export type NoticeRequest = Static<typeof NoticeRequest>;

/** How notices stand on the phone that asks. */
export const NoticeView = Type.Object({
  /** The key to subscribe with, base64url. */
  houseKey: Type.String(),
  /** What the house sends to this phone; absent while it sends nothing. */
  on: Type.Optional(Type.Object({ details: Type.Boolean(), houseKey: Type.String() })),
});
/** How notices stand on the phone that asks. */
export type NoticeView = Static<typeof NoticeView>;

/** What a notice says: enough for words in the person's language and the way to the screen, nothing more. */
export const NoticeText = Type.Union([
  Type.Object({
    kind: Type.Literal('arrival'),
    /** What came: a payment, an own top-up, or money that was given back. */
    of: Type.Union([Type.Literal('payment'), Type.Literal('top-up'), Type.Literal('refund')]),
    /** The bill it became. */
    bill: Type.String({ maxLength: 64 }),
    amount: Type.Optional(Type.Integer({ minimum: 1 })),
    currency: Type.Optional(Type.String({ pattern: '^[A-Z]{3}$' })),
    from: Type.Optional(Type.String({ maxLength: 64 })),
  }),
  Type.Object({
    kind: Type.Literal('security'),
    code: SecurityEventCode,
    device: Type.Optional(Type.String({ maxLength: 64 })),
  }),
]);
/** What a notice says. */
export type NoticeText = Static<typeof NoticeText>;
