/** A case as a layperson reads it: how it stands, the two payments beside each other, the proof, and when home speaks of it. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CaseEvent, CaseFile } from '#shared/api/payment.ts';
import { assert } from '#shared/base/assert.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import { newId } from '#shared/base/id.ts';
import { writeFork } from '#shared/protocol/fork.ts';
import { referenceOf } from '#shared/protocol/message.ts';
import { type PaymentCore, readPayment, type SignedPayment, signPayment } from '#shared/protocol/payment.ts';
import { buyPhone, foundTown, giveAllowance, NOON, type Phone, type Town } from '#tests/web/vault/town.ts';
import { pairsOf, standingOf } from '#web/support/case.ts';
import { checkProof } from '#web/support/proof.ts';
import { hintsAtCase, readCases } from '#web/sync/cases.ts';
import { allowanceSigner } from '#web/vault/allowance-key.ts';
import { asksForAttention, caseOfPayment, heldCases, isCaseToTell, keepCases, markRead } from '#web/vault/cases.ts';
import type { AllowanceRow } from '#web/vault/rows.ts';
import { keepSetting, readSetting } from '#web/vault/settings.ts';
import { openVault } from '#web/vault/vault.ts';

const DAY = 86_400_000;

let town: Town;
let phone: Phone;
let allowance: AllowanceRow;
beforeAll(async () => {
  town = await foundTown();
  phone = await buyPhone(town, '王小明');
  allowance = await giveAllowance(town, phone);
});
beforeEach(async () => {
  await phone.vault.cases.clear();
  await phone.vault.settings.bulkDelete(['casesAt', 'caseHint']);
});

/** A payment of the allowance, signed by its key whatever its number. */
async function sign(change: Partial<PaymentCore>): Promise<SignedPayment> {
  const signer = await allowanceSigner(phone.vault, allowance.key);
  const core: PaymentCore = {
    ...{ number: 1, amount: 24_00, total: 24_00, payee: phone.wallet, epoch: 3, time: NOON },
    allowance: referenceOf(fromBase64url(allowance.id) ?? new Uint8Array()),
    previous: allowance.previous,
    invoice: crypto.getRandomValues(new Uint8Array(16)),
    ...change,
  };
  const read = signer && readPayment(await signPayment(core, signer));
  if (!read?.ok) throw new Error('no payment');
  return read.value;
}

function fileOf(role: CaseFile['role'], timeline: readonly CaseEvent[], more: Partial<CaseFile> = {}): CaseFile {
  return {
    ...{ id: '0192f1c0-fa84-7f22-8468-f084ea9d6eb8', kind: 'fork', role, region: 'CN-SX', openedAt: NOON },
    ...{ amount: 18_00, currency: 'CNY', proofs: [] },
    timeline: [...timeline],
    ...more,
  } as CaseFile;
}

const event = (code: CaseEvent['code'], amount: number, daysFromNow = 0): CaseEvent => ({
  at: NOON + daysFromNow * DAY,
  code,
  amount,
});

// who reads | what the house told | how it stands | home speaks: before it was read, after
test.each<[CaseFile['role'], CaseEvent[], string, [boolean, boolean]]>([
  ['payer', [event('stopped', 0), event('owed', 18_00)], 'owes 1800', [true, true]],
  ['payer', [event('stopped', 0)], 'clear 0', [true, false]],
  ['payee', [event('paid-from-allowance', 24_00)], 'paid 2400', [false, false]],
  [
    'payee',
    [event('paid-from-allowance', 6_00), event('paid-by-guarantee', 18_00), event('spendable', 18_00, 3)],
    `arriving 1800 in 3`,
    [true, false],
  ],
  [
    'payee',
    [event('paid-from-allowance', 6_00), event('paid-by-guarantee', 18_00), event('spendable', 18_00, -1)],
    'paid 2400',
    [true, false],
  ],
  ['payee', [event('disputed', 24_00)], 'unpaid 2400', [true, false]],
])('to the %s, %o: %s', (role, timeline, stands, [before, after]) => {
  const file = fileOf(role, timeline);
  const { kind, sum, at } = standingOf(file, NOON);
  expect(`${kind} ${sum}${at === undefined ? '' : ` in ${(at - NOON) / DAY}`}`).toBe(stands);
  expect([asksForAttention(file, false), asksForAttention(file, true)]).toEqual([before, after]);
});

describe('the two payments', () => {
  let tea: SignedPayment;
  let rice: SignedPayment;
  let proof: Uint8Array<ArrayBuffer>;
  beforeAll(async () => {
    tea = await sign({});
    rice = await sign({
      amount: 20_00,
      total: 20_00,
      time: (NOON + 60_000) as PaymentCore['time'],
      payee: newId(NOON),
    });
    proof = writeFork(allowance.bytes, tea, rice);
  });

  const told = (payment: SignedPayment, name: string): CaseEvent => ({
    ...{ at: payment.message.time, code: 'signed', payment: toBase64url(payment.id) },
    ...{ number: 1, amount: payment.message.amount, name },
  });
  const proved = (): CaseFile['proofs'] => [
    { payment: toBase64url(tea.id), other: toBase64url(rice.id), kind: 'fork', proof: toBase64url(proof) },
  ];
  const sides = (file: CaseFile) =>
    pairsOf(file).map(({ sides: both }) =>
      both.map(({ name, own, number, amount }) => `${own ? 'own' : 'other'} ${name ?? '-'} no.${number} ${amount}`),
    );

  test('to the payer both are named, the earlier one first', () => {
    const file = fileOf('payer', [told(rice, '米店'), told(tea, '茶馆')], { proofs: proved() });
    expect(sides(file)).toEqual([['own 茶馆 no.1 2400', 'own 米店 no.1 2000']]);
  });

  test('to a payee its own stands first, and of the other no name', () => {
    const file = fileOf('payee', [told(rice, '王小明')], { proofs: proved() });
    expect(sides(file)).toEqual([['own 王小明 no.1 2000', 'other - no.1 2400']]);
  });

  test('a proof that cannot be read is left out', () => {
    const torn = proved().map((one) => ({ ...one, proof: one.proof.slice(0, -4) }));
    expect(sides(fileOf('payer', [], { proofs: [...torn, { ...torn[0], proof: '!' } as (typeof torn)[0]] }))).toEqual(
      [],
    );
  });

  test('the phone checks the proof by the keys it holds', async () => {
    const code = async (kind: CaseFile['kind'], bytes: Uint8Array) => {
      const done = await checkProof(phone.vault, kind, bytes);
      return done.ok ? 'genuine' : done.error.code;
    };
    const later = await sign({ number: 2, amount: 5_00, total: 40_00 });
    const contradiction = writeFork(allowance.bytes, tea, later);
    const third = await sign({ number: 3, amount: 5_00, total: 40_00 });
    expect(await code('fork', proof)).toBe('genuine');
    expect(await code('fork', contradiction)).toBe('fork.not-a-fork');
    expect(await code('overspent', contradiction)).toBe('genuine');
    // A gap can be an honest payment nobody has brought yet.
    expect(await code('overspent', writeFork(allowance.bytes, tea, third))).toBe('fork.not-a-fork');
    expect(['payment.signature', 'message.twin-signature']).toContain(await code('fork', bent(proof)));
    expect(['payment.signature', 'message.twin-signature']).toContain(await code('overspent', bent(contradiction)));
    const other = await foundTown();
    const stranger = await buyPhone(other, '外人');
    const refused = await checkProof(stranger.vault, 'fork', proof);
    expect(refused.ok ? '' : refused.error.code).toBe('issuer.unknown');
  });

  test('a phone that has a wallet and no keys yet is told that it needs a network once, not that it has no wallet', async () => {
    const bare = openVault(`bare-${crypto.randomUUID()}`);
    const code = async () => {
      const done = await checkProof(bare, 'fork', proof);
      return done.ok ? 'genuine' : done.error.code;
    };
    expect(await code()).toBe('wallet.none');
    const wallet = await readSetting(phone.vault, 'wallet');
    assert(wallet !== undefined, 'the phone has a wallet');
    await keepSetting(bare, 'wallet', wallet);
    expect(await code()).toBe('wallet.unsynced');
  });
});

function bent(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[copy.length - 1] = (copy[copy.length - 1] ?? 0) ^ 1;
  return copy;
}

describe('on the phone', () => {
  const first = fileOf('payee', [{ ...event('disputed', 24_00), payment: 'pay-1' }]);

  test('a case is kept, told at home until it was read, and found by its payment', async () => {
    expect(await isCaseToTell(phone.vault)).toBe(false);
    await keepCases(phone.vault, [first], [first.id], NOON);
    expect(await isCaseToTell(phone.vault)).toBe(true);
    expect((await caseOfPayment(phone.vault, 'pay-1'))?.id).toBe(first.id);
    expect(await caseOfPayment(phone.vault, 'pay-2')).toBeUndefined();
    await markRead(phone.vault, first.id, NOON);
    expect(await isCaseToTell(phone.vault)).toBe(false);
    // Reading it anew does not make it new.
    await keepCases(phone.vault, [first], [first.id], NOON);
    expect(await isCaseToTell(phone.vault)).toBe(false);
    await keepCases(phone.vault, [], [], NOON);
    expect(await heldCases(phone.vault)).toEqual([]);
  });

  /** A house with these cases; `session` and `road` say whether it answers. */
  const house = (cases: readonly CaseFile[], refusal?: 'session.none' | 'house.unreachable') =>
    Object.assign(Object.create(phone) as Phone, {
      ask: async ({ path }: { path: string }) => {
        if (refusal) return { ok: false, error: { code: refusal } };
        const file = cases.find(({ id }) => path === `/cases/${id}`);
        return { ok: true, value: file ?? { cases } };
      },
    });

  test('reading takes over what the house tells, and forgets what it names no more', async () => {
    const second = { ...fileOf('payer', [event('owed', 1)]), id: '0192f1c0-fa84-7f22-8468-f084ea9d6eb9' };
    await keepSetting(phone.vault, 'caseHint', NOON);
    expect((await readCases(house([first, second]))).ok).toBe(true);
    expect((await heldCases(phone.vault)).map(({ id }) => id).toSorted()).toEqual([first.id, second.id]);
    expect(await readSetting(phone.vault, 'casesAt')).toBe(NOON);
    expect(await readSetting(phone.vault, 'caseHint')).toBeUndefined();
    expect((await readCases(house([second]))).ok).toBe(true);
    expect((await heldCases(phone.vault)).map(({ id }) => id)).toEqual([second.id]);
  });

  test.each(['session.none', 'house.unreachable'] as const)('%s leaves what is held, and the hint', async (code) => {
    await keepCases(phone.vault, [first], [first.id], NOON);
    await keepSetting(phone.vault, 'caseHint', NOON);
    const done = await readCases(house([], code));
    expect(done.ok ? '' : done.error.code).toBe(code);
    expect(await heldCases(phone.vault)).toHaveLength(1);
    expect(await isCaseToTell(phone.vault)).toBe(true);
  });
});

const bill = (state: string, kind = 'payment') => ({ kind, state }) as Parameters<typeof hintsAtCase>[0]['bills'][0];

// what a sync brought | why there was no allowance before | may a case be behind it?
test.each([
  [{ bills: [] }, undefined, false],
  [{ bills: [bill('settled')] }, undefined, false],
  [{ bills: [bill('settled'), bill('arriving')] }, undefined, true],
  [{ bills: [bill('disputed')] }, undefined, true],
  [{ bills: [bill('settled', 'debt')] }, undefined, true],
  [{ bills: [], allowanceRefused: 'ledger.insufficient' }, undefined, false],
  [{ bills: [], allowanceRefused: 'allowance.device-stopped' }, undefined, true],
  [{ bills: [], allowanceRefused: 'allowance.device-stopped' }, 'allowance.device-stopped', false],
  [{ bills: [], allowanceRefused: 'allowance.debt' }, 'allowance.device-stopped', true],
])('%o after %s hints at a case: %s', (answer, before, hints) => {
  expect(hintsAtCase(answer, before)).toBe(hints);
});
