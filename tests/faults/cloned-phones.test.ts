/**
 * Copies of one phone spend one allowance as often as there are copies, with no network: the second upload finds it out, the
 * phone is stopped before its next sync, every honest payee is paid as far as the region reckons with copies (here with 19 of
 * an allowance, where a region begins with one), and the fund is never asked for more than its cap.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { guaranteeFund } from '#server/ledger/chart.ts';
import type { Region } from '#server/region/region.ts';
import { duration } from '#shared/base/time.ts';
import { isRevoked, unpackStatus } from '#shared/protocol/status.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { report, size } from '#tests/kit/fault-report.ts';
import { SHANXI } from '#tests/kit/ledger.ts';
import { type Market, openMarket, type Paid, type Purse, type Trader } from '#tests/kit/market.ts';

const COPIES = [2, 5, 20] as const;
const ROUNDS = size(1, 20);
const ALLOWANCE = 60_00;
const SHARED = 10_00;

eachDatabase('copies of one phone', (open) => {
  let market: Market;
  beforeAll(async () => {
    market = await openMarket(await open());
  });
  afterAll(() => market?.close());

  interface Copied {
    readonly payer: Trader;
    readonly purse: Purse;
    readonly payees: readonly Trader[];
    readonly paid: readonly Paid[];
  }

  /** A payer who paid one payee honestly, and then was copied; each copy spends all that is left with a payee of its own. */
  async function copied(copies: number): Promise<Copied> {
    const payer = await market.person('小明');
    const first = await market.person('茶馆');
    await market.topUp(payer, ALLOWANCE + 5_00);
    const purse = await market.purse(payer, ALLOWANCE);
    await purse.pay(first, SHARED);
    const phones = [purse, ...Array.from({ length: copies - 1 }, () => purse.clone())];
    const payees: Trader[] = [];
    const paid: Paid[] = [];
    for (const phone of phones) {
      const payee = await market.person('面馆');
      payees.push(payee);
      paid.push(await phone.pay(payee, ALLOWANCE - SHARED));
    }
    await market.upload(first, ...purse.signed().slice(0, 1));
    return { payer, purse, payees, paid };
  }

  /** What each payee hears who brings a copy's payment in while these `terms` of the region are others. */
  async function heardUnder(terms: Partial<Region['terms']>, { payer, payees, paid }: Copied): Promise<string[]> {
    const home = market.regions.list().find(({ region }) => region === SHANXI);
    if (!home) throw new Error('no region');
    const inForce = async (now: Region['terms']) => {
      await market.regions.setTerms(SHANXI, now);
      market.pass(duration(5, 's'));
      await market.regions.all();
    };
    await inForce({ ...home.terms, ...terms });
    const answers = [];
    for (const [at, one] of paid.entries()) answers.push(...(await market.upload(payees[at] ?? payer, one)));
    await inForce(home.terms);
    return answers.map(({ outcome, code }) => (code === undefined ? outcome : `${outcome} ${code}`));
  }

  async function isStopped(purse: Purse): Promise<boolean> {
    const { status } = await market.regions.lists(SHANXI);
    const bits = await unpackStatus(status.packed);
    if (!bits.ok) throw new Error(bits.error.code);
    return isRevoked({ epoch: status.epoch, bits: bits.value }, purse.allowance.message.statusIndex);
  }

  const want = { key: 'A'.repeat(44), currency: 'CNY', total: 5_00, wrapped: true } as const;
  const fund = async () => (await market.ledger.balances(SHANXI, [guaranteeFund(SHANXI, 'CNY')]))[0] ?? 0;

  test.each(COPIES)(
    `%i copies, ${ROUNDS} times`,
    async (copies) => {
      const figures = { found: 0, foundAtUpload: 0, payeesPaid: 0, drawnMost: 0 };
      for (let round = 0; round < ROUNDS; round += 1) {
        const { payer, purse, payees, paid } = await copied(copies);
        const before = await fund();
        for (const [at, one] of paid.entries()) {
          const payee = payees[at] ?? payer;
          const outcomes = (await market.upload(payee, one)).map(({ outcome }) => outcome);
          expect(outcomes).toEqual([at === 0 ? 'settled' : 'arriving']);
          const cases = await market.payments.cases(payer.wallet);
          expect(cases.map(({ kind }) => kind)).toEqual(at === 0 ? [] : ['fork']);
          if (at !== 1) continue;
          figures.found += 1;
          figures.foundAtUpload = 2;
          // Its very next sync brings no new money, and the next card tells everybody.
          expect((await market.allowances.issue(payer.device, want)).ok).toBe(false);
          market.pass(duration(5, 's'));
          expect(await isStopped(purse)).toBe(true);
        }
        for (const payee of payees) {
          const { available, arriving } = await market.purseOf(payee);
          expect(available + arriving).toBe(ALLOWANCE - SHARED);
          figures.payeesPaid += 1;
        }
        const { owed } = await market.purseOf(payer);
        expect(owed).toBe((copies - 1) * (ALLOWANCE - SHARED));
        // What the fund laid out stands as the payer's debt: the fund itself is whole.
        expect(await fund()).toBe(before);
        figures.drawnMost = Math.max(figures.drawnMost, owed);
      }
      expect(await market.faults()).toEqual([]);
      report(`F8 ${copies} copies of one phone, ${market.database.kind}`, ROUNDS, { ...figures, allowance: ALLOWANCE });
    },
    600_000,
  );

  test('twenty copies where a region reckons with one: its first copy is paid, the others hear why they are not', async () => {
    const copies = await copied(20);
    expect(await heardUnder({ clonesAssumed: 1 }, copies)).toEqual([
      'settled',
      'arriving',
      ...Array.from({ length: 18 }, () => 'disputed guarantee.allowance-cap'),
    ]);
    expect((await market.purseOf(copies.payer)).owed).toBe(ALLOWANCE - SHARED);
    expect(await market.faults()).toEqual([]);
  });

  test('twenty copies and a fund that may be owed for seven of them: seven are paid, the others hear why they are not', async () => {
    const copies = await copied(20);
    const { owed } = await market.payments.standing();
    const owedBefore = owed.find(({ region }) => region === SHANXI)?.owed ?? 0;
    const cap = owedBefore + 7 * (ALLOWANCE - SHARED) + 1;
    expect(await heardUnder({ fundCap: cap }, copies)).toEqual([
      'settled',
      ...Array.from({ length: 7 }, () => 'arriving'),
      ...Array.from({ length: 12 }, () => 'disputed guarantee.fund-cap'),
    ]);
    expect((await market.purseOf(copies.payer)).owed).toBe(7 * (ALLOWANCE - SHARED));
    expect(await market.faults()).toEqual([]);
  });
});
