/** A security question in its owner's words: a hint for the support desk, never a factor of anything. */
import Type, { type Static } from 'typebox';

const Moment = Type.Integer({ minimum: 0 });
const Words = Type.String({ minLength: 1, maxLength: 80, pattern: '\\S' });

/** The answer as its owner types it, or as a caller says it. */
export const QuestionAnswer = Words;

/** Sets the question, or another one; the same again is the same act. */
export const QuestionRequest = Type.Object({ question: Words, answer: QuestionAnswer });
/** Sets the question. */
export type QuestionRequest = Static<typeof QuestionRequest>;

/** The question as its owner reads it; the answer is shown to nobody. */
export const QuestionView = Type.Object({ question: Type.Optional(Type.String()), setAt: Type.Optional(Moment) });
/** The question as its owner reads it. */
export type QuestionView = Static<typeof QuestionView>;
