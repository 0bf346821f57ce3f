/** A person and the house: the agreement between them, what is held about the person, and how they part. */
import Type, { type Static } from 'typebox';
import { MoneyProof } from '#shared/api/password.ts';
import type { Blocker } from '#shared/rules/closure.ts';

const Uuid = Type.String({ pattern: '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$' });
const Moment = Type.Integer({ minimum: 0 });

/**
 * GET /agreement: the terms and fees in force, whole, and which version of them this person has accepted. `next` comes
 * into force at its time; a version that is in force and not accepted stops money until it is.
 */
export const AgreementView = Type.Object({
  version: Type.Integer({ minimum: 1 }),
  effectiveAt: Moment,
  zh: Type.String(),
  en: Type.String(),
  acceptedVersion: Type.Optional(Type.Integer()),
  acceptedAt: Type.Optional(Moment),
  next: Type.Optional(
    Type.Object({ version: Type.Integer(), effectiveAt: Moment, zh: Type.String(), en: Type.String() }),
  ),
});
/** The agreement in force. */
export type AgreementView = Static<typeof AgreementView>;

/** POST /agreement: accepts the version that was read; again is the same act. */
export const AgreementRequest = Type.Object(
  { version: Type.Integer({ minimum: 1, maximum: 1_000_000 }) },
  { additionalProperties: false },
);
/** Accepts a version. */
export type AgreementRequest = Static<typeof AgreementRequest>;

/** Why rows are held, in the order they are shown; each is a message `data_<purpose>`. */
export const PURPOSES = ['person', 'sign-in', 'security', 'money', 'offline', 'bills', 'notes', 'agreement'] as const;
/** Why rows are held. */
export type Purpose = (typeof PURPOSES)[number];

/** How long: until the wallet is closed; then as long as the law wants the person known; with the books, which name nobody. */
export const KEEPS = ['closure', 'person', 'books'] as const;
/** How long rows are held. */
export type Keep = (typeof KEEPS)[number];

/** One kind of row the house holds about a person, and how many there are. */
export const HoldingView = Type.Object({
  name: Type.String(),
  purpose: Type.Unsafe<Purpose>(Type.Union(PURPOSES.map((one) => Type.Literal(one)))),
  keep: Type.Unsafe<Keep>(Type.Union(KEEPS.map((one) => Type.Literal(one)))),
  rows: Type.Integer({ minimum: 0 }),
});
/** One kind of row. */
export type HoldingView = Static<typeof HoldingView>;

/** GET /account/data: everything held, kind by kind, and whether figures of use may be made of it. */
export const HoldingList = Type.Object({
  holdings: Type.Array(HoldingView),
  analytics: Type.Boolean(),
  /** For how long the person stays known after closing, in milliseconds. */
  keepMs: Type.Integer({ minimum: 0 }),
});
/** Everything held. */
export type HoldingList = Static<typeof HoldingList>;

/** GET /account/data/{name}: the newest rows of one kind as they are stored; secrets are named and not shown. */
export const HoldingRows = Type.Object({
  rows: Type.Array(Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]))),
});
/** Rows of one kind. */
export type HoldingRows = Static<typeof HoldingRows>;

/** PUT /account/consent. */
export const ConsentRequest = Type.Object({ analytics: Type.Boolean() }, { additionalProperties: false });

/** One thing in the way of closing, with the sum it is about where it is a sum. */
export const BlockerView = Type.Object({
  blocker: Type.Unsafe<Blocker>(Type.String()),
  amount: Type.Optional(Type.Integer()),
  currency: Type.Optional(Type.String()),
});
/** One thing in the way. */
export type BlockerView = Static<typeof BlockerView>;

/**
 * GET /account/closing. open: nothing was asked. cooling: it closes at `dueAt` unless taken back. cancelled: it was
 * taken back, or something came in the way (`reason`). `coolingMs`, `keepMs`: how long each takes, in milliseconds.
 */
export const ClosingView = Type.Object({
  state: Type.Union([Type.Literal('open'), Type.Literal('cooling'), Type.Literal('cancelled'), Type.Literal('done')]),
  id: Type.Optional(Uuid),
  dueAt: Type.Optional(Moment),
  reason: Type.Optional(Type.String()),
  blockers: Type.Array(BlockerView),
  coolingMs: Type.Integer({ minimum: 0 }),
  keepMs: Type.Integer({ minimum: 0 }),
});
/** How closing stands. */
export type ClosingView = Static<typeof ClosingView>;

/** POST /account/closing: the phone makes the id and keeps it; the same again is the same act. */
export const ClosingRequest = Type.Object(
  { id: Uuid, proof: Type.Optional(MoneyProof) },
  { additionalProperties: false },
);
/** Asks for closing. */
export type ClosingRequest = Static<typeof ClosingRequest>;
