/**
 * The server's clock jumps an hour or four hundred days, forth and back, while it runs: what was signed in time is paid
 * once, what was not never is, and everything stays in the order of the journal.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditLedger } from '#server/ledger/audit.ts';
import { type Duration, duration } from '#shared/base/time.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { report, size } from '#tests/kit/fault-report.ts';
import { SHANXI } from '#tests/kit/ledger.ts';
import { type Market, openMarket, type Trader } from '#tests/kit/market.ts';
import { chanceOf } from '#tests/simulation/chance.ts';

const HOUR = duration(1, 'h');
const LONG = duration(400, 'd');
const back = (length: Duration): Duration => -length as Duration;

/** Where the clock jumps, and how often all of it happens in a random order. */
const JUMPS: readonly (readonly [what: string, by: Duration])[] = [
  ['an hour on', HOUR],
  ['an hour back', back(HOUR)],
  ['four hundred days on', LONG],
  ['four hundred days back', back(LONG)],
  ['a second back', back(duration(1, 's'))],
];
const ROUNDS = size(4, 100);

eachDatabase('a clock that jumps', (open) => {
  let market: Market;
  beforeAll(async () => {
    market = await openMarket(await open());
  });
  afterAll(() => market?.close());

  /** What the house does by itself every minute, whatever its clock says. */
  async function minute(): Promise<void> {
    await market.allowances.releaseDue();
    await market.payments.ripen();
    await market.payments.sealClaims();
    await market.payments.recoverDebts();
  }

  const outcomes = async (who: Trader, ...paid: Parameters<Market['upload']>[1][]) =>
    (await market.upload(who, ...paid)).map((one) => one.outcome);

  test.each(JUMPS)('%s: paid once, whether it came before or after', async (_what, by) => {
    const [payer, payee] = [await market.person('小明'), await market.person('小华')];
    await market.topUp(payer, 100_00);
    const purse = await market.purse(payer, 50_00);
    const [before, between, after] = [
      await purse.pay(payee, 1_00),
      await purse.pay(payee, 2_00),
      await purse.pay(payee, 4_00),
    ];
    expect(await outcomes(payee, before)).toEqual(['settled']);
    market.pass(by);
    await minute();
    expect(await outcomes(payee, before, between)).toEqual(['settled', 'settled']);
    market.pass(back(by));
    await minute();
    expect(await outcomes(payer, between, after, before)).toEqual(['settled', 'settled', 'settled']);
    expect((await market.purseOf(payee)).available).toBe(7_00);
    expect((await market.purseOf(payer)).owed).toBe(0);
    expect(await market.faults()).toEqual([]);
  });

  test('what is signed when the allowance has expired is refused, wherever the clock stands', async () => {
    const [payer, payee] = [await market.person('小明'), await market.person('小华')];
    await market.topUp(payer, 100_00);
    const purse = await market.purse(payer, 50_00);
    const { expires, notBefore } = purse.allowance.message;
    const [late, early] = [
      await purse.clone().pay(payee, 1_00, { time: expires + 2 * HOUR }),
      await purse.clone().pay(payee, 1_00, { time: notBefore - 2 * HOUR }),
    ];
    for (const [, by] of [...JUMPS, ['as it is', duration(0, 's')] as const]) {
      market.pass(by);
      for (const one of [late, early]) {
        expect(await market.upload(payee, one)).toMatchObject([
          { outcome: 'refused', code: 'payment.outside-validity' },
        ]);
      }
      market.pass(back(by));
    }
    expect((await market.purseOf(payee)).available).toBe(0);
  });

  test('a clock set back gives nobody a second allowance', async () => {
    const payer = await market.person('小明');
    await market.topUp(payer, 100_00);
    await market.purse(payer, 50_00);
    for (const [what, by] of JUMPS.filter(([, length]) => length < 0)) {
      market.pass(by);
      await expect(market.purse(payer, 50_00), what).rejects.toThrow('allowance.live');
      market.pass(back(by));
    }
  });

  test(`${ROUNDS} times all of it in any order: no card goes back, no bill is skipped, and the books are true`, async () => {
    const chance = chanceOf(5);
    const [payer, payee] = [await market.person('小明'), await market.person('小华')];
    let [card, paid, start] = [0, 0, market.clock() as number];
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [, by] of chance.shuffled(JUMPS)) {
        market.pass(by);
        await minute();
        await market.topUp(payer, 10_00);
        const purse = await market.purse(payer, 10_00);
        expect(await outcomes(payee, await purse.pay(payee, 10_00))).toEqual(['settled']);
        paid += 1;
        const { number } = (await market.regions.epoch(SHANXI)).message;
        expect(number).toBeGreaterThanOrEqual(card);
        card = number;
      }
      // The jumps of a round end a second earlier than they began; the next round begins where this one did.
      market.pass((start - market.clock()) as Duration);
      start = market.clock();
    }
    await market.bills.catchUp();
    const bills: string[] = [];
    for (let cursor = 0, more = true; more; ) {
      const page = await market.bills.feed(payee, cursor, 7);
      bills.push(...page.bills.map(({ id }) => id));
      ({ cursor, more } = page);
    }
    expect(bills).toHaveLength(paid);
    expect(new Set(bills).size).toBe(paid);
    expect((await market.purseOf(payee)).available).toBe(paid * 10_00);
    expect((await auditLedger(market.database)).findings).toEqual([]);
    expect(await market.faults()).toEqual([]);
    report(`F5 clock jumps, ${market.database.kind}`, ROUNDS, {
      jumps: ROUNDS * JUMPS.length,
      paid,
      lost: 0,
      twice: 0,
    });
  }, 600_000);
});
