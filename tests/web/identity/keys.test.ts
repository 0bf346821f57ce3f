/** Several passkeys and one phone: each may open the offline money, and none takes it along when it is removed. */
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { fromBase64url, joinBytes, toBase64url } from '#shared/base/bytes.ts';
import { buyPhone, foundTown, giveAllowance, NOON, type Phone, type Town } from '#tests/web/vault/town.ts';
import { addPasskey, revokePasskey } from '#web/identity/keys.ts';
import { letOpen, lossOf, openers } from '#web/identity/opening.ts';
import { stepUp } from '#web/identity/person.ts';
import { allowanceSigner, spareAllowanceKey } from '#web/vault/allowance-key.ts';
import { closeLock, lockState, openLock } from '#web/vault/lock.ts';
import type { AllowanceRow } from '#web/vault/rows.ts';
import { keepSetting, readSetting } from '#web/vault/settings.ts';

/** Passkeys by name: the first byte of the id, and what PRF gives for the lock (`plain` has none). */
const FINGER = idOf(1);
const RING = idOf(2);
const PLAIN = idOf(3);
const SECRETS: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  [FINGER]: new Uint8Array(32).fill(11),
  [RING]: new Uint8Array(32).fill(22),
};
const NAMES: Readonly<Record<string, string>> = { [FINGER]: 'finger', [RING]: 'ring', [PLAIN]: 'plain' };

let town: Town;
let touched: string[];
let house: string[];
/** Which passkey is in reach when the browser may take any, and which is made. */
let atHand: string;
let made: string;
let cancels: boolean;

beforeAll(async () => {
  town = await foundTown();
});
beforeEach(() => {
  [touched, house, atHand, made, cancels] = [[], [FINGER], FINGER, RING, false];
  vi.spyOn(navigator.credentials, 'create').mockImplementation(async () => answer('make', made, {}));
  vi.spyOn(navigator.credentials, 'get').mockImplementation(async (options) => {
    const allowed = options?.publicKey?.allowCredentials ?? [];
    const ids = allowed.map(({ id }) => toBase64url(new Uint8Array(id as ArrayBuffer)));
    const id = ids.length === 0 || ids.includes(atHand) ? atHand : (ids[0] ?? '');
    if (cancels) throw new DOMException('the person said no', 'NotAllowedError');
    return answer('touch', id, SECRETS[id] ? { results: { first: SECRETS[id]?.buffer } } : {});
  });
});
afterEach(() => vi.restoreAllMocks());

/** A phone whose lock the finger opens, with an allowance under it; its house lists `house`. */
async function lockedPhone(): Promise<{ phone: Phone; row: AllowanceRow }> {
  const phone = await buyPhone(town, '王小明');
  await openLock(phone.vault, FINGER, secretOf(FINGER));
  await keepSetting(phone.vault, 'passkey', { credential: FINGER, prf: true });
  const row = await giveAllowance(town, phone);
  closeLock(phone.vault);
  const ask: Phone['ask'] = async <Answer>({ method, path }: { method: string; path: string }) => {
    if (method === 'DELETE') house = house.filter((id) => !path.endsWith(id));
    if (method === 'POST' && path === '/passkeys') house.push(made);
    const list = { rpId: 'localhost', user: 'AAAA', passkeys: house.map((id) => ({ id })) };
    return { ok: true, value: (path.endsWith('options') ? { options: OPTIONS } : list) as Answer } as const;
  };
  return { phone: Object.assign(phone, { ask }), row };
}

describe('a second passkey', () => {
  test('opens the offline money as well: one touch of the first, one of the second, and either pays after a restart', async () => {
    const { phone, row } = await lockedPhone();
    expect((await addPasskey(phone, 'ring')).ok).toBe(true);
    expect(touched).toEqual(['make ring', 'touch finger', 'touch ring']);
    expect(await openers(phone)).toEqual([FINGER, RING]);
    for (const id of [RING, FINGER]) {
      closeLock(phone.vault);
      expect(await allowanceSigner(phone.vault, row.key)).toBeUndefined();
      expect(await openLock(phone.vault, id, secretOf(id))).toBe(true);
      expect(await canSign(phone, row)).toBe(true);
    }
  });

  test('that cannot lock keys is added all the same, and opens nothing', async () => {
    const { phone } = await lockedPhone();
    made = PLAIN;
    expect((await addPasskey(phone, 'plain')).ok).toBe(true);
    expect(await openers(phone)).toEqual([FINGER]);
    expect(codeOf(await letOpen(phone, PLAIN))).toBe('passkey.no-lock');
    expect(await openers(phone)).toEqual([FINGER]);
  });

  test('whose touches were cancelled is added, says so, and can be let open it later', async () => {
    const { phone } = await lockedPhone();
    cancels = true;
    expect(codeOf(await addPasskey(phone, 'ring'))).toBe('passkey.cancelled');
    expect([house, await openers(phone)]).toEqual([[FINGER, RING], [FINGER]]);
    cancels = false;
    expect(codeOf(await letOpen(phone, RING))).toBe('ok');
    expect(codeOf(await letOpen(phone, RING))).toBe('ok');
    expect(await openers(phone)).toEqual([FINGER, RING]);
  });

  test('of a thief does not open it without the first: a wrong secret shares nothing', async () => {
    const { phone } = await lockedPhone();
    const finger = SECRETS[FINGER];
    vi.spyOn(navigator.credentials, 'get').mockImplementation(async () =>
      answer('touch', FINGER, { results: { first: new Uint8Array(32).fill(99).buffer } }),
    );
    expect(codeOf(await letOpen(phone, RING, secretOf(RING)))).toBe('passkey.no-lock');
    expect(await openers(phone)).toEqual([FINGER]);
    expect(await openLock(phone.vault, FINGER, finger ?? new Uint8Array())).toBe(true);
  });
});

describe('removing a passkey', () => {
  test('that is one of two: the other goes on, the removed one opens nothing any more', async () => {
    const { phone, row } = await lockedPhone();
    await addPasskey(phone, 'ring');
    expect(await lossOf(phone, FINGER)).toBeUndefined();
    expect(codeOf(await revokePasskey(phone, FINGER))).toBe('ok');
    expect(await openers(phone)).toEqual([RING]);
    expect(await readSetting(phone.vault, 'passkey')).toBeUndefined();
    closeLock(phone.vault);
    expect(await openLock(phone.vault, FINGER, secretOf(FINGER))).toBe(false);
    expect(await openLock(phone.vault, RING, secretOf(RING))).toBe(true);
    expect([await canSign(phone, row), (await phone.vault.allowances.get(row.id))?.state]).toEqual([true, 'live']);
  });

  test('that alone opens the lock: what it stands for is told first, and while open it is given back at once', async () => {
    const { phone, row } = await lockedPhone();
    house.push(PLAIN);
    expect(await lossOf(phone, FINGER)).toEqual({ amount: 200_00, currency: 'CNY', backAt: NOON + 17 * 86_400_000 });
    expect(await lossOf(phone, PLAIN)).toBeUndefined();
    await openLock(phone.vault, FINGER, secretOf(FINGER));
    await revokePasskey(phone, FINGER);
    const queued = await phone.vault.outbox.toArray();
    expect(queued.map(({ kind, id }) => [kind, id === row.id])).toEqual([['closing', true]]);
    expect([await lockState(phone.vault), await openers(phone)]).toEqual(['none', []]);
  });

  test('that is lost with its lock closed: nothing waits for it, and the next passkey locks new keys', async () => {
    const { phone, row } = await lockedPhone();
    const spare = await spareAllowanceKey(phone.vault, NOON, 'payee');
    house.push(RING);
    await revokePasskey(phone, FINGER);
    expect((await phone.vault.allowances.get(row.id))?.state).toBe('revoked');
    expect([await lockState(phone.vault), await phone.vault.keys.get(spare.id)]).toEqual(['none', undefined]);
    atHand = RING;
    expect((await stepUp(phone)).ok).toBe(true);
    const fresh = await giveAllowance(town, phone, { statusIndex: 2 });
    closeLock(phone.vault);
    expect(await allowanceSigner(phone.vault, fresh.key)).toBeUndefined();
    expect(await openLock(phone.vault, RING, secretOf(RING))).toBe(true);
    expect(await canSign(phone, fresh)).toBe(true);
  });

  // who is left at the house | who opens this phone after a touch of the ring
  test.each<[string, readonly string[], readonly string[]]>([
    ['was removed on another phone', [RING], [RING]],
    ['is still there', [FINGER, RING], [FINGER]],
  ])('the finger %s, and the ring is touched here', async (_name, left, expected) => {
    const { phone } = await lockedPhone();
    house = [...left];
    atHand = RING;
    expect((await stepUp(phone)).ok).toBe(true);
    expect(await openers(phone)).toEqual(expected);
  });
});

describe('the passkey that confirms large payments', () => {
  test('is the one at hand when the key was made, and a spare key of a removed one is not used', async () => {
    const { phone } = await lockedPhone();
    const first = await spareAllowanceKey(phone.vault, NOON);
    expect(first.passkey).toBe(FINGER);
    await addPasskey(phone, 'ring');
    await revokePasskey(phone, FINGER);
    await keepSetting(phone.vault, 'passkey', { credential: RING, prf: true });
    const second = await spareAllowanceKey(phone.vault, NOON);
    expect([second.passkey, second.id === first.id]).toEqual([RING, false]);
  });
});

const OPTIONS = {
  challenge: 'AAAA',
  rp: { name: 'x' },
  user: { id: 'AAAA', name: 'x', displayName: 'x' },
  pubKeyCredParams: [],
};

function idOf(first: number): string {
  return toBase64url(new Uint8Array(16).fill(first));
}

function secretOf(id: string): Uint8Array {
  return SECRETS[id] ?? new Uint8Array();
}

function codeOf(answer: { ok: true } | { ok: false; error: { code: string } }): string {
  return answer.ok ? 'ok' : answer.error.code;
}

async function canSign(phone: Phone, row: AllowanceRow): Promise<boolean> {
  const signer = await allowanceSigner(phone.vault, row.key);
  return (await signer?.sign(new Uint8Array([1])))?.length === 64;
}

/** What the browser hands over; an authenticator with PRF says so when it makes a passkey, and gives it when touched. */
function answer(act: 'make' | 'touch', id: string, prf: object): Credential {
  touched.push(`${act} ${NAMES[id]}`);
  const bytes = new Uint8Array([1]).buffer;
  const rawId = joinBytes(fromBase64url(id) ?? new Uint8Array()).buffer;
  const response = { clientDataJSON: bytes, attestationObject: bytes, authenticatorData: bytes, signature: bytes };
  const results = { prf: act === 'make' ? { enabled: SECRETS[id] !== undefined } : prf };
  return { id, rawId, type: 'public-key', response, getClientExtensionResults: () => results } as unknown as Credential;
}
