/**
 * The key that speaks for this phone: it signs sync requests, invoices and receipts.
 * "Not exportable" keeps scripts from reading it, but a copied browser profile signs as well: it is never called
 * bound to the phone, and everything it can promise is bounded elsewhere.
 */
import { assert } from '#shared/base/assert.ts';
import { joinBytes, toBase64url, utf8 } from '#shared/base/bytes.ts';
import { type Id, newId } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';
import { readSetting } from '#web/vault/settings.ts';
import type { Vault } from '#web/vault/vault.ts';

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGN = { name: 'ECDSA', hash: 'SHA-256' } as const;
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** What the server needs to know of a device key: its id and its 33-byte compressed P-256 point. */
export interface DeviceKey {
  readonly id: Id;
  readonly key: Uint8Array;
}

/** This phone's device key, made and kept at the first call; a second call answers the same one. */
export async function createDeviceKey(vault: Vault, now: Instant): Promise<DeviceKey> {
  const held = await deviceKey(vault);
  if (held) return held;
  const pair = await crypto.subtle.generateKey(ECDSA, false, ['sign', 'verify']);
  const point = await compressedPoint(pair.publicKey);
  return await vault.transaction('rw', vault.keys, async () => {
    const other = await vault.keys.where('use').equals('device').first();
    if (other) return { id: other.id as Id, key: other.public };
    const id = newId(now);
    await vault.keys.add({ id, use: 'device', public: point, plain: pair.privateKey, madeAt: now });
    return { id, key: point };
  });
}

/** This phone's device key, or undefined before it was made. */
export async function deviceKey(vault: Vault): Promise<DeviceKey | undefined> {
  const row = await vault.keys.where('use').equals('device').first();
  return row && { id: row.id as Id, key: row.public };
}

/** Signs `bytes` as this device (and so as this payee): 64 raw bytes, low S. The device key must exist. */
export async function signAsPayee(vault: Vault, bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const row = await vault.keys.where('use').equals('device').first();
  assert(row?.plain !== undefined, 'a device key signs only after it was made');
  return await signRaw(row.plain, bytes);
}

/**
 * The value of the `authorization` header that makes a request speak for this device:
 * `Device <deviceId>:<unix ms>:<signature>` over `piaohao-device-v1 \n METHOD \n path \n ms \n base64url(sha256(body))`.
 * Undefined before there is a device key. `path` includes the query; `body` is the exact bytes sent (empty for none).
 */
export async function signRequest(
  vault: Vault,
  request: { readonly method: string; readonly path: string; readonly body: Uint8Array },
  now: Instant,
): Promise<string | undefined> {
  const held = await deviceKey(vault);
  if (!held) return undefined;
  const at = Math.max(0, now + ((await readSetting(vault, 'clockAhead')) ?? 0));
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', exact(request.body)));
  const words = ['piaohao-device-v1', request.method, request.path, String(at), toBase64url(digest)].join('\n');
  const signature = await signAsPayee(vault, utf8(words));
  return `Device ${held.id}:${at}:${toBase64url(signature)}`;
}

/** ES256 over `bytes` with `key`: 64 raw bytes with low S, the one form the protocol takes. */
export async function signRaw(key: CryptoKey, bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const signature = new Uint8Array(await crypto.subtle.sign(SIGN, key, exact(bytes)));
  const s = toNumber(signature.subarray(32));
  return s * 2n > ORDER ? joinBytes(signature.subarray(0, 32), toBytes(ORDER - s)) : signature;
}

/** The 33-byte compressed form of a P-256 public key (SEC 1 section 2.3.3). */
export async function compressedPoint(key: CryptoKey): Promise<Uint8Array<ArrayBuffer>> {
  const raw = new Uint8Array(await crypto.subtle.exportKey('raw', key));
  const sign = (raw[64] ?? 0) % 2 === 0 ? 2 : 3;
  return joinBytes(Uint8Array.of(sign), raw.subarray(1, 33));
}

function exact(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return joinBytes(bytes);
}

function toNumber(bytes: Uint8Array): bigint {
  return bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function toBytes(value: bigint): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(32);
  for (let at = 31, rest = value; at >= 0; at -= 1, rest >>= 8n) bytes[at] = Number(rest & 0xffn);
  return bytes;
}
