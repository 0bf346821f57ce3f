/**
 * A payer and his friends against the fund, on both databases: cash out less cash in, once the debt is left unpaid. What a gang
 * gains stands as a debt under a proved name; without one it gains nothing.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { available, outside } from '#server/ledger/chart.ts';
import { auditPayments } from '#server/proof/proof.ts';
import { newId } from '#shared/base/id.ts';
import { duration } from '#shared/base/time.ts';
import { money } from '#shared/money/money.ts';
import type { Tier } from '#shared/rules/policy.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { type Market, openMarket, type Purse, signClosing, type Trader } from '#tests/kit/market.ts';

const ALLOWANCE = 100_00;
/** What one payer may owe the fund. */
const PAYER_CAP = 1000_00;

eachDatabase('a gang', (open) => {
  let market: Market;
  beforeAll(async () => {
    market = await openMarket(await open(), { terms: { clonesAssumed: 1 } });
  });
  afterEach(async () => {
    expect(await market.faults()).toEqual([]);
    await market.payments.recoverDebts();
    expect((await auditPayments(market.database, market.clock(), market.regions.root)).findings).toEqual([]);
  });
  afterAll(() => market?.close());

  /** Who is in it; the payer puts `cash` in, and nobody ever puts in more. */
  async function gang(size: number, cash: number, tier?: Tier): Promise<{ payer: Trader; friends: Trader[] }> {
    const payer = await market.person('头目', 'CN-SX', tier);
    const friends: Trader[] = [];
    for (let more = size; more > 0; more -= 1) friends.push(await market.person('同伙'));
    await market.topUp(payer, cash);
    return { payer, friends };
  }

  /** Each friend is paid all of the allowance by a copy of its own, and brings it in at the end. */
  const copyFor = async (purse: Purse, friends: readonly Trader[]) =>
    Promise.all(friends.map(async (friend) => ({ friend, paid: await purse.clone().pay(friend, ALLOWANCE) })));

  async function takeOut({ region, wallet }: Trader, minor: number): Promise<void> {
    const moves = [
      { debit: available(region, wallet, 'CNY'), credit: outside(region, 'bank', 'CNY'), amount: money(minor, 'CNY') },
    ];
    const at = market.clock();
    expect((await market.ledger.post([{ region, id: newId(at), kind: 'withdraw', moves, at }])).ok).toBe(true);
  }

  /** All they can take out after everything has ripened and what is owed was collected. */
  async function cashOf(members: readonly Trader[]): Promise<number> {
    market.pass(duration(40, 'd'));
    await market.payments.ripen();
    await market.allowances.releaseDue();
    await market.payments.recoverDebts();
    const purses = await Promise.all(members.map((one) => market.purseOf(one)));
    return purses.reduce((sum, one) => sum + one.available, 0);
  }

  test('twenty copies for twenty friends: the gang gains one allowance, not nineteen', async () => {
    const { payer, friends } = await gang(20, ALLOWANCE);
    const all = await copyFor(await market.purse(payer, ALLOWANCE), friends);
    for (const { friend, paid } of all) await market.upload(friend, paid);
    expect((await cashOf([payer, ...friends])) - ALLOWANCE).toBe(ALLOWANCE);
    expect((await market.purseOf(payer)).owed).toBe(ALLOWANCE);
  });

  test('fifteen allowances copied and closed as if nothing was spent: the gang gains what one payer may owe', async () => {
    const { payer, friends } = await gang(3, ALLOWANCE);
    const all = [];
    for (let more = 15; more > 0; more -= 1) {
      const purse = await market.purse(payer, ALLOWANCE);
      all.push(...(await copyFor(purse, friends)));
      const closing = await signClosing(purse.allowance, purse.signer);
      const [closed] = await market.allowances.close([closing], market.payments.heldPayments);
      expect(closed?.ok).toBe(true);
    }
    // The payer's money is out before anybody claims: nothing is left for the debt to be collected from.
    await takeOut(payer, ALLOWANCE);
    const codes = new Set<string | undefined>();
    for (const { friend, paid } of all) for (const { code } of await market.upload(friend, paid)) codes.add(code);
    expect(codes).toEqual(new Set([undefined, 'guarantee.allowance-cap', 'guarantee.payer-cap']));
    expect(await cashOf([payer, ...friends])).toBe(PAYER_CAP);
    expect((await market.purseOf(payer)).owed).toBe(PAYER_CAP);
  });

  test('a payer who proved no name: twenty copies and three closings gain the gang nothing, and nothing is owed', async () => {
    const { payer, friends } = await gang(20, ALLOWANCE, 'unproved');
    const all = [];
    for (let more = 3; more > 0; more -= 1) {
      const purse = await market.purse(payer, ALLOWANCE);
      all.push(...(await copyFor(purse, friends)));
      if (more > 1)
        await market.allowances.close([await signClosing(purse.allowance, purse.signer)], market.payments.heldPayments);
    }
    const codes = new Map<string | undefined, number>();
    for (const { friend, paid } of all) {
      for (const { code } of await market.upload(friend, paid)) codes.set(code, (codes.get(code) ?? 0) + 1);
    }
    expect([...codes]).toEqual([
      ['guarantee.payer-unproved', 59],
      [undefined, 1],
    ]);
    expect(await cashOf([payer, ...friends])).toBe(ALLOWANCE);
    expect((await market.purseOf(payer)).owed).toBe(0);
    expect((await market.payments.cases(payer.wallet)).map(({ kind }) => kind)).toContain('fork');
  });
});
