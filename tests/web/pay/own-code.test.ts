/** One's own pay code on the payer's phone: a new one each minute, each good once, small sums at once and larger ones asked about. */
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { type Refusal, refusalRemedy } from '#shared/api/refusal.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { instant } from '#shared/base/time.ts';
import type { Allowance } from '#shared/protocol/allowance.ts';
import { type Frame, readFrame } from '#shared/protocol/frame.ts';
import { payCodeChecks } from '#shared/protocol/pay-code.ts';
import { verifyAsync, webVerifier } from '#shared/protocol/signature.ts';
import { knownAllowance } from '#shared/protocol/trust.ts';
import { buyPhone, foundTown, giveAllowance, NOON, type Phone, type Town } from '#tests/web/vault/town.ts';
import { type OwnCode, type OwnCodeState, openOwnCode } from '#web/pay/own-code.ts';
import { paysAtOnce } from '#web/pay/pay-code.ts';
import { invoiceCode, makeInvoice } from '#web/pay/payee.ts';
import { type PayerNeeds, planPayment, readOffer } from '#web/pay/payer.ts';
import type { Asked } from '#web/sync/client.ts';
import { dropSetting } from '#web/vault/settings.ts';

let town: Town;
let payer: Phone;
let own: OwnCode;
let state: OwnCodeState;
/** What payees have answered, by the id of the code; and every code the house was asked about. */
let brought: Map<string, { invoice: string; certificate: string }>;
let asked: string[];

beforeAll(async () => {
  town = await foundTown();
});
beforeEach(async () => {
  payer = await buyPhone(town, '王小明');
  brought = new Map();
  asked = [];
  const ask = async <Answer>({ path }: Asked): Promise<Result<Answer, Refusal>> => {
    const id = path.split('/')[2] ?? '';
    asked.push(id);
    const answer = brought.get(id);
    return ok((answer ? { state: 'presented', ...answer } : { state: 'waiting' }) as Answer);
  };
  own = openOwnCode({ ...payer, clock: () => payer.time, ask } as PayerNeeds);
  own.subscribe((now) => {
    state = now;
  });
});

const after = (seconds: number) => {
  payer.time = instant(NOON + seconds * 1000);
};
const id = () => state.shown?.id ?? 'none';

async function invoiceFrame(amount: number): Promise<Frame & { kind: 'invoice' }> {
  const payee = await buyPhone(town, '平遥牛肉店');
  const made = await makeInvoice(payee, { amount, currency: 'CNY' });
  const texts = made.ok ? await invoiceCode(payee, made.value) : made;
  const frame = readFrame((texts.ok ? texts.value[0] : '') ?? '');
  if (!frame.ok || frame.value.kind !== 'invoice') throw new Error('no invoice');
  return frame.value;
}

async function answer(code: string, amount = 5_00): Promise<void> {
  const { invoice, certificate } = await invoiceFrame(amount);
  brought.set(code, { invoice: toBase64url(invoice), certificate: toBase64url(certificate) });
}

test('a new code each sixty seconds, with a network or none, each signed by the key of the allowance', async () => {
  const row = await giveAllowance(town, payer);
  await own.beat(false);
  const first = id();
  expect(state).toMatchObject({ left: 60 });
  expect(state.shown?.digits).toMatch(/^\d{6}$/);
  const frame = readFrame(state.shown?.texts[0] ?? '');
  const allowance = knownAllowance(row.bytes);
  if (!frame.ok || frame.value.kind !== 'pay-code' || !allowance.ok) throw new Error('a pay code is shown');
  expect((await verifyAsync(payCodeChecks(frame.value.code, allowance.value, NOON), webVerifier())).ok).toBe(true);
  const seen = new Set([first]);
  // seconds since the first | seconds left | codes seen until then
  for (const [seconds, left, codes] of [
    [1, 59, 1],
    [59.9, 1, 1],
    [60, 60, 2],
    [119, 1, 2],
    [120, 60, 3],
  ] as const) {
    after(seconds);
    await own.beat(false);
    expect([state.left, seen.add(id()).size]).toEqual([left, codes]);
  }
  expect(asked).toEqual([]);
});

test('what a payee answered is brought once, and the next code is another', async () => {
  await giveAllowance(town, payer);
  expect(await own.beat(true)).toBeUndefined();
  const first = id();
  await answer(first);
  expect(await own.beat(true)).toMatchObject({ kind: 'invoice' });
  expect(state).toEqual({ left: 0 });
  expect(await own.beat(true)).toBeUndefined();
  expect([id() === first, id() === 'none']).toEqual([false, false]);
  expect(asked.filter((one) => one === first)).toHaveLength(2);
});

test('a code scanned in its last moment is still asked about when the next one is shown', async () => {
  await giveAllowance(town, payer);
  await own.beat(true);
  const first = id();
  after(60);
  await answer(first);
  expect(await own.beat(true)).toMatchObject({ kind: 'invoice' });
});

test('with no money set aside it says so, draws nothing by itself, and does when asked again', async () => {
  await own.beat(true);
  expect(state).toMatchObject({ left: 0, refusal: { code: 'allowance.none' } });
  await giveAllowance(town, payer);
  await own.beat(true);
  expect(state.shown).toBeUndefined();
  await own.draw();
  expect(state).toMatchObject({ left: 60 });
  expect(state.refusal).toBeUndefined();
});

test('a phone that has never synced is told that it needs a network once; one without a wallet, to sign in', async () => {
  await payer.vault.lists.clear();
  await own.draw();
  expect(state.refusal).toEqual({ code: 'wallet.unsynced' });
  expect(refusalRemedy('wallet.unsynced')).toBe('connect-once');
  await dropSetting(payer.vault, 'wallet');
  await own.draw();
  expect(state.refusal).toEqual({ code: 'wallet.none' });
});

test.each<[what: string, amount: number, change: Partial<Allowance>, atOnce: boolean]>([
  // the sum, the allowance | paid with no further question
  ['a small sum', 30_00, { noPasskeyEach: 30_00 }, true],
  ['a sum above what goes without the finger', 30_01, { noPasskeyEach: 30_00, noPasskeySum: 100_00 }, false],
  ['more than stands ready', 500_01, {}, false],
])('%s of %i fen', async (_what, amount, change, atOnce) => {
  await giveAllowance(town, payer, change);
  const offer = await readOffer(payer, await invoiceFrame(amount));
  const plan = offer.ok ? await planPayment(payer, offer.value) : refuse({ code: 'code.none' });
  expect(paysAtOnce(plan.ok ? plan.value : undefined)).toBe(atOnce);
});
