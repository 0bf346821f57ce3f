/** Coming to a wallet with passkeys of every kind: the phone's lock is known before the phone may ask for an allowance. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { toBase64url } from '#shared/base/bytes.ts';
import { newId } from '#shared/base/id.ts';
import { instant } from '#shared/base/time.ts';
import { enrolPhone, finishSignup, type IdentityNeeds } from '#web/identity/person.ts';
import { lockState } from '#web/vault/lock.ts';
import { readSetting } from '#web/vault/settings.ts';
import { openVault } from '#web/vault/vault.ts';

const NOON = instant(Date.UTC(2026, 10, 23, 12));
const WALLET = newId(NOON);
const SESSION = { person: { wallet: WALLET, region: 'CN-SX', nameShown: '小明' } };
const SECRET = new Uint8Array(32).fill(7).buffer;
const GIVES = { prf: { results: { first: SECRET } } };

afterEach(() => vi.restoreAllMocks());

/** A phone whose house says yes to everything; `asked` is every ceremony the finger was asked for. */
function phone(made: object, used: object | 'refused') {
  const asked: string[] = [];
  const options = {
    challenge: 'AAAA',
    rp: { name: 'x' },
    user: { id: 'AAAA', name: 'x', displayName: 'x' },
    pubKeyCredParams: [],
  };
  vi.spyOn(navigator.credentials, 'create').mockImplementation(async () => {
    asked.push('make');
    return passkey(made);
  });
  vi.spyOn(navigator.credentials, 'get').mockImplementation(async () => {
    asked.push('use');
    if (used === 'refused') throw new DOMException('the person said no', 'NotAllowedError');
    return passkey(used);
  });
  const needs: IdentityNeeds = {
    vault: openVault(`person-${crypto.randomUUID()}`),
    clock: () => NOON,
    ask: async <Answer>({ path }: { path: string }) =>
      ({ ok: true, value: (path.endsWith('options') ? { options } : SESSION) as Answer }) as const,
  };
  return { needs, asked };
}

/** What the browser hands over after a ceremony, with the extension results of one kind of authenticator. */
function passkey(results: object): Credential {
  const bytes = new Uint8Array([1]).buffer;
  const rawId = new Uint8Array(32).fill(1).buffer;
  const response = { clientDataJSON: bytes, attestationObject: bytes, authenticatorData: bytes, signature: bytes };
  const id = toBase64url(new Uint8Array(rawId));
  return { id, rawId, type: 'public-key', response, getClientExtensionResults: () => results } as unknown as Credential;
}

describe('the lock is known before the wallet is on the phone', () => {
  // the passkey | what it gives when made | and when used | the lock then | what the finger was asked for
  test.each<[string, object, object | 'refused', string, string]>([
    ['gives PRF at once', { prf: { enabled: true, ...GIVES.prf } }, GIVES, 'open', 'make'],
    ['has PRF and gives it only when used', { prf: { enabled: true } }, GIVES, 'open', 'make use'],
    ['says it has PRF and never gives it', { prf: { enabled: true } }, {}, 'none', 'make use'],
    ['has no PRF', {}, {}, 'none', 'make'],
  ])('a passkey that %s', async (_name, made, used, lock, fingers) => {
    const { needs, asked } = phone(made, used);
    const session = await finishSignup(needs, WALLET, 'phone');
    expect(session.ok && (await enrolPhone(needs, session.value, 'phone')).ok).toBe(true);
    expect([await lockState(needs.vault), asked.join(' ')]).toEqual([lock, fingers]);
    expect((await readSetting(needs.vault, 'wallet'))?.id).toBe(WALLET);
  });

  test('the app was closed right after the wallet was made: the passkey is asked once, then the phone is enrolled', async () => {
    const { needs, asked } = phone({}, GIVES);
    expect((await enrolPhone(needs, SESSION as never, 'phone')).ok).toBe(true);
    expect([await lockState(needs.vault), asked.join(' ')]).toEqual(['open', 'use']);
    expect((await enrolPhone(needs, SESSION as never, 'phone')).ok).toBe(true);
    expect(asked.join(' ')).toBe('use');
  });

  test('nobody answers: no wallet on this phone yet, so no sync and no key', async () => {
    const { needs } = phone({}, 'refused');
    const enrolled = await enrolPhone(needs, SESSION as never, 'phone');
    expect(enrolled.ok ? 'ok' : enrolled.error.code).toBe('passkey.cancelled');
    expect(await readSetting(needs.vault, 'wallet')).toBeUndefined();
    expect(await needs.vault.keys.where('use').equals('allowance').count()).toBe(0);
  });
});
