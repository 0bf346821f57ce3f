/** Money going out to a card: what it costs, who may, and what comes back when the bank will not have it. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Owner } from '#server/funding/funding.ts';
import { auditLedger } from '#server/ledger/audit.ts';
import { feeIncome, outside } from '#server/ledger/chart.ts';
import { mostWithdrawable, type WithdrawalTerms, withdrawalBound, withdrawalFee } from '#shared/api/funding.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { type Id, newId } from '#shared/base/id.ts';
import type { Result } from '#shared/base/result.ts';
import { duration } from '#shared/base/time.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { CREDIT_CARD, DEBIT_CARD, type FundingStage, openFundingStage } from '#tests/kit/funding.ts';

const codeOf = (result: Result<unknown, Refusal>) => (result.ok ? 'ok' : result.error.code);

const TERMS: WithdrawalTerms = {
  ...{ currency: 'CNY', least: 100, most: 2_000_000, dayMost: 5_000_000, dayLeft: 900_000, free: 100_000 },
  ...{ freeLeft: 30_000, feeFixed: 10, feeBasisPoints: 10, arrivalSeconds: 7200 },
};

test.each([
  // amount, fee with 300.00 free left, then 0.10 + 0.1 % of the rest; bound broken
  [99, 0, 'least'],
  [100, 0, undefined],
  [30_000, 0, undefined],
  [30_001, 11, undefined],
  [130_000, 110, undefined],
  [900_000, 880, undefined],
  [900_001, 881, 'day'],
  [2_000_001, 1981, 'most'],
])('%i fen to a card cost %i and break %s', (amount, fee, broken) => {
  expect(withdrawalFee(TERMS, amount)).toBe(fee);
  expect(withdrawalBound(TERMS, amount)).toBe(broken);
});

test.each([
  // in the wallet, the most that leaves it with its fee beside it
  [0, 0],
  [99, 0],
  [100, 100],
  [30_000, 30_000],
  [30_011, 30_000],
  [30_012, 30_001],
  [900_879, 899_999],
  [900_880, 900_000],
  [10_000_000, 900_000],
])('out of %i fen at most %i go to a card', (available, most) => {
  expect(mostWithdrawable(TERMS, available)).toBe(most);
});

eachDatabase('withdrawals', (open) => {
  let stage: FundingStage;
  beforeAll(async () => {
    stage = await openFundingStage(await open());
  });
  afterEach(() => {
    stage.stopLeaving(undefined);
    stage.shareLimits(100);
  });
  afterAll(() => stage?.close());

  const want = (card: Id, amount: number, id: Id = newId(stage.now())) => ({ id, card, amount, currency: 'CNY' });
  async function rich(minor = 5_000_00): Promise<{ owner: Owner; card: Id }> {
    const owner = await stage.person(minor);
    return { owner, card: await stage.bind(owner, DEBIT_CARD) };
  }
  const stateOf = async (owner: Owner, id: Id) => {
    const read = await stage.funding.readWithdrawal(owner, id);
    return read.ok ? [read.value.state, read.value.reason].filter(Boolean).join(' ') : read.error.code;
  };

  test.each([
    // amount, how it ends, what the wallet has of 5,000.00 in the end
    [1_000_00, 'settled', 4_000_00],
    [1_500_00, 'settled', 3_499_40],
    [100_01, 'settled', 4_899_99],
    [1_500_04, 'declined AM04', 5_000_00],
    [1_500_05, 'declined AC04', 5_000_00],
    [1_500_51, 'returned AC04', 5_000_00],
  ])('%i fen: %s', async (amount, ends, left) => {
    const { owner, card } = await rich();
    const request = want(card, amount);
    expect(codeOf(await stage.funding.withdraw(owner, request))).toBe('ok');
    // The wallet gives at once: nobody spends what is on its way.
    if (!ends.startsWith('declined AM')) expect(await stage.balanceOf(owner)).toBeLessThanOrEqual(5_000_00 - amount);
    await stage.funding.idle();
    await stage.pass(duration(1, 's'));
    if (ends.startsWith('returned')) await stage.pass(duration(1, 'd'));
    expect(await stateOf(owner, request.id)).toBe(ends);
    expect(await stage.balanceOf(owner)).toBe(left);
    const [terms] = await stage.funding.withdrawalTerms(owner);
    const isOut = ends === 'settled';
    expect(terms?.freeLeft).toBe(isOut ? Math.max(0, 1_000_00 - amount) : 1_000_00);
    if (!ends.startsWith('returned')) expect(terms?.dayLeft).toBe(5_000_000 - (isOut ? amount : 0));
    expect((await auditLedger(stage.database)).findings).toEqual([]);
  });

  test('the fee is a posting of its own, and both go back together', async () => {
    const { owner, card } = await rich();
    const accounts = [outside(stage.region, 'payout', 'CNY'), feeIncome(stage.region, 'CNY')];
    const before = await stage.ledger.balances(stage.region, accounts);
    const since = async () =>
      (await stage.ledger.balances(stage.region, accounts)).map((balance, at) => balance - (before[at] ?? 0));
    const request = want(card, 1_500_05);
    await stage.funding.withdraw(owner, request);
    expect(await since()).toEqual([-1_500_05, 61]);
    await stage.funding.idle();
    await stage.pass(duration(1, 's'));
    expect(await since()).toEqual([0, 0]);
    const kinds = (await stage.ledger.journal(stage.region, 0, 100_000))
      .filter(({ about }) => about.funding === request.id)
      .map(({ kind, about }) => [kind, about.was, about.reason].filter(Boolean).join(' '));
    expect(kinds).toEqual(['withdraw', 'fee', 'reverse withdrawal AC04', 'reverse fee AC04']);
  });

  test('what may not leave does not', async () => {
    const { owner, card } = await rich(200_00);
    const stranger = await rich();
    const credit = await stage.bind(owner, CREDIT_CARD);
    const ask = async (request: ReturnType<typeof want>, who = owner) =>
      codeOf(await stage.funding.withdraw(who, request));
    expect(await ask(want(card, 200_01))).toBe('ledger.insufficient');
    expect(await ask(want(card, 99))).toBe('funding.below-least');
    expect(await ask(want(card, 2_000_001))).toBe('funding.above-most');
    expect(await ask(want(credit, 100_00))).toBe('card.kind');
    expect(await ask(want(stranger.card, 100_00))).toBe('card.not-found');
    expect(await ask({ ...want(card, 100_00), currency: 'USD' })).toBe('funding.no-channel');
    expect(await ask(want(card, 100_00), { ...owner, tier: 'unproved' })).toBe('funding.tier');
    stage.stopLeaving({ code: 'wallet.frozen' });
    expect(await ask(want(card, 100_00))).toBe('wallet.frozen');
    stage.stopLeaving(undefined);
    stage.shareLimits(0);
    expect(await ask(want(card, 100_00))).toBe('funding.above-most');
    expect(await stage.balanceOf(owner)).toBe(200_00);
    expect((await stage.funding.withdrawalTerms({ ...owner }))[0]?.freeLeft).toBe(1_000_00);
    expect(await stage.funding.listWithdrawals(owner)).toEqual([]);
  });

  test('a withdrawal that was kept goes on, whatever is switched off since', async () => {
    const { owner, card } = await rich();
    const request = want(card, 100_00);
    await stage.funding.withdraw(owner, request);
    stage.stopLeaving({ code: 'funding.withdrawal-off' });
    expect(codeOf(await stage.funding.withdraw(owner, request))).toBe('ok');
    expect(codeOf(await stage.funding.withdraw(owner, { ...request, amount: 100_01 }))).toBe('funding.id-reused');
    await stage.funding.idle();
    await stage.pass(duration(1, 's'));
    expect(await stateOf(owner, request.id)).toBe('settled');
    expect(await stateOf(await stage.person(), request.id)).toBe('request.not-found');
  });

  test('ten at once against a wallet and a free month that hold three: three go, each fee is right', async () => {
    const owner = await stage.person(1_801_00);
    const card = await stage.bind(owner, DEBIT_CARD);
    const all = await Promise.all(Array.from({ length: 10 }, () => stage.funding.withdraw(owner, want(card, 600_00))));
    expect(all.filter(({ ok }) => ok)).toHaveLength(3);
    expect(new Set(all.filter(({ ok }) => !ok).map(codeOf))).toEqual(new Set(['ledger.insufficient']));
    // 600 free, 400 free and 0.10 + 0.1 % of 200, then 0.10 + 0.1 % of 600.
    expect(await stage.balanceOf(owner)).toBe(1_801_00 - 3 * 600_00 - 30 - 70);
    await stage.funding.idle();
    await stage.pass(duration(1, 's'));
  });

  test('the free month begins anew at midnight in Beijing', async () => {
    const { owner, card } = await rich();
    await stage.funding.withdraw(owner, want(card, 1_000_00));
    await stage.funding.idle();
    expect((await stage.funding.withdrawalTerms(owner))[0]?.freeLeft).toBe(0);
    await stage.pass(duration(9, 'd'));
    expect((await stage.funding.withdrawalTerms(owner))[0]?.freeLeft).toBe(1_000_00);
  });
});
