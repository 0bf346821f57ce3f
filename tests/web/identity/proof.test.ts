/** The sheet that asks for a proof: what it asks for, what it sends, and what it makes of each answer. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { MoneyProof, PasswordView } from '#shared/api/password.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { instant } from '#shared/base/time.ts';
import type { IdentityNeeds } from '#web/identity/person.ts';
import { type Asked, Proof, takesDigits, takesFinger } from '#web/identity/proof.ts';
import { openVault } from '#web/vault/vault.ts';

const NOON = instant(Date.UTC(2026, 10, 23, 12));
const VIEW: PasswordView = {
  isSet: true,
  guessesLeft: 5,
  mustReset: false,
  currency: 'CNY',
  free: { each: 30_00, count: 10, left: 2, eachMost: 200_00, countMost: 20 },
  largeFrom: 500_00,
};

let view: PasswordView | Refusal;
let touches: number;
let fingerRefuses: boolean;

beforeEach(() => {
  [view, touches, fingerRefuses] = [VIEW, 0, false];
  vi.spyOn(navigator.credentials, 'get').mockImplementation(async () => {
    if (fingerRefuses) throw new DOMException('the person said no', 'NotAllowedError');
    touches += 1;
    const bytes = new Uint8Array([1]).buffer;
    const response = { clientDataJSON: bytes, authenticatorData: bytes, signature: bytes };
    const rawId = new Uint8Array(32).buffer;
    const id = toBase64url(new Uint8Array(rawId));
    return { id, rawId, type: 'public-key', response, getClientExtensionResults: () => ({}) } as unknown as Credential;
  });
});
afterEach(() => vi.restoreAllMocks());

/** A sheet over a house that answers with `answers`, one after the other, the last one for ever. */
async function sheet(asked: Asked, ...answers: readonly Result<string, Refusal>[]) {
  const sent: (MoneyProof | undefined)[] = [];
  const needs: IdentityNeeds = {
    vault: openVault(`proof-${crypto.randomUUID()}`),
    clock: () => NOON,
    ask: async <Answer>({ path }: { path: string }) => {
      if (path === '/payment-password') return 'code' in view ? refuse(view) : ok(view as Answer);
      return ok((path.endsWith('options') ? { options: { challenge: 'AAAA' } } : {}) as Answer);
    },
  };
  const proof = new Proof<string>(
    asked,
    async (given) => {
      sent.push(given);
      return answers[Math.min(sent.length, answers.length) - 1] ?? ok('done');
    },
    () => undefined,
    needs,
  );
  await proof.open();
  return { proof, sent };
}

const transfer = (amount: number): Asked => ({ act: 'transfer', amount, currency: 'CNY' });
const TYPED = { by: 'password', password: '730291' } as const;

describe('what is asked for', () => {
  test.each<
    [what: string, asked: Asked, said: Partial<PasswordView>, needed: string, digits: boolean, finger: boolean]
  >([
    ['a small sum', transfer(30_00), {}, 'nothing', false, false],
    ['a fen more', transfer(30_01), {}, 'either', true, true],
    ['a large sum', transfer(500_00), {}, 'both', true, false],
    ['a new phone', transfer(1), { risk: 'new-device' }, 'both', true, false],
    ['a withdrawal', { act: 'withdrawal', amount: 1, currency: 'CNY' }, {}, 'either', true, true],
    ['no password', transfer(40_00), { isSet: false }, 'passkey', false, true],
    ['a setting', 'setting', {}, 'either', true, true],
    ['a setting with no password', 'setting', { isSet: false }, 'passkey', false, true],
    ['a locked password', transfer(40_00), { lockedUntil: NOON }, 'either', false, true],
    ['a password that was switched off', transfer(500_00), { mustReset: true }, 'both', false, false],
  ])('%s', async (_what, asked, said, needed, digits, finger) => {
    view = { ...VIEW, ...said };
    const { proof } = await sheet(asked);
    expect([proof.state.needed, takesDigits(proof.state), takesFinger(proof.state)]).toEqual([needed, digits, finger]);
  });

  test('without a network nothing is asked, and why is said', async () => {
    view = { code: 'house.unreachable' };
    const { proof } = await sheet(transfer(1));
    expect([proof.state.needed, proof.state.refusal?.code]).toEqual([undefined, 'house.unreachable']);
  });
});

describe('what is sent', () => {
  test('nothing where nothing is needed', async () => {
    const { proof, sent } = await sheet(transfer(1));
    expect([await proof.free(), sent]).toEqual(['done', [undefined]]);
  });

  test('six digits, with no touch', async () => {
    const { proof, sent } = await sheet(transfer(40_00));
    expect([await proof.type('730291'), sent, touches]).toEqual(['done', [TYPED], 0]);
  });

  test('a touch first where both are needed, and nothing when it is refused', async () => {
    const { proof, sent } = await sheet(transfer(500_00));
    fingerRefuses = true;
    expect([await proof.type('730291'), sent, proof.state.refusal?.code]).toEqual([undefined, [], 'passkey.cancelled']);
    fingerRefuses = false;
    expect([await proof.type('730291'), sent, touches]).toEqual(['done', [TYPED], 1]);
  });

  test('a touch alone', async () => {
    const { proof, sent } = await sheet(transfer(40_00));
    expect([await proof.finger(), sent, touches]).toEqual(['done', [{ by: 'passkey' }], 1]);
  });

  test('two presses at once are one act', async () => {
    const { proof, sent } = await sheet(transfer(40_00));
    await Promise.all([proof.type('730291'), proof.type('730291'), proof.finger()]);
    expect(sent).toHaveLength(1);
  });
});

describe('what becomes of an answer', () => {
  test('a wrong one is said, and another may be tried', async () => {
    const { proof } = await sheet(transfer(40_00), refuse({ code: 'password.wrong', detail: { left: 4 } }), ok('done'));
    expect(await proof.type('111112')).toBeUndefined();
    expect([proof.state.refusal?.detail?.left, takesDigits(proof.state)]).toEqual([4, true]);
    expect(await proof.type('730291')).toBe('done');
  });

  test('locked: no keypad any more, the finger stays', async () => {
    const { proof } = await sheet(transfer(40_00), refuse({ code: 'password.locked', detail: { until: NOON } }));
    view = { ...VIEW, lockedUntil: NOON };
    await proof.type('111112');
    expect([takesDigits(proof.state), takesFinger(proof.state), proof.state.view?.lockedUntil]).toEqual([
      false,
      true,
      NOON,
    ]);
  });

  test('the server needs more than this phone knew: the sheet asks for that', async () => {
    const { proof } = await sheet(transfer(1), refuse({ code: 'money.proof', detail: { needed: 'both' } }), ok('done'));
    expect(await proof.free()).toBeUndefined();
    expect([proof.state.needed, takesDigits(proof.state)]).toEqual(['both', true]);
  });
});
