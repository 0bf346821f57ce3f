/**
 * Somebody is told of their money while the app is closed: offered after the first success, switched on, encrypted by the
 * house for their browser, shown by the service worker in their language without the sum, and led to the bill.
 */
import { expect, test } from 'vitest';
import type { Person } from '#tests/kit/person.ts';
import { openPushService, type PushService, type Subscriber } from '#tests/kit/push.ts';
import { button, home, openTown, told, topUp, wake, words } from '#tests/kit/story.ts';

const service: PushService = await openPushService();
const town = openTown({ environment: { INSIDE_HOSTS: service.host } });
const PATIENCE = { timeout: 30_000, interval: 250 };

/** The browser's own push service is out of reach: its place is taken by ours, its keys and all else are real. */
async function subscribeHere(person: Person, at: Subscriber): Promise<void> {
  const { endpoint, publicKey, secret } = at.request('');
  const place = { endpoint, publicKey, secret };
  await person.context.exposeFunction('subscribedWith', (houseKey: string) => void at.request(houseKey));
  await person.context.addInitScript((given) => {
    const bytes = (text: string) =>
      Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (one) => one.charCodeAt(0));
    let held: object | null = null;
    Object.defineProperty(Notification, 'permission', { get: () => 'granted' });
    Notification.requestPermission = async () => 'granted';
    PushManager.prototype.getSubscription = async () => held as PushSubscription | null;
    PushManager.prototype.subscribe = async (options) => {
      const key = options?.applicationServerKey as Uint8Array;
      const text = btoa(String.fromCharCode(...key))
        .replace(/\+/g, '-')
        .replace(/\//g, '_')
        .replace(/=+$/, '');
      await (globalThis as unknown as { subscribedWith: (key: string) => Promise<void> }).subscribedWith(text);
      held = {
        endpoint: given.endpoint,
        options: { applicationServerKey: key.buffer },
        getKey: (name: string) => bytes(name === 'auth' ? given.secret : given.publicKey).buffer,
        unsubscribe: async () => {
          held = null;
          return true;
        },
      };
      return held as PushSubscription;
    };
  }, place);
}

test('offered after the first top-up, told of the next one without its sum, and led to the bill', async () => {
  const browser = service.subscriber();
  const ming = await town.newcomer('ming', { called: '小明', phone: '13900503001', locale: 'zh-CN' });
  await ming.context.grantPermissions(['notifications'], { origin: town.house.origin });
  await subscribeHere(ming, browser);
  await wake(ming, town.house.origin);
  expect(await button(ming, 'notice_offer_yes').count()).toBe(0);

  await topUp(ming, '100');
  await home(ming);
  await button(ming, 'notice_offer_yes').click(PATIENCE);
  const details = ming.page.getByRole('switch', { name: words(ming, 'notice_details'), exact: true });
  await details.waitFor(PATIENCE);
  expect(await details.getAttribute('aria-checked')).toBe('false');

  await topUp(ming, '50');
  await expect
    .poll(() => browser.heard.filter(({ kind }) => kind === 'arrival'), PATIENCE)
    .toEqual([{ kind: 'arrival', of: 'top-up', bill: expect.any(String) }]);
  const said = browser.heard.find(({ kind }) => kind === 'arrival');
  const shown = await deliver(ming, said);
  expect(shown).toEqual({
    title: words(ming, 'notice_top_up'),
    body: words(ming, 'notice_open'),
    path: `/bills/${said?.kind === 'arrival' ? said.bill : ''}`,
  });
  // The open app goes there itself: it does not begin anew, so what stood in it stays.
  await ming.page.evaluate(() => void Object.assign(globalThis, { stood: true }));
  await click(ming, shown.path);
  await told(ming, 'bill_detail_title').waitFor(PATIENCE);
  expect(new URL(ming.page.url()).pathname).toBe(shown.path);
  expect(await ming.page.evaluate(() => 'stood' in globalThis)).toBe(true);

  await ming.page.goto(`${town.house.origin}/me/notices`);
  const all = ming.page.getByRole('switch', { name: words(ming, 'notice_switch'), exact: true });
  await all.click(PATIENCE);
  await expect.poll(() => all.getAttribute('aria-checked'), PATIENCE).toBe('false');
  const calls = browser.calls();
  await topUp(ming, '20');
  await ming.page.waitForTimeout(5_000);
  expect(browser.calls()).toBe(calls);
  expect(service.complaints).toEqual([]);
  await service.close();
});

/** Hands the decrypted words to the service worker as the browser would; answers what stands on the lock screen. */
async function deliver({ context }: Person, said: unknown): Promise<{ title: string; body: string; path: string }> {
  const [worker] = context.serviceWorkers();
  if (!worker) throw new Error('no service worker');
  return await worker.evaluate(async (text) => {
    const scope = globalThis as unknown as ServiceWorkerGlobalScope;
    const shown: { title: string; options: NotificationOptions }[] = [];
    const show = scope.registration.showNotification;
    scope.registration.showNotification = async (title, options = {}) => void shown.push({ title, options });
    let work: Promise<unknown> = Promise.resolve();
    const event = new PushEvent('push', { data: text });
    Object.defineProperty(event, 'waitUntil', { value: (waited: Promise<unknown>) => (work = waited) });
    scope.dispatchEvent(event);
    await work;
    scope.registration.showNotification = show;
    const [one] = shown;
    return {
      title: one?.title ?? '',
      body: one?.options.body ?? '',
      path: String((one?.options.data as { path?: string } | undefined)?.path),
    };
  }, JSON.stringify(said));
}

/** Clicks a notice that leads to `path`, as far as the service worker can tell. */
async function click({ context }: Person, path: string): Promise<void> {
  const [worker] = context.serviceWorkers();
  if (!worker) throw new Error('no service worker');
  await worker.evaluate(async (leads) => {
    const scope = globalThis as unknown as ServiceWorkerGlobalScope;
    // Only a person's own click may bring a window forward.
    WindowClient.prototype.focus = async function (this: WindowClient) {
      return this;
    };
    await scope.registration.showNotification('notice', { data: { path: leads } });
    const [notification] = await scope.registration.getNotifications();
    if (!notification) throw new Error('no notice');
    let work: Promise<unknown> = Promise.resolve();
    const event = new NotificationEvent('notificationclick', { notification });
    Object.defineProperty(event, 'waitUntil', { value: (waited: Promise<unknown>) => (work = waited) });
    scope.dispatchEvent(event);
    await work;
  }, path);
}
