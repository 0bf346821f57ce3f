/** A thread that only verifies: questions come packed in one buffer, answers go back as one byte each. */
import { parentPort } from 'node:worker_threads';
import { unpackQuestions } from '#server/payment/signature-pack.ts';
import { nodeVerifier } from '#server/payment/verifier.ts';

// It needs no other thread; see confine in server/app.ts.
process.permission?.drop('worker');

const verify = nodeVerifier();

parentPort?.on('message', ({ ticket, packed }: { ticket: number; packed: Uint8Array }) => {
  const questions = unpackQuestions(packed);
  const answers = new Uint8Array(questions.length);
  for (const [at, question] of questions.entries()) answers[at] = verify(question) ? 1 : 0;
  parentPort?.postMessage({ ticket, answers }, [answers.buffer]);
});
