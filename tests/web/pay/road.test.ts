/** Weak signal: a payment is asked of the network for so long and no longer, then the code pays, and it says so. */
import { beforeAll, expect, test } from 'vitest';
import { duration, instant } from '#shared/base/time.ts';
import { type Frame, readFrame } from '#shared/protocol/frame.ts';
import { buyPhone, foundTown, giveAllowance, type Phone, type Town } from '#tests/web/vault/town.ts';
import { type CounterState, openCounter } from '#web/pay/counter.ts';
import { invoiceCode, makeInvoice } from '#web/pay/payee.ts';
import { type Offer, type Plan, pay, planPayment, readOffer } from '#web/pay/payer.ts';
import { type RoadTaken, takeRoads } from '#web/pay/road.ts';
import { createLink, type Road } from '#web/sync/state.ts';

let town: Town;
beforeAll(async () => {
  town = await foundTown();
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A phone whose house answers after `ms` that it is unreachable; its clock runs. */
async function phoneOnRoad(road: Road, ms: number): Promise<Phone> {
  const phone = await buyPhone(town, '王小明');
  const began = performance.now();
  const link = createLink();
  link.change({ road });
  return {
    ...phone,
    link,
    clock: () => instant(phone.time + Math.round(performance.now() - began)),
    ask: async () => {
      await pause(ms);
      return { ok: false, error: { code: 'house.unreachable' } };
    },
  };
}

async function codeOf(payee: Phone, amount: number): Promise<Frame> {
  const invoice = await makeInvoice(payee, { amount, currency: 'CNY' });
  const drawn = invoice.ok ? await invoiceCode(payee, invoice.value) : invoice;
  const frame = drawn.ok ? readFrame(drawn.value[0] ?? '') : drawn;
  if (!frame.ok || frame.value.kind === 'part') throw new Error('no code');
  return frame.value;
}

async function planFor(payer: Phone, frame: Frame): Promise<{ offer: Offer; plan: Plan }> {
  const offer = await readOffer(payer, frame);
  if (!offer.ok) throw new Error(offer.error.code);
  const plan = await planPayment(payer, offer.value);
  if (!plan.ok) throw new Error(plan.error.code);
  return { offer: offer.value, plan: plan.value };
}

// the road as it was measured last | the answer takes | patience | what is told
test.each<[Road, number, number, string[]]>([
  ['online', 20, 5_000, ['asking 0', 'code 0']],
  ['online', 100, 50, ['asking 0', 'code 0', 'code 0']],
  ['unknown', 1_600, 200, ['asking 0', 'code 0', 'code 2']],
  ['weak', 20, 5_000, ['code 0']],
  ['offline', 20, 5_000, ['code 0']],
])('%s, an answer after %i ms where %i are waited: %o', async (road, ms, patience, told) => {
  const phone = await phoneOnRoad(road, ms);
  const heard: RoadTaken[] = [];
  await takeRoads(phone, (taken) => heard.push(taken), duration(patience, 'ms'));
  expect(heard.map(({ kind, waited }) => `${kind} ${waited}`)).toEqual(told);
});

test('a sync that is under way does not hold up the payment, nor its word that the network is slow', async () => {
  const phone = await phoneOnRoad('online', 600);
  const payee = await buyPhone(town, '平遥牛肉店');
  await giveAllowance(town, phone);
  const release = Promise.withResolvers<void>();
  void navigator.locks.request(`sync:${phone.vault.name}`, () => release.promise);
  const frame = await codeOf(payee, 5_00);
  const counter = openCounter(phone);
  let state: CounterState | undefined;
  counter.subscribe((now) => {
    state = now;
  });
  await counter.scanned(frame);
  await counter.confirmed();
  expect(state).toMatchObject({ step: 'code', row: { state: 'signed' }, road: { kind: 'asking' } });
  await expect.poll(() => state?.road, { timeout: 8_000 }).toEqual({ kind: 'code', waited: 5 });
  // Another tap, another scan: the same payment.
  const { offer, plan } = await planFor(phone, frame);
  expect(await pay(phone, offer, plan)).toMatchObject({ ok: true, value: { id: state?.row?.id } });
  expect(await phone.vault.payments.count()).toBe(1);
  release.resolve();
});

test('a payment that needs the network is given up in time, though a sync under way takes longer', async () => {
  const phone = await phoneOnRoad('online', 0);
  const payee = await buyPhone(town, '平遥牛肉店');
  const release = Promise.withResolvers<void>();
  void navigator.locks.request(`sync:${phone.vault.name}`, () => release.promise);
  const frame = await codeOf(payee, 20_00);
  const { offer, plan } = await planFor(phone, frame);
  expect(plan.kind).toBe('online');
  const began = performance.now();
  expect(await pay(phone, offer, plan)).toMatchObject({ ok: false, error: { code: 'allowance.none' } });
  expect(performance.now() - began).toBeLessThan(7_000);
  expect(await phone.vault.payments.count()).toBe(0);
  release.resolve();
});
