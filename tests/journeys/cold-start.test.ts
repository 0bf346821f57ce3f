/** The app opens with no network and the server dead, at any of its addresses, and speaks both languages from the first screen. */
import { describe, expect, test } from 'vitest';
import type { Person } from '#tests/kit/person.ts';
import {
  balance,
  bills,
  button,
  network,
  openTown,
  picture,
  told,
  topUp,
  untilBalance,
  untilBills,
  wake,
  words,
} from '#tests/kit/story.ts';

const town = openTown();

/** An address and the message that heads its screen. */
const SCREENS = [
  ['/', 'ui_app_name'],
  ['/pay', 'pay_title'],
  ['/receive', 'pay_receive_title'],
  ['/bills', 'bill_title'],
  ['/top-up', 'funding_title'],
  ['/me', 'me_title'],
  ['/me/allowance', 'pay_offline_title'],
  ['/me/language', 'me_language'],
  ['/me/about', 'me_about'],
  ['/me/install', 'me_install'],
] as const;

test.for(['zh-CN', 'en-US'] as const)('%s from the first screen, and the other at a touch', async (locale) => {
  const visitor = await town.visitor(`visitor-${locale}`, { locale });
  await visitor.page.goto(town.house.origin);
  await told(visitor, 'identity_motto').waitFor();
  await button(visitor, 'identity_open_wallet').waitFor();
  const other = visitor.language === 'zh' ? 'en' : 'zh';
  expect(await visitor.page.locator('html').getAttribute('lang')).toMatch(visitor.language);
  await visitor.page.getByRole('button', { name: other === 'en' ? 'English' : '中文' }).click();
  await told({ language: other, page: visitor.page }, 'identity_motto').waitFor();
  expect(await visitor.page.locator('html').getAttribute('lang')).toMatch(other);
});

describe('with no network and no server', () => {
  let person: Person;

  test('somebody has the app, and then everything is gone', async () => {
    person = await town.newcomer('person', { called: '小明', phone: '13800138001', prf: false });
    await topUp(person, '50');
    // The house said so at once; what the phone has kept of it comes with the sync that follows.
    await untilBalance(person, 50_00);
    await untilBills(person, ['Top-up ¥50.00 Settled']);
    await town.house.kill();
    await person.kill();
    person = await town.adopt(person.reopen());
    await network('cut', person);
  });

  test('the first screen stands within two seconds, with the money on it', async () => {
    const started = performance.now();
    await wake(person, town.house.origin);
    await person.page.getByText(words(person, 'home_available')).waitFor();
    expect(performance.now() - started).toBeLessThan(2_000);
    expect((await balance(person)).all).toBe(50_00);
    await picture(person, 'cold-start');
  });

  test.for(SCREENS)('%s opens by its address', async ([path, title]) => {
    await person.page.goto(town.house.origin + path);
    await person.page.getByRole('heading', { level: 1, name: words(person, title), exact: true }).waitFor();
  });

  test('a bill opens by its address', async () => {
    expect(await bills(person)).toEqual(['Top-up ¥50.00 Settled']);
    await person.page.getByRole('listitem').first().getByRole('link').click();
    await told(person, 'bill_detail_title').waitFor();
    await person.page.goto(person.page.url());
    await told(person, 'bill_detail_title').waitFor();
  });
});
