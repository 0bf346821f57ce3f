/** Allowances on both databases: what is issued to whom, what is refused and why, how each ends, and that money adds up. */

import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { Want } from '#server/allowance/allowance.ts';
import { openLimits, type Room } from '#server/allowance/limit.ts';
import type { Device } from '#server/identity/identity.ts';
import { auditLedger } from '#server/ledger/audit.ts';
import { guaranteeFund, outside, receivable } from '#server/ledger/chart.ts';
import type { Ledger } from '#server/ledger/ledger.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import { newId } from '#shared/base/id.ts';
import { duration } from '#shared/base/time.ts';
import { money } from '#shared/money/money.ts';
import { certificateMessage } from '#shared/protocol/certificate.ts';
import { verifyAsync, webVerifier } from '#shared/protocol/signature.ts';
import { isRevoked, unpackStatus } from '#shared/protocol/status.ts';
import { allowanceChecks, certificateChecks } from '#shared/protocol/trust.ts';
import { allowancePolicy, DEFAULT_POLICIES, type Tier } from '#shared/rules/policy.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { freshSigner, type Market, openMarket, type Trader } from '#tests/kit/market.ts';
import { type AllowancePlace, openPlace } from '#tests/server/allowance/place.ts';

/** From issuing to the last claim, as the first policies have it. */
const LIFE_AND_WINDOW = duration(17, 'd');

eachDatabase('allowances', (openDatabase) => {
  // One house for all: each test brings its own people, and leaves settings as it found them.
  let place: AllowancePlace | undefined;
  const opened = async (): Promise<AllowancePlace> => {
    place ??= await openPlace(await openDatabase());
    return place;
  };
  afterEach(async () => {
    expect((await place?.faults()) ?? []).toEqual([]);
  });
  afterAll(async () => {
    if (place) expect((await auditLedger(place.database)).findings).toEqual([]);
    await place?.close();
  });
  const owe = (here: AllowancePlace, who: Trader, minor: number) =>
    here.ledger.post([
      {
        region: who.region,
        id: newId(here.clock()),
        kind: 'shortfall',
        at: here.clock(),
        moves: [
          {
            debit: receivable(who.region, who.wallet, 'CNY'),
            credit: guaranteeFund(who.region, 'CNY'),
            amount: money(minor, 'CNY'),
          },
        ],
      },
    ]);

  test('what a region says may grow old while it signs, and somebody else may ask for it in that moment', async () => {
    const within = Promise.withResolvers<void>();
    let market: Market | undefined;
    const slow = (ledger: Ledger): Ledger => ({
      ...ledger,
      balances: (region, accounts, tx) => {
        if (tx) {
          market?.pass(duration(3, 's'));
          within.resolve();
        }
        return ledger.balances(region, accounts, tx);
      },
    });
    market = await openMarket(await openDatabase(), { tamper: { ledger: slow } });
    const who = await market.person('小明');
    await market.topUp(who, 50_00);
    const asking = within.promise.then(() => market?.regions.all());
    const { allowance } = await market.purse(who, 20_00);
    expect(allowance.message.total).toBe(20_00);
    expect(await asking).toHaveLength(2);
    await market.close();
  });

  test('for a day after a payment password was found again a person gets half of it', async () => {
    const here = await opened();
    const who = await here.person('小明', { tier: 'two-factor' });
    here.ease(who, 50);
    const { held } = await here.ask(who.device);
    expect(held?.signed.message).toMatchObject({ total: 500_00, perPayment: 250_00, perPayee: 250_00 });
    expect(held?.signed.message).toMatchObject({ noPasskeyEach: 15_00, noPasskeySum: 50_00 });
    const other = await here.person('小红');
    expect((await here.ask(who.device, { payee: other.device.id, total: 25_000_01 })).word).toContain('over-online');
  });

  test('what a person lets go without a proof is signed into the allowance, never more than the policy', async () => {
    const here = await opened();
    for (const [each, count, expected] of [
      [10_00, 3, { noPasskeyEach: 10_00, noPasskeySum: 30_00 }],
      [0, 0, { noPasskeyEach: 0, noPasskeySum: 0 }],
      [200_00, 20, { noPasskeyEach: 30_00, noPasskeySum: 100_00 }],
    ] as const) {
      const who = await here.person('小明', { tier: 'real-name' });
      here.letFree(who, each, count);
      expect((await here.ask(who.device)).held?.signed.message).toMatchObject(expected);
    }
  });

  test('each tier gets what its policy says; a phone whose key no passkey locks gets less, for a day', async () => {
    const here = await opened();
    const table: [Tier, Partial<Want>, string][] = [
      ['unproved', {}, '200.00 x5'],
      ['real-name', {}, '500.00 x10'],
      ['two-factor', {}, '1000.00 x20'],
      ['two-factor', { wrapped: false }, '200.00 x20'],
      ['two-factor', { total: 300_00, count: 3 }, '300.00 x3'],
      ['two-factor', { total: 9000_00, count: 900 }, '1000.00 x20'],
    ];
    for (const [tier, want, word] of table) {
      const who = await here.person('小明', { tier });
      const { held, word: got } = await here.ask(who.device, want);
      expect(`${tier} ${JSON.stringify(want)}: ${got}`).toBe(`${tier} ${JSON.stringify(want)}: ${word}`);
      const { message } = held?.signed ?? {};
      const life = want.wrapped === false ? duration(24, 'h') : duration(72, 'h');
      expect((message?.expires ?? 0) - (message?.notBefore ?? 0)).toBe(life);
      expect((message?.claimUntil ?? 0) - (message?.expires ?? 0)).toBe(duration(14, 'd'));
    }
  });

  test('what is issued is verified by a payee who has the key set, and names the passkey', async () => {
    const here = await opened();
    const who = await here.person('小明');
    const { signed } = await here.take(who.device);
    const { message: keySet } = await here.regions.keySet();
    const checked = await verifyAsync(allowanceChecks(signed.bytes, keySet), webVerifier());
    expect(checked.ok).toBe(true);
    expect(signed.message.passkey).toMatchObject({ backupEligible: true });
    expect(signed.message).toMatchObject({
      region: 'CN-SX',
      policyEpoch: 2,
      noPasskeyEach: 30_00,
      noPasskeySum: 100_00,
    });
    expect(signed.bytes.length).toBeLessThanOrEqual(270);
  });

  test('without a passkey for offline use only the no-passkey sum is set aside', async () => {
    const here = await opened();
    const who = await here.person('小明', { offline: false });
    const { held, word } = await here.ask(who.device);
    expect(word).toBe('100.00 x10');
    expect(held?.signed.message).toMatchObject({ perPayment: 30_00 });
    expect(held?.signed.message.passkey).toBeUndefined();
  });

  test('the same key gets the same allowance, also when asked twice at once by two processes', async () => {
    const here = await opened();
    const who = await here.person('小明');
    const signer = freshSigner();
    const want = { key: toBase64url(signer.key), currency: 'CNY', wrapped: true };
    const other = here.open();
    const all = await Promise.all(
      [here.allowances, other, here.allowances, other, other].map((one) => one.issue(who.device, want)),
    );
    const bytes = all.map((one) => (one.ok ? toBase64url(one.value.bytes) : one.error.code));
    expect(new Set(bytes).size).toBe(1);
    expect(bytes[0]?.length).toBeGreaterThan(200);
    expect(await here.purseOf(who)).toEqual({ available: 1500_00, arriving: 0, owed: 0 });
    here.pass(duration(100, 'd'));
    const later = await here.allowances.issue(who.device, want);
    expect(later.ok && toBase64url(later.value.bytes)).toBe(bytes[0]);
  });

  test('a passkey that is revoked while it is looked up who asks is not named', async () => {
    const here = await opened();
    const who = await here.person('小明');
    let isRevoked = false;
    here.meanwhile(who, async () => {
      if (!isRevoked) await here.newPasskey(who)();
      isRevoked = true;
    });
    const held = await here.take(who.device);
    const next = await here.take(here.phone(who));
    expect(held.signed.message.passkey?.key).toEqual(next.signed.message.passkey?.key);
    expect(await here.state(held)).toBe('live: 50000 = 0 claimed + 0 returned + rest');
  });

  test.each(['revoked by its owner', 'found to be a copy'] as const)(
    'a phone that is %s while its next allowance is issued does not keep it',
    async (why) => {
      const here = await opened();
      const who = await here.person('小明');
      const [shop, other] = [await here.person('面馆', { funds: 0 }), await here.person('茶馆', { funds: 0 })];
      const before = await here.take(who.device);
      const one = await here.pay(before, shop, 20_00);
      const fork = await here.pay(before, other, 30_00);
      await here.payments.reconcile(shop.wallet, [one.bytes]);
      expect(await here.closeBy(before, one)).toBe('closed');
      const issuing = Promise.withResolvers<void>();
      const stopped = issuing.promise.then(
        (): Promise<unknown> =>
          why === 'revoked by its owner'
            ? here.revoke(who.device)
            : here.payments.reconcile(other.wallet, [fork.bytes]),
      );
      here.amid(who, () => {
        issuing.resolve();
        // It either ends at once or waits for the end of what is under way.
        return Promise.race([stopped, pause(300)]);
      });
      const { held } = await here.ask(who.device);
      await stopped;
      if (held) expect(await here.state(held)).toMatch(/^stopped/);
      expect((await here.ask(who.device)).word).toBe('allowance.device-stopped');
    },
  );

  test('asked for at one moment by many, each gets what is theirs: also where two hold out one key', async () => {
    const here = await opened();
    const people = await Promise.all(Array.from({ length: 8 }, (_, at) => here.person(`众${at}`)));
    const [first, second] = people;
    if (!first || !second) throw new Error('eight people');
    const poor = await here.person('贫', { funds: 0 });
    const cold = await here.person('寒');
    await here.freeze(cold);
    const known = freshSigner();
    await here.ask((await here.person('旧')).device, {}, known);
    const shared = freshSigner();
    const asked = await Promise.all([
      here.ask(first.device, {}, shared),
      here.ask(second.device, {}, shared),
      ...people.slice(2).map(({ device }, at) => here.ask(device, { total: (at + 1) * 50_00 })),
      here.ask(poor.device),
      here.ask(cold.device),
      here.ask((await here.person('借')).device, {}, known),
    ]);
    const [one, other, ...rest] = asked.map(({ word }) => word);
    expect([one, other].sort()).toEqual(['500.00 x10', 'allowance.key-reused']);
    expect(rest).toEqual([
      ...['50.00 x10', '100.00 x10', '150.00 x10', '200.00 x10', '250.00 x10', '300.00 x10'],
      ...['allowance.too-little', 'wallet.frozen', 'allowance.key-reused'],
    ]);
    for (const [at, who] of people.entries()) {
      const held = asked[at]?.held;
      const total = held?.signed.message.total ?? 0;
      expect(await here.purseOf(who)).toMatchObject({ available: 2000_00 - total });
      if (held) expect(await here.holdOf(who, held)).toBe(total);
    }
  });

  test('two keys at once on one phone get one allowance; on three phones two', async () => {
    const here = await opened();
    const who = await here.person('小明', { tier: 'unproved' });
    const one = await Promise.all([1, 2, 3].map(() => here.ask(who.device)));
    expect(one.map((each) => each.word).sort()).toEqual(['200.00 x5', 'allowance.live', 'allowance.live']);
    const two = await Promise.all([1, 2, 3].map(() => here.ask(here.phone(who))));
    expect(two.map((each) => each.word).sort()).toEqual(['200.00 x5', 'allowance.devices', 'allowance.devices']);
    expect(await here.purseOf(who)).toMatchObject({ available: 1600_00 });
  });

  test('every refusal of an open allowance, with the figures its words need', async () => {
    const here = await opened();
    const table: [string, (who: Trader) => Promise<Partial<Want>> | Partial<Want>, string, object?][] = [
      ['no key on the curve', () => ({ key: `AA${'A'.repeat(42)}` }), 'allowance.key'],
      ['a currency not of the region', () => ({ currency: 'USD' }), 'allowance.currency', { currency: 'CNY' }],
      ['no money', (who) => spend(here, who, 2000_00), 'allowance.too-little', { most: 0, least: 1_00 }],
      ['less than a yuan', (who) => spend(here, who, 1999_50), 'allowance.too-little', { most: 50, least: 1_00 }],
      ['asked for fifty fen', () => ({ total: 50 }), 'allowance.cap-low', { most: 50, least: 1_00 }],
      [
        'turned off by the person',
        async (who) => {
          await here.allowances.setSettings(who.wallet, { cap: 0, count: null });
          return {};
        },
        'allowance.cap-low',
        { most: 0, least: 1_00 },
      ],
      [
        'a debt to the guarantee fund',
        async (who) => {
          await owe(here, who, 7_00);
          return {};
        },
        'allowance.debt',
        { owed: 7_00, currency: 'CNY' },
      ],
      [
        'a key of somebody else',
        async () => ({ key: toBase64url((await here.take((await here.person('别人')).device)).signer.key) }),
        'allowance.key-reused',
      ],
      [
        'a revoked device',
        async (who) => {
          await here.revoke(who.device);
          return {};
        },
        'allowance.device-stopped',
      ],
    ];
    for (const [name, before, code, detail] of table) {
      const who = await here.person('小明');
      const { word, refusal } = await here.ask(who.device, await before(who));
      expect(`${name}: ${word}`).toBe(`${name}: ${code}`);
      if (detail) expect(refusal?.detail).toEqual(detail);
    }
  });

  test('cap and count of the person bound the next allowance, and may not pass the policy', async () => {
    const here = await opened();
    const who = await here.person('小明');
    const set = async (cap: number | null, count: number | null) => {
      const answer = await here.allowances.setSettings(who.wallet, { cap, count });
      return answer.ok ? `${answer.value.cap} ${answer.value.count}` : answer.error.code;
    };
    expect(await set(500_01, null)).toBe('allowance.cap-high');
    expect(await set(null, 11)).toBe('allowance.count-high');
    expect(await set(120_00, 4)).toBe('12000 4');
    expect(await here.allowances.settings(who.wallet)).toMatchObject({
      value: {
        cap: 120_00,
        count: 4,
        currency: 'CNY',
        most: { total: 500_00, count: 10, perPayment: 200_00, perDay: 1000_00 },
      },
    });
    const held = await here.take(who.device);
    expect([held.signed.message.total, held.signed.message.maxCount, held.signed.message.perPayment]).toEqual([
      120_00, 4, 120_00,
    ]);
    expect(await here.closeBy(held)).toBe('closed');
    expect(await set(null, null)).toBe('null null');
    expect((await here.ask(who.device)).word).toBe('500.00 x10');
  });

  test('a day is a thousand yuan over all phones: what comes back frees it, what is spent does not, a day later all', async () => {
    const here = await opened();
    const who = await here.person('小明', { tier: 'two-factor', funds: 9000_00 });
    const shop = await here.person('面馆', { funds: 0 });
    const first = await here.take(who.device, { total: 700_00 });
    const second = here.phone(who);
    expect((await here.ask(second)).word).toBe('300.00 x20');
    const paid = await here.pay(first, shop, 400_00);
    expect(await here.closeBy(first, paid)).toBe('closed');
    expect((await here.ask(who.device)).word).toBe('300.00 x20');
    const third = await here.ask(here.phone(who));
    expect(third.word).toBe('allowance.devices');
    here.pass(duration(25, 'h'));
    expect((await here.ask(who.device)).word).toBe('allowance.live');
  });

  test('an exhausted or expired allowance makes room for the next without a closing', async () => {
    const here = await opened();
    const who = await here.person('小明', { tier: 'two-factor', funds: 9000_00 });
    const shop = await here.person('面馆', { funds: 0 });
    const spent = await here.take(who.device, { total: 30_00 });
    await here.payments.reconcile(shop.wallet, [(await here.pay(spent, shop, 29_50)).bytes]);
    expect((await here.ask(who.device, { total: 200_00 })).word).toBe('200.00 x20');
    here.pass(duration(72, 'h'));
    expect((await here.ask(who.device)).word).toBe('1000.00 x20');
  });

  test('closing gives back at once what was not promised; the rest waits for its payees, then comes too', async () => {
    const here = await opened();
    const who = await here.person('小明');
    const shop = await here.person('面馆', { funds: 0 });
    const held = await here.take(who.device);
    const one = await here.pay(held, shop, 20_00);
    const two = await here.pay(held, shop, 10_00, { last: one });
    await here.payments.reconcile(shop.wallet, [one.bytes]);
    expect(await here.closeBy(held, two)).toBe('closed');
    expect(await here.purseOf(who)).toMatchObject({ available: 1970_00 });
    expect(await here.holdOf(who, held)).toBe(10_00);
    expect(await here.closeBy(held, two)).toBe('closed');
    expect(await here.purseOf(who)).toMatchObject({ available: 1970_00 });
    const answers = await here.payments.reconcile(shop.wallet, [two.bytes]);
    expect(answers.map((each) => each.outcome)).toEqual(['settled']);
    expect(await here.purseOf(shop)).toMatchObject({ available: 30_00 });
    expect(await here.holdOf(who, held)).toBe(0);
    expect((await here.ask(who.device)).word).toBe('500.00 x10');
  });

  test('closings that do not count give nothing back', async () => {
    const here = await opened();
    const who = await here.person('小明');
    const shop = await here.person('面馆', { funds: 0 });
    const held = await here.take(who.device);
    const one = await here.pay(held, shop, 20_00);
    const two = await here.pay(held, shop, 10_00, { last: one });
    await here.payments.reconcile(shop.wallet, [two.bytes]);
    const foreign = await here.take((await here.person('小红')).device);
    const table: [string, Promise<string>, string][] = [
      ['of another key', here.closeBy(held, two, freshSigner()), 'closing.signature'],
      ['that forgets a payment', here.closeBy(held, one), 'closing.inconsistent'],
      ['that says nothing was paid', here.closeBy(held), 'closing.inconsistent'],
      [
        'of an allowance nobody issued',
        here.closeBy({ ...held, signed: { ...foreign.signed, id: new Uint8Array(32) } }),
        'allowance.unknown',
      ],
    ];
    for (const [name, tried, code] of table) expect(`${name}: ${await tried}`).toBe(`${name}: ${code}`);
    expect(await here.allowances.close([new Uint8Array(12)], here.payments.heldPayments)).toMatchObject([
      { ok: false },
    ]);
    expect(await here.state(held)).toBe('live: 50000 = 1000 claimed + 0 returned + rest');
  });

  test('closings that come together are taken each by itself, and one that comes twice once', async () => {
    const here = await opened();
    const shop = await here.person('面馆', { funds: 0 });
    const people = await Promise.all([1, 2, 3].map((at) => here.person(`收${at}`)));
    const held = await Promise.all(people.map(({ device }) => here.take(device)));
    const [ming, hong, lan] = held;
    if (!ming || !hong || !lan) throw new Error('three were issued');
    const paid = await here.pay(hong, shop, 20_00);
    await here.payments.reconcile(shop.wallet, [paid.bytes]);
    const answers = await here.allowances.close(
      [
        await here.closing(ming),
        new Uint8Array(12),
        await here.closing(hong),
        await here.closing(hong, paid),
        await here.closing(ming),
        await here.closing(lan, undefined, freshSigner()),
      ],
      here.payments.heldPayments,
    );
    expect(answers.map((one) => (one.ok ? 'closed' : one.error.code))).toEqual([
      ...['closed', 'message.malformed', 'closing.inconsistent', 'closed', 'closed', 'closing.signature'],
    ]);
    expect(await Promise.all(held.map((one) => here.state(one)))).toEqual([
      'closed: 50000 = 0 claimed + 50000 returned + rest',
      'closed: 50000 = 2000 claimed + 48000 returned + rest',
      'live: 50000 = 0 claimed + 0 returned + rest',
    ]);
    const funds = await Promise.all(people.map(async (who) => (await here.purseOf(who)).available));
    expect(funds).toEqual([2000_00, 1980_00, 1500_00]);
  });

  test('a lost phone: nothing comes back before the claim window is over, then all of it, once', async () => {
    const here = await opened();
    const who = await here.person('小明');
    const shop = await here.person('面馆', { funds: 0 });
    const held = await here.take(who.device);
    const paid = await here.pay(held, shop, 20_00);
    here.pass(duration(16, 'd'));
    await here.allowances.releaseDue();
    expect(await here.state(held)).toBe('live: 50000 = 0 claimed + 0 returned + rest');
    await here.payments.reconcile(shop.wallet, [paid.bytes]);
    here.pass(duration(25, 'h'));
    await Promise.all([here.allowances.releaseDue(), here.open().releaseDue()]);
    expect(await here.purseOf(who)).toMatchObject({ available: 1980_00 });
    expect(await here.state(held)).toBe('released: 50000 = 2000 claimed + 48000 returned + rest');
    expect(await here.allowances.releaseDue()).toBe(0);
  });

  test('two hundred and fifty that are due go in one round, and the sums stay right', async () => {
    const here = await opened();
    here.pass(duration(20, 'd'));
    await here.allowances.releaseDue();
    const people = await Promise.all(Array.from({ length: 250 }, (_, at) => here.person(`人${at}`, { funds: 100_00 })));
    for (const who of people) await here.take(who.device);
    here.pass(duration(18, 'd'));
    expect(await here.allowances.releaseDue()).toBe(250);
    for (const who of people.slice(0, 5)) expect(await here.purseOf(who)).toMatchObject({ available: 100_00 });
  });

  test('after fraud what is left repays the guarantee fund first', async () => {
    const here = await opened();
    for (const [debt, available, owed] of [
      [120_00, 1880_00, 0],
      [700_00, 1500_00, 200_00],
    ] as const) {
      const who = await here.person('小明');
      const held = await here.take(who.device);
      await here.database.transaction((tx) =>
        here.allowances.stop(tx, { region: who.region, id: held.signed.message.id }, 'fork', here.clock()),
      );
      await owe(here, who, debt);
      expect(await here.closeBy(held)).toBe('allowance.stopped');
      here.pass(duration(18, 'd'));
      await here.allowances.releaseDue();
      expect(await here.purseOf(who)).toEqual({ available, arriving: 0, owed });
    }
  });

  test('a revoked phone is in the next status list, its other phone is not, and what it signed before is still paid', async () => {
    const here = await opened();
    const who = await here.person('小明', { tier: 'two-factor' });
    const shop = await here.person('面馆', { funds: 0 });
    const lost = await here.take(who.device, { total: 300_00 });
    const kept = await here.take(here.phone(who), { total: 300_00 });
    const paid = await here.pay(lost, shop, 25_00);
    await here.revoke(who.device);
    await here.revoke(who.device);
    here.pass(duration(5, 's'));
    const { status } = await here.regions.lists('CN-SX');
    const bits = await unpackStatus(status.packed);
    const list = { epoch: status.epoch, bits: bits.ok ? bits.value : new Uint8Array() };
    expect([lost, kept].map((held) => isRevoked(list, held.signed.message.statusIndex))).toEqual([true, false]);
    const answers = await here.payments.reconcile(shop.wallet, [paid.bytes]);
    expect(answers.map((one) => one.outcome)).toEqual(['settled']);
    expect(await here.state(lost)).toBe('stopped: 30000 = 2500 claimed + 0 returned + rest');
  });

  test('a revoked passkey: the live allowances that name it stop, its phone gets a new one, the rest can be closed', async () => {
    const here = await opened();
    const who = await here.person('小明', { tier: 'two-factor' });
    const shop = await here.person('面馆', { funds: 0 });
    const named = await here.take(who.device, { total: 300_00 });
    const large = await here.pay(named, shop, 60_00, { by: who });
    const revoke = here.newPasskey(who);
    const other = await here.take(here.phone(who), { total: 200_00 });
    await revoke();
    await revoke();
    here.pass(duration(5, 's'));
    const { status } = await here.regions.lists('CN-SX');
    const bits = await unpackStatus(status.packed);
    const list = { epoch: status.epoch, bits: bits.ok ? bits.value : new Uint8Array() };
    expect([named, other].map((held) => isRevoked(list, held.signed.message.statusIndex))).toEqual([true, false]);
    expect([await here.state(named), await here.state(other)]).toEqual([
      'stopped: 30000 = 0 claimed + 0 returned + rest',
      'live: 20000 = 0 claimed + 0 returned + rest',
    ]);
    const answers = await here.payments.reconcile(shop.wallet, [large.bytes]);
    expect(answers.map((one) => one.outcome)).toEqual(['settled']);
    expect((await here.ask(who.device, { total: 100_00 })).word).toBe('100.00 x20');
    expect(await here.closeBy(named, large)).toBe('closed');
    expect(await here.state(named)).toBe('closed: 30000 = 6000 claimed + 24000 returned + rest');
    expect(await here.closeBy(named, large)).toBe('closed');
    expect(await here.purseOf(who)).toEqual({ available: 1640_00, arriving: 0, owed: 0 });
  });

  test('a frozen wallet: every phone of it stops and gets nothing, what it signed before is paid, the rest comes back, and it goes on after the thaw', async () => {
    const here = await opened();
    const who = await here.person('小明', { tier: 'two-factor' });
    const shop = await here.person('面馆', { funds: 0 });
    const tablet = here.phone(who);
    const [one, other] = [await here.take(who.device, { total: 300_00 }), await here.take(tablet, { total: 200_00 })];
    const paid = await here.pay(one, shop, 25_00);
    await here.freeze(who);
    await here.freeze(who);
    here.pass(duration(5, 's'));
    const { status } = await here.regions.lists('CN-SX');
    const bits = await unpackStatus(status.packed);
    const list = { epoch: status.epoch, bits: bits.ok ? bits.value : new Uint8Array() };
    expect([one, other].map((held) => isRevoked(list, held.signed.message.statusIndex))).toEqual([true, true]);
    expect((await here.ask(who.device, { total: 100_00 })).word).toBe('wallet.frozen');
    expect((await here.ask(tablet, { payee: shop.device.id, total: 1_00 })).word).toBe('wallet.frozen');
    const answers = await here.payments.reconcile(shop.wallet, [paid.bytes]);
    expect(answers.map((answer) => answer.outcome)).toEqual(['settled']);
    expect([await here.closeBy(one, paid), await here.closeBy(other)]).toEqual(['closed', 'closed']);
    expect(await here.purseOf(who)).toEqual({ available: 1975_00, arriving: 0, owed: 0 });
    here.thaw(who);
    expect((await here.ask(who.device, { total: 100_00 })).word).toBe('100.00 x20');
  });

  test('the clock: one second before its end an allowance is live, and a clock set back gives nobody a second one', async () => {
    const here = await opened();
    const who = await here.person('小明', { tier: 'unproved' });
    await here.take(who.device);
    here.pass(duration(72 * 3600 - 1, 's'));
    expect((await here.ask(who.device)).word).toBe('allowance.live');
    here.pass(duration(-10, 'd'));
    expect((await here.ask(who.device)).word).toBe('allowance.live');
    here.pass(duration(10, 'd'));
    here.pass(duration(1, 's'));
    expect((await here.ask(who.device)).word).toBe('200.00 x5');
  });

  test('issuing off: nobody gets a new one, the old ones are still closed and paid', async () => {
    const here = await opened();
    const who = await here.person('小明');
    const held = await here.take(who.device);
    await here.regions.switch('CN-SX', { issuing: false });
    here.pass(duration(5, 's'));
    expect(await here.closeBy(held)).toBe('closed');
    expect((await here.ask(who.device)).word).toBe('allowance.issuing-off');
    expect((await here.ask((await here.person('京生', { region: 'CN-BJ' })).device)).word).toBe('500.00 x10');
    await here.regions.switch('CN-SX', { issuing: true });
    here.pass(duration(5, 's'));
  });

  test('of many who ask two processes at once, no more is issued than the cap of the guarantee fund', async () => {
    const here = await opened();
    here.pass(duration(18, 'd'));
    const [beijing] = await here.regions.all();
    if (beijing?.region !== 'CN-BJ') throw new Error('regions in the order of their codes');
    await here.regions.setTerms('CN-BJ', { ...beijing.terms, fundCap: 4 * 500_00 + 499_00, clonesAssumed: 1 });
    here.pass(duration(5, 's'));
    const processes = [here.allowances, here.open()];
    for (let round = 0; round < 3; round += 1) {
      const people = await Promise.all(
        Array.from({ length: 12 }, (_, at) => here.person(`争${round}-${at}`, { region: 'CN-BJ' })),
      );
      const asked = await Promise.all(people.map((who, at) => here.ask(who.device, {}, undefined, processes[at % 2])));
      const words = Map.groupBy(asked, ({ word }) => word);
      expect([...words].map(([word, all]) => `${all.length} ${word}`).sort()).toEqual([
        '4 500.00 x10',
        '8 allowance.fund-cap',
      ]);
      expect(await here.allowances.exposure('CN-BJ')).toBe(2000_00);
      // Stopped or closed, a copy may have paid with it before: all count until nothing can be claimed any more.
      const [first, ...others] = asked.flatMap(({ held }, at) => (held ? [{ held, at }] : []));
      if (first === undefined) throw new Error('four were issued');
      await here.revoke(people[first.at]?.device as Device);
      for (const { held } of others) expect(await here.closeBy(held)).toBe('closed');
      expect(await here.allowances.exposure('CN-BJ')).toBe(2000_00);
      here.pass(LIFE_AND_WINDOW);
      expect(await here.allowances.exposure('CN-BJ')).toBe(2000_00);
      here.pass(duration(1, 'h'));
      expect(await here.allowances.exposure('CN-BJ')).toBe(0);
    }
    await here.regions.setTerms('CN-BJ', beijing.terms);
    here.pass(duration(5, 's'));
  });

  test('issuing stops at the cap of the guarantee fund, and goes on when allowances end', async () => {
    const here = await opened();
    here.pass(duration(18, 'd'));
    const [beijing] = await here.regions.all();
    if (beijing?.region !== 'CN-BJ') throw new Error('regions in the order of their codes');
    await here.regions.setTerms('CN-BJ', { ...beijing.terms, fundCap: 2000_00, clonesAssumed: 2 });
    here.pass(duration(5, 's'));
    const people = await Promise.all([1, 2, 3].map((at) => here.person(`京${at}`, { region: 'CN-BJ' })));
    const asked: Awaited<ReturnType<typeof here.ask>>[] = [];
    for (const { device } of people) asked.push(await here.ask(device));
    expect(asked.map(({ word }) => word)).toEqual(['500.00 x10', '500.00 x10', 'allowance.fund-cap']);
    expect(await here.allowances.exposure('CN-BJ')).toBe(2000_00);
    expect((await here.ask((await here.person('晋生')).device)).word).toBe('500.00 x10');
    const [first, , third] = people.map(({ device }, at) => ({ device, held: asked[at]?.held }));
    if (!first?.held || !third) throw new Error('one was issued, and one was not');
    // Closing it frees nothing, nor does its end: what was paid with a copy of it can still be claimed.
    expect(await here.closeBy(first.held)).toBe('closed');
    expect((await here.ask(third.device)).word).toBe('allowance.fund-cap');
    here.pass(duration(4, 'd'));
    expect((await here.ask(third.device)).word).toBe('allowance.fund-cap');
    here.pass(duration(14, 'd'));
    expect((await here.ask(third.device)).word).toBe('500.00 x10');
    await here.regions.setTerms('CN-BJ', beijing.terms);
    here.pass(duration(5, 's'));
  });

  test('the fund stands behind who has proved a name; who has not takes nothing of it, even at its cap', async () => {
    const here = await opened();
    here.pass(duration(18, 'd'));
    const [beijing] = await here.regions.all();
    if (beijing?.region !== 'CN-BJ') throw new Error('regions in the order of their codes');
    const before = await here.allowances.exposure('CN-BJ');
    await here.regions.setTerms('CN-BJ', { ...beijing.terms, fundCap: before + 500_00, clonesAssumed: 1 });
    here.pass(duration(5, 's'));
    const stranger = await here.person('京生', { region: 'CN-BJ', tier: 'unproved' });
    const held = await here.take(stranger.device, { total: 100_00 });
    expect(held.signed.message.guarantee).toBe('none');
    expect(await here.allowances.exposure('CN-BJ')).toBe(before);
    const known = await here.person('京名', { region: 'CN-BJ' });
    expect((await here.take(known.device)).signed.message.guarantee).toBeUndefined();
    expect(await here.allowances.exposure('CN-BJ')).toBe(before + 500_00);
    // The fund is full: that stops whom it stands behind, and nobody else.
    expect((await here.ask((await here.person('京又', { region: 'CN-BJ' })).device)).word).toBe('allowance.fund-cap');
    const second = await here.person('京客', { region: 'CN-BJ', tier: 'unproved' });
    expect((await here.ask(second.device)).word).toBe('200.00 x5');
    // Locked to a payee who sees every payment of it, it needs nobody's word.
    const locked = await here.take(second.device, { payee: known.device.id, total: 10_00 });
    expect(locked.signed.message.guarantee).toBeUndefined();
    await here.regions.setTerms('CN-BJ', beijing.terms);
    here.pass(duration(5, 's'));
  });

  test('what payers owe the fund already leaves less to issue, to the fen, from two processes at once', async () => {
    const here = await opened();
    here.pass(duration(18, 'd'));
    const [beijing] = await here.regions.all();
    if (beijing?.region !== 'CN-BJ') throw new Error('regions in the order of their codes');
    const { market } = here;
    // Notes the newest epoch card, without which nothing is guaranteed.
    await market.payments.ripen();
    const payer = await market.person('京欠', 'CN-BJ');
    await market.topUp(payer, 100_00);
    const purse = await market.purse(payer, 30_00);
    const words: string[] = [];
    for (const copy of [purse.clone(), purse]) {
      const payee = await market.person('京收', 'CN-BJ');
      const [answer] = await market.upload(payee, await copy.pay(payee, 30_00));
      words.push(answer?.code ?? answer?.outcome ?? '');
    }
    expect(words).toEqual(['settled', 'arriving']);
    expect(await here.allowances.exposure('CN-BJ')).toBe(30_00 + beijing.terms.clonesAssumed * 30_00);
    here.pass(duration(18, 'd'));
    const exposed = () => here.allowances.exposure('CN-BJ');
    expect(await exposed()).toBe(30_00);
    const processes = [here.allowances, here.open()];
    for (const [spare, issued] of [
      [-1, 1],
      [0, 2],
    ] as const) {
      await here.regions.setTerms('CN-BJ', { ...beijing.terms, fundCap: 1030_00 + spare, clonesAssumed: 1 });
      here.pass(duration(5, 's'));
      const people = await Promise.all([1, 2, 3, 4].map((at) => here.person(`京争${at}`, { region: 'CN-BJ' })));
      const asked = await Promise.all(people.map((who, at) => here.ask(who.device, {}, undefined, processes[at % 2])));
      expect(asked.filter(({ word }) => word === '500.00 x10')).toHaveLength(issued);
      expect(asked.filter(({ word }) => word === 'allowance.fund-cap')).toHaveLength(4 - issued);
      expect(await exposed()).toBe(30_00 + issued * 500_00);
      here.pass(duration(18, 'd'));
    }
    await here.regions.setTerms('CN-BJ', beijing.terms);
    here.pass(duration(5, 's'));
  });

  test('the fund stands behind no allowance that is locked to a payee, who has seen whatever was paid with it', async () => {
    const here = await opened();
    const [who, shop] = [await here.person('小明', { funds: 900_00 }), await here.person('家电城', { funds: 0 })];
    const before = await here.allowances.exposure('CN-SX');
    await here.market.payments.ripen();
    const held = await here.take(who.device, { payee: shop.device.id, total: 300_00 });
    expect(await here.allowances.exposure('CN-SX')).toBe(before);
    const twice = [await here.pay(held, shop, 300_00, { by: who }), await here.pay(held, shop, 300_00, { by: who })];
    const answers = await here.market.upload(shop, ...twice);
    expect(answers.map(({ outcome, code }) => code ?? outcome)).toEqual(['settled', 'guarantee.allowance-cap']);
  });

  test('money that leaves at once is weighed before it goes, with where it goes; asked again it is the same, and a pause stops it', async () => {
    const here = await opened();
    const who = await here.person('小明', { funds: 9000_00 });
    const shop = await here.person('家电城', { region: 'CN-BJ', funds: 0 });
    const before = here.weighed.length;
    const weighed = () => here.weighed.slice(before);
    await here.take(who.device);
    expect(weighed()).toEqual([]);
    const key = freshSigner();
    const wanted = { payee: shop.device.id, total: 3000_00 };
    expect((await here.ask(who.device, wanted, key)).word).toBe('3000.00 x1');
    here.pause(who);
    expect((await here.ask(who.device, wanted, key)).word).toBe('3000.00 x1');
    expect(weighed()).toEqual([{ amount: 3000_00, currency: 'CNY', toRegion: 'CN-BJ' }]);
    expect((await here.ask(who.device, wanted)).word).toBe('wallet.paused');
  });

  test('a one-off allowance for one payee: above the open limits, beside the open one, always with the passkey', async () => {
    const here = await opened();
    const who = await here.person('小明', { funds: 9000_00 });
    const shop = await here.person('家电城', { region: 'CN-BJ', funds: 0 });
    const open = await here.take(who.device);
    const locked = await here.take(who.device, { payee: shop.device.id, total: 3000_00 });
    expect(locked.signed.message).toMatchObject({
      total: 3000_00,
      perPayment: 3000_00,
      perPayee: 3000_00,
      maxCount: 1,
      noPasskeyEach: 0,
      noPasskeySum: 0,
      payees: [shop.device.id],
    });
    expect(locked.signed.message.expires - locked.signed.message.notBefore).toBe(duration(10, 'min'));
    expect(await here.holdOf(who, open)).toBe(500_00);
    expect(await here.closeBy(locked)).toBe('closed');
    expect(await here.purseOf(who)).toMatchObject({ available: 8500_00 });
    const stranger = freshSigner();
    const table: [string, Trader, Partial<Want>, string][] = [
      [
        'nobody certified',
        who,
        { payee: '01900000-0000-7000-8000-000000000001', total: 1_00 },
        'allowance.payee-unknown',
      ],
      ['no id at all', who, { payee: toBase64url(stranger.key), total: 1_00 }, 'allowance.payee-unknown'],
      ['to oneself', who, { payee: who.device.id, total: 1_00 }, 'allowance.payee-self'],
      ['above the tier', who, { payee: shop.device.id, total: 5000_01 }, 'allowance.over-online'],
      ['nothing', who, { payee: shop.device.id }, 'allowance.too-little'],
      [
        'above the purse',
        await here.person('小红', { funds: 50_00 }),
        { payee: shop.device.id, total: 50_01 },
        'allowance.too-little',
      ],
      [
        'without a passkey',
        await here.person('小强', { offline: false }),
        { payee: shop.device.id, total: 1_00 },
        'allowance.passkey-none',
      ],
    ];
    for (const [name, asker, want, code] of table) {
      expect(`${name}: ${(await here.ask(asker.device, want)).word}`).toBe(`${name}: ${code}`);
    }
    const many: string[] = [];
    for (let at = 0; at < 9; at += 1)
      many.push((await here.ask(who.device, { payee: shop.device.id, total: 1_00 })).word);
    expect(many.slice(7)).toEqual(['1.00 x1', 'allowance.too-many']);
  });

  test('a Shanxi allowance pays a payee in Beijing, and what is owed between the regions nets to zero', async () => {
    const here = await opened();
    const who = await here.person('小明');
    const shop = await here.person('京味馆', { region: 'CN-BJ', funds: 0 });
    const held = await here.take(who.device);
    const paid = await here.pay(held, shop, 29_00);
    const answers = await here.payments.reconcile(shop.wallet, [paid.bytes]);
    expect(answers.map((one) => one.outcome)).toEqual(['settled']);
    expect(await here.purseOf(shop)).toMatchObject({ available: 29_00 });
    expect(await here.state(held)).toBe('live: 50000 = 2900 claimed + 0 returned + rest');
  });

  test('a payee certificate is renewed at half of its life, when the name or tier changed, and while issuing goes on', async () => {
    const here = await opened();
    const who = await here.person('面馆', { tier: 'unproved' });
    const first = await here.allowances.certificate(who.device, undefined);
    const read = certificateMessage.read(first ?? new Uint8Array());
    const until = read.ok ? read.value.message.expires : undefined;
    const { message: keySet } = await here.regions.keySet();
    const trust = { keySet, now: here.clock(), floor: here.clock() };
    expect((await verifyAsync(certificateChecks(first ?? new Uint8Array(), trust), webVerifier())).ok).toBe(true);
    expect(read.ok && read.value.message).toMatchObject({ payee: who.device.id, name: '面馆', guarantee: 'basic' });
    expect(await here.allowances.certificate(who.device, until)).toBeUndefined();
    expect(await here.allowances.certificate(who.device, undefined)).toEqual(first);
    here.setTier(who, 'real-name');
    const second = certificateMessage.read((await here.allowances.certificate(who.device, until)) ?? new Uint8Array());
    expect(second.ok && second.value.message.guarantee).toBe('full');
    here.pass(duration(8, 'd'));
    expect(await here.allowances.certificate(who.device, until)).toBeDefined();
    const book = await here.database.transaction((tx) => here.allowances.payees(tx, [who.device.id]));
    expect(book.get(who.device.id)).toMatchObject({
      wallet: who.wallet,
      name: '面馆',
      guarantee: 'full',
      region: 'CN-SX',
    });
  });

  async function spend(here: AllowancePlace, who: Trader, minor: number): Promise<Partial<Want>> {
    const debit = { ...outside(who.region, 'bank', 'CNY') };
    const purse = {
      id: `available/${who.wallet}/CNY`,
      region: who.region,
      kind: 'available',
      owner: who.wallet,
    } as const;
    await here.ledger.post([
      {
        region: who.region,
        id: newId(here.clock()),
        kind: 'withdraw',
        at: here.clock(),
        moves: [
          {
            debit: { ...purse, currency: 'CNY', normal: 'credit', floor: 0 },
            credit: debit,
            amount: money(minor, 'CNY'),
          },
        ],
      },
    ]);
    return {};
  }
});

describe('the narrowest bound names the refusal', () => {
  const room: Room = {
    policy: allowancePolicy(DEFAULT_POLICIES['real-name'], true),
    perDay: 1000_00,
    outToday: 0,
    spendLeft: 100_000_00,
    cap: null,
    count: null,
    wantTotal: undefined,
    wantCount: undefined,
    available: 5000_00,
    hasPasskey: true,
    least: 1_00,
  };
  const table: [string, Partial<Room>, string][] = [
    ['policy', {}, '50000'],
    ['person', { cap: 80_00 }, '8000'],
    ['what was asked', { cap: 80_00, wantTotal: 30_00 }, '3000'],
    ['day', { outToday: 990_00 }, '1000'],
    ['purse', { available: 3_21 }, '321'],
    ['tier', { spendLeft: 7_00 }, '700'],
    ['tier is used up', { spendLeft: 99, available: 0 }, 'allowance.tier-spent'],
    ['day is over', { outToday: 999_50 }, 'allowance.day-spent'],
    ['more out than a day allows', { outToday: 2000_00 }, 'allowance.day-spent'],
    ['purse is empty', { available: 0 }, 'allowance.too-little'],
    ['person says nothing at all', { cap: 0, available: 0 }, 'allowance.cap-low'],
    ['exactly the least', { available: 1_00 }, '100'],
  ];
  for (const [name, more, word] of table) {
    test(`${name}: ${word}`, () => {
      const limits = openLimits({ ...room, ...more });
      expect(limits.ok ? String(limits.value.total) : limits.error.code).toBe(word);
      if (limits.ok) expect(limits.value.perPayment).toBeLessThanOrEqual(limits.value.total);
    });
  }
});
