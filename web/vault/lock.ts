/**
 * The lock of this phone: keys that spend are sealed to it, and only a passkey that answers PRF opens it.
 * The lock is an ECDH key pair; its public half stands open, so that a background sync can seal a fresh key with
 * nobody at the phone. Its private half is wrapped by what the passkey's PRF gives (HKDF, AES-GCM), once per passkey.
 * Invariant: an opened lock lives in memory only and ends with the app session.
 */
import { joinBytes, utf8 } from '#shared/base/bytes.ts';
import type { SealedKey } from '#web/vault/rows.ts';
import { readSetting } from '#web/vault/settings.ts';
import type { Vault } from '#web/vault/vault.ts';

const ECDH = { name: 'ECDH', namedCurve: 'P-256' } as const;
const ECDSA = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const WRAP_WORDS = 'piaohao-lock-v1';
const SEAL_WORDS = 'piaohao-seal-v1';

/** What a passkey is asked to turn into the lock's secret: the `eval.first` input of the PRF extension. */
export const LOCK_SALT: Uint8Array<ArrayBuffer> = utf8(WRAP_WORDS);

/** The lock's private half as one passkey wraps it. */
interface Wrap {
  readonly credential: string;
  readonly iv: Uint8Array;
  readonly bytes: Uint8Array;
}

interface Lock {
  readonly public: Uint8Array;
  readonly wraps: readonly Wrap[];
}

/** What one touch of a passkey gave for {@link LOCK_SALT}. */
export interface Touch {
  /** Base64url of the credential id. */
  readonly credential: string;
  readonly secret: Uint8Array;
}

const opened = new WeakMap<Vault, CryptoKey>();

/** `none`: no passkey here answers PRF; keys stand plain. `locked`: a passkey must open it once in this session. */
export async function lockState(vault: Vault): Promise<'none' | 'locked' | 'open'> {
  if (opened.has(vault)) return 'open';
  return (await readLock(vault)) ? 'locked' : 'none';
}

/**
 * Whether it is known if this phone can have a lock: it has one, or the passkey used last answered no PRF. Before that no
 * key that spends may be made here, for it would stand plain beside a passkey that could have locked it.
 */
export async function isLockKnown(vault: Vault): Promise<boolean> {
  return (await lockState(vault)) !== 'none' || (await readSetting(vault, 'passkey'))?.prf === false;
}

/**
 * Opens the lock with what the passkey `credential` (base64url id) gave for {@link LOCK_SALT}; makes the lock at the
 * first call. Answers false when this passkey never wrapped the lock or gave something else.
 */
export async function openLock(vault: Vault, credential: string, secret: Uint8Array): Promise<boolean> {
  const lock = await readLock(vault);
  if (!lock) {
    await makeLock(vault, credential, secret);
    return true;
  }
  const bytes = await unwrap(lock, { credential, secret });
  if (!bytes) return false;
  opened.set(vault, await crypto.subtle.importKey('pkcs8', bytes, ECDH, false, ['deriveBits']));
  return true;
}

/**
 * Lets the passkey of `other` open the lock as well. `holder` is a touch of one that does already: an opened lock does
 * not give its private half out again, not even to this code. Answers false when `holder` does not open it.
 */
export async function shareLock(vault: Vault, holder: Touch, other: Touch): Promise<boolean> {
  const bytes = await unwrapHeld(vault, holder);
  if (!bytes) return false;
  const wrap = await wrapFor(other, bytes);
  return await vault.transaction('rw', vault.settings, async () => {
    const lock = await readLock(vault);
    if (!lock) return false;
    const others = lock.wraps.filter((each) => each.credential !== other.credential);
    await vault.settings.put({ name: 'lock', value: { ...lock, wraps: [...others, wrap] } });
    return true;
  });
}

/**
 * Only the passkeys in `live` (base64url ids) go on opening the lock. When none of them ever did, nobody could open it
 * any more: it is thrown away with the keys sealed to it, and the allowances on those keys are as revoked. The next
 * passkey that answers PRF makes a new one. Answers whether the lock was thrown away.
 */
export async function keepWraps(vault: Vault, live: readonly string[]): Promise<boolean> {
  const { settings, keys, allowances } = vault;
  return await vault.transaction('rw', settings, keys, allowances, async () => {
    const lock = await readLock(vault);
    if (!lock) return false;
    const wraps = lock.wraps.filter((each) => live.includes(each.credential));
    if (wraps.length > 0) {
      if (wraps.length < lock.wraps.length) await settings.put({ name: 'lock', value: { ...lock, wraps } });
      return false;
    }
    const sealed = await keys.filter((row) => row.sealed !== undefined).primaryKeys();
    await allowances
      .where('state')
      .equals('live')
      .filter((row) => sealed.includes(row.key))
      .modify({ state: 'revoked' });
    await keys.bulkDelete(sealed);
    await settings.delete('lock');
    opened.delete(vault);
    return true;
  });
}

async function unwrapHeld(vault: Vault, touch: Touch): Promise<ArrayBuffer | undefined> {
  const lock = await readLock(vault);
  return lock && (await unwrap(lock, touch));
}

/** The private half; undefined when this passkey never wrapped it or gave something else. */
async function unwrap(lock: Lock, { credential, secret }: Touch): Promise<ArrayBuffer | undefined> {
  const wrap = lock.wraps.find((each) => each.credential === credential);
  if (!wrap) return undefined;
  const key = await secretKey(secret, WRAP_WORDS);
  const algorithm = { name: 'AES-GCM', iv: joinBytes(wrap.iv) };
  return await crypto.subtle.decrypt(algorithm, key, joinBytes(wrap.bytes)).catch(() => undefined);
}

async function wrapFor({ credential, secret }: Touch, bytes: ArrayBuffer): Promise<Wrap> {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const key = await secretKey(secret, WRAP_WORDS);
  return { credential, iv, bytes: new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, bytes)) };
}

/** Ends the opened session: the next spending asks for the passkey again. */
export function closeLock(vault: Vault): void {
  opened.delete(vault);
}

/** Seals the PKCS #8 form of a private key to the lock; undefined when this phone has none. */
export async function sealToLock(vault: Vault, key: ArrayBuffer): Promise<SealedKey | undefined> {
  const lock = await readLock(vault);
  if (!lock) return undefined;
  const sender = await crypto.subtle.generateKey(ECDH, false, ['deriveBits']);
  const receiver = await crypto.subtle.importKey('raw', joinBytes(lock.public), ECDH, false, []);
  const shared = await crypto.subtle.deriveBits({ name: 'ECDH', public: receiver }, sender.privateKey, 256);
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const secret = await secretKey(new Uint8Array(shared), SEAL_WORDS);
  return {
    sender: new Uint8Array(await crypto.subtle.exportKey('raw', sender.publicKey)),
    iv,
    bytes: new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, secret, key)),
  };
}

/** The signing key in `sealed`, not exportable; undefined while the lock is closed. */
export async function unsealWithLock(vault: Vault, sealed: SealedKey): Promise<CryptoKey | undefined> {
  const key = opened.get(vault);
  if (!key) return undefined;
  const sender = await crypto.subtle.importKey('raw', joinBytes(sealed.sender), ECDH, false, []);
  const shared = await crypto.subtle.deriveBits({ name: 'ECDH', public: sender }, key, 256);
  const secret = await secretKey(new Uint8Array(shared), SEAL_WORDS);
  const iv = joinBytes(sealed.iv);
  const bytes = await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, secret, joinBytes(sealed.bytes));
  return await crypto.subtle.importKey('pkcs8', bytes, ECDSA, false, ['sign']);
}

async function makeLock(vault: Vault, credential: string, secret: Uint8Array): Promise<void> {
  const pair = await crypto.subtle.generateKey(ECDH, true, ['deriveBits']);
  const point = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  const bytes = await crypto.subtle.exportKey('pkcs8', pair.privateKey);
  const lock: Lock = { public: point, wraps: [await wrapFor({ credential, secret }, bytes)] };
  await vault.settings.add({ name: 'lock', value: lock });
  opened.set(vault, await crypto.subtle.importKey('pkcs8', bytes, ECDH, false, ['deriveBits']));
}

async function readLock(vault: Vault): Promise<Lock | undefined> {
  return (await vault.settings.get('lock'))?.value as Lock | undefined;
}

async function secretKey(secret: Uint8Array, words: string): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey('raw', joinBytes(secret), 'HKDF', false, ['deriveKey']);
  const hkdf = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(32), info: utf8(words) };
  return await crypto.subtle.deriveKey(hkdf, base, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
}

/** The passkeys (base64url ids) that open the lock, for `allowCredentials`. */
export async function lockCredentials(vault: Vault): Promise<readonly string[]> {
  return (await readLock(vault))?.wraps.map((wrap) => wrap.credential) ?? [];
}
