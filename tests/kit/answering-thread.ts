/** A thread that says every word after the one it was given; of `bad` it says that it cannot, and of `die` it dies. */
import { aboutThread, answerQuestions } from '#server/platform/thread.ts';

const before = aboutThread<string>();

answerQuestions((word: string) => {
  if (word === 'bad') throw Object.assign(new Error('no answer to bad'), { code: 'E_BAD' });
  if (word !== 'die') return `${before} ${word}`;
  queueMicrotask(() => {
    throw new Error('died of it');
  });
  return new Promise<string>(() => undefined);
});
