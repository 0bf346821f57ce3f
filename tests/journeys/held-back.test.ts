/**
 * A wallet is held back twice, and its owner ends it each time: new terms stand before money until they are accepted, and
 * a large sum from a phone that is new here is stopped, on every phone, until somebody says whose doing it was.
 */
import { expect, test } from 'vitest';
import { certify } from '#tests/kit/bank-story.ts';
import { command } from '#tests/kit/desk-story.ts';
import { textsTo } from '#tests/kit/house.ts';
import type { Person } from '#tests/kit/person.ts';
import {
  ask,
  button,
  go,
  openTown,
  pay,
  picture,
  scan,
  synced,
  told,
  topUp,
  typeSum,
  untilBalance,
  waitForAllowance,
  wake,
  words,
} from '#tests/kit/story.ts';

const town = openTown();
const PATIENCE_MS = 60_000;
const HOME = { timeout: PATIENCE_MS, interval: 1_000 };

/** Opens the app again and again, as its owner might, until its first screen says this. */
async function untilHome(person: Person, says: () => Promise<boolean>): Promise<void> {
  await expect
    .poll(async () => {
      await wake(person, town.house.origin);
      await synced(person);
      return await says();
    }, HOME)
    .toBe(true);
}

test('new terms, a fridge from a new phone, and one tap that stops everything', async () => {
  const ming = await town.newcomer('ming', { called: '小明', phone: '13900802001', locale: 'zh-CN' });
  const shop = await town.newcomer('shop', { called: '家电城', phone: '13900802002', locale: 'zh-CN' });
  await certify(ming, '王小明');
  await topUp(ming, '5000');
  await waitForAllowance(ming);

  // New terms: no money moves until they are read and accepted.
  const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  command(
    town,
    'fees are lower',
    'agreement',
    'CN-SX',
    yesterday,
    '第二版：手续费降低了。',
    'Version two: lower fees.',
  );
  await go(ming, 'top-up');
  await typeSum(ming, '10');
  await button(ming, 'funding_go').click();
  await ming.page.getByText(words(ming, 'refusal_agreement_new')).first().waitFor({ timeout: PATIENCE_MS });
  await picture(ming, 'terms-before-money');
  await ming.page.getByRole('link', { name: words(ming, 'account_agreement'), exact: true }).click();
  await ming.page.getByText('第二版：手续费降低了。').waitFor();
  await button(ming, 'account_agreement_accept').click();
  await button(ming, 'account_agreement_accept').waitFor({ state: 'hidden' });
  await topUp(ming, '10');

  // The keychain opens the wallet on a second phone; within its first day it buys something dear.
  const fresh = await town.adopt(ming.successor('fresh'));
  await fresh.page.goto(town.house.origin);
  await untilBalance(fresh, 5_010_00);
  await ask(shop, '2100');
  await scan(fresh, shop);
  await button(fresh, 'pay_confirm').click();
  await fresh.page.getByText(words(fresh, 'refusal_wallet_paused')).first().waitFor({ timeout: PATIENCE_MS });
  expect(await fresh.page.getByRole('link', { name: words(fresh, 'security_title') }).getAttribute('href')).toBe(
    '/me/security',
  );
  await picture(fresh, 'paused-at-the-till');

  // The first phone gives its offline money back as soon as it hears, and says what is the matter.
  await untilHome(
    ming,
    async () =>
      (await told(ming, 'security_paused_home').isVisible()) &&
      !(await ming.page.getByText(words(ming, 'home_payments_left')).isVisible()),
  );
  await picture(ming, 'paused-home');
  const texts = (await textsTo(town.house.sandboxOrigin, '+8613900802001')).map(({ text }) => text);
  expect(texts).toContainEqual(expect.stringContaining('已暂停付款'));
  await ming.page.getByText(words(ming, 'security_paused_home')).click();
  const mine = button(ming, 'security_alarm_mine');
  await mine.first().waitFor({ timeout: PATIENCE_MS });
  await picture(ming, 'alarms');
  const waiting = await mine.count();
  await mine.first().click();
  await expect.poll(() => mine.count(), HOME).toBe(waiting - 1);

  // It was Ming: what was set aside is set aside anew, and the fridge is paid, once.
  await untilHome(ming, () => ming.page.getByText(words(ming, 'home_payments_left')).isVisible());
  await ask(shop, '2100');
  await pay(fresh, shop, { name: '家电城 ··2002', amount: '¥2,100.00' });
  await told(shop, 'pay_arrived').waitFor({ timeout: PATIENCE_MS });
  await untilBalance(fresh, 2_910_00);

  // The phone was a thief's after all: no passkey is asked for, and both phones stand still.
  await ming.page.goto(`${town.house.origin}/me/security`);
  await button(ming, 'security_alarm_not_mine').first().click({ timeout: PATIENCE_MS });
  await told(ming, 'me_frozen').waitFor({ timeout: PATIENCE_MS });
  await untilHome(fresh, () => told(fresh, 'me_frozen').isVisible());
  await picture(fresh, 'frozen-by-the-other-phone');

  const books = await town.closeBooks();
  expect(books.lines('claim')).toEqual(['claim 2100.00 hold ming -> shop']);
});
