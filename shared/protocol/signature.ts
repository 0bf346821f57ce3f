/**
 * ES256 signatures as messages carry them: 64 raw bytes r||s with the lower of the two possible s, for any signer and verifier.
 * The checks of verify.ts ask {@link SignatureQuestion}s; whoever drives them answers with the crypto it has.
 */
import { assert } from '#shared/base/assert.ts';
import { expandPoint, HALF_ORDER, ORDER, toBytes, toNumber } from '#shared/protocol/point.ts';

/** Who signs: its 33-byte public key, and a function giving 64 raw bytes r||s of ECDSA P-256 over SHA-256 of the message. */
export interface Signer {
  readonly key: Uint8Array;
  readonly sign: (message: Uint8Array<ArrayBuffer>) => Promise<Uint8Array>;
}

/** "Did the holder of `key` (33 bytes) sign `message`?" `signature` is raw r||s, already known to be low-S. */
export interface SignatureQuestion {
  readonly key: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/** A walk of checks that stops at each signature to ask, and ends with an answer. */
export type Checks<Answer> = Generator<SignatureQuestion, Answer, boolean>;

/** Drives `checks` with a verifier that answers later, as WebCrypto does. */
export async function verifyAsync<Answer>(
  checks: Checks<Answer>,
  verifier: (question: SignatureQuestion) => Promise<boolean>,
): Promise<Answer> {
  let step = checks.next();
  while (!step.done) step = checks.next(await verifier(step.value));
  return step.value;
}

/** Drives `checks` with a verifier that answers at once, as node:crypto does. */
export function verifySync<Answer>(checks: Checks<Answer>, verifier: (question: SignatureQuestion) => boolean): Answer {
  let step = checks.next();
  while (!step.done) step = checks.next(verifier(step.value));
  return step.value;
}

const HALF_ORDER_BYTES = toBytes(HALF_ORDER);

/** Whether the `s` of a raw signature is the lower one; reads bytes only, so that verifying stays cheap. */
export function isLowS(signature: Uint8Array): boolean {
  for (let at = 0; at < 32; at += 1) {
    const difference = (signature[32 + at] ?? 0) - (HALF_ORDER_BYTES[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return true;
}

/** The same signature with the lower `s`; one whose `s` is out of range stays as it is, and so stays wrong. */
export function toLowS(signature: Uint8Array): Uint8Array<ArrayBuffer> {
  const low = Uint8Array.from(signature);
  const s = toNumber(signature.subarray(32));
  if (!isLowS(signature) && s < ORDER) low.set(toBytes(ORDER - s), 32);
  return low;
}

/** Signs `message`; throws a Fault when the signer does not give 64 bytes. */
export async function signRaw(message: Uint8Array<ArrayBuffer>, signer: Signer): Promise<Uint8Array<ArrayBuffer>> {
  const signature = await signer.sign(message);
  assert(signature.length === 64, `a signer gave ${signature.length} bytes`);
  return toLowS(signature);
}

/**
 * Raw r||s of a DER signature (X.690 section 10, RFC 3279 section 2.2.3), or undefined when it is not the one strict form.
 * Does not change `s`: see {@link toLowS}.
 */
export function fromDer(der: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  if (der.length < 8 || der.length > 72 || der[0] !== 0x30 || der[1] !== der.length - 2) return undefined;
  const r = readInteger(der, 2);
  const s = r === undefined ? undefined : readInteger(der, r.next);
  if (r === undefined || s === undefined || s.next !== der.length) return undefined;
  const raw = new Uint8Array(64);
  raw.set(r.value, 32 - r.value.length);
  raw.set(s.value, 64 - s.value.length);
  return raw;
}

function readInteger(der: Uint8Array, at: number): { value: Uint8Array; next: number } | undefined {
  const length = der[at + 1] ?? 0;
  const next = at + 2 + length;
  if (der[at] !== 2 || length === 0 || length > 33 || next > der.length) return undefined;
  const first = der[at + 2] ?? 0;
  const second = der[at + 3] ?? 0;
  if (first >= 0x80 || (first === 0 && length > 1 && second < 0x80)) return undefined;
  const value = der.subarray(first === 0 ? at + 3 : at + 2, next);
  return value.length > 32 ? undefined : { value, next };
}

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const ES256 = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** Imported keys kept at once: an evening of payers at one stall. */
const KEYS_KEPT = 256;

/** A verifier over WebCrypto that keeps the keys it has imported. A key or signature that is none answers false. */
export function webVerifier(): (question: SignatureQuestion) => Promise<boolean> {
  const keys = new Map<string, CryptoKey | undefined>();
  return async ({ key, message, signature }) => {
    const name = String.fromCharCode(...key);
    if (!keys.has(name)) {
      if (keys.size >= KEYS_KEPT) keys.clear();
      keys.set(name, await importKey(key));
    }
    const known = keys.get(name);
    return known !== undefined && crypto.subtle.verify(ES256, known, owned(signature), owned(message));
  };
}

/** A signer over a WebCrypto private key and its 33-byte public key. */
export function webSigner(privateKey: CryptoKey, key: Uint8Array): Signer {
  return { key, sign: async (message) => new Uint8Array(await crypto.subtle.sign(ES256, privateKey, message)) };
}

async function importKey(key: Uint8Array): Promise<CryptoKey | undefined> {
  const point = expandPoint(key);
  if (point === undefined) return undefined;
  return crypto.subtle.importKey('raw', point, ECDSA, false, ['verify']).catch(() => undefined);
}

/** WebCrypto's types want bytes that are surely not shared with another thread; ours never are. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
