/** What happened to a wallet's keys, for its owner to read: who came in, what was added, changed, stopped or found again. */
import Type, { type Static } from 'typebox';
import { ANOMALY_ANSWERS, ANOMALY_RULES } from '#shared/rules/anomaly.ts';

const IdText = Type.String({ pattern: '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$' });
const Moment = Type.Integer({ minimum: 0 });

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
  'session-ended',
  'alarm',
  'alarm-mine',
  'alarm-not-mine',
  'appeal-made',
  'appeal-granted',
  'appeal-refused',
  'question-set',
  'question-ended',
  'question-asked',
  'closing-asked',
  'closing-cancelled',
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

/** A page of events, the newest first; `more`: there are older ones, asked for with the id of the last one here. */
export const SecurityEventList = Type.Object({ events: Type.Array(SecurityEvent), more: Type.Boolean() });
/** A page of events. */
export type SecurityEventList = Static<typeof SecurityEventList>;

/** Which page: what is older than the event `before`; the newest ones without it. */
export const SecurityEventQuery = Type.Object({ before: Type.Optional(IdText) });
/** Which page. */
export type SecurityEventQuery = Static<typeof SecurityEventQuery>;

/** One sign-in that is open: `passkey` is what its owner calls the passkey it was begun with; `current`: the one that asks. */
export const OpenSession = Type.Object({
  id: Type.String(),
  passkey: Type.String(),
  startedAt: Moment,
  seenAt: Moment,
  endsAt: Moment,
  current: Type.Boolean(),
});
/** One sign-in that is open. */
export type OpenSession = Static<typeof OpenSession>;

/** The sign-ins that are open, the one used last first. */
export const OpenSessionList = Type.Object({ sessions: Type.Array(OpenSession) });
/** The sign-ins that are open. */
export type OpenSessionList = Static<typeof OpenSessionList>;

const oneOf = <const Names extends readonly string[]>(names: Names) =>
  Type.Unsafe<Names[number]>(Type.Union(names.map((name) => Type.Literal(name))));

/**
 * Something out of the ordinary: which rule was hit and what is done about it (shared/rules/anomaly.ts), by an act of
 * `amount` minor units (0: none yet). `answered`: what its owner, or support, said to it.
 */
export const AlarmView = Type.Object({
  id: Type.String(),
  rule: oneOf(ANOMALY_RULES),
  answer: oneOf(ANOMALY_ANSWERS),
  at: Moment,
  amount: Type.Integer({ minimum: 0 }),
  currency: Type.String(),
  answered: Type.Optional(oneOf(['mine', 'not-mine', 'support'])),
  answeredAt: Type.Optional(Moment),
});
/** Something out of the ordinary. */
export type AlarmView = Static<typeof AlarmView>;

/**
 * What was out of the ordinary, what waits for an answer first. `paused`: no money goes until its alarm is answered;
 * `watchedUntil`: until then no act goes without a proof.
 */
export const AlarmList = Type.Object({
  alarms: Type.Array(AlarmView),
  paused: Type.Boolean(),
  watchedUntil: Type.Optional(Moment),
});
/** What was out of the ordinary. */
export type AlarmList = Static<typeof AlarmList>;

/** The owner's word: it was them (asks for a fresh passkey), or it was not, which freezes the wallet at once. */
export const AlarmAnswer = Type.Object({ mine: Type.Boolean() });
