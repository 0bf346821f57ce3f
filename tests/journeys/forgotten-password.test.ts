/** A payment password is chosen, mistyped, forgotten and found again by two roads; with the new one an act is proved. */
import type { Locator } from 'playwright';
import { expect, test } from 'vitest';
import type { Person } from '#tests/kit/person.ts';
import { button, openTown, picture, refusalWords, told, words } from '#tests/kit/story.ts';

const town = openTown();

const field = (person: Person, key: string): Locator => person.page.getByLabel(words(person, key), { exact: true });
/** Presses six keys of the app's own keypad. */
async function press(person: Person, digits: string): Promise<void> {
  const keypad = person.page.getByRole('group', { name: words(person, 'ui_keypad') });
  for (const key of digits) await keypad.getByRole('button', { name: key, exact: true }).click();
}
const saysAlert = (person: Person, text: string) => person.page.getByRole('alert').getByText(text).waitFor();

/** Changes what goes without a proof, up to the sheet that asks for one. */
async function wish(person: Person, each: string): Promise<void> {
  await field(person, 'password_free_each').fill(each);
  await button(person, 'identity_save').click();
  await field(person, 'password_label').waitFor();
}

test('a text and a finger bring a new one into force, and it proves what the old one no longer does', async () => {
  const hua = await town.newcomer('hua', { called: '小华', phone: '13900801001' });
  const { page } = hua;
  const open = () => page.goto(`${town.house.origin}/me/password`);

  // Chosen: the bad one is told at once, the two that differ as well.
  await open();
  await page.getByRole('link', { name: words(hua, 'password_set') }).click();
  await field(hua, 'password_new').waitFor();
  await press(hua, '123456');
  await saysAlert(hua, words(hua, 'refusal_password_run'));
  await press(hua, '730291');
  await field(hua, 'password_again').fill('730292');
  await saysAlert(hua, words(hua, 'password_differs'));
  await field(hua, 'password_new').fill('730291');
  await field(hua, 'password_again').fill('730291');
  await page.getByRole('link', { name: words(hua, 'password_change') }).waitFor();

  // Used, after one slip: its place is beside the keypad, which is empty again.
  await wish(hua, '50');
  await field(hua, 'password_label').fill('730292');
  await saysAlert(hua, words(hua, 'refusal_password_wrong', { left: 4 }));
  await picture(hua, 'proof-wrong');
  await press(hua, '730291');
  await told(hua, 'password_free_saved').waitFor();

  // Forgotten: the finger, and a text with one slip.
  await page.getByRole('link', { name: words(hua, 'password_forgot') }).click();
  await button(hua, 'password_by_finger').click();
  await page.getByText(words(hua, 'password_forgot_missing', { count: 1 })).waitFor();
  await page.getByRole('button', { name: words(hua, 'password_ask_text', { to: '139****1001' }) }).click();
  const sent = page.getByLabel(words(hua, 'password_code_sent', { to: '139****1001' }));
  await sent.waitFor();
  const code = await town.house.smsCode('+8613900801001');
  await sent.fill(code === '111111' ? '222222' : '111111');
  await saysAlert(hua, words(hua, 'refusal_signup_code_wrong', { left: 4 }));
  await picture(hua, 'forgot-one-proved');
  await sent.fill(code);
  await field(hua, 'password_new').fill('730291');
  await field(hua, 'password_again').fill('730291');
  await saysAlert(hua, words(hua, 'refusal_password_used'));
  await field(hua, 'password_new').fill('805417');
  await field(hua, 'password_again').fill('805417');
  await told(hua, 'password_found').waitFor();
  await page.getByRole('link', { name: words(hua, 'password_found_on') }).click();

  // The act is proved by the new one, and not by the old.
  await told(hua, 'password_both_recovered').waitFor();
  await wish(hua, '20');
  await field(hua, 'password_label').fill('730291');
  await saysAlert(hua, words(hua, 'refusal_password_wrong', { left: 4 }));
  await field(hua, 'password_label').fill('805417');
  await told(hua, 'password_free_saved').waitFor();
  expect(await field(hua, 'password_free_each').inputValue()).toBe('20.00');

  // Without a network nothing is asked for, and why is said.
  await field(hua, 'password_free_each').fill('10');
  await hua.network('cut');
  await button(hua, 'identity_save').click();
  await page
    .getByRole('dialog')
    .getByText(refusalWords(hua, 'house.unreachable').split('\n')[0] ?? '')
    .waitFor({ timeout: 60_000 });
});
