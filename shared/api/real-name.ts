/** Real-name certification: what a person proves of who they are, and what it lets them do. */
import Type, { type Static } from 'typebox';

const IdText = Type.String({ pattern: '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$' });
const Moment = Type.Integer({ minimum: 0 });
const TierName = Type.Union([Type.Literal('unproved'), Type.Literal('real-name'), Type.Literal('two-factor')]);

/** The version of what a person agrees to before their name and number are sent to the register. */
export const REAL_NAME_TERMS = '2026-11';

/**
 * Asks for a tier. `id` is made by the client and kept before it is sent; again it is the same act. `real-name` is checked
 * against the register of citizens, `two-factor` by the operator of the proved phone as well, with the name and number
 * that were proved before. `agreed`: the version of {@link REAL_NAME_TERMS} the person agreed to, apart from all else.
 */
export const RealNameRequest = Type.Union([
  Type.Object(
    {
      id: IdText,
      wants: Type.Literal('real-name'),
      name: Type.String({ minLength: 1, maxLength: 60 }),
      number: Type.String({ minLength: 15, maxLength: 24 }),
      agreed: Type.Literal(REAL_NAME_TERMS),
    },
    { additionalProperties: false },
  ),
  Type.Object(
    { id: IdText, wants: Type.Literal('two-factor'), agreed: Type.Literal(REAL_NAME_TERMS) },
    { additionalProperties: false },
  ),
]);
/** Asks for a tier. */
export type RealNameRequest = Static<typeof RealNameRequest>;

/** Why a certification was refused. `taken`: the person behind the number has another wallet in this region. */
export const RealNameReason = Type.Union([
  Type.Literal('mismatch'),
  Type.Literal('not-found'),
  Type.Literal('phone-mismatch'),
  Type.Literal('taken'),
]);
/** Why a certification was refused. */
export type RealNameReason = Static<typeof RealNameReason>;

/**
 * One certification. `asking`: the register has not answered, and is asked again by itself; `review`: a person there
 * looks at it. Times in milliseconds since the epoch.
 */
export const Certification = Type.Object({
  id: Type.String(),
  wants: Type.Union([Type.Literal('real-name'), Type.Literal('two-factor')]),
  state: Type.Union([Type.Literal('asking'), Type.Literal('review'), Type.Literal('proved'), Type.Literal('refused')]),
  reason: Type.Optional(RealNameReason),
  askedAt: Moment,
  decidedAt: Type.Optional(Moment),
});
/** One certification. */
export type Certification = Static<typeof Certification>;

/** What is proved, and the newest certification. `number` is masked to its first and last character. */
export const RealNameView = Type.Object({
  tier: TierName,
  name: Type.Optional(Type.String()),
  number: Type.Optional(Type.String()),
  latest: Type.Optional(Certification),
});
/** What is proved. */
export type RealNameView = Static<typeof RealNameView>;
