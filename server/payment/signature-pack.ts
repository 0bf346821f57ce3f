/** Signature questions as one run of bytes, so that a batch crosses to another thread without being copied piece by piece. */
import type { SignatureQuestion } from '#shared/protocol/signature.ts';

const KEY = 33;
const SIGNATURE = 64;
const HEAD = 2 + KEY + SIGNATURE;

/** Each question as length of its message (2 bytes, big end first), key, signature, message. */
export function packQuestions(questions: readonly SignatureQuestion[]): Uint8Array<ArrayBuffer> {
  const size = questions.reduce((sum, one) => sum + HEAD + one.message.length, 0);
  const packed = new Uint8Array(size);
  let at = 0;
  for (const { key, message, signature } of questions) {
    packed[at] = message.length >> 8;
    packed[at + 1] = message.length & 255;
    packed.set(key, at + 2);
    packed.set(signature, at + 2 + KEY);
    packed.set(message, at + HEAD);
    at += HEAD + message.length;
  }
  return packed;
}

/** The questions of {@link packQuestions}, as views into `packed`. */
export function unpackQuestions(packed: Uint8Array): SignatureQuestion[] {
  const questions: SignatureQuestion[] = [];
  for (let at = 0; at < packed.length; ) {
    const length = ((packed[at] ?? 0) << 8) | (packed[at + 1] ?? 0);
    const end = at + HEAD + length;
    questions.push({
      key: packed.subarray(at + 2, at + 2 + KEY),
      signature: packed.subarray(at + 2 + KEY, at + HEAD),
      message: packed.subarray(at + HEAD, end),
    });
    at = end;
  }
  return questions;
}
