/**
 * A wallet lived with by the keyboard alone: opened, filled, paid from and read, by Tab, Enter and the arrows. Wherever
 * the focus stands it can be seen, on each new screen it stands at the heading, and nothing moves for who asked for rest.
 */
import type { Locator } from 'playwright';
import { expect, test } from 'vitest';
import type { Person } from '#tests/kit/person.ts';
import { ask, codeText, openTown, words } from '#tests/kit/story.ts';

const town = openTown();
const PATIENCE_MS = 30_000;
/** Keys to the furthest thing of a screen: what is further away is out of reach. */
const TABS_MOST = 60;

/** Presses `key` until the focus stands on `target`; every place it passes must show that it has it. */
async function reach({ page }: Person, target: Locator, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  await target.waitFor({ state: 'attached', timeout: PATIENCE_MS });
  for (let pressed = 0; pressed < TABS_MOST; pressed += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press(key);
    const hidden = await page.evaluate(focusUnseen);
    expect(hidden).toBeUndefined();
  }
  throw new Error(`out of reach by ${key}: ${target}`);
}

/** What has the focus and does not show it, or is nowhere to be seen. Runs in the page. */
function focusUnseen(): string | undefined {
  const active = document.activeElement;
  if (!active || active === document.body) return undefined;
  // A field inside of a frame has its outline around the frame; a hidden one has it around its label's words.
  const frame = active.closest('label') ?? active.parentElement;
  const drawn = [active, ...(frame ? [frame, ...frame.querySelectorAll('label > *')] : [])];
  const isSeen = drawn.some((element) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    return outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2;
  });
  const whole = active.closest('label') ?? active;
  const { left, right, top, bottom } = whole.getBoundingClientRect();
  // Neither outside of the glass nor under what stands over the page.
  const isThere = [top + 4, (top + bottom) / 2, bottom - 4].some((height) => {
    const there = document.elementFromPoint((left + right) / 2, height);
    return there !== null && (whole.contains(there) || there.contains(whole));
  });
  return isSeen && isThere ? undefined : active.outerHTML.slice(0, 160);
}

const called = ({ page }: Person, role: 'button' | 'link' | 'radio', name: string) =>
  page.getByRole(role, { name, exact: true });

/** Reaches what `key` says and presses Enter on it. */
async function press(person: Person, role: 'button' | 'link', key: string): Promise<void> {
  const target = called(person, role, words(person, key));
  await reach(person, target);
  await person.page.keyboard.press('Enter');
}

/** The focus stands at the heading of the screen whose title is `title`. */
async function arrived({ page }: Person, title: string): Promise<void> {
  const heading = page.getByRole('heading', { level: 1, name: title, exact: true });
  await heading.waitFor({ timeout: PATIENCE_MS });
  await expect.poll(() => heading.evaluate((element) => element === document.activeElement)).toBe(true);
}

/** Nothing on the screen moves by itself. */
async function atRest({ page }: Person): Promise<void> {
  const moving = await page.evaluate(
    () => document.getAnimations().filter(({ playState }) => playState === 'running').length,
  );
  expect(moving).toBe(0);
}

test('a wallet is opened, filled, paid from and read with no finger and no mouse', async () => {
  const hong = await town.newcomer('hong', { called: 'Hong', phone: '13900502002' });
  const ming = await town.visitor('ming');
  const { page } = ming;
  const { keyboard } = page;
  await page.emulateMedia({ reducedMotion: 'reduce' });
  const home = words(ming, 'ui_app_name');

  await page.goto(`${town.house.origin}/`, { waitUntil: 'domcontentloaded' });
  await reach(ming, page.getByLabel(words(ming, 'identity_phone_label')));
  await keyboard.type('13900502001');
  await keyboard.press('Enter');
  await reach(ming, page.getByLabel(words(ming, 'identity_name_label'), { exact: true }));
  await keyboard.type('Ming');
  await reach(ming, called(ming, 'radio', 'Shanxi'));
  await keyboard.press('ArrowDown');
  await keyboard.press('ArrowUp');
  expect(await called(ming, 'radio', 'Shanxi').isChecked()).toBe(true);
  await press(ming, 'button', 'identity_send_code');
  const field = page.getByLabel(words(ming, 'identity_code_label'));
  await field.waitFor({ timeout: PATIENCE_MS });
  await reach(ming, field);
  await keyboard.type(await town.house.smsCode('+8613900502001'));
  await press(ming, 'button', 'identity_passkey_make');
  await arrived(ming, home);

  await press(ming, 'link', 'home_top_up');
  await arrived(ming, words(ming, 'funding_title'));
  await called(ming, 'button', words(ming, 'funding_go')).waitFor();
  // On a small glass the ways lie under the keypad: by the arrows each comes up in its turn, and one is at the first again.
  const glass = page.viewportSize() ?? { width: 390, height: 844 };
  await page.setViewportSize({ ...glass, height: 640 });
  const ways = page.getByRole('main').getByRole('radio');
  await reach(ming, ways.first());
  for (let way = await ways.count(); way > 0; way -= 1) {
    await keyboard.press('ArrowDown');
    await expect.poll(() => page.evaluate(focusUnseen)).toBeUndefined();
  }
  await page.setViewportSize(glass);
  await keyboard.type('200');
  const go = called(ming, 'button', words(ming, 'funding_go'));
  await expect.poll(() => go.isEnabled(), { timeout: PATIENCE_MS }).toBe(true);
  await keyboard.press('Enter');
  await page.getByText(words(ming, 'funding_settled')).first().waitFor({ timeout: PATIENCE_MS });
  await press(ming, 'link', 'funding_done');
  await arrived(ming, home);
  await page.getByText(words(ming, 'home_payments_left')).waitFor({ timeout: PATIENCE_MS });

  await ask(hong, '12.50');
  await press(ming, 'link', 'home_pay');
  await arrived(ming, words(ming, 'pay_title'));
  await press(ming, 'button', 'pay_paste');
  const text = page.getByLabel(words(ming, 'pay_paste_label'));
  await reach(ming, text);
  await keyboard.insertText(await codeText(hong));
  await press(ming, 'button', 'pay_paste_read');
  await page.getByText(words(ming, 'pay_verified_name')).waitFor({ timeout: PATIENCE_MS });
  await arrived(ming, words(ming, 'pay_title'));
  await atRest(ming);
  await press(ming, 'button', 'pay_confirm');
  await arrived(ming, words(ming, 'pay_show_title'));
  await press(ming, 'link', 'pay_done');
  await arrived(ming, home);

  await press(ming, 'link', 'home_bills');
  await arrived(ming, words(ming, 'bill_title'));
  await reach(ming, called(ming, 'radio', words(ming, 'bill_flow_all')));
  await keyboard.press('ArrowRight');
  expect(await page.locator('input[type="radio"]:checked').evaluate((radio) => radio === document.activeElement)).toBe(
    true,
  );
  const bill = page.getByRole('link').filter({ hasText: '12.50' }).first();
  await reach(ming, bill);
  await keyboard.press('Enter');
  await arrived(ming, words(ming, 'bill_detail_title'));
  await atRest(ming);
  await reach(ming, called(ming, 'link', words(ming, 'ui_back')), 'Shift+Tab');
  await keyboard.press('Enter');
  await arrived(ming, words(ming, 'bill_title'));
  const filter = page.locator('search button');
  await reach(ming, filter);
  await keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  expect(await filter.evaluate((element) => element === document.activeElement)).toBe(true);
});

test('who checks a receipt stands at the heading again when the answer has come', async () => {
  const visitor = await town.visitor('visitor');
  const { page } = visitor;
  await page.goto(`${town.house.origin}/check`, { waitUntil: 'domcontentloaded' });
  await press(visitor, 'button', 'pay_paste');
  await reach(visitor, page.getByLabel(words(visitor, 'pay_paste_label')));
  await page.keyboard.insertText(`${town.house.origin}/check#AAAA`);
  await press(visitor, 'button', 'pay_paste_read');
  await called(visitor, 'button', words(visitor, 'receipt_check_another')).waitFor({ timeout: PATIENCE_MS });
});
