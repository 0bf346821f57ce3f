/**
 * The keys that spend: a fresh one per allowance, so that two payees cannot tell it is the same person.
 * Sealed to the phone's lock when there is one, plain otherwise; the server is told which and sets limits by it.
 */
import { toBase64url } from '#shared/base/bytes.ts';
import type { Instant } from '#shared/base/time.ts';
import { type Signer, webSigner } from '#shared/protocol/signature.ts';
import { compressedPoint } from '#web/vault/device-key.ts';
import { lockState, sealToLock, unsealWithLock } from '#web/vault/lock.ts';
import type { KeyRow } from '#web/vault/rows.ts';
import { readSetting } from '#web/vault/settings.ts';
import type { Vault } from '#web/vault/vault.ts';

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256' } as const;

/** A key no allowance stands on yet: its id, base64url of its 33-byte point, is what `want.key` asks with. */
export interface SpareKey {
  readonly id: string;
  readonly wrapped: boolean;
  /** The passkey its allowance shall name (base64url credential id). */
  readonly passkey?: string;
}

/**
 * The key to ask the next allowance for. A spare one is used again, so that a request whose answer was lost can be
 * repeated; one for a `payee` is kept apart; a plain spare is replaced once the phone has a lock.
 */
export async function spareAllowanceKey(vault: Vault, now: Instant, payee?: string): Promise<SpareKey> {
  const state = await lockState(vault);
  const holders = new Set((await vault.allowances.toArray()).map((row) => row.key));
  const spares = (await vault.keys.where('use').equals('allowance').toArray()).filter(
    (row) => !holders.has(row.id) && row.payee === payee,
  );
  const good = spares.find((row) => state === 'none' || row.sealed !== undefined);
  return spareOf(good ?? (await makeAllowanceKey(vault, now, payee)));
}

function spareOf({ id, sealed, passkey }: KeyRow): SpareKey {
  return { id, wrapped: sealed !== undefined, ...(passkey === undefined ? {} : { passkey }) };
}

/** Makes and keeps a fresh key. */
async function makeAllowanceKey(vault: Vault, now: Instant, payee?: string): Promise<KeyRow> {
  const pair = await crypto.subtle.generateKey(ECDSA, true, ['sign', 'verify']);
  const key = await compressedPoint(pair.publicKey);
  const bytes = await crypto.subtle.exportKey('pkcs8', pair.privateKey);
  const sealed = await sealToLock(vault, bytes);
  const id = toBase64url(key);
  const row: KeyRow = { id, use: 'allowance', public: key, madeAt: now };
  if (payee !== undefined) row.payee = payee;
  const atHand = await readSetting(vault, 'passkey');
  if (atHand) row.passkey = atHand.credential;
  if (sealed) row.sealed = sealed;
  else row.plain = await crypto.subtle.importKey('pkcs8', bytes, ECDSA, false, ['sign']);
  await vault.keys.add(row);
  return row;
}

/** Who signs with the allowance key `id`; undefined while the phone's lock is closed or the key is gone. */
export async function allowanceSigner(vault: Vault, id: string): Promise<Signer | undefined> {
  const row = await vault.keys.get(id);
  if (!row) return undefined;
  const key = row.plain ?? (row.sealed && (await unsealWithLock(vault, row.sealed)));
  return key && webSigner(key, row.public);
}

/** Whether the allowance key `id` waits for the lock to be opened. */
export async function isLockedKey(vault: Vault, id: string): Promise<boolean> {
  const row = await vault.keys.get(id);
  return row?.sealed !== undefined && (await lockState(vault)) === 'locked';
}

/** Whether the allowance key `id` was made before this phone had the lock that could hold it. */
export async function isPlainBesideLock(vault: Vault, id: string): Promise<boolean> {
  const row = await vault.keys.get(id);
  return row?.plain !== undefined && (await lockState(vault)) !== 'none';
}
