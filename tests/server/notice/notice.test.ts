/** Who is told of money that came: once, without sums unless chosen, and never where the phone, the service or the news is gone. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EventOf } from '#server/identity/event.ts';
import type { Device } from '#server/identity/identity.ts';
import { type Notices, noticeSchema, openNotices } from '#server/notice/notice.ts';
import { migrate } from '#server/platform/migrate.ts';
import { mayCall, openStrangers } from '#server/platform/stranger.ts';
import { newId } from '#shared/base/id.ts';
import { duration } from '#shared/base/time.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { type Market, openMarket, type Trader } from '#tests/kit/market.ts';
import { openPushService, type PushService, type Subscriber } from '#tests/kit/push.ts';

eachDatabase('notices', (open) => {
  let here: Market;
  let service: PushService;
  let notices: Notices;
  const events: EventOf[] = [];
  const hooks: ((tx: Market['database'], device: Device) => Promise<void>)[] = [];

  beforeAll(async () => {
    here = await openMarket(await open());
    await migrate(here.database, [noticeSchema]);
    service = await openPushService(() => here.clock());
    const reach = { inside: [service.host] };
    notices = openNotices({
      ...{ database: here.database, clock: here.clock, ledger: here.ledger, payments: here.payments },
      identity: {
        people: async (wallets) =>
          new Map(wallets.map((wallet) => [wallet, { verifiedName: named.get(wallet) }] as never)),
        eventsAfter: async (region, { at }) => events.filter((one) => one.region === region && one.at > at),
        onDeviceRevoked: (hook) => hooks.push(hook as never),
      },
      regions: () => ['CN-SX', 'CN-BJ'],
      ...{ keysDir: 'memory', origin: 'https://wallet.example', post: openStrangers(reach) },
      mayCall: (url) => mayCall(url, reach),
    });
    // Events are read from the first look on.
    await notices.runDue();
  });
  afterAll(async () => {
    await service.close();
    await here.close();
  });

  const named = new Map<string, string>();
  const person = async (name: string, region?: string): Promise<Trader> => {
    const who = await here.person(name, region);
    named.set(who.wallet, name);
    return who;
  };
  const phoneOf = ({ wallet, region }: Trader): Device =>
    ({ wallet, region, id: newId(here.clock(), crypto.getRandomValues(new Uint8Array(10))) }) as Device;
  const listening = async (who: Trader, details = false): Promise<Subscriber & { readonly phone: Device }> => {
    const [phone, browser] = [phoneOf(who), service.subscriber()];
    const { houseKey } = await notices.view(phone);
    expect((await notices.subscribe(phone, browser.request(houseKey, details))).ok).toBe(true);
    return { ...browser, phone };
  };

  test('a payment and a top-up are told once each, with sums and names where they were chosen', async () => {
    const [ming, hua] = [await person('小明'), await person('小华', 'CN-BJ')];
    const [plain, full] = [await listening(hua), await listening(hua, true)];
    const own = await listening(ming, true);
    await here.topUp(ming, 200_00);
    const paid = await (await here.purse(ming, 100_00)).pay(hua, 30_00);
    await here.upload(hua, paid);
    await notices.runDue();
    await notices.runDue();
    expect(plain.heard).toEqual([{ kind: 'arrival', of: 'payment', bill: paid.name }]);
    const sum = { amount: 30_00, currency: 'CNY', from: '小明' };
    expect(full.heard).toEqual([{ kind: 'arrival', of: 'payment', bill: paid.name, ...sum }]);
    expect(own.heard).toEqual([
      { kind: 'arrival', of: 'top-up', bill: expect.any(String), amount: 200_00, currency: 'CNY' },
    ]);
    expect(service.complaints).toEqual([]);
  });

  // A payment password that was found again is told as loudly as a key that was added.
  test.each(['passkey-added', 'password-recovered', 'frozen'] as const)(
    '%s goes to every phone of the wallet, and to nobody else',
    async (code) => {
      const [ming, hua] = [await person('小明'), await person('小华')];
      const [one, two, other] = [await listening(ming), await listening(ming), await listening(hua)];
      const at = here.clock() + 1_000;
      here.pass(duration(2, 's'));
      const id = newId(here.clock());
      events.push({
        id,
        code,
        at,
        region: 'CN-SX',
        device: 'Blue phone',
        about: {},
        wallet: ming.wallet,
      });
      await notices.runDue();
      await notices.runDue();
      const said = [{ kind: 'security', code, device: 'Blue phone' }];
      expect([one.heard, two.heard, other.heard]).toEqual([said, said, []]);
    },
  );

  test('a service that is down is tried again ever more seldom, and told within the day', async () => {
    const ming = await person('小明');
    const phone = await listening(ming);
    phone.answer(500);
    await here.topUp(ming, 10_00);
    for (let round = 0; round < 5; round += 1) await notices.runDue();
    expect(phone.calls()).toBe(1);
    for (let minute = 0; minute < 10; minute += 1) {
      here.pass(duration(1, 'min'));
      await notices.runDue();
    }
    expect(phone.calls()).toBe(6);
    phone.answer(201);
    here.pass(duration(1, 'h'));
    await notices.runDue();
    expect(phone.heard.length).toBe(1);
  });

  test('a service that asks for a pause gets it, for all that goes to this phone', async () => {
    const ming = await person('小明');
    const phone = await listening(ming);
    phone.answer(429, { 'retry-after': '600' });
    await here.topUp(ming, 10_00);
    await notices.runDue();
    await here.topUp(ming, 20_00);
    phone.answer(201);
    here.pass(duration(9, 'min'));
    await notices.runDue();
    expect([phone.calls(), phone.heard.length]).toEqual([1, 0]);
    here.pass(duration(1, 'min'));
    await notices.runDue();
    expect(phone.heard.length).toBe(2);
  });

  test.each([404, 410])('a place that is gone (%i) is forgotten, with what was on its way', async (status) => {
    const ming = await person('小明');
    const phone = await listening(ming);
    phone.answer(status);
    await here.topUp(ming, 10_00);
    await notices.runDue();
    expect((await notices.view(phone.phone)).on).toBeUndefined();
    await here.topUp(ming, 10_00);
    await notices.runDue();
    expect(phone.calls()).toBe(1);
  });

  test('a phone that is stopped, or has switched it off, is told nothing more', async () => {
    const ming = await person('小明');
    const [stopped, silent] = [await listening(ming), await listening(ming)];
    await here.database.transaction((tx) => hooks[0]?.(tx as never, stopped.phone) ?? Promise.resolve());
    await notices.unsubscribe(silent.phone);
    await here.topUp(ming, 10_00);
    await notices.runDue();
    expect([stopped.calls(), silent.calls()]).toEqual([0, 0]);
  });

  test('a second wallet in one browser takes the place of the first', async () => {
    const [ming, hua] = [await person('小明'), await person('小华')];
    const first = await listening(ming);
    const second = phoneOf(hua);
    const { houseKey } = await notices.view(second);
    expect((await notices.subscribe(second, first.request(houseKey))).ok).toBe(true);
    await here.topUp(ming, 10_00);
    await notices.runDue();
    expect([first.calls(), (await notices.view(first.phone)).on]).toEqual([0, undefined]);
  });

  test('what is older than an hour when it is read is no news', async () => {
    const ming = await person('小明');
    const phone = await listening(ming);
    await here.topUp(ming, 10_00);
    here.pass(duration(61, 'min'));
    await notices.runDue();
    expect(phone.calls()).toBe(0);
  });

  test.each([
    ['an address inside', { endpoint: 'https://127.0.0.1/push' }, 'notice.endpoint'],
    ['a name of the house', { endpoint: 'https://db.internal/push' }, 'notice.endpoint'],
    ['no TLS', { endpoint: 'http://push.example.com/a' }, 'notice.endpoint'],
    ['a key of another house', { houseKey: 'B'.repeat(87) }, 'notice.key'],
    ['no point of the curve', { publicKey: 'B'.repeat(87) }, 'notice.key'],
  ] as const)('%s is refused', async (_what, bent, code) => {
    const phone = phoneOf(await person('小明'));
    const { houseKey } = await notices.view(phone);
    const asked = await notices.subscribe(phone, { ...service.subscriber().request(houseKey), ...bent });
    expect(asked.ok ? 'kept' : asked.error.code).toBe(code);
  });
});
