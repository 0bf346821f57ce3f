/** What each side reads of its money: one bill for one event, numbered without gaps, the same id when it moves on. */

import { Value } from 'typebox/value';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Bill } from '#shared/api/bill.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import { duration } from '#shared/base/time.ts';
import { isCounted, signOf } from '#shared/rules/bill.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { type Market, openMarket, type Trader } from '#tests/kit/market.ts';

eachDatabase('bills', (open) => {
  let here: Market;
  beforeAll(async () => {
    here = await openMarket(await open());
  });
  afterAll(() => here.close());

  const people = async (): Promise<[Trader, Trader, Trader]> => [
    await here.person('小明'),
    await here.person('小华', 'CN-BJ'),
    await here.person('阿兰'),
  ];
  /** Kind, direction, state, amount and peer of every bill, in order. */
  const read = async (who: Trader): Promise<string[]> => {
    await here.bills.catchUp();
    const { bills } = await here.bills.feed(who, 0, 100);
    expect(bills.map((one) => one.sequence)).toEqual(bills.map((_, at) => at + 1));
    for (const bill of bills) expect(Value.Check(Bill, bill)).toBe(true);
    return bills.map((one) => [one.kind, one.direction, one.state, one.amount, one.peer?.name ?? '-'].join(' '));
  };

  test('a top-up is neutral, a payment goes out here and comes in there, with names and times', async () => {
    const [ming, hua] = await people();
    await here.topUp(ming, 200_00);
    const purse = await here.purse(ming, 100_00);
    const paid = await purse.pay(hua, 30_00);
    here.pass(duration(2, 'h'));
    await here.upload(hua, paid);
    expect(await read(ming)).toEqual(['top-up neutral settled 20000 -', 'payment out settled 3000 小华']);
    expect(await read(hua)).toEqual(['payment in settled 3000 小明']);
    const { bills } = await here.bills.feed(hua, 0, 10);
    expect(bills[0]).toMatchObject({ id: paid.name, payment: paid.name, region: 'CN-BJ', peer: { region: 'CN-SX' } });
    expect(bills[0]?.invoice).toBe(toBase64url(paid.core.invoice));
    expect((await here.bills.feed(ming, 1, 1)).bills[0]?.invoice).toBeUndefined();
    expect(bills[0]?.times.signed).toBe(paid.core.time);
    expect(bills[0]?.times.posted).toBe(here.clock());
    expect(bills[0]?.times.uploaded).toBe(here.clock());
  });

  test('what the guarantee pays arrives first and settles later under the same id; the debt is told to the payer', async () => {
    const [ming, hua, lan] = await people();
    await here.topUp(ming, 100_00);
    const purse = await here.purse(ming, 100_00);
    const copy = purse.clone();
    await here.upload(hua, await purse.pay(hua, 90_00));
    const fork = await copy.pay(lan, 40_00);
    await here.upload(lan, fork);
    expect(await read(lan)).toEqual(['payment in arriving 4000 小明']);
    here.pass(duration(18, 'd'));
    await here.payments.ripen();
    expect(await read(lan)).toEqual(['payment in arriving 4000 小明', 'payment in settled 4000 小明']);
    const { bills } = await here.bills.feed(lan, 0, 10);
    expect(new Set(bills.map((one) => one.id)).size).toBe(1);
    await here.topUp(ming, 10_00);
    await here.payments.recoverDebts();
    expect((await read(ming)).slice(-2)).toEqual(['top-up neutral settled 1000 -', 'debt out settled 1000 -']);
  });

  test('a payment given back is reversed on both sides; a dispute is told to both with its reason', async () => {
    const [ming, hua, lan] = await people();
    await here.topUp(ming, 100_00);
    const purse = await here.purse(ming, 100_00);
    const copy = purse.clone();
    const paid = await purse.pay(hua, 90_00);
    await here.upload(ming, paid);
    await here.payments.takeReceipts(hua.wallet, [await here.receipt(hua, paid.id, 'void')]);
    expect(await read(hua)).toEqual(['payment in settled 9000 小明', 'payment in reversed 9000 小明']);
    await here.upload(lan, await copy.pay(lan, 40_00, { epoch: 1_000_000 }));
    expect(await read(lan)).toEqual(['payment in disputed 4000 小明']);
    expect((await here.bills.feed(lan, 0, 10)).bills[0]?.reason).toBe('guarantee.stale-epoch');
    expect((await read(ming)).slice(-2)).toEqual(['payment out reversed 9000 小华', 'payment out disputed 4000 阿兰']);
  });

  test('both sides read the same life of a payment: when the payee took it, and whose phone brought it in', async () => {
    const [ming, hua] = await people();
    await here.topUp(ming, 100_00);
    const purse = await here.purse(ming, 100_00);
    const life = async (id: Uint8Array) =>
      await Promise.all(
        [ming, hua].map(async (who) => {
          const view = await here.payments.view(who.wallet, id, { finality: false });
          return view.ok ? [view.value.handedAt, view.value.uploadedBy] : view.error.code;
        }),
      );
    const paid = await purse.pay(hua, 30_00);
    await here.upload(ming, paid);
    expect(await life(paid.id)).toEqual([
      [undefined, 'payer'],
      [undefined, 'payer'],
    ]);
    await here.payments.takeReceipts(ming.wallet, [await here.receipt(hua, paid.id, 'accepted')]);
    expect(await life(paid.id)).toEqual([
      [here.clock(), 'payer'],
      [here.clock(), 'payer'],
    ]);
    const other = await purse.pay(hua, 5_00);
    await here.upload(hua, other);
    expect((await life(other.id))[0]).toEqual([undefined, 'payee']);
  });

  test('what the newest word on every bill comes to is what the ledger holds for the wallet, to the fen', async () => {
    const [ming, hua, lan] = await people();
    await here.topUp(ming, 100_03);
    await here.topUp(lan, 7_77);
    const purse = await here.purse(ming, 100_00);
    const copy = purse.clone();
    await here.upload(hua, await purse.pay(hua, 60_01));
    await here.upload(ming, await purse.pay(ming, 1_11));
    const back = await purse.pay(lan, 5_55);
    await here.upload(lan, back);
    await here.payments.takeReceipts(lan.wallet, [await here.receipt(lan, back.id, 'void')]);
    await here.upload(lan, await copy.pay(lan, 90_09));
    const sums = async (who: Trader) => {
      await here.bills.catchUp();
      const { bills } = await here.bills.feed(who, 0, 100);
      const newest = new Map(bills.map((one) => [one.id, one]));
      const told = [...newest.values()].filter(isCounted).reduce((sum, one) => sum + signOf(one) * one.amount, 0);
      const accounts = await here.ledger.walletAccounts(who.region, who.wallet);
      const held = accounts.reduce((sum, one) => sum + (one.kind === 'receivable' ? -1 : 1) * one.balance, 0);
      return { told, held };
    };
    const check = async () => {
      for (const who of [ming, hua, lan]) {
        const { told, held } = await sums(who);
        expect(told, who.wallet).toBe(held);
      }
    };
    await check();
    here.pass(duration(18, 'd'));
    await here.payments.ripen();
    await here.topUp(ming, 20_00);
    await here.payments.recoverDebts();
    await check();
    expect((await sums(ming)).told).not.toBe(0);
  });

  test('pages go on where the last one ended, and catching up from many sides tells nothing twice', async () => {
    const [ming, , lan] = await people();
    await here.topUp(ming, 100_00);
    const purse = await here.purse(ming, 100_00);
    const paid = [];
    for (let at = 0; at < 25; at += 1) paid.push(await purse.pay(lan, 1_00));
    await Promise.all(paid.map((one) => here.upload(lan, one)));
    await Promise.all(Array.from({ length: 20 }, () => here.bills.catchUp()));
    const seen: number[] = [];
    let cursor = 0;
    for (let more = true; more; ) {
      const page = await here.bills.feed(lan, cursor, 10);
      seen.push(...page.bills.map((one) => one.sequence));
      ({ cursor, more } = page);
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, at) => at + 1));
    expect(await here.bills.feed(lan, cursor, 10)).toEqual({ bills: [], cursor: 25, more: false });
  });
});
