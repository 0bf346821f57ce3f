/** ES256 by node:crypto with the keys kept: making a key object costs a third of a verification. */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { joinBytes } from '#shared/base/bytes.ts';
import type { SignatureQuestion } from '#shared/protocol/signature.ts';

/** SubjectPublicKeyInfo of a compressed P-256 point up to the point itself (RFC 5480 section 2). */
const SPKI = Uint8Array.from(Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex'));

/** Keys kept at once: an hour of allowances in a busy region, about 40 MB. */
const KEYS_KEPT = 20_000;

/** A key as `verify` wants it. */
interface Known {
  readonly key: KeyObject;
  readonly dsaEncoding: 'ieee-p1363';
}

/** Answers signature questions at once; a key that is no point of the curve answers no. */
export function nodeVerifier(): (question: SignatureQuestion) => boolean {
  const keys = new Map<string, Known | undefined>();
  const find = (key: Uint8Array): Known | undefined => {
    const name = Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
    if (keys.has(name)) return keys.get(name);
    // The oldest goes first: a map walks in the order of insertion.
    for (const oldest of keys.keys()) {
      if (keys.size < KEYS_KEPT) break;
      keys.delete(oldest);
    }
    const made = readKey(key);
    keys.set(name, made);
    return made;
  };
  return ({ key, message, signature }) => {
    const known = find(key);
    return known !== undefined && verify('sha256', message, known, signature);
  };
}

function readKey(key: Uint8Array): Known | undefined {
  try {
    const made = createPublicKey({ key: Buffer.from(joinBytes(SPKI, key)), format: 'der', type: 'spki' });
    return { key: made, dsaEncoding: 'ieee-p1363' };
  } catch {
    return undefined;
  }
}
