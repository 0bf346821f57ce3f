/**
 * Money to people: by nickname, by their own code with its cap of the day, with no network to whom one has paid before,
 * for a request that says until when, and for a code with a sum and a note. Who it is stands there first, verified.
 */
import { expect, test } from 'vitest';
import {
  button,
  code,
  codeText,
  collect,
  confirm,
  go,
  look,
  openTown,
  picture,
  refusal,
  refusalWords,
  scan,
  told,
  topUp,
  typeSum,
  untilBalance,
  waitForAllowance,
  words,
} from '#tests/kit/story.ts';
import { find, open, send, settle } from '#tests/kit/transfer-story.ts';

const town = openTown();
const PATIENCE_MS = 30_000;

/** Whether all of the refusal stands between the title and the keypad. Runs in the page. */
function isRefusalClear(): boolean {
  const box = (selector: string) => document.querySelector(selector)?.getBoundingClientRect();
  const [bar, alert, foot] = [box('header'), box('[role="alert"]'), box('footer')];
  return !!bar && !!alert && !!foot && alert.top >= bar.bottom && alert.bottom <= foot.top;
}

test('by nickname, by a code up to its cap, offline to somebody known, on request, and by a code with sum and note', async () => {
  const ming = await town.newcomer('ming', { called: '小明', phone: '13900906001' });
  const hong = await town.newcomer('hong', { called: '小红', phone: '13900906002' });
  await topUp(ming, '800');
  await waitForAllowance(ming);
  const isHong = () => ming.page.getByRole('heading', { name: '*红 ··6002' }).waitFor({ timeout: PATIENCE_MS });
  // A nickname, whole: half of it is nobody's.
  await open(hong, '/me/nickname');
  await hong.page.getByLabel(words(hong, 'transfer_nickname'), { exact: true }).fill('hong_noodles');
  await button(hong, 'transfer_nickname_keep').click({ timeout: PATIENCE_MS });
  await told(hong, 'transfer_nickname_kept').waitFor({ timeout: PATIENCE_MS });
  await open(ming, '/transfer');
  await find(ming, 'hong_noodle');
  expect(await refusal(ming)).toBe(refusalWords(ming, 'transfer.nobody'));
  await find(ming, '@hong_noodles');
  await isHong();
  await told(ming, 'pay_verified_name').waitFor();
  await send(ming, '30', '面钱');

  // Her own code, by camera: the cap of the day is said, held to before anything is signed, and goes down.
  const left = () => ming.page.locator('[data-left]').getAttribute('data-left', { timeout: PATIENCE_MS });
  await open(hong, '/transfer/code');
  await hong.page.locator('[data-code]').waitFor({ timeout: PATIENCE_MS });
  await look(ming, hong);
  await isHong();
  expect(await left()).toBe('50000');
  await typeSum(ming, '501');
  await button(ming, 'transfer_next').click();
  expect(await refusal(ming)).toBe(refusalWords(ming, 'transfer.code-day'));
  await expect.poll(() => ming.page.evaluate(isRefusalClear)).toBe(true);
  await picture(ming, 'code-cap');
  for (const _key of '501') await button(ming, 'ui_keypad_erase').click();
  await send(ming, '20', '一碗');
  await look(ming, hong);
  await isHong();
  expect(await left()).toBe('48000');

  // No network: whom one has paid is there, what is signed can be scanned side by side, and arrives later.
  await ming.network('cut');
  await open(ming, '/transfer');
  await ming.page.getByRole('button', { name: '*红 ··6002' }).click({ timeout: PATIENCE_MS });
  await isHong();
  await typeSum(ming, '5');
  await button(ming, 'transfer_next').click();
  await told(ming, 'transfer_later').waitFor();
  await button(ming, 'transfer_confirm').click();
  await code(ming).waitFor({ timeout: PATIENCE_MS });
  await hong.lookAt(ming);
  await button(hong, 'pay_receive_scan').click();
  await told(hong, 'pay_verified').waitFor({ timeout: PATIENCE_MS });
  await ming.network('open');

  // She asks for what is missing, until tomorrow.
  await open(hong, '/request/new');
  await find(hong, '13900906001');
  await hong.page.getByRole('heading', { name: '*明 ··6001' }).waitFor({ timeout: PATIENCE_MS });
  await hong.page.getByLabel(words(hong, 'pay_memo'), { exact: true }).fill('电影票');
  await hong.page.getByRole('radio', { name: words(hong, 'transfer_days_1'), exact: true }).check();
  await typeSum(hong, '12');
  await button(hong, 'transfer_ask_send').click();
  await hong.page.locator('article[data-state=open]').waitFor({ timeout: PATIENCE_MS });
  await open(ming, '/request');
  const asked = ming.page.locator('article', { hasText: '电影票' });
  await asked.getByText(words(ming, 'transfer_until', { day: '' }).trim()).waitFor({ timeout: PATIENCE_MS });
  await asked.getByRole('link', { name: words(ming, 'transfer_pay'), exact: true }).click();
  await isHong();
  await settle(ming);

  // A code with a sum and a note: the payer reads both before saying yes.
  await go(hong, 'receive');
  await button(hong, 'pay_memo_add').click();
  await hong.page.getByLabel(words(hong, 'pay_memo'), { exact: true }).fill('两杯茶');
  await typeSum(hong, '8');
  await button(hong, 'pay_receive_show').click();
  await code(hong).waitFor();
  expect(await codeText(hong)).not.toBe('');
  await scan(ming, hong);
  await ming.page.getByRole('main').getByText('两杯茶', { exact: true }).waitFor();
  await confirm(ming);
  expect(['verified', 'arrived']).toContain(await collect(hong, ming));

  await untilBalance(hong, 75_00);
  await untilBalance(ming, 725_00);
  const books = await town.closeBooks();
  expect([...books.lines('claim')].sort()).toEqual(
    ['30.00', '20.00', '5.00', '12.00', '8.00'].map((sum) => `claim ${sum} hold ming -> hong`).sort(),
  );
});
