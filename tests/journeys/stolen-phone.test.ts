/** A phone is stolen: a borrowed browser and the printed code stop it, payees who know refuse it, and its owner takes the wallet back. */
import { expect, test } from 'vitest';
import type { Person } from '#tests/kit/person.ts';
import {
  ask,
  balance,
  button,
  confirm,
  network,
  openTown,
  picture,
  scan,
  synced,
  told,
  topUp,
  waitForAllowance,
  wake,
  words,
} from '#tests/kit/story.ts';

const town = openTown();

test('frozen by the printed code from another browser; the phone pays nobody who knows; thawed with code and passkey', async () => {
  const owner = await town.newcomer('owner', { called: '小明', phone: '13900701001' });
  const shop = await town.newcomer('shop', { called: '小红', phone: '13900701002' });
  await topUp(owner, '100');
  await waitForAllowance(owner);
  const origin = town.house.origin;

  // At home, in good time: the code is printed.
  await owner.page.goto(`${origin}/me/freeze`);
  await picture(owner, 'freeze-before');
  await button(owner, 'me_recovery_make').click();
  const code = (await owner.page.locator('.code').textContent()) ?? '';
  expect(code).toMatch(/^(?:[0-9A-Z]{5}-){3}[0-9A-Z]{5}$/);
  await picture(owner, 'freeze-code');

  await wake(shop, origin);
  await synced(shop);
  const before = await listOf(shop);

  // The phone is gone and out of reach of any network; its owner borrows a browser.
  await owner.network('cut');
  const borrowed = await town.visitor('borrowed', { locale: 'zh-CN' });
  await borrowed.page.goto(`${origin}/freeze`);
  const field = borrowed.page.getByLabel(words(borrowed, 'me_recovery_code'), { exact: true });
  await field.fill(code.slice(0, -1));
  await button(borrowed, 'me_freeze_now').click();
  await told(borrowed, 'refusal_freeze_code').waitFor();
  await field.fill(code.toLowerCase());
  await button(borrowed, 'me_freeze_now').click();
  await told(borrowed, 'me_frozen').waitFor();
  await picture(borrowed, 'freeze-done');

  // A shop that has heard of it refuses, with no network on either side.
  await expect
    .poll(
      async () => {
        await wake(shop, origin);
        await synced(shop);
        return await listOf(shop);
      },
      { timeout: 60_000, interval: 1_000 },
    )
    .not.toBe(before);
  await network('cut', shop);
  await ask(shop, '10');
  await owner.page.goto(`${origin}/`);
  await scan(owner, shop);
  await confirm(owner);
  await shop.lookAt(owner);
  await button(shop, 'pay_receive_scan').click();
  await shop.page.getByText(words(shop, 'refusal_allowance_revoked')).first().waitFor();

  // Found again: with a network the phone gives its offline money back and gets none; nothing is paid.
  await owner.network('open');
  await expect
    .poll(
      async () => {
        await wake(owner, origin);
        await synced(owner);
        return await told(owner, 'me_frozen').isVisible();
      },
      { timeout: 60_000, interval: 1_000 },
    )
    .toBe(true);
  await picture(owner, 'freeze-home');

  // The passkey alone does not end it; with the code it does, and the money is ready again.
  await owner.page.goto(`${origin}/me/freeze`);
  await told(owner, 'me_frozen').waitFor();
  await owner.page.getByLabel(words(owner, 'me_recovery_code'), { exact: true }).fill(code);
  await picture(owner, 'freeze-frozen');
  await button(owner, 'me_thaw').click();
  await button(owner, 'me_freeze_now').waitFor();
  await owner.page.goto(`${origin}/`);
  await waitForAllowance(owner);
  // What the phone had signed went up when it was found; the shop, which refused it, says so as soon as it can.
  await network('open', shop);
  await wake(shop, origin);
  await synced(shop);
  const held = async () => {
    await wake(owner, origin);
    await synced(owner);
    return (await balance(owner)).all;
  };
  await expect.poll(held, { timeout: 60_000, interval: 1_000 }).toBe(100_00);
});

/** Which list of stopped wallets of Shanxi this phone holds. */
async function listOf(person: Person): Promise<number> {
  return await person.page.evaluate(async () => {
    const opened = indexedDB.open('piaohao');
    await new Promise((done) => opened.addEventListener('success', done));
    const read = opened.result.transaction('lists').objectStore('lists').get('status:CN-SX');
    await new Promise((done) => read.addEventListener('success', done));
    opened.result.close();
    return (read.result as { version: number } | undefined)?.version ?? 0;
  });
}
