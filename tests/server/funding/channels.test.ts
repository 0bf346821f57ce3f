/** The channels that need the person, and the card network: pages, codes, answer codes, reversals, and whose notice counts. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Owner } from '#server/funding/funding.ts';
import { auditLedger } from '#server/ledger/audit.ts';
import { available, outside } from '#server/ledger/chart.ts';
import type { Channel, TopUp } from '#shared/api/funding.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import { type Id, newId } from '#shared/base/id.ts';
import type { Result } from '#shared/base/result.ts';
import { duration } from '#shared/base/time.ts';
import { money } from '#shared/money/money.ts';
import { hasCheckDigit } from '#shared/rules/card-number.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { CREDIT_CARD, DEBIT_CARD, type FundingStage, openFundingStage } from '#tests/kit/funding.ts';

const codeOf = (result: Result<unknown, Refusal>) => (result.ok ? 'ok' : result.error.code);

eachDatabase('channels', (open) => {
  let stage: FundingStage;
  beforeAll(async () => {
    stage = await openFundingStage(await open());
  });
  beforeEach(() => stage.turn({ orders: 'by-amount', notices: 'sent', answers: 'prompt', bank: 'open' }));
  afterAll(() => stage?.close());

  async function started(owner: Owner, channel: Channel, amount: number, card?: Id): Promise<TopUp> {
    const id = newId(stage.now());
    const request = { id, channel, amount, currency: 'CNY', ...(card ? { card } : {}) };
    const kept = await stage.funding.start(owner, request);
    assert(kept.ok, `the top-up is kept: ${codeOf(kept)}`);
    await stage.funding.idle();
    return read(owner, id);
  }
  async function read(owner: Owner, id: string): Promise<TopUp> {
    const found = await stage.funding.read(owner, id as Id);
    assert(found.ok, 'the top-up is there');
    return found.value;
  }
  const pathOf = (url: string | undefined) => new URL(url ?? 'http://none/none').pathname;
  const stands = async (owner: Owner, { id }: TopUp) => {
    const { state, reason } = await read(owner, id);
    return [state, reason].filter(Boolean).join(' ');
  };

  test.each([
    // amount, what the person chooses, how it ends, what arrives
    [100_00, 'pay', 'settled', 100_00],
    [100_04, 'pay', 'declined AM04', 0],
    [100_24, 'pay', 'settled', 100_24],
    [100_00, 'cancel', 'declined DS02', 0],
  ])('a pay page over %i fen, %s: %s', async (amount, choice, ends, arrives) => {
    const owner = await stage.person();
    const topUp = await started(owner, 'third-party', amount);
    expect(topUp.state).toBe('pending');
    const answer = await stage.submit(`${pathOf(topUp.page)}/choose`, { choice });
    expect(answer.page).toContain(`http://localhost/top-up/${topUp.id}`);
    // Of the last digits 24 the notice is there before the person is back; the others are pending still.
    expect(await stands(owner, topUp)).toBe(amount === 100_24 ? ends : 'pending');
    await stage.pass(duration(1, 's'));
    expect(await stands(owner, topUp)).toBe(ends);
    expect(await read(owner, topUp.id)).not.toHaveProperty('page');
    expect(await stage.balanceOf(owner)).toBe(arrives);
    expect((await stage.submit(`${pathOf(topUp.page)}/choose`, { choice: 'pay' })).status).toBe(303);
    await stage.pass(duration(1, 's'));
    expect(await stage.balanceOf(owner)).toBe(arrives);
  });

  test('whoever comes back while the notice is lost is told within half a minute; nobody in time, and it is closed', async () => {
    const owner = await stage.person();
    await stage.turn({ notices: 'lost' });
    const topUp = await started(owner, 'third-party', 100_00);
    for (let minutes = 0; minutes < 10; minutes += 1) await stage.pass(duration(1, 'min'));
    await stage.submit(`${pathOf(topUp.page)}/choose`, { choice: 'pay' });
    for (const seconds of [1, 9, 20]) {
      await read(owner, topUp.id);
      await stage.pass(duration(seconds, 's'));
    }
    expect(await stands(owner, topUp)).toBe('settled');
    const late = await started(owner, 'third-party', 100_00);
    await stage.pass(duration(30, 'min'));
    expect(await stands(owner, late)).toBe('declined TM01');
    expect(await stage.balanceOf(owner)).toBe(100_00);
  });

  test('a counter takes cash for a code, and gives it back the same day unless it is spent', async () => {
    const owner = await stage.person();
    const topUp = await started(owner, 'counter', 300_00);
    expect(topUp.code).toMatch(/^\d{12}$/);
    expect(hasCheckDigit(topUp.code ?? '')).toBe(true);
    expect(topUp.until).toBeGreaterThan(stage.now() + duration(2, 'd'));
    const desk = `/counter/${topUp.reference}/choose`;
    await stage.submit(desk, { choice: 'pay' });
    await stage.pass(duration(1, 's'));
    expect(await stands(owner, topUp)).toBe('settled');
    expect(await stage.balanceOf(owner)).toBe(300_00);

    const spent = { debit: available(stage.region, owner.wallet, 'CNY'), credit: outside(stage.region, 'x', 'CNY') };
    const away = { region: stage.region, id: newId(stage.now()), kind: 'withdraw' as const, at: stage.now() };
    await stage.ledger.post([{ ...away, moves: [{ ...spent, amount: money(1, 'CNY') }] }]);
    expect((await stage.submit(desk, { choice: 'take-back' })).page).toContain('不能冲正');
    expect(await stands(owner, topUp)).toBe('settled');
    expect(await stage.balanceOf(owner)).toBe(299_99);

    await stage.ledger.reverse({ region: stage.region, original: away.id, id: newId(stage.now()), at: stage.now() });
    expect((await stage.submit(desk, { choice: 'take-back' })).page).toContain('已冲正');
    for (let times = 0; times < 3; times += 1) await stage.submit(desk, { choice: 'take-back' });
    expect(await stands(owner, topUp)).toBe('returned DS02');
    expect(await stage.balanceOf(owner)).toBe(0);
    expect((await auditLedger(stage.database)).findings).toEqual([]);
  });

  test('a code is taken back by the teller on its own day only, and is good for three', async () => {
    const owner = await stage.person();
    const topUp = await started(owner, 'counter', 300_00);
    await stage.submit(`/counter/${topUp.reference}/choose`, { choice: 'pay' });
    await stage.pass(duration(1, 'd'));
    expect((await stage.submit(`/counter/${topUp.reference}/choose`, { choice: 'take-back' })).page).toContain(
      '不能冲正',
    );
    expect(await stands(owner, topUp)).toBe('settled');
    const late = await started(owner, 'counter', 300_00);
    await stage.pass(duration(73, 'h'));
    expect(await stands(owner, late)).toBe('declined TM01');
    expect((await stage.funding.terms(owner)).find(({ channel }) => channel === 'counter')?.dayLeft).toBe(5_000_000);
  });

  test.each([
    ['05', 100_05],
    ['14', 100_14],
    ['51', 100_51],
    ['54', 100_54],
    ['61', 100_61],
    ['62', 100_62],
    ['91', 100_91],
    ['96', 100_96],
  ])('a card network answers %s to %i fen: nothing is taken', async (code, amount) => {
    const owner = await stage.person();
    const card = await stage.bind(owner, CREDIT_CARD);
    const topUp = await started(owner, 'credit-card', amount, card);
    expect(await stands(owner, topUp)).toBe(`declined ${code}`);
    expect(await stage.balanceOf(owner)).toBe(0);
    expect(topUp).toMatchObject({ card: { id: card, bank: 'cmb', last4: '6788' } });
  });

  test('a charge arrives less its fee; one whose answer was late, lost or never came is reversed and does not', async () => {
    const owner = await stage.person();
    const card = await stage.bind(owner, CREDIT_CARD);
    expect(await stands(owner, await started(owner, 'credit-card', 100_00, card))).toBe('settled');
    expect(await stage.balanceOf(owner)).toBe(99_40);
    for (const amount of [100_11, 100_12, 100_13, 100_15]) {
      const topUp = await started(owner, 'credit-card', amount, card);
      expect(topUp.state).toBe('unknown');
      for (let rounds = 0; rounds < 5; rounds += 1) await stage.pass(duration(30, 's'));
      expect(await stands(owner, topUp)).toBe('declined 68');
    }
    // Three charges of the four had been made, the late answer has come long since: the network has reversed them all.
    expect(await stage.balanceOf(owner)).toBe(99_40);
    const day = `/statements/card?account=${stage.region}&day=2026-11-`;
    const booked = await Promise.all(['23', '24', '25', '26', '27'].map((one) => stage.look(day + one)));
    const sums = booked.flatMap((one) =>
      (one as { entries: { amount: number }[] }).entries.map(({ amount }) => amount),
    );
    expect(sums).toEqual([100_00]);
  });

  test('each channel wants the right card, or none', async () => {
    const owner = await stage.person();
    const debit = await stage.bind(owner, DEBIT_CARD);
    const ask = async (channel: Channel, card?: Id) => {
      const request = { id: newId(stage.now()), channel, amount: 100_00, currency: 'CNY', ...(card ? { card } : {}) };
      return codeOf(await stage.funding.start(owner, request));
    };
    expect(await ask('credit-card')).toBe('request.malformed');
    expect(await ask('bank-transfer', debit)).toBe('request.malformed');
    expect(await ask('credit-card', debit)).toBe('card.kind');
    expect(await ask('credit-card', newId(stage.now()))).toBe('card.not-found');
    expect(codeOf(await stage.funding.notice('credit-card', stage.region, {}))).toBe('request.not-found');
  });
});
