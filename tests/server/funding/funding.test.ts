/** The door of money coming in: bounds, repeats, whose top-up it is, what a notice must be, and what it posts. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Funding, type Owner, openChannels, openFunding } from '#server/funding/funding.ts';
import { type Happening, stepOf } from '#server/funding/steps.ts';
import { available, feeIncome, outside } from '#server/ledger/chart.ts';
import { type Ledger, openLedger } from '#server/ledger/ledger.ts';
import type { Database } from '#server/platform/database.ts';
import { migrate } from '#server/platform/migrate.ts';
import type { OutsideAnswer, OutsideCall, OutsideFailure } from '#server/platform/outside.ts';
import { type BankNotice, noticeBytes } from '#shared/api/bank.ts';
import { boundBroken, type ChannelTerms, feeOf, type TopUpRequest, type TopUpState } from '#shared/api/funding.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import { type Id, newId } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { duration, type Instant, instant, toSeconds } from '#shared/base/time.ts';
import { eachDatabase } from '#tests/kit/databases.ts';

const REGION = 'CN-BJ';
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const bankKey = toBase64url(publicKey.export({ type: 'spki', format: 'der' }));

const STATES: readonly TopUpState[] = ['started', 'asked', 'unknown', 'pending', 'settled', 'declined', 'returned'];

test.each<[Happening, ...(TopUpState | '-')[]]>([
  // what happens   started     asked       unknown     pending     settled declined returned
  ['ask', 'asked', 'asked', 'asked', '-', '-', '-', '-'],
  ['silence', '-', 'unknown', 'unknown', 'pending', '-', '-', '-'],
  ['absent', '-', 'unknown', 'unknown', 'unknown', '-', '-', '-'],
  ['pending', 'pending', 'pending', 'pending', 'pending', '-', '-', '-'],
  ['settled', 'settled', 'settled', 'settled', 'settled', '-', '-', '-'],
  ['declined', 'declined', 'declined', 'declined', 'declined', '-', '-', '-'],
  ['returned', 'returned', 'returned', 'returned', 'returned', 'returned', '-', '-'],
])('%s leads to %s %s %s %s %s %s %s', (happening, ...expected) => {
  expect(STATES.map((state) => stepOf(state, happening) ?? '-')).toEqual(expected);
});

const TERMS: ChannelTerms = {
  channel: 'bank-transfer',
  currency: 'CNY',
  least: 100,
  most: 100_000,
  dayMost: 150_000,
  dayLeft: 60_000,
  feeFixed: 10,
  feeBasisPoints: 60,
  arrivalSeconds: 60,
};

test.each([
  // amount, fee at 0.10 + 0.6 %, bound broken
  [99, 11, 'least'],
  [100, 11, undefined],
  [10_000, 70, undefined],
  [10_001, 71, undefined],
  [60_000, 370, undefined],
  [60_001, 371, 'day'],
  [100_001, 611, 'most'],
])('%i fen costs %i and breaks %s', (amount, fee, broken) => {
  expect(feeOf(TERMS, amount)).toBe(fee);
  expect(boundBroken(TERMS, amount)).toBe(broken);
});

test('an amount that its fee would eat is too little', () => {
  expect(boundBroken({ ...TERMS, least: 1, feeFixed: 500 }, 500)).toBe('least');
});

eachDatabase('funding', (open) => {
  let database: Database;
  let ledger: Ledger;
  let funding: Funding;
  let now: Instant;
  let bankSays: (url: string, call: OutsideCall) => Result<OutsideAnswer, OutsideFailure>;
  let switchedOff: Refusal | undefined;
  let share: number;
  const asked: string[] = [];
  const warnings: string[] = [];

  beforeAll(async () => {
    database = await open();
    const names = ['ledger', 'funding'];
    await migrate(
      database,
      names.map((name) => ({ name, schema: readFileSync(`server/${name}/schema.sql`, 'utf8') })),
    );
    ledger = openLedger({ database });
  });
  beforeEach(() => {
    now = instant(Date.UTC(2026, 10, 23, 12));
    asked.length = 0;
    warnings.length = 0;
    bankSays = () => refuse('timeout');
    const provider = {
      url: 'http://bank.test',
      patience: duration(1, 's'),
      call: async (url: string, call: OutsideCall) => {
        asked.push(`${call.method} ${new URL(url).pathname.replace(/[0-9a-f-]{36}/, ':id')}`);
        return bankSays(url, call);
      },
    };
    switchedOff = undefined;
    share = 100;
    funding = openFunding({
      database,
      ledger,
      clock: () => now,
      channels: openChannels({
        ...provider,
        key: bankKey,
        clock: () => now,
        callbacksUrl: 'http://house.test/callbacks',
        backUrl: 'http://house.test/top-up',
      }),
      bank: provider,
      cardsUrl: 'http://house.test/me/cards',
      mayEnter: async () => undefined,
      mayLeave: async () => switchedOff,
      limitShare: async () => share,
      regions: () => [REGION],
      log: { warn: (_facts, message) => warnings.push(message) },
    });
  });
  afterEach(() => funding.idle());

  const person = (tier = 'real-name'): Owner => ({ wallet: newId(now), region: REGION, tier, name: '王小明' });
  const want = (amount: number, id: Id = newId(now)): TopUpRequest => ({
    id,
    channel: 'bank-transfer',
    amount,
    currency: 'CNY',
  });
  const balanceOf = async (owner: Owner) =>
    (await ledger.balances(REGION, [available(REGION, owner.wallet, 'CNY')]))[0];
  const codeOf = (result: Result<unknown, { code: string }>) => (result.ok ? 'ok' : result.error.code);
  async function started(owner: Owner, request: TopUpRequest) {
    const kept = await funding.start(owner, request);
    if (!kept.ok) throw new Error(kept.error.code);
    await funding.idle();
    return kept.value;
  }
  function envelope(report: object, change: Partial<BankNotice> = {}): BankNotice {
    const unsigned = { id: newId(now), at: toSeconds(now), message: JSON.stringify(report), ...change };
    const signature = toBase64url(
      sign('sha256', noticeBytes(unsigned), { key: privateKey, dsaEncoding: 'ieee-p1363' }),
    );
    return { ...unsigned, signature, ...change };
  }
  const notice = async (report: object, change?: Partial<BankNotice>) =>
    codeOf(await funding.notice('bank-transfer', REGION, envelope(report, change)));

  test.each([
    // tier, amount, answer
    ['real-name', 99, 'funding.below-least'],
    ['real-name', 100, 'ok'],
    ['real-name', 2_000_000, 'ok'],
    ['real-name', 2_000_001, 'funding.above-most'],
    ['unproved', 100_001, 'funding.above-most'],
    ['two-factor', 5_000_000, 'ok'],
    ['nobody', 10_000, 'funding.tier'],
  ])('%s tops up %i fen: %s', async (tier, amount, answer) => {
    expect(codeOf(await funding.start(person(tier), want(amount)))).toBe(answer);
  });

  test('a currency the channel does not take is refused', async () => {
    expect(codeOf(await funding.start(person(), { ...want(100_00), currency: 'USD' }))).toBe('funding.no-channel');
    expect(codeOf(await funding.start(person(), { ...want(100_00), currency: 'XXX' }))).toBe('request.malformed');
  });

  test('fifteen at once against what is left of the day: exactly ten go through', async () => {
    const owner = person('unproved');
    const all = await Promise.all(Array.from({ length: 15 }, () => funding.start(owner, want(100_00))));
    expect(all.map(codeOf).toSorted()).toEqual([...Array(5).fill('funding.above-day'), ...Array(10).fill('ok')]);
    expect((await funding.terms(owner))[0]?.dayLeft).toBe(0);
    now = instant(Date.UTC(2026, 10, 23, 15, 59));
    expect((await funding.terms(owner))[0]?.dayLeft).toBe(0);
    now = instant(Date.UTC(2026, 10, 23, 16));
    expect((await funding.terms(owner))[0]?.dayLeft).toBe(1000_00);
  });

  test('fifty times the same id at once: one top-up, one ask, fifty equal answers', async () => {
    const owner = person();
    const request = want(100_00);
    const all = await Promise.all(Array.from({ length: 50 }, () => funding.start(owner, request)));
    await funding.idle();
    expect(new Set(all.map((one) => one.ok && one.value.reference)).size).toBe(1);
    expect(all.every((one) => one.ok)).toBe(true);
    expect(asked).toEqual(['POST /bank/orders']);
    expect(await funding.list(owner)).toHaveLength(1);
  });

  test('the same id with other content, or from somebody else, is refused', async () => {
    const owner = person();
    const request = want(100_00);
    await started(owner, request);
    expect(codeOf(await funding.start(owner, { ...request, amount: 100_01 }))).toBe('funding.id-reused');
    expect(codeOf(await funding.start(person(), request))).toBe('funding.id-reused');
  });

  test('nobody sees another’s top-up, and the same id of two people has two names at the bank', async () => {
    const owner = person();
    const mine = await started(owner, want(100_00));
    const stranger = person();
    expect(codeOf(await funding.read(stranger, mine.id as Id))).toBe('request.not-found');
    expect(await funding.list(stranger)).toEqual([]);
    const elsewhere = await funding.start({ ...stranger, region: 'CN-SX' }, want(100_00, mine.id as Id));
    expect(elsewhere.ok && elsewhere.value.reference).not.toBe(mine.reference);
  });

  test.each([
    ['settled', { status: 'ACSC' }, 100_00],
    ['declined', { status: 'RJCT', reason: 'AC04' }, 0],
    ['pending', { status: 'PDNG' }, 0],
  ])('a notice says %s', async (state, word, balance) => {
    const owner = person();
    const { id, reference } = await started(owner, want(100_00));
    const report = { id: reference, amount: 100_00, currency: 'CNY', ...word };
    for (const expected of ['ok', 'ok', 'ok']) expect(await notice(report)).toBe(expected);
    expect(await funding.read(owner, id as Id)).toMatchObject({ value: { state } });
    expect(await balanceOf(owner)).toBe(balance);
  });

  test('what is no notice of this bank, or of another sum, changes nothing', async () => {
    const owner = person();
    const { id, reference } = await started(owner, want(100_00));
    const report = { id: reference, status: 'ACSC', amount: 100_00, currency: 'CNY' };
    const genuine = envelope(report);
    expect(await notice(report, { signature: 'A'.repeat(86) })).toBe('funding.notice-forged');
    expect(codeOf(await funding.notice('bank-transfer', REGION, { ...genuine, at: genuine.at + 1 }))).toBe(
      'funding.notice-forged',
    );
    expect(codeOf(await funding.notice('bank-transfer', REGION, { ...genuine, message: '{}' }))).toBe(
      'funding.notice-forged',
    );
    expect(await notice(report, { at: toSeconds(now) - 301 })).toBe('funding.notice-stale');
    expect(await notice(report, { at: toSeconds(now) + 301 })).toBe('funding.notice-stale');
    expect(await notice({ ...report, amount: 100_01 })).toBe('funding.notice-mismatch');
    expect(await notice({ ...report, currency: 'USD' })).toBe('funding.notice-mismatch');
    expect(await notice({ ...report, id: newId(now) })).toBe('request.not-found');
    expect(await notice({ ...report, status: 'DONE' })).toBe('request.malformed');
    for (const junk of [undefined, null, 7, 'x', {}, { ...genuine, more: 1 }]) {
      expect(codeOf(await funding.notice('bank-transfer', REGION, junk))).toBe('request.malformed');
    }
    expect(await funding.read(owner, id as Id)).toMatchObject({ value: { state: 'unknown' } });
    expect(await balanceOf(owner)).toBe(0);
    expect(await notice(report, { at: toSeconds(now) - 300 })).toBe('ok');
    expect(await balanceOf(owner)).toBe(100_00);
  });

  test('a genuine notice about a top-up of another channel changes nothing, and somebody is told', async () => {
    const owner = person();
    const { id, reference } = await started(owner, want(100_00));
    await database.query("update funding set channel = 'counter' where region = $1 and id = $2", [REGION, id]);
    const report = { id: reference, status: 'ACSC', amount: 100_00, currency: 'CNY' };
    expect(await notice(report)).toBe('funding.notice-channel');
    expect(await funding.read(owner, id as Id)).toMatchObject({ value: { state: 'unknown' } });
    expect(await balanceOf(owner)).toBe(0);
    expect(warnings).toEqual(['a notice came by another channel than its top-up']);
    await database.query("update funding set channel = 'bank-transfer' where region = $1 and id = $2", [REGION, id]);
    expect(await notice(report)).toBe('ok');
  });

  test('a bank that contradicts itself changes nothing, and somebody is told', async () => {
    const owner = person();
    const { id, reference } = await started(owner, want(100_00));
    const report = { id: reference, amount: 100_00, currency: 'CNY' };
    await notice({ ...report, status: 'RJCT', reason: 'AM04' });
    await notice({ ...report, status: 'ACSC' });
    expect(await funding.read(owner, id as Id)).toMatchObject({ value: { state: 'declined', reason: 'AM04' } });
    expect(await balanceOf(owner)).toBe(0);
    expect(warnings).toEqual(['a provider contradicts itself']);
  });

  test('a decline gives the day back', async () => {
    const owner = person('unproved');
    bankSays = () => ok({ status: 409, body: {} });
    await started(owner, want(1000_00));
    expect((await funding.terms(owner))[0]?.dayLeft).toBe(1000_00);
    expect((await funding.list(owner))[0]).toMatchObject({ state: 'declined', reason: 'AM05' });
  });

  test('an unanswered ask is queried after a second, then ever less often, at most every ten minutes', async () => {
    await started(person(), want(100_00));
    const looks: number[] = [];
    const begin = now;
    for (let second = 1; second <= 3600; second += 1) {
      now = instant(begin + second * 1000);
      if ((await funding.runDue()) > 0) looks.push(second);
      await funding.idle();
      if (second > 40) second += 19;
    }
    expect(looks.slice(0, 5)).toEqual([1, 3, 7, 15, 31]);
    expect(looks.length).toBeLessThan(16);
    expect(asked.filter((one) => one.startsWith('POST'))).toHaveLength(1);
  });

  test('a report of another order or another sum is no answer', async () => {
    const owner = person();
    bankSays = () => ok({ status: 200, body: { id: newId(now), status: 'ACSC', amount: 100_00, currency: 'CNY' } });
    const { id } = await started(owner, want(100_00));
    expect(await funding.read(owner, id as Id)).toMatchObject({ value: { state: 'unknown' } });
    expect(await balanceOf(owner)).toBe(0);
  });

  test('the fee of the terms is taken from what arrives, and the transfer says what it is about', async () => {
    await database.query(
      `insert into funding_terms (region, tier, channel, currency, least, most, day_most, fee_fixed, fee_basis_points, arrival_seconds)
       values ($1, 'with-fee', 'bank-transfer', 'CNY', 100, 100000, 100000, 10, 60, 60) on conflict do nothing`,
      [REGION],
    );
    const owner = person('with-fee');
    const before = await ledger.balances(REGION, [outside(REGION, 'bank-transfer', 'CNY'), feeIncome(REGION, 'CNY')]);
    const { id, reference } = await started(owner, want(100_00));
    await notice({ id: reference, status: 'ACSC', amount: 100_00, currency: 'CNY' });
    const then = await ledger.balances(REGION, [outside(REGION, 'bank-transfer', 'CNY'), feeIncome(REGION, 'CNY')]);
    expect(await balanceOf(owner)).toBe(99_30);
    expect(then.map((balance, at) => balance - (before[at] ?? 0))).toEqual([100_00, 70]);
    expect(await ledger.find(REGION, reference as Id)).toMatchObject({
      kind: 'top-up',
      about: { funding: id, channel: 'bank-transfer' },
    });
    expect(await funding.list(owner)).toMatchObject([{ id, amount: 100_00, fee: 70, state: 'settled' }]);
  });
});
