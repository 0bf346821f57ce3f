/**
 * A phone is stolen: a borrowed browser and the printed code stop it, payees who know refuse it, and its owner takes the
 * wallet back: with the code when the phone is found, and by two agents of support when both are gone.
 */
import { expect, test } from 'vitest';
import { agent, openCase } from '#tests/kit/desk-story.ts';
import type { Person } from '#tests/kit/person.ts';
import {
  ask,
  balance,
  button,
  collect,
  confirm,
  network,
  openTown,
  picture,
  scan,
  synced,
  told,
  topUp,
  untilBalance,
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

test('never found, and the code with it: an appeal, two agents, a new phone, and the money is there', async () => {
  const owner = await town.newcomer('robbed', { called: '小芳', phone: '13900701003' });
  const till = await town.newcomer('till', { called: '小强', phone: '13900701004' });
  const origin = town.house.origin;
  await topUp(owner, '100');
  await waitForAllowance(owner);
  await owner.page.goto(`${origin}/me/freeze`);
  await button(owner, 'me_recovery_make').click();
  const code = (await owner.page.locator('.code').textContent()) ?? '';

  // The thief is faster than the news: the till takes it, and says how old its list is.
  await wake(till, origin);
  await synced(till);
  await network('cut', owner, till);
  await owner.page.goto(`${origin}/`);
  await ask(till, '5');
  await scan(owner, till);
  await confirm(owner);
  expect(await collect(till, owner)).toBe('verified');
  const region = till.language === 'zh' ? '山西' : 'Shanxi';
  const [before = '', after = ''] = words(till, 'pay_status_age', { ago: '|', region }).split('|');
  await till.page.getByText(new RegExp(`${before}.+${after}`)).waitFor();
  await owner.kill();

  // A friend has the slip of paper, types it in, and throws it away.
  const friend = await town.visitor('friend', { locale: 'zh-CN' });
  await friend.page.goto(`${origin}/freeze`);
  await friend.page.getByLabel(words(friend, 'me_recovery_code'), { exact: true }).fill(code);
  await button(friend, 'me_freeze_now').click();
  await told(friend, 'me_frozen').waitFor();
  await network('open', till);
  await untilBalance(till, 5_00);

  // A new phone: the money is to be seen, why it stands still is said, and an appeal is written.
  const fresh = await town.adopt(owner.successor('fresh'));
  await fresh.page.goto(origin);
  await told(fresh, 'home_state_online').or(told(fresh, 'home_state_weak')).first().waitFor();
  await untilBalance(fresh, 95_00);
  await fresh.page.goto(`${origin}/me/security`);
  await told(fresh, 'me_frozen').waitFor();
  await picture(fresh, 'security-frozen');
  await fresh.page.getByRole('link', { name: new RegExp(words(fresh, 'security_appeal_title')) }).click();
  await told(fresh, 'security_held_code').waitFor();
  await fresh.page.getByLabel(words(fresh, 'security_appeal_words')).fill('手机被偷，恢复码也丢了。');
  await picture(fresh, 'appeal');
  await button(fresh, 'security_appeal_send').click();
  await fresh.page
    .getByText(words(fresh, 'security_appeal_due', { at: '' }).slice(0, 3))
    .first()
    .waitFor();

  // Two people of support, each known by name, each with a passkey of their own.
  const liu = await agent(town, 'liu', '13900701005', '905');
  const wei = await agent(town, 'wei', '13900701006', '907');
  const speak = async (one: Person, answer: string) => {
    await openCase(town, one, /\*芳/);
    await one.page.getByText('手机被偷，恢复码也丢了。').first().waitFor();
    await one.page.getByLabel(words(one, 'desk_answer'), { exact: true }).fill(answer);
    await button(one, 'desk_grant').click();
    await one.page.waitForURL(`${origin}/desk`);
  };
  await speak(liu, '已电话核实。');
  await fresh.page.reload();
  await told(fresh, 'security_held_code').waitFor();
  await speak(wei, '已核实身份，已为您解冻。');

  // Told, let in, and with half the limits for a day; what the old phone held comes back when its time is over.
  await fresh.page.reload();
  await fresh.page.getByText('已核实身份，已为您解冻。').waitFor();
  await told(fresh, 'security_held_recovered').waitFor();
  await picture(fresh, 'appeal-granted');
  await fresh.page.goto(`${origin}/`);
  await synced(fresh);
  await untilBalance(fresh, 95_00);
  await topUp(fresh, '50');
  await waitForAllowance(fresh);
  await untilBalance(fresh, 145_00);
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
