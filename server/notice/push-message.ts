/**
 * A message only one browser can read, and the word by which its push service knows the house: encryption for Web Push
 * (RFC 8291 over RFC 8188) and VAPID (RFC 8292). Forty lines over node:crypto instead of a library with seven packages.
 */
import { createCipheriv, createECDH, createPrivateKey, hkdfSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { joinBytes, toBase64url, utf8 } from '#shared/base/bytes.ts';
import { type Duration, type Instant, toSeconds } from '#shared/base/time.ts';

/** What a browser tells the house of itself when it subscribes. */
export interface PushKeys {
  /** Its public key: an uncompressed point on P-256. */
  readonly publicKey: Uint8Array;
  /** Sixteen bytes the push service does not know. */
  readonly secret: Uint8Array;
}

/** A key of the house's own, by which push services know it. */
export interface HouseKey {
  /** The uncompressed point browsers are told. */
  readonly publicKey: Uint8Array;
  readonly signing: KeyObject;
}

/** Bytes of a point on P-256 that is not compressed. */
const POINT_BYTES = 65;
const RECORD_BYTES = 4_096;
/** What stands before the text in its only record: no padding, and that it is the last. */
const LAST_RECORD = 2;
/** What one message may be: a record less its delimiter and its tag. */
export const MESSAGE_MOST_BYTES = RECORD_BYTES - 17;

/** The key whose private half are these 32 bytes. */
export function houseKey(scalar: Uint8Array): HouseKey {
  const half = createECDH('prime256v1');
  half.setPrivateKey(scalar);
  const publicKey = half.getPublicKey();
  const [x, y] = [toBase64url(publicKey.subarray(1, 33)), toBase64url(publicKey.subarray(33))];
  const signing = createPrivateKey({
    key: { kty: 'EC', crv: 'P-256', d: toBase64url(scalar), x, y },
    format: 'jwk',
  });
  return { publicKey, signing };
}

/** Whether a browser's key is a point one can agree with. */
export function isPoint(bytes: Uint8Array): boolean {
  const trial = createECDH('prime256v1');
  trial.generateKeys();
  try {
    return bytes.length === POINT_BYTES && bytes[0] === 4 && trial.computeSecret(bytes).length === 32;
  } catch {
    return false;
  }
}

/** `text` for the browser behind `keys`; `own` and `salt` are fresh unless a test vector says them. */
export function encrypt(
  keys: PushKeys,
  text: Uint8Array,
  { own, salt = randomBytes(16) }: { readonly own?: Uint8Array; readonly salt?: Uint8Array } = {},
): Uint8Array {
  const half = createECDH('prime256v1');
  if (own) half.setPrivateKey(own);
  else half.generateKeys();
  const sender = half.getPublicKey();
  const about = joinBytes(utf8('WebPush: info\0'), keys.publicKey, sender);
  const agreed = derive(half.computeSecret(keys.publicKey), keys.secret, about, 32);
  const key = derive(agreed, salt, utf8('Content-Encoding: aes128gcm\0'), 16);
  const nonce = derive(agreed, salt, utf8('Content-Encoding: nonce\0'), 12);
  const cipher = createCipheriv('aes-128-gcm', key, nonce);
  const record = [cipher.update(joinBytes(text, Uint8Array.of(LAST_RECORD))), cipher.final(), cipher.getAuthTag()];
  const head = Buffer.alloc(5);
  head.writeUInt32BE(RECORD_BYTES);
  head.writeUInt8(POINT_BYTES, 4);
  return joinBytes(salt, head, sender, ...record);
}

function derive(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, bytes: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, salt, info, bytes));
}

/** The word of the house to the push service at `endpoint`, good for `length` from `now`: the header `authorization`. */
export function vapidWord(key: HouseKey, endpoint: string, contact: string, now: Instant, length: Duration): string {
  const claims = { aud: new URL(endpoint).origin, exp: toSeconds(now) + Math.floor(length / 1_000), sub: contact };
  const said = [{ typ: 'JWT', alg: 'ES256' }, claims].map((part) => toBase64url(utf8(JSON.stringify(part)))).join('.');
  const signature = sign('sha256', utf8(said), { key: key.signing, dsaEncoding: 'ieee-p1363' });
  return `vapid t=${said}.${toBase64url(signature)}, k=${toBase64url(key.publicKey)}`;
}
