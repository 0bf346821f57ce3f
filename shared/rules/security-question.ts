/**
 * A security question and its answer, as people tell them: read the same however they are typed or said on the telephone.
 * It is a hint for the support desk and proves nothing by itself.
 */

/** Letters and digits an answer has at least: fewer are guessed by going through the alphabet. */
const ANSWER_LEAST = 2;
/** Letters and digits a question has at least. */
const QUESTION_LEAST = 4;

/** What is wrong with a question or its answer. */
export type QuestionFault = 'question.short' | 'question.answer-short' | 'question.answer-told';

/** The question in `text` with single blanks. */
export function readQuestion(text: string): string {
  return text.normalize('NFC').trim().replaceAll(/\s+/g, ' ');
}

/** The answer in `text` as it is compared: letters and digits alone, wide ones like narrow ones, small ones like capitals. */
export function readAnswer(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}]/gu, '');
}

/** What is wrong with these two, or undefined. A question that tells its own answer asks nothing. */
export function questionFault(question: string, answer: string): QuestionFault | undefined {
  const [asked, said] = [readAnswer(question), readAnswer(answer)];
  if ([...asked].length < QUESTION_LEAST) return 'question.short';
  if ([...said].length < ANSWER_LEAST) return 'question.answer-short';
  return asked.includes(said) ? 'question.answer-told' : undefined;
}
