/** A person proves who they are: the slips on the way, the register that is slow, the higher limits, and the certified name at the payer's. */
import { expect, test } from 'vitest';
import { checkLetter } from '#shared/rules/identity-number.ts';
import type { Person } from '#tests/kit/person.ts';
import {
  ask,
  button,
  collect,
  network,
  openTown,
  pay,
  picture,
  synced,
  told,
  topUp,
  waitForAllowance,
  words,
} from '#tests/kit/story.ts';

const town = openTown();
/** A well-formed number; `code` is the story the sandbox's register follows. */
const numberOf = (code: string, born = '19900307') => {
  const digits = `140106${born}${code}`;
  return digits + checkLetter(digits);
};
const field = (person: Person, key: string) => person.page.getByLabel(words(person, key), { exact: true });
const openRealName = async (person: Person) => {
  await person.page.goto(`${town.house.origin}/me/real-name`);
  await person.page.getByText(words(person, 'me_tier_one')).first().waitFor();
};

test('the second tier after two slips and a slow register, the third by the phone, and payers see the certified name', async () => {
  const shop = await town.newcomer('shop', { called: '小明', phone: '13900601001' });
  const payer = await town.newcomer('payer', { called: '小红', phone: '13900601002' });
  await openRealName(shop);
  await picture(shop, 'real-name-first');

  // Nothing ticked, and a digit wrong: said at the field, before anything is sent.
  await field(shop, 'me_real_name_name').fill('王大明');
  await field(shop, 'me_real_name_number').fill(`${numberOf('903').slice(0, 17)}Z`);
  await button(shop, 'me_real_name_send').click();
  await told(shop, 'refusal_real_name_number').waitFor();
  await told(shop, 'me_real_name_agree_first').waitFor();

  // Another person's number: the register says no, and the form is there again.
  await field(shop, 'me_real_name_number').fill(numberOf('901'));
  await shop.page.getByRole('checkbox').check();
  await button(shop, 'me_real_name_send').click();
  await told(shop, 'me_real_name_mismatch').waitFor();
  await picture(shop, 'real-name-refused');

  // Looked at by a person: the page waits by itself and then tells the end.
  await field(shop, 'me_real_name_number').fill(numberOf('903'));
  await button(shop, 'me_real_name_send').click();
  await told(shop, 'me_real_name_review').waitFor();
  await told(shop, 'me_real_name_proved').waitFor({ timeout: 60_000 });
  await shop.page.getByText('王大明').first().waitFor();

  await shop.page.getByRole('checkbox').check();
  await button(shop, 'me_two_factor_send').click();
  await shop.page.locator('section.own').getByText(words(shop, 'me_tier_three')).waitFor({ timeout: 60_000 });
  expect(await button(shop, 'me_two_factor_send').count()).toBe(0);
  await picture(shop, 'real-name-third');

  await shop.page.goto(`${town.house.origin}/`);
  await synced(shop);
  await topUp(payer, '100');
  await waitForAllowance(payer);
  // What may still be paid is said, and what stands ready for offline counts as used.
  await openRealName(payer);
  await told(payer, 'me_tier_one').waitFor();
  for (const key of [
    words(payer, 'me_spent_of', { spent: '¥100.00', most: '¥1,000.00' }),
    words(payer, 'me_spent_left', { left: '¥900.00' }),
  ])
    await payer.page.getByText(key, { exact: true }).waitFor();
  await payer.page.goto(`${town.house.origin}/`);
  await synced(payer);
  await network('cut', shop, payer);
  await ask(shop, '12.50');
  await pay(payer, shop, { name: '王大明', amount: '¥12.50' });
  // Who has proved no name is not vouched for, and both can read it.
  expect(await collect(shop, payer)).toBe('verified');
  await told(shop, 'pay_payer_unproved').waitFor();
  await picture(shop, 'taken-from-unproved');
  await payer.page.goto(`${town.house.origin}/me/allowance`);
  await told(payer, 'pay_offline_unbacked').waitFor();
  await picture(payer, 'allowance-unbacked');
});

test('without an answer nothing is lost: it is sent again as the same question', async () => {
  const hua = await town.newcomer('hua', { called: '小华', phone: '13900601003' });
  await openRealName(hua);
  await field(hua, 'me_real_name_name').fill('李小华');
  await field(hua, 'me_real_name_number').fill(numberOf('001', '19880808'));
  await hua.page.getByRole('checkbox').check();
  await hua.network('deaf');
  await button(hua, 'me_real_name_send').click();
  await told(hua, 'refusal_house_unreachable').first().waitFor({ timeout: 60_000 });
  await hua.network('open');
  await button(hua, 'identity_again').click();
  await told(hua, 'me_real_name_proved').waitFor({ timeout: 60_000 });
  await hua.page.getByText('李小华').first().waitFor();
});
