/**
 * A payment password is chosen, mistyped until it locks, forgotten and found again: by two roads of its owner's own, or by
 * one of them and two agents of support, to whom a security question is a hint and no more.
 */
import type { Locator } from 'playwright';
import { expect, test } from 'vitest';
import { agent, openCase } from '#tests/kit/desk-story.ts';
import { textsTo } from '#tests/kit/house.ts';
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

  // Five wrong ones in a row: no keypad any more, until when is said, and the ways on.
  await wish(hua, '40');
  for (const left of [4, 3, 2, 1]) {
    await field(hua, 'password_label').fill('730292');
    await saysAlert(hua, words(hua, 'refusal_password_wrong', { left }));
  }
  await field(hua, 'password_label').fill('730292');
  await field(hua, 'password_label').waitFor({ state: 'hidden' });
  await picture(hua, 'proof-locked');
  await open();
  const [before = ''] = words(hua, 'password_locked_until', { at: '|' }).split('|');
  await page.getByText(new RegExp(`${before}.*\\d\\d:\\d\\d`)).waitFor();

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

  // None of the digits stays on the phone: not in the vault, and not beside it.
  await hua.network('open');
  for (const digits of ['730291', '805417', '730292']) expect(await isKept(hua, digits)).toBe(false);
  expect(await isKept(hua, '小华'), 'what the phone does keep is found').toBe(true);
});

test('the number is lost as well: a hint on the telephone opens nothing, two agents and the finger do', async () => {
  const fang = await town.newcomer('fang', { called: '小芳', phone: '13900801002' });
  const { page } = fang;
  const { origin } = town.house;
  await page.goto(`${origin}/me/security/question`);
  await field(fang, 'security_question_label').fill('第一只猫叫什么名字？');
  await field(fang, 'security_answer_label').fill('煤球');
  await button(fang, 'identity_save').click();
  await told(fang, 'security_question_saved').waitFor();
  await picture(fang, 'question-set');
  await page.goto(`${origin}/me/password/set`);
  for (const key of ['password_new', 'password_again']) await field(fang, key).fill('730291');
  await page.getByRole('link', { name: words(fang, 'password_change') }).waitFor();

  // Fang rings: the agent reads the question, hears match or not, and writes down how else they know her.
  const [liu, wei] = [await agent(town, 'liu', '13900801003', '907'), await agent(town, 'wei', '13900801004', '908')];
  await liu.page.goto(`${origin}/desk`);
  await field(liu, 'identity_phone_label').fill('13900801002');
  await button(liu, 'desk_find').click();
  await liu.page.getByText('第一只猫叫什么名字？').waitFor();
  for (const [said, heard] of [
    ['花花', 'desk_question_no'],
    ['煤 球', 'desk_question_yes'],
  ] as const) {
    await field(liu, 'desk_question_answer').fill(said);
    await button(liu, 'desk_question_check').click();
    await told(liu, heard).waitFor();
  }
  await picture(liu, 'desk-hint');
  await field(liu, 'desk_why').fill('换了号码，视频核对过证件。');
  await button(liu, 'desk_recovery_open').click();
  await field(liu, 'desk_why').waitFor({ state: 'hidden' });
  await openCase(town, liu, /\*芳/);
  await button(liu, 'desk_stand_for').click();
  await liu.page.waitForURL(`${origin}/desk`);

  // One agent is none; her own finger alone is not enough.
  await page.goto(`${origin}/me/password/forgot`);
  await button(fang, 'password_by_finger').click();
  const missing = page.getByText(words(fang, 'password_forgot_missing', { count: 1 }));
  await missing.waitFor();
  expect(await told(fang, 'password_support_stands').count()).toBe(0);
  await openCase(town, wei, /\*芳/);
  await wei.page.getByText(words(wei, 'desk_said_granted', { name: 'liu' })).waitFor();
  await button(wei, 'desk_stand_for').click();
  await wei.page.waitForURL(`${origin}/desk`);

  await page.goto(`${origin}/me/password/forgot`);
  await told(fang, 'password_support_stands').or(field(fang, 'password_new')).first().waitFor();
  if (await button(fang, 'password_by_finger').isVisible()) await button(fang, 'password_by_finger').click();
  await field(fang, 'password_new').fill('805417');
  await field(fang, 'password_again').fill('805417');
  await told(fang, 'password_found').waitFor();
  await picture(fang, 'found-by-support');

  // She is told of each step, the tries of her question among them.
  await page.goto(`${origin}/me/security`);
  for (const key of ['password_recovered', 'support_opened', 'support_approved', 'question_asked']) {
    await told(fang, `security_event_${key}`).waitFor();
  }
  await page.getByText(words(fang, 'security_event_question_no')).first().waitFor();
  const texts = await textsTo(town.house.sandboxOrigin, '+8613900801002');
  expect(texts.map(({ text }) => text)).toEqual(
    expect.arrayContaining([expect.stringContaining('客服正在受理'), expect.stringContaining('「忘记支付密码」')]),
  );
});

/** Whether a word stands anywhere in what the browser keeps of this app. */
async function isKept({ page }: Person, word: string): Promise<boolean> {
  return await page.evaluate(async (wanted) => {
    const asked = <Value>(request: IDBRequest<Value>) =>
      new Promise<Value>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const kept: string[] = [JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage })];
    for (const { name = '' } of await indexedDB.databases()) {
      const database = await asked(indexedDB.open(name));
      for (const table of database.objectStoreNames) {
        kept.push(JSON.stringify(await asked(database.transaction(table).objectStore(table).getAll())));
      }
      database.close();
    }
    return kept.some((text) => text.includes(wanted));
  }, word);
}
