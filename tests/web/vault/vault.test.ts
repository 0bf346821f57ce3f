/** What the vault promises: a lock only its passkey opens, time that never runs back, keys that stay. */
import { describe, expect, test } from 'vitest';
import { toBase64url } from '#shared/base/bytes.ts';
import { type Instant, instant } from '#shared/base/time.ts';
import { type Checks, verifyAsync, webVerifier } from '#shared/protocol/signature.ts';
import { allowanceSigner, isLockedKey, spareAllowanceKey } from '#web/vault/allowance-key.ts';
import { createDeviceKey, deviceKey, signAsPayee, signRequest } from '#web/vault/device-key.ts';
import { closeLock, lockState, openLock } from '#web/vault/lock.ts';
import { queue, ready, waiting } from '#web/vault/outbox.ts';
import { keepSetting, readSetting } from '#web/vault/settings.ts';
import { believedTime, raiseTimeFloor } from '#web/vault/time-floor.ts';
import { openVault, reviveVault, type Vault } from '#web/vault/vault.ts';

const NOON: Instant = instant(Date.UTC(2026, 10, 23, 12));
const fresh = (): Vault => openVault(`vault-${crypto.randomUUID()}`);

describe('the device key', () => {
  test('is made once, however often and however many ask', async () => {
    const vault = fresh();
    const made = await Promise.all([1, 2, 3].map(() => createDeviceKey(vault, NOON)));
    expect(new Set(made.map((one) => one.id)).size).toBe(1);
    expect(await vault.keys.count()).toBe(1);
    expect((await deviceKey(vault))?.key).toHaveLength(33);
  });

  test('signs what its public key verifies, and cannot be taken out', async () => {
    const vault = fresh();
    const { key } = await createDeviceKey(vault, NOON);
    const message = new TextEncoder().encode('票号');
    const signature = await signAsPayee(vault, message);
    const asked = (function* (): Checks<boolean> {
      return yield { key, message, signature };
    })();
    expect(await verifyAsync(asked, webVerifier())).toBe(true);
    const row = await vault.keys.toCollection().first();
    await expect(crypto.subtle.exportKey('pkcs8', row?.plain as CryptoKey)).rejects.toThrow();
  });

  test('signs a request in the time of the server', async () => {
    const vault = fresh();
    const request = { method: 'POST', path: '/sync', body: new Uint8Array() };
    expect(await signRequest(vault, request, NOON)).toBeUndefined();
    const { id } = await createDeviceKey(vault, NOON);
    await keepSetting(vault, 'clockAhead', 60_000);
    const header = await signRequest(vault, request, NOON);
    expect(header).toMatch(new RegExp(`^Device ${id}:${NOON + 60_000}:[A-Za-z0-9_-]{86}$`));
  });
});

describe('the lock', () => {
  const secret = new Uint8Array(32).fill(7);

  test('without PRF there is none, and the key says it is not wrapped', async () => {
    const vault = fresh();
    const spare = await spareAllowanceKey(vault, NOON);
    expect([await lockState(vault), spare.wrapped, await isLockedKey(vault, spare.id)]).toEqual(['none', false, false]);
    expect(await allowanceSigner(vault, spare.id)).toBeDefined();
  });

  test('keys made while it is closed are sealed to it, and only its passkey opens them', async () => {
    const vault = fresh();
    expect(await openLock(vault, 'passkey', secret)).toBe(true);
    closeLock(vault);
    const spare = await spareAllowanceKey(vault, NOON);
    expect([spare.wrapped, await lockState(vault), await isLockedKey(vault, spare.id)]).toEqual([true, 'locked', true]);
    expect((await vault.keys.get(spare.id))?.plain).toBeUndefined();
    expect(await allowanceSigner(vault, spare.id)).toBeUndefined();
    expect(await openLock(vault, 'passkey', new Uint8Array(32).fill(8))).toBe(false);
    expect(await openLock(vault, 'another', secret)).toBe(false);
    expect(await allowanceSigner(vault, spare.id)).toBeUndefined();
    expect(await openLock(vault, 'passkey', secret)).toBe(true);
    const signer = await allowanceSigner(vault, spare.id);
    const message = new Uint8Array([1, 2, 3]);
    expect(toBase64url(signer?.key ?? new Uint8Array())).toBe(spare.id);
    expect(await signer?.sign(message)).toHaveLength(64);
  });

  test('a spare key is asked with again until an allowance stands on it; a plain one is replaced once there is a lock', async () => {
    const vault = fresh();
    const plain = await spareAllowanceKey(vault, NOON);
    expect((await spareAllowanceKey(vault, NOON)).id).toBe(plain.id);
    expect((await spareAllowanceKey(vault, NOON, 'payee')).id).not.toBe(plain.id);
    await openLock(vault, 'passkey', secret);
    expect((await spareAllowanceKey(vault, NOON)).id).not.toBe(plain.id);
  });
});

describe('time', () => {
  test('never runs back: the newest signed moment is the floor', async () => {
    const vault = fresh();
    for (const hours of [2, 1, 3, 0]) await raiseTimeFloor(vault, instant(NOON + hours * 3_600_000));
    expect(await readSetting(vault, 'timeFloorSeconds')).toBe(NOON / 1000 + 3 * 3600);
    const early = await believedTime(vault, NOON);
    expect(early).toMatchObject({ now: NOON + 3 * 3_600_000, turnedBack: true });
    expect((await believedTime(vault, instant(NOON + 3 * 3_600_000 - 299_000))).turnedBack).toBe(false);
  });
});

describe('the outbox', () => {
  test('holds each thing once and hands out the oldest first, within the bounds of one request', async () => {
    const vault = fresh();
    for (const id of ['a', 'b', 'a', 'c']) await queue(vault, 'receipt', id, new Uint8Array([1]), NOON);
    await vault.outbox.add({ kind: 'payment', id: 'reserved', queuedAt: NOON, tries: 0 });
    expect(await waiting(vault)).toBe(3);
    const rows = await ready(vault, { payment: 5, receipt: 2, closing: 1, fork: 1, note: 1 });
    expect(rows.map((row) => row.id)).toEqual(['a', 'b']);
  });
});

describe('the connection', () => {
  test('is opened again after the browser dropped it, with everything still there', async () => {
    const vault = fresh();
    await keepSetting(vault, 'cursor', 9);
    vault.backendDB().close();
    expect(await reviveVault(vault)).toBe(true);
    expect(await readSetting(vault, 'cursor')).toBe(9);
  });

  test('steps aside for a newer version in another tab', async () => {
    const old = fresh();
    await keepSetting(old, 'cursor', 1);
    const told = new Promise((done) => addEventListener('vault-outdated', done, { once: true }));
    const newer = openVault(old.name);
    newer.version(99).stores({ extra: 'id' });
    await newer.open();
    await told;
    expect(await readSetting(newer, 'cursor')).toBe(1);
    await expect(readSetting(old, 'cursor')).rejects.toThrow();
  });
});
