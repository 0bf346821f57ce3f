/** The payee's side of bad luck: a phone that dies between the invoice and the payment, a used-up phone, a slow network, a broken store. */
import { describe, expect, test } from 'vitest';
import { duration } from '#shared/base/time.ts';
import type { Person } from '#tests/kit/person.ts';
import {
  ask,
  bills,
  button,
  code,
  collect,
  confirm,
  go,
  home,
  match,
  network,
  openTown,
  picture,
  refusal,
  refusalWords,
  scan,
  synced,
  told,
  topUp,
  tryToAsk,
  untilBills,
  waitForAllowance,
  wake,
  words,
} from '#tests/kit/story.ts';

const town = openTown();

describe('a payee whose phone dies with the code on its screen', () => {
  let payer: Person;
  let payee: Person;

  test('finds the invoice at the first screen, and takes the payment that was signed meanwhile', async () => {
    payer = await town.newcomer('payer', { called: '小明', phone: '13800138001', prf: false });
    payee = await town.newcomer('payee', { called: '小红', phone: '13800138002', prf: false });
    await topUp(payer, '400');
    await waitForAllowance(payer);
    await network('cut', payer, payee);
    await ask(payee, '12.50');
    const shown = await match(payee);
    await scan(payer, payee);
    await confirm(payer);
    await payee.kill();
    payee = await town.adopt(payee.reopen());
    await payee.network('cut');
    await wake(payee, town.house.origin);
    await picture(payee, 'home-open-invoice');
    await payee.page.getByText(words(payee, 'pay_open_invoice', { sum: '¥12.50' })).click();
    await code(payee).waitFor();
    expect(await match(payee)).toBe(shown);
    expect(await collect(payee, payer)).toBe('verified');
    expect(await bills(payee)).toEqual(['Received +¥12.50 To upload']);
    await home(payee);
    await expect.poll(() => payee.page.getByText(words(payee, 'pay_open_invoice', { sum: '¥12.50' })).count()).toBe(0);
  });

  test('shows the code again to a payer who had not scanned it yet, from the receive screen', async () => {
    await ask(payee, '3');
    await payee.page.goto(`${town.house.origin}/receive`);
    await payee.page.getByText(words(payee, 'pay_open_invoice', { sum: '¥3.00' })).click();
    await code(payee).waitFor();
    await scan(payer, payee);
    await confirm(payer);
    expect(await collect(payee, payer)).toBe('verified');
    await network('open', payer, payee);
    await untilBills(payee, ['小明 ··8001 +¥3.00 Settled', '小明 ··8001 +¥12.50 Settled']);
  });

  test('a payment that needs the network says what it is waiting for', async () => {
    await synced(payer);
    // Above what one offline payment may be: only the house can set it aside.
    await ask(payee, '150');
    await scan(payer, payee);
    await payer.network('slow', 1_500);
    await button(payer, 'pay_confirm').click();
    await told(payer, 'pay_setting_aside').waitFor();
    await picture(payer, 'setting-aside');
    await code(payer).waitFor({ timeout: 30_000 });
    await payer.network('open');
  });
});

test('a phone whose payments are used up and whose lock is closed says so, and leads to where a touch renews it', async () => {
  await town.policy({ maxCount: 1 });
  const payer = await town.newcomer('locked', { called: '小华', phone: '13800138003' });
  const payee = await town.newcomer('stall', { called: '小摊', phone: '13800138004', prf: false });
  await topUp(payer, '100');
  await waitForAllowance(payer);
  await network('cut', payer, payee);
  await ask(payee, '5');
  await scan(payer, payee);
  await confirm(payer);
  expect(await collect(payee, payer)).toBe('verified');
  await payer.network('open');
  // Opened anew, the app holds no key: the lock lives in memory only.
  await wake(payer, town.house.origin);
  await synced(payer);
  const hint = payer.page.getByText(words(payer, 'home_used_up'));
  await hint.waitFor({ timeout: 30_000 });
  await picture(payer, 'home-used-up');
  await hint.click();
  await button(payer, 'pay_offline_load').click();
  await told(payer, 'pay_offline_return').waitFor({ timeout: 30_000 });
  await waitForAllowance(payer);
  await expect.poll(() => hint.count()).toBe(0);
});

test('a payee whose list of stopped wallets is too old says so before it asks, and asks for small sums only', async () => {
  await town.policy({ statusAge: duration(1, 's'), staleEach: 20_00 });
  const payer = await town.newcomer('customer', { called: '小客', phone: '13800138006', prf: false });
  const payee = await town.newcomer('shop', { called: '小店', phone: '13800138007', prf: false });
  await topUp(payer, '100');
  await waitForAllowance(payer);
  await network('cut', payer, payee);
  await go(payee, 'receive');
  await told(payee, 'pay_list_old').waitFor();
  await picture(payee, 'list-old');
  await tryToAsk(payee, '50');
  expect(await refusal(payee)).toBe(refusalWords(payee, 'acceptance.list-old'));
  await ask(payee, '12');
  await scan(payer, payee);
  await confirm(payer);
  expect(await collect(payee, payer)).toBe('verified');
  await payee.page.locator('.soft.old').waitFor();
  await picture(payee, 'status-age');
});

test('bills that cannot be read are not called empty', async () => {
  const person = await town.newcomer('broken', { called: '小破', phone: '13800138005', prf: false });
  const tab = await person.tab();
  await tab.addInitScript(() => {
    IDBDatabase.prototype.transaction = () => {
      throw new DOMException('gone', 'InvalidStateError');
    };
  });
  await tab.goto(`${town.house.origin}/bills`);
  await told(person, 'bill_unreadable', tab).waitFor();
  expect(await told(person, 'bill_none', tab).count()).toBe(0);
  expect(await told(person, 'bill_end', tab).count()).toBe(0);
  // This tab leads once the other is gone; its syncs fail as quietly as they are tried again.
  await person.page.goto('about:blank');
  await tab.waitForFunction(async () =>
    (await navigator.locks.query()).held?.some(({ name }) => name?.startsWith('leader:')),
  );
  await tab.waitForTimeout(500);
});
