/** A payment made with no network goes up by itself when there is one, with the app closed: the service worker carries it. */
import { expect, test } from 'vitest';
import { toBase64url } from '#shared/base/bytes.ts';
import { readFrame } from '#shared/protocol/frame.ts';
import { readPayment } from '#shared/protocol/payment.ts';
import type { Person } from '#tests/kit/person.ts';
import {
  ask,
  codeText,
  network,
  openTown,
  pay,
  topUp,
  untilBalance,
  untilBills,
  waitForAllowance,
} from '#tests/kit/story.ts';

const town = openTown();
const TAG = 'piaohao-sync';

/** The id of the payment whose code is on the screen. */
async function paymentOn(person: Person): Promise<string> {
  const frame = readFrame(await codeText(person));
  const payment = frame.ok && frame.value.kind === 'payment' ? readPayment(frame.value.payment) : undefined;
  if (!payment?.ok) throw new Error('no payment on the screen');
  return toBase64url(payment.value.id);
}

/** What the region tells anybody who knows the number of a payment. */
async function standing(id: string): Promise<string> {
  const answer = await fetch(`${town.house.origin}/receipts/${id}`);
  return ((await answer.json()) as { state?: string; code?: string }).state ?? 'unknown';
}

/** Tells the service worker of `person` what the browser tells it when there is a network again. */
async function networkIsBack(person: Person): Promise<void> {
  const devtools = await person.context.newCDPSession(person.page);
  const registered = new Promise<string>((resolve) => {
    devtools.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const live = registrations.find(({ isDeleted }) => !isDeleted);
      if (live) resolve(live.registrationId);
    });
  });
  await devtools.send('ServiceWorker.enable');
  const registrationId = await registered;
  await devtools.send('ServiceWorker.dispatchSyncEvent', {
    origin: town.house.origin,
    registrationId,
    tag: TAG,
    lastChance: false,
  });
}

test('closed, and out of the outbox all the same', async () => {
  const payer = await town.newcomer('payer', { called: '小明', phone: '13901001001', prf: false });
  const payee = await town.newcomer('payee', { called: '小红', phone: '13901001002', prf: false });
  await topUp(payer, '100');
  await waitForAllowance(payer);
  await network('cut', payer, payee);
  await ask(payee, '12.50');
  await pay(payer, payee, { name: '小红 ··1002', amount: '¥12.50' });
  const id = await paymentOn(payer);
  await expect
    .poll(
      () =>
        payer.page.evaluate(async () => {
          const registration = await navigator.serviceWorker.ready;
          return await (registration as unknown as { sync: { getTags(): Promise<string[]> } }).sync.getTags();
        }),
      { timeout: 30_000 },
    )
    .toContain(TAG);

  // The payee's phone is dark; the payer leaves the app. Nobody but the service worker is left to tell.
  await payee.kill();
  await payer.page.goto('about:blank');
  expect(await standing(id)).toBe('unknown');
  await network('open', payer);
  await networkIsBack(payer);
  await expect.poll(() => standing(id), { timeout: 30_000 }).toBe('settled');

  // Opened again, the app knows; nothing was posted twice.
  await payer.page.goto(town.house.origin);
  await untilBills(payer, ['小红 ··1002 −¥12.50 Settled', 'Top-up ¥100.00 Settled']);
  await untilBalance(payer, 87_50);
  const books = await town.closeBooks();
  expect(books.lines('claim')).toEqual(['claim 12.50 hold payer -> payee']);
});
