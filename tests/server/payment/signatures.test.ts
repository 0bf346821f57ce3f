/** Signatures verified beside the loop: whichever thread a key belongs to, everybody gets the answers to their own questions. */
import { afterAll, expect, test } from 'vitest';
import { openSignatures } from '#server/payment/signatures.ts';
import type { SignatureQuestion, Signer } from '#shared/protocol/signature.ts';
import { freshSigner } from '#tests/kit/market.ts';

const THREADS = 3;
const signatures = openSignatures(THREADS);
afterAll(() => signatures.close());

/** A question of `signer`; every seventh is about another message than was signed. */
async function question(signer: Signer, number: number): Promise<SignatureQuestion> {
  const signed = Uint8Array.of(number >> 8, number & 255, 1);
  const message = isGood(number) ? signed : Uint8Array.of(number >> 8, number & 255, 2);
  return { key: signer.key, message, signature: await signer.sign(signed) };
}

const isGood = (number: number): boolean => number % 7 !== 3;

test.each([
  ['many keys', 16],
  ['one key', 1],
])('%s: callers of one moment each get their own answers in their order', async (_what, count) => {
  const signers = Array.from({ length: count }, freshSigner);
  const numbers = Array.from({ length: 300 }, (_, number) => number);
  const questions = await Promise.all(
    numbers.map((number) => question(signers[(number * 5) % count] ?? freshSigner(), number)),
  );
  const ends = [0, 40, 41, 41, 170, 300];
  const answers = await Promise.all(
    ends.slice(1).map((end, at) => signatures.ask(questions.slice(ends[at] ?? 0, end))),
  );
  expect(answers.map((own) => own.length)).toEqual([40, 1, 0, 129, 130]);
  expect(answers.flat()).toEqual(numbers.map(isGood));
});

test('a key that is no point of the curve answers no, beside those that are', async () => {
  const signer = freshSigner();
  const good = await Promise.all(Array.from({ length: 40 }, (_, at) => question(signer, at * 7)));
  const asked = good.map((one, at) => (at % 2 ? { ...one, key: new Uint8Array(33).fill(7) } : one));
  expect(await signatures.ask(asked)).toEqual(asked.map((_, at) => at % 2 === 0));
});
