/**
 * The key that speaks for this phone: it signs sync requests, invoices and receipts.
 * "Not exportable" keeps scripts from reading it, but a copied browser profile signs as well: it is never called
 * bound to the phone, and everything it can promise is bounded elsewhere.
 */
import { assert } from '#shared/base/assert.ts';
import { joinBytes, toBase64url, utf8 } from '#shared/base/bytes.ts';
import { type Id, newId } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';
import { compressPoint } from '#shared/protocol/point.ts';
import { type Signer, signRaw, webSigner } from '#shared/protocol/signature.ts';
import { readSetting } from '#web/vault/settings.ts';
import type { Vault } from '#web/vault/vault.ts';

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256' } as const;

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
  return await signRaw(joinBytes(bytes), await payeeSigner(vault));
}

/** Who signs this payee's invoices and receipts. The device key must exist. */
export async function payeeSigner(vault: Vault): Promise<Signer> {
  const row = await vault.keys.where('use').equals('device').first();
  assert(row?.plain !== undefined, 'a device key signs only after it was made');
  return webSigner(row.plain, row.public);
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
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', joinBytes(request.body)));
  const words = ['piaohao-device-v1', request.method, request.path, String(at), toBase64url(digest)].join('\n');
  const signature = await signAsPayee(vault, utf8(words));
  return `Device ${held.id}:${at}:${toBase64url(signature)}`;
}

/** The 33-byte compressed form of a P-256 public key (SEC 1 section 2.3.3). */
export async function compressedPoint(key: CryptoKey): Promise<Uint8Array<ArrayBuffer>> {
  const point = compressPoint(new Uint8Array(await crypto.subtle.exportKey('raw', key)));
  assert(point !== undefined, 'the browser gives uncompressed points');
  return point;
}
