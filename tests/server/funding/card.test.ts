/** Bank cards: bound on the bank's page by name, number and the text's code, known here by a token and the last four. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MOST_CARDS } from '#server/funding/card.ts';
import type { Owner } from '#server/funding/funding.ts';
import { isFinal } from '#shared/api/funding.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { type Id, newId } from '#shared/base/id.ts';
import type { Result } from '#shared/base/result.ts';
import { duration } from '#shared/base/time.ts';
import { withCheckDigit } from '#shared/rules/card-number.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { CREDIT_CARD, DEBIT_CARD, type FundingStage, IDENTITY, openFundingStage } from '#tests/kit/funding.ts';

const codeOf = (result: Result<unknown, Refusal>) => (result.ok ? 'ok' : result.error.code);

eachDatabase('cards', (open) => {
  let stage: FundingStage;
  beforeAll(async () => {
    stage = await openFundingStage(await open());
  });
  afterAll(() => stage?.close());

  async function begun(owner: Owner): Promise<{ id: Id; page: string }> {
    const id = newId(stage.now());
    const card = await stage.funding.cards.bind(owner, id);
    return { id, page: new URL((card.ok && card.value.page) || 'http://none/').pathname };
  }
  const stateOf = async (owner: Owner, id: Id) => {
    const card = await stage.funding.cards.read(owner, id);
    return card.ok ? [card.value.state, card.value.reason].filter(Boolean).join(' ') : card.error.code;
  };
  const form = { name: '王小明', number: DEBIT_CARD, identity: IDENTITY, phone: '13812345678' };

  test('a card is bound by name, identity number, phone and code, and its number stays at the bank', async () => {
    const owner = await stage.person();
    const debit = await stage.bind(owner, DEBIT_CARD);
    const credit = await stage.bind(owner, CREDIT_CARD);
    expect(await stage.funding.cards.list(owner)).toMatchObject([
      { id: debit, state: 'bound', bank: 'cmb', kind: 'debit', last4: '6783', isDefault: true },
      { id: credit, state: 'bound', bank: 'cmb', kind: 'credit', last4: '6788', isDefault: false },
    ]);
    const kept = JSON.stringify(await stage.database.query('select * from funding_card'));
    for (const number of [DEBIT_CARD, CREDIT_CARD]) expect(kept).not.toContain(number.slice(6, 12));
    expect(JSON.stringify(stage.warnings)).not.toContain(DEBIT_CARD.slice(6, 12));
  });

  test.each([
    // what is typed, what the page says
    [{ number: '6225880123456784' }, '卡号不对'],
    [{ number: '4111111111111111' }, '暂不支持'],
    [{ number: '12' }, '13 至 19 位'],
    [{ identity: '110101199003077470' }, '身份证号不对'],
    [{ phone: '12345' }, '手机号不对'],
    [{ name: '李小明' }, '姓名与银行卡不符'],
    [{ number: withCheckDigit('622588012340404') }, '姓名与银行卡不符'],
  ])('the bank’s page refuses %o: %s', async (change, says) => {
    const owner = await stage.person();
    const { id, page } = await begun(owner);
    const answer = await stage.submit(`${page}/fill`, { ...form, ...change });
    expect(answer.page).toContain(says);
    expect(answer.page).not.toContain(DEBIT_CARD);
    expect(await stateOf(owner, id)).toBe('binding');
  });

  test('three wrong codes end it; so does cancelling, the bank’s own no, and a quarter of an hour', async () => {
    const owner = await stage.person();
    const wrong = await begun(owner);
    await stage.submit(`${wrong.page}/fill`, { ...form, phone: '13812340010' });
    for (const _ of [1, 2, 3]) await stage.submit(`${wrong.page}/confirm`, { code: 'no' });
    expect(await stateOf(owner, wrong.id)).toBe('refused refused');
    const cancelled = await begun(owner);
    await stage.submit(`${cancelled.page}/cancel`, {});
    expect(await stateOf(owner, cancelled.id)).toBe('refused cancelled');
    const refused = await begun(owner);
    await stage.submit(`${refused.page}/fill`, { ...form, number: withCheckDigit('622588012340505') });
    expect(await stateOf(owner, refused.id)).toBe('refused refused');
    const late = await begun(owner);
    await stage.pass(duration(15, 'min'));
    expect(await stateOf(owner, late.id)).toBe('refused expired');
  });

  test('the same card twice is refused, the same id twice is one card', async () => {
    const owner = await stage.person();
    const first = await stage.bind(owner, DEBIT_CARD);
    await expect(stage.bind(owner, DEBIT_CARD)).rejects.toThrow('taken');
    expect(codeOf(await stage.funding.cards.bind(owner, first))).toBe('ok');
    expect(codeOf(await stage.funding.cards.bind(await stage.person(), first))).toBe('funding.id-reused');
    expect(await stage.funding.cards.list(owner)).toHaveLength(1);
  });

  test('somebody else’s card reads like none; who is not certified binds none; there is an end to it', async () => {
    const owner = await stage.person();
    const stranger = await stage.person();
    const id = await stage.bind(owner, DEBIT_CARD);
    for (const act of ['read', 'setDefault', 'unbind'] as const)
      expect(codeOf(await stage.funding.cards[act](stranger, id))).toBe('card.not-found');
    const unproved = await stage.person(0, 'unproved');
    expect(codeOf(await stage.funding.cards.bind(unproved, newId(stage.now())))).toBe('funding.tier');
    for (let count = 1; count < MOST_CARDS; count += 1) await begun(owner);
    expect(codeOf(await stage.funding.cards.bind(owner, newId(stage.now())))).toBe('card.limit');
  });

  test('the default card is one; the next one inherits it', async () => {
    const owner = await stage.person();
    const debit = await stage.bind(owner, DEBIT_CARD);
    const credit = await stage.bind(owner, CREDIT_CARD);
    expect(codeOf(await stage.funding.cards.setDefault(owner, credit))).toBe('ok');
    expect((await stage.funding.cards.list(owner)).map(({ id, isDefault }) => [id, isDefault])).toEqual([
      [credit, true],
      [debit, false],
    ]);
    expect(codeOf(await stage.funding.cards.unbind(owner, credit))).toBe('ok');
    expect(codeOf(await stage.funding.cards.unbind(owner, credit))).toBe('ok');
    expect(await stage.funding.cards.list(owner)).toMatchObject([{ id: debit, isDefault: true }]);
  });

  test('a card that money is on its way to cannot be unbound; once it has arrived it can', async () => {
    const owner = await stage.person(500_00);
    const card = await stage.bind(owner, DEBIT_CARD);
    const id = newId(stage.now());
    await stage.turn({ orders: 'by-hand' });
    await stage.funding.withdraw(owner, { id, card, amount: 100_00, currency: 'CNY' });
    await stage.funding.idle();
    expect(codeOf(await stage.funding.cards.unbind(owner, card))).toBe('card.in-flight');
    await stage.turn({ orders: 'by-amount' });
    const { reference } = (await stage.funding.listWithdrawals(owner))[0] ?? { reference: '' };
    await stage.submit('/control/form', { act: 'accept', order: reference });
    await stage.pass(duration(1, 's'));
    expect(await stage.funding.readWithdrawal(owner, id)).toMatchObject({ value: { state: 'settled' } });
    expect(codeOf(await stage.funding.cards.unbind(owner, card))).toBe('ok');
    const again = { id: newId(stage.now()), card, amount: 100_00, currency: 'CNY' };
    expect(codeOf(await stage.funding.withdraw(owner, again))).toBe('card.not-found');
  });

  test('a card that a top-up is being charged to cannot be unbound, before the bank has said its last word', async () => {
    const owner = await stage.person();
    const card = await stage.bind(owner, CREDIT_CARD);
    // The charge is done or not: nobody knows yet.
    await stage.turn({ answers: 'silent' });
    const id = newId(stage.now());
    await stage.funding.start(owner, { id, channel: 'credit-card', card, amount: 100_00, currency: 'CNY' });
    await stage.funding.idle();
    expect(codeOf(await stage.funding.cards.unbind(owner, card))).toBe('card.in-flight');
    expect(await stateOf(owner, card)).toBe('bound');
    await stage.turn({ answers: 'prompt' });
    await stage.pass(duration(1, 'h'));
    const topUp = await stage.funding.read(owner, id);
    expect(topUp.ok && isFinal(topUp.value.state)).toBe(true);
    expect(codeOf(await stage.funding.cards.unbind(owner, card))).toBe('ok');
  });

  test('while the bank is silent a card stays as it was', async () => {
    const owner = await stage.person();
    const card = await stage.bind(owner, DEBIT_CARD);
    await stage.turn({ answers: 'silent' });
    expect(codeOf(await stage.funding.cards.unbind(owner, card))).toBe('house.unreachable');
    expect(codeOf(await stage.funding.cards.bind(owner, newId(stage.now())))).toBe('house.unreachable');
    await stage.turn({ answers: 'prompt' });
    expect(await stage.funding.cards.list(owner)).toMatchObject([{ id: card, state: 'bound' }, { state: 'binding' }]);
    // The bank forgot the card while its answer was lost: the next try says so too.
    expect(codeOf(await stage.funding.cards.unbind(owner, card))).toBe('ok');
  });
});

test('no file of the house names a place for a whole card number', () => {
  expect(readFileSync('server/funding/schema.sql', 'utf8')).not.toMatch(/\bpan\b|card_number/);
});
