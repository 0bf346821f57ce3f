/** F15: no room on the phone, and a browser that cleared it: the person is told, and nothing is said to be there that is not. */

import { afterEach, beforeAll, expect, test } from 'vitest';
import { cdp } from 'vitest/browser';
import { type Frame, readFrame } from '#shared/protocol/frame.ts';
import { buyPhone, foundTown, giveAllowance, type Phone, type Town } from '#tests/web/vault/town.ts';
import { acceptCode, invoiceCode, makeInvoice } from '#web/pay/payee.ts';
import { pay, paymentCode, planPayment, readOffer } from '#web/pay/payer.ts';
import { leaveMark, lostVault } from '#web/vault/storage.ts';

let town: Town;
beforeAll(async () => {
  town = await foundTown();
});
afterEach(() => room());

/** Leaves the browser so many bytes for everything of this origin; all there are when not said. */
async function room(bytes?: number): Promise<void> {
  const quota = bytes === undefined ? {} : { quotaSize: bytes };
  await cdp().send('Storage.overrideQuotaForOrigin', { origin: location.origin, ...quota });
}

async function invoiceFor(payee: Phone, amount: number) {
  const made = await makeInvoice(payee, { amount, currency: 'CNY' });
  const drawn = made.ok ? await invoiceCode(payee, made.value) : made;
  if (!made.ok || !drawn.ok) throw new Error('no invoice');
  return { invoice: made.value, frame: frameIn(drawn.value) };
}

function frameIn(texts: readonly string[]): Frame {
  const frame = readFrame(texts[0] ?? '');
  if (!frame.ok || frame.value.kind === 'part') throw new Error('no whole frame');
  return frame.value;
}

async function payWith(payer: Phone, frame: Frame) {
  const offer = await readOffer(payer, frame);
  if (!offer.ok) return offer;
  const plan = await planPayment(payer, offer.value);
  return plan.ok ? await pay(payer, offer.value, plan.value) : plan;
}

/** Chromium believes for so long what it knew of the room there is (kBucketSpaceCacheTimeLimit). */
const ROOM_KNOWN_MS = 31_000;

test('without room a payer shows nothing and a payee calls nothing verified; with room again both go on, once', async () => {
  const [payer, payee] = [await buyPhone(town, '王小明'), await buyPhone(town, '平遥牛肉店')];
  await giveAllowance(town, payer);
  const [first, second] = [await invoiceFor(payee, 5_00), await invoiceFor(payee, 7_00)];
  const paid = await payWith(payer, first.frame);
  if (!paid.ok) throw new Error(paid.error.code);
  const shown = frameIn(await paymentCode(payer.vault, paid.value));
  await room(1);
  await new Promise((known) => setTimeout(known, ROOM_KNOWN_MS));
  const full = { ok: false, error: { code: 'vault.full' } };
  expect(await payWith(payer, second.frame)).toMatchObject(full);
  expect(await payer.vault.payments.where('state').equals('signed').count()).toBe(1);
  expect(await acceptCode(payee, first.invoice, shown)).toMatchObject(full);
  expect(await makeInvoice(payee, { amount: 1_00, currency: 'CNY' })).toMatchObject(full);
  expect([await payee.vault.received.count(), await payee.vault.outbox.count()]).toEqual([0, 0]);
  await room();
  await expect.poll(async () => (await payWith(payer, second.frame)).ok, { timeout: ROOM_KNOWN_MS }).toBe(true);
  const rows = await payer.vault.payments.orderBy('[allowance+number]').toArray();
  expect(rows.map(({ number, cumulative, state }) => [number, cumulative, state])).toEqual([
    [1, 5_00, 'signed'],
    [2, 12_00, 'signed'],
  ]);
  expect(await acceptCode(payee, first.invoice, shown)).toMatchObject({ ok: true, value: { kind: 'verified' } });
}, 120_000);

test('of a vault that was cleared it is known what stood there, and of one that is there nothing is said', async () => {
  localStorage.clear();
  const phone = await buyPhone(town, '王小明');
  const { total, bytes } = await giveAllowance(town, phone);
  expect(bytes.length).toBeGreaterThan(100);
  expect(await lostVault(phone.vault)).toBeUndefined();
  await leaveMark(phone.vault, phone.clock());
  expect(await lostVault(phone.vault)).toBeUndefined();
  await phone.vault.delete();
  await phone.vault.open();
  const mark = await lostVault(phone.vault);
  expect(mark).toMatchObject({ left: total, currency: 'CNY', waits: 0 });
  expect(mark?.backAt).toBeGreaterThan(phone.clock());
  expect(JSON.stringify(mark)).not.toContain('王');
  // What somebody else wrote there is not believed.
  localStorage.setItem('piaohao-mark', '{"left":"all"}');
  expect(await lostVault(phone.vault)).toBeUndefined();
  localStorage.clear();
});
