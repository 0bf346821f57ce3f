/** A thread that only verifies: questions come packed in one buffer, answers go back as one byte each. */
import { unpackQuestions } from '#server/payment/signature-pack.ts';
import { nodeVerifier } from '#server/payment/verifier.ts';
import { answerQuestions } from '#server/platform/thread.ts';

const verify = nodeVerifier();

answerQuestions(
  (packed: Uint8Array) => Uint8Array.from(unpackQuestions(packed), (question) => (verify(question) ? 1 : 0)),
  (answers) => [answers.buffer],
);
