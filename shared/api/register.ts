/** What the house asks the register of citizens, and what it answers: the meaning of a real-name check, whoever does it. */
import Type, { type Static } from 'typebox';

/**
 * One question. Asked again under the same `id` it is the same question, and hears how it stands now. With `phone`
 * (E.164) the network operator says as well whether that number belongs to this very person.
 */
export const RegisterQuestion = Type.Object(
  {
    id: Type.String({ pattern: '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$' }),
    name: Type.String({ minLength: 1, maxLength: 60 }),
    number: Type.String({ pattern: '^[0-9]{17}[0-9X]$' }),
    phone: Type.Optional(Type.String({ pattern: '^\\+[0-9]{5,15}$' })),
  },
  { additionalProperties: false },
);
/** One question. */
export type RegisterQuestion = Static<typeof RegisterQuestion>;

/** How a question stands. `review`: a person looks at it, which can take a day. All others are final. */
export const RegisterVerdict = Type.Union([
  Type.Literal('match'),
  Type.Literal('mismatch'),
  Type.Literal('not-found'),
  Type.Literal('phone-mismatch'),
  Type.Literal('review'),
]);
/** How a question stands. */
export type RegisterVerdict = Static<typeof RegisterVerdict>;

/** The register's answer. */
export const RegisterAnswer = Type.Object({ id: Type.String(), verdict: RegisterVerdict });
/** The register's answer. */
export type RegisterAnswer = Static<typeof RegisterAnswer>;
