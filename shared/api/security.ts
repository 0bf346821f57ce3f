/** What happened to a wallet's keys, for its owner to read: who came in, what was added, changed, stopped or found again. */
import Type, { type Static } from 'typebox';

const CODES = [
  'signed-in',
  'passkey-added',
  'passkey-revoked',
  'device-enrolled',
  'device-revoked',
  'frozen',
  'thawed',
  'recovery-code',
  'tier-raised',
  'password-set',
  'password-changed',
  'password-locked',
  'password-recovered',
  'free-set',
  'email-set',
  'recovery-opened',
  'support-opened',
  'support-approved',
] as const;

/** What can happen. Only ever appended to. */
export const SecurityEventCode = Type.Unsafe<(typeof CODES)[number]>(
  Type.Union(CODES.map((code) => Type.Literal(code))),
);
/** What can happen. */
export type SecurityEventCode = (typeof CODES)[number];

/** One thing that happened; `device` is what its owner calls the device or passkey it was about. */
export const SecurityEvent = Type.Object({
  id: Type.String(),
  code: SecurityEventCode,
  at: Type.Integer({ minimum: 0 }),
  region: Type.String(),
  device: Type.Optional(Type.String()),
  about: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()])),
});
/** One thing that happened. */
export type SecurityEvent = Static<typeof SecurityEvent>;

/** The newest events, the newest first. */
export const SecurityEventList = Type.Object({ events: Type.Array(SecurityEvent) });
/** The newest events. */
export type SecurityEventList = Static<typeof SecurityEventList>;
