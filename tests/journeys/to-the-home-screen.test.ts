/**
 * The home screen is offered after the first success and not before: a button where the browser asks, drawn steps on an
 * iPhone and an iPad; whoever put the offer away is not asked again.
 */
import { expect, test } from 'vitest';
import type { Person } from '#tests/kit/person.ts';
import { button, home, openTown, told, topUp, wake, words } from '#tests/kit/story.ts';

const town = openTown();
const PATIENCE = { timeout: 30_000, interval: 250 };

/** The browser finds that the app can be installed, as Chromium on Android does; answers how often it was asked. */
async function becomeInstallable({ page }: Person): Promise<() => Promise<number>> {
  await page.evaluate(() => {
    const event = new Event('beforeinstallprompt', { cancelable: true });
    const asked = { times: 0 };
    Object.assign(globalThis, { asked });
    Object.assign(event, {
      prompt: async () => {
        asked.times += 1;
        return { outcome: 'accepted' };
      },
    });
    dispatchEvent(event);
  });
  return () => page.evaluate(() => (globalThis as unknown as { asked: { times: number } }).asked.times);
}

test('on Android a button asks the browser, once there was a success, and goes after a yes', async () => {
  const ming = await town.newcomer('ming', { called: '小明', phone: '13900504001', locale: 'zh-CN' });
  await becomeInstallable(ming);
  expect(await button(ming, 'me_install_now').count()).toBe(0);

  await topUp(ming, '100');
  await home(ming);
  const times = await becomeInstallable(ming);
  await button(ming, 'me_install_now').click(PATIENCE);
  await button(ming, 'me_install_now').waitFor({ state: 'hidden', ...PATIENCE });
  expect(await times()).toBe(1);
});

const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 Version/26.0 Safari/604.1';
/** An iPad says that it is a Mac; its glass gives it away. */
const IPAD = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/26.0 Safari/605.1.15';

test.each([
  ['iphone', IPHONE, '13900504002'],
  ['ipad', IPAD, '13900504003'],
])('on an %s the three steps are drawn', async (name, agent, phone) => {
  const hong = await town.newcomer(name, { called: '小红', phone });
  await topUp(hong, '100');
  await hong.page.addInitScript((said) => {
    Object.defineProperty(Navigator.prototype, 'userAgent', { get: () => said });
    Object.defineProperty(Navigator.prototype, 'maxTouchPoints', { get: () => 5 });
    // Chromium asks of itself where somebody stayed for half a minute; there no browser ever does.
    addEventListener('beforeinstallprompt', (event) => event.stopImmediatePropagation());
  }, agent);
  await wake(hong, town.house.origin);
  await button(hong, 'notice_install_offer_yes').click(PATIENCE);
  const sheet = hong.page.getByRole('dialog', { name: words(hong, 'me_install_apple') });
  for (const step of ['me_install_apple_share', 'me_install_apple_add', 'me_install_apple_open']) {
    await sheet.getByText(words(hong, step)).waitFor(PATIENCE);
  }
  expect(await sheet.locator('li svg').count()).toBe(3);
  await hong.page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'hidden', ...PATIENCE });

  await button(hong, 'notice_offer_no').click(PATIENCE);
  await told(hong, 'notice_install_offer').waitFor({ state: 'hidden', ...PATIENCE });
  await wake(hong, town.house.origin);
  expect(await told(hong, 'notice_install_offer').count()).toBe(0);
});
