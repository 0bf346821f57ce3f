/** Sending to somebody who has not asked: who it is comes first, codes on paper have a cap of the day, and whom one has paid is there with no network. */
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { type Id, newId } from '#shared/base/id.ts';
import type { Result } from '#shared/base/result.ts';
import { type Duration, duration, instant } from '#shared/base/time.ts';
import { certificateMessage } from '#shared/protocol/certificate.ts';
import { readNote } from '#shared/protocol/note.ts';
import { buyPhone, foundTown, giveAllowance, NOON, type Phone, type Town } from '#tests/web/vault/town.ts';
import { pay, planPayment } from '#web/pay/payer.ts';
import {
  type Addressee,
  addresseeOfLink,
  addresseeOfRecent,
  codeDayLeft,
  offerGift,
  readAddressee,
  recents,
} from '#web/pay/send.ts';
import { composeRequest } from '#web/sync/push.ts';
import { keepSetting } from '#web/vault/settings.ts';

const DAY = duration(1, 'd');
/** The day at the house: it began at four in the afternoon of the day before, as UTC counts. */
const MORNING = NOON - duration(20, 'h');
/** Limits that are in nobody's way here. */
const MOST = 2_000_00;
const ROOMY = { total: MOST, perPayment: MOST, perPayee: MOST, noPasskeyEach: MOST, noPasskeySum: MOST };
const NEWS = { asks: 0, claims: 0, codeDay: 500_00, codeFrom: MORNING, codeSpent: 0 };

let town: Town;
let payer: Phone;
beforeAll(async () => {
  town = await foundTown();
});
beforeEach(async () => {
  payer = await buyPhone(town, '王小明');
  await giveAllowance(town, payer, { ...ROOMY, maxCount: 20 });
  await keepSetting(payer.vault, 'transferNews', NEWS);
});

/** An address as the house signs it for somebody, and as it might be forged. */
async function addressOf(name: string, forged = false): Promise<{ payee: Id; bytes: Uint8Array }> {
  const payee = newId(NOON);
  const { key } = town.issuer;
  const said = { payee, key, name, category: 'person', region: 'CN-SX', currencies: ['CNY'] } as const;
  const message = { ...said, expires: instant(NOON + 300 * DAY), guarantee: 'none' } as const;
  return { payee, bytes: await certificateMessage.sign(message, forged ? town.beijing : town.issuer) };
}

const codeOf = (result: Result<unknown, { code: string }>) => (result.ok ? 'ok' : result.error.code);

async function addressee(how: Addressee['how'], name = '*红 ··4002'): Promise<Addressee> {
  const read = await readAddressee(payer, (await addressOf(name)).bytes, how);
  if (!read.ok) throw new Error(read.error.code);
  return read.value;
}

async function send(to: Addressee, amount: number): Promise<string> {
  const offer = await offerGift(payer, to, { amount, currency: 'CNY', memo: '面钱' });
  if (!offer.ok) return offer.error.code;
  const plan = await planPayment(payer, offer.value);
  return plan.ok ? codeOf(await pay(payer, offer.value, plan.value)) : plan.error.code;
}

const left = () => codeDayLeft(payer.vault, payer.clock());
const letPass = (length: Duration) => {
  payer.time = instant(payer.time + length);
};

test('a name is shown only from an address its region has signed, and never one’s own', async () => {
  const { bytes } = await addressOf('*红 ··4002');
  expect(await readAddressee(payer, bytes, 'code')).toMatchObject({
    value: { how: 'code', certificate: { message: { name: '*红 ··4002', region: 'CN-SX' } } },
  });
  expect(codeOf(await readAddressee(payer, (await addressOf('*红 ··4002', true)).bytes, 'code'))).toBe(
    'issuer.unknown',
  );
  const own = await payer.vault.lists.get('certificate');
  expect(codeOf(await readAddressee(payer, own?.bytes ?? new Uint8Array(), 'code'))).toBe('transfer.self');
  expect(codeOf(await addresseeOfLink(payer, '#'))).toBe('code.none');
});

test.each<[what: string, how: Addressee['how'], amount: number, answer: string, left: number]>([
  // how the payee was come by, the sum | what comes of it | what codes may still be sent today
  ['up to the cap', 'code', 500_00, 'ok', 0],
  ['a fen above the cap', 'code', 500_01, 'transfer.code-day', 500_00],
  ['more to somebody the house has found', 'found', 900_00, 'ok', 500_00],
])('a code on paper may be sent so much a day: %s', async (_what, how, amount, answer, rest) => {
  expect([await send(await addressee(how), amount), await left()]).toEqual([answer, rest]);
});

test('the cap is one over all codes, and the next day it is whole again at the house’s midnight', async () => {
  expect(await send(await addressee('code'), 300_00)).toBe('ok');
  expect(await send(await addressee('code', '*兰 ··4003'), 200_01)).toBe('transfer.code-day');
  expect(await send(await addressee('code', '*兰 ··4003'), 200_00)).toBe('ok');
  letPass(duration(239, 'min'));
  expect(await left()).toBe(0);
  letPass(duration(1, 'min'));
  expect(await left()).toBe(500_00);
});

test('what another phone of the wallet has sent counts as well, and what the house knows already counts once', async () => {
  expect(await send(await addressee('code'), 100_00)).toBe('ok');
  const { request } = await composeRequest(payer.vault, payer.clock());
  expect(request.notes).toMatchObject([{ toCode: true }]);
  // Another phone has sent 250; ours is not there yet.
  await keepSetting(payer.vault, 'transferNews', { ...NEWS, codeSpent: 250_00 });
  expect(await left()).toBe(150_00);
  // Both are there.
  await payer.vault.outbox.clear();
  await keepSetting(payer.vault, 'transferNews', { ...NEWS, codeSpent: 350_00 });
  expect(await left()).toBe(150_00);
  letPass(duration(4, 'h'));
  expect(await left()).toBe(500_00);
});

test('a note to somebody found says nothing of a code', async () => {
  expect(await send(await addressee('found'), 100_00)).toBe('ok');
  const { request } = await composeRequest(payer.vault, payer.clock());
  expect(request.notes).toHaveLength(1);
  expect(request.notes?.[0]).not.toHaveProperty('toCode');
});

test('before the region has said its cap, or when it says none, a code is sent nothing', async () => {
  await payer.vault.settings.delete('transferNews');
  expect(await send(await addressee('code'), 1)).toBe('transfer.code-day');
  await keepSetting(payer.vault, 'transferNews', { ...NEWS, codeDay: 0 });
  expect(await send(await addressee('code'), 1)).toBe('transfer.code-day');
});

test('whom one has paid can be paid again with no network; a code on paper makes nobody known', async () => {
  const hong = await addressee('found');
  const poster = await addressee('code', '*某 ··9999');
  expect(await send(hong, 10_00)).toBe('ok');
  expect(await send(poster, 10_00)).toBe('ok');
  expect(await recents(payer.vault, payer.clock())).toEqual([
    { payee: hong.certificate.message.payee, name: '*红 ··4002', region: 'CN-SX' },
  ]);
  const again = await addresseeOfRecent(payer, hong.certificate.message.payee);
  if (!again.ok) throw new Error(again.error.code);
  expect(await send(again.value, 20_00)).toBe('ok');
  expect(codeOf(await addresseeOfRecent(payer, poster.certificate.message.payee))).toBe('code.none');
  expect(await recents(payer.vault, instant(NOON + 301 * DAY))).toEqual([]);
});

test('a request is paid once from this phone, however often it is answered', async () => {
  const hong = await addressee('found');
  const ask = newId(NOON);
  const give = async () => {
    const offer = await offerGift(payer, hong, { amount: 33_34, currency: 'CNY', ask });
    const plan = offer.ok ? await planPayment(payer, offer.value) : offer;
    return offer.ok && plan.ok ? await pay(payer, offer.value, plan.value) : plan;
  };
  const [first, second] = [await give(), await give()];
  if (!first.ok || !second.ok || !('invoiceBytes' in first.value)) throw new Error('it is paid');
  expect(await payer.vault.payments.count()).toBe(1);
  const note = readNote(first.value.invoiceBytes);
  expect(note).toMatchObject({ value: { id: ask, amount: 33_34 } });
});
