/** Money between people: found by a whole number or nickname, asked for, shared, and claimed back, on both databases. */
import { createHash } from 'node:crypto';
import { Value } from 'typebox/value';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Session } from '#server/identity/identity.ts';
import { auditPayments } from '#server/proof/proof.ts';
import { Claim, TransferFeed } from '#shared/api/transfer.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import { type Id, newId } from '#shared/base/id.ts';
import { ok } from '#shared/base/result.ts';
import { duration, instant } from '#shared/base/time.ts';
import { certificateMessage } from '#shared/protocol/certificate.ts';
import { type Note, writeNote } from '#shared/protocol/note.ts';
import { verifyAsync, webVerifier } from '#shared/protocol/signature.ts';
import { certificateChecks } from '#shared/protocol/trust.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { type Market, openMarket, type Paid, type Trader } from '#tests/kit/market.ts';

const HOUR = duration(1, 'h');
const DAY = duration(1, 'd');

eachDatabase('transfers', (open) => {
  let here: Market;
  let named = 0;
  beforeAll(async () => {
    here = await openMarket(await open());
  });
  afterEach(async () => {
    expect(await here.faults()).toEqual([]);
    expect((await auditPayments(here.database, here.clock(), here.regions.root)).findings).toEqual([]);
  });
  afterAll(() => here.close());

  /** Three people nobody has met, each with a number of their own (in the market: `#` and their name). */
  async function people(region = 'CN-SX'): Promise<[Trader, Trader, Trader]> {
    const letter = String.fromCodePoint(0x4e00 + named++);
    return [
      await here.person(`明${letter}`),
      await here.person(`红${letter}`, region),
      await here.person(`兰${letter}`),
    ];
  }
  const id = (): Id => newId(here.clock());
  const soon = () => instant(here.clock() + DAY);
  /** Signed in; in the market every act is believed. */
  const inside = ({ wallet, region }: Trader) => ({ wallet, region }) as Session;
  const codeOf = (answer: { ok: boolean; error?: { code: string } }) => (answer.ok ? 'ok' : answer.error?.code);
  const feed = async (who: Trader) => {
    const told = await here.transfers.feed(who);
    expect([...Value.Errors(TransferFeed, told)]).toEqual([]);
    return told;
  };
  const availableOf = async (who: Trader) => (await here.purseOf(who)).available;
  const frozenOf = async (who: Trader) => {
    const accounts = await here.ledger.walletAccounts(who.region, who.wallet);
    return accounts.reduce((sum, one) => sum + (one.kind === 'frozen' ? one.balance : 0), 0);
  };

  /** Sends as a phone does: the note goes up with its payment. */
  async function send(from: Trader, to: Trader, amount: number, more: { id?: Id; memo?: string; toCode?: true } = {}) {
    await here.topUp(from, amount);
    const purse = await here.purse(from, amount);
    const note: Note = {
      ...{ payee: to.device.id, id: more.id ?? id(), amount, currency: 'CNY', time: here.clock() },
      ...(more.memo === undefined ? {} : { memo: more.memo }),
    };
    const bytes = writeNote(note);
    const invoice = createHash('sha256').update(bytes).digest().subarray(0, 16);
    const paid = await purse.pay(to, amount, { invoice, epoch: 0 });
    const toCode = more.toCode ? { toCode: more.toCode } : {};
    await here.transfers.takeNotes(from, [{ payment: paid.name, note: toBase64url(bytes), ...toCode }]);
    await here.upload(from, paid);
    return paid;
  }

  test('somebody is found by their whole number, with a veiled name that the region has signed', async () => {
    const [ming] = await people();
    const hong = await here.person('红云岭', 'CN-SX', 'unproved');
    const found = await here.transfers.find(ming, `#${hong.name}`);
    if (!found.ok) throw new Error(found.error.code);
    const keySet = (await here.regions.keySet()).message;
    const trust = { keySet, now: here.clock(), floor: here.clock() };
    const checked = await verifyAsync(certificateChecks(found.value, trust), webVerifier());
    if (!checked.ok) throw new Error(checked.error.code);
    expect(checked.value.message).toMatchObject({
      payee: hong.device.id,
      name: `*${hong.name.slice(1)} ··0000`,
      category: 'person',
      guarantee: 'none',
    });
    expect(await here.transfers.find(ming, `#${hong.name}`)).toEqual(found);
    expect(codeOf(await here.transfers.find(ming, `#${ming.name}`))).toBe('transfer.self');
    expect(codeOf(await here.transfers.find(ming, `#${hong.name.slice(0, 1)}`))).toBe('transfer.nobody');
  });

  test('a nickname is one person, found by nothing shorter, and stays for a season', async () => {
    const [ming, hong, lan] = await people();
    const own = `anna_${named}x`;
    expect(codeOf(await here.transfers.chooseNickname(hong, own))).toBe('ok');
    expect(codeOf(await here.transfers.chooseNickname(hong, own.toUpperCase()))).toBe('ok');
    expect(codeOf(await here.transfers.chooseNickname(lan, own.replace('_', '')))).toBe('transfer.nickname-taken');
    expect(codeOf(await here.transfers.chooseNickname(lan, 'piaohao'))).toBe('transfer.nickname');
    expect(codeOf(await here.transfers.find(ming, `@${own}`))).toBe('ok');
    expect(codeOf(await here.transfers.find(ming, own.slice(0, -1)))).toBe('transfer.nobody');
    expect(codeOf(await here.transfers.find(ming, own.replace('_', '')))).toBe('transfer.nobody');
    const other = `bertha${named}x`;
    expect(codeOf(await here.transfers.chooseNickname(hong, other))).toBe('transfer.nickname-pause');
    here.pass(duration(90, 'd'));
    expect(await here.transfers.nickname(hong)).toEqual({ nickname: own, pauseDays: 90 });
    expect(codeOf(await here.transfers.chooseNickname(hong, other))).toBe('ok');
    expect(codeOf(await here.transfers.chooseNickname(lan, own))).toBe('ok');
  });

  test('ten people who want one nickname at once: one has it', async () => {
    const wanting = await Promise.all(Array.from({ length: 10 }, (_, at) => here.person(`想${at}${named}`)));
    const answers = await Promise.all(wanting.map((who) => here.transfers.chooseNickname(who, `crowd${named}x`)));
    expect(answers.map(codeOf).sort()).toEqual(['ok', ...Array(9).fill('transfer.nickname-taken')]);
  });

  test('who looks for more than sixty a day is told to wait until tomorrow', async () => {
    const [ming] = await people();
    const answers: unknown[] = [];
    for (let at = 0; at < 61; at += 1) answers.push(codeOf(await here.transfers.find(ming, `1380013${8000 + at}`)));
    expect(new Set(answers.slice(0, 60))).toEqual(new Set(['transfer.nobody']));
    expect(answers[60]).toBe('request.too-many');
    here.pass(DAY);
    expect(codeOf(await here.transfers.find(ming, '13800138000'))).toBe('transfer.nobody');
  });

  test('a bill says what the payer wrote, and only where the payment names that note', async () => {
    const [ming, hong] = await people('CN-BJ');
    const paid = await send(ming, hong, 12_00, { memo: '上次的面钱' });
    await here.topUp(ming, 5_00);
    const asked = await (await here.purse(ming, 5_00)).pay(hong, 5_00);
    const lie = writeNote({ payee: hong.device.id, id: id(), amount: 5_00, currency: 'CNY', time: here.clock() });
    await here.transfers.takeNotes(ming, [{ payment: asked.name, note: toBase64url(lie) }]);
    await here.upload(ming, asked);
    await here.bills.catchUp();
    const { bills } = await here.bills.feed(hong, 0, 10);
    expect(bills.map(({ payment, unasked, memo }) => [payment, unasked, memo])).toEqual([
      [paid.name, true, '上次的面钱'],
      [asked.name, undefined, undefined],
    ]);
  });

  test('what codes on paper are sent is counted over all phones of a wallet, by the day in Beijing; beyond the cap is told', async () => {
    const [ming, hong, lan] = await people('CN-BJ');
    const news = async () => {
      const { codeDay, codeFrom, codeSpent } = await here.transfers.news(ming);
      return [codeDay, new Date(codeFrom).toISOString(), codeSpent];
    };
    const stops = async () => (await here.transfers.overCodeDay(ming))?.code;
    const midnight = Math.floor((here.clock() + 8 * HOUR) / DAY) * DAY - 8 * HOUR;
    const today = new Date(midnight).toISOString();
    await send(ming, hong, 200_00);
    expect(await news()).toEqual([500_00, today, 0]);
    await send(ming, hong, 300_00, { toCode: true });
    const second = { ...ming, device: { ...ming.device, id: id() } };
    await send(second, lan, 200_00, { toCode: true });
    await send(hong, lan, 50_00, { toCode: true });
    expect([await news(), await stops()]).toEqual([[500_00, today, 500_00], undefined]);
    await send(second, lan, 5_00, { toCode: true });
    expect([await news(), await stops()]).toEqual([[500_00, today, 505_00], 'allowance.code-day']);
    here.pass(duration(midnight + DAY - here.clock(), 'ms'));
    const tomorrow = new Date(midnight + DAY).toISOString();
    expect([await news(), await stops()]).toEqual([[500_00, tomorrow, 0], undefined]);
  });

  // Asking

  const ask = (from: Trader, to: Trader, amount: number, of = id()) =>
    here.transfers.ask(from, { id: of, payee: to.device.id, amount, currency: 'CNY', memo: '晚饭', expiresAt: soon() });

  test('a request is seen by both, paid by a payment that names it, once, and says so on both sides', async () => {
    const [ming, hong] = await people('CN-BJ');
    const of = id();
    expect(codeOf(await ask(hong, ming, 30_00, of))).toBe('ok');
    expect(codeOf(await ask(hong, ming, 30_00, of))).toBe('ok');
    expect(codeOf(await ask(hong, ming, 31_00, of))).toBe('ask.id-reused');
    expect(codeOf(await ask(ming, hong, 30_00, of))).toBe('ask.id-reused');
    expect(await here.transfers.news(ming)).toMatchObject({ asks: 1, claims: 0 });
    const [before] = (await feed(ming)).asks;
    expect(before).toMatchObject({ role: 'payer', state: 'open', amount: 30_00, memo: '晚饭' });
    const address = certificateMessage.read(Buffer.from(before?.certificate ?? '', 'base64url'));
    expect(address.ok && address.value.message.payee).toBe(hong.device.id);
    const paid = await send(ming, hong, 30_00, { id: of });
    await here.transfers.runDue();
    for (const [who, role] of [
      [ming, 'payer'],
      [hong, 'payee'],
    ] as const) {
      expect((await feed(who)).asks[0]).toMatchObject({ role, state: 'paid', payment: paid.name });
    }
    expect(await here.transfers.news(ming)).toMatchObject({ asks: 0 });
    expect(codeOf(await here.transfers.cancel(hong, of))).toBe('ask.closed');
  });

  test.each([
    ['another sum', async (from: Trader, to: Trader, of: Id) => send(from, to, 29_99, { id: of })],
    ['a stranger', async (_from: Trader, to: Trader, of: Id) => send((await people())[2], to, 30_00, { id: of })],
    [
      'a note without its payment',
      async (from: Trader, to: Trader, of: Id) => {
        const bytes = writeNote({ payee: to.device.id, id: of, amount: 30_00, currency: 'CNY', time: here.clock() });
        await here.transfers.takeNotes(from, [{ payment: toBase64url(new Uint8Array(32)), note: toBase64url(bytes) }]);
      },
    ],
  ])('a request is not paid by %s, and ends when its time is over', async (_what, pay) => {
    const [ming, hong] = await people();
    const of = id();
    await ask(hong, ming, 30_00, of);
    await pay(ming, hong, of);
    await here.transfers.runDue();
    expect((await feed(hong)).asks[0]?.state).not.toBe('paid');
    here.pass(DAY);
    await here.transfers.runDue();
    expect((await feed(hong)).asks[0]?.state).toBe('expired');
  });

  test('money that comes after a request was declined or cancelled still pays it', async () => {
    const [ming, hong] = await people();
    const of = id();
    await ask(hong, ming, 30_00, of);
    expect(codeOf(await here.transfers.decline(ming, of, '下次再说'))).toBe('ok');
    expect((await feed(hong)).asks[0]).toMatchObject({ state: 'declined', reason: '下次再说' });
    await send(ming, hong, 30_00, { id: of });
    await here.transfers.runDue();
    expect((await feed(hong)).asks[0]?.state).toBe('paid');
  });

  test('who may say what of a request, and when', async () => {
    const [ming, hong, lan] = await people();
    const of = id();
    await ask(hong, ming, 30_00, of);
    const words = async (who: Trader) => [
      codeOf(await here.transfers.decline(who, of, undefined)),
      codeOf(await here.transfers.cancel(who, of)),
      codeOf(await here.transfers.remind(who, of)),
    ];
    expect(await words(lan)).toEqual(Array(3).fill('request.not-found'));
    expect(codeOf(await here.transfers.cancel(ming, of))).toBe('request.not-found');
    expect(codeOf(await here.transfers.decline(hong, of, undefined))).toBe('request.not-found');
    expect(codeOf(await here.transfers.remind(hong, of))).toBe('ask.remind-wait');
    here.pass(duration(23, 'h'));
    const later = id();
    await ask(hong, ming, 1_00, later);
    here.pass(HOUR);
    expect(codeOf(await here.transfers.remind(hong, later))).toBe('ask.remind-wait');
    here.pass(duration(22, 'h'));
    expect(codeOf(await here.transfers.cancel(hong, later))).toBe('ok');
    expect(codeOf(await here.transfers.cancel(hong, later))).toBe('ok');
    expect(codeOf(await here.transfers.decline(ming, later, undefined))).toBe('ask.closed');
    expect((await feed(lan)).asks).toEqual([]);
  });

  test.each([
    ['oneself', 'transfer.self', {}],
    ['nobody', 'transfer.nobody', { payee: '01890000-0000-7000-8000-000000000000' }],
    ['for longer than a month', 'ask.expiry', { expiresAt: 40 }],
    ['for no time', 'ask.expiry', { expiresAt: 0 }],
    ['for foreign money', 'request.malformed', { currency: 'USD' }],
  ])('asking %s: %s', async (what, code, twist) => {
    const [ming, hong] = await people();
    const payee = what === 'oneself' ? ming.device.id : hong.device.id;
    const { expiresAt = 1, ...rest } = twist as { expiresAt?: number };
    const until = here.clock() + expiresAt * DAY;
    const request = { id: id(), payee, amount: 1_00, currency: 'CNY', ...rest, expiresAt: until };
    expect(codeOf(await here.transfers.ask(ming, request))).toBe(code);
  });

  test('a bill shared among three adds up or is nothing, and shows who has paid', async () => {
    const [ming, hong, lan] = await people();
    const shares = [
      { id: id(), payee: hong.device.id, amount: 33_34 },
      { id: id(), payee: lan.device.id, amount: 33_33 },
    ];
    const whole = { id: id(), total: 100_00, own: 33_33, currency: 'CNY', memo: '火锅', expiresAt: soon(), shares };
    expect(codeOf(await here.transfers.split(ming, { ...whole, own: 33_32 }))).toBe('split.sum');
    expect((await feed(hong)).asks).toEqual([]);
    expect(codeOf(await here.transfers.split(ming, whole))).toBe('ok');
    expect(codeOf(await here.transfers.split(ming, whole))).toBe('ok');
    expect(codeOf(await here.transfers.split(hong, { ...whole, shares: shares.slice(1), own: 66_67 }))).toBe(
      'ask.id-reused',
    );
    await send(hong, ming, 33_34, { id: shares[0]?.id as Id });
    const told = await feed(ming);
    expect(told.splits).toMatchObject([{ id: whole.id, total: 100_00, own: 33_33, memo: '火锅' }]);
    const states = new Map(told.asks.filter((one) => one.split === whole.id).map((one) => [one.id, one.state]));
    expect(shares.map((share) => states.get(share.id))).toEqual(['paid', 'open']);
  });

  test('who asks fifty times a day is done for today, and a bill is shared whole or not at all', async () => {
    const [ming, hong, lan] = await people();
    for (let at = 0; at < 49; at += 1) expect(codeOf(await ask(ming, hong, 1_00))).toBe('ok');
    const shares = [hong, lan].map((who) => ({ id: id(), payee: who.device.id, amount: 1_00 }));
    const whole = { id: id(), total: 3_00, own: 1_00, currency: 'CNY', expiresAt: soon(), shares };
    expect(codeOf(await here.transfers.split(ming, whole))).toBe('ask.too-many');
    expect((await feed(lan)).asks).toEqual([]);
    expect((await feed(ming)).splits).toEqual([]);
    expect(codeOf(await ask(ming, hong, 1_00))).toBe('ok');
  });

  // Claims

  const claim = (who: Trader, paid: Paid, of = id(), reason = '输错了号码') =>
    here.transfers.claim(inside(who), { id: of, payment: paid.name, reason });
  const shown = async (who: Trader) => {
    const [first] = (await feed(who)).claims;
    expect([...Value.Errors(Claim, first)]).toEqual([]);
    return first;
  };

  test.each([
    // given, spent before the claim -> held, payer has, payee has
    ['all of it, unspent', 'CN-SX', 80_00, 0, 80_00, 80_00, 0],
    ['a part of it', 'CN-SX', 30_00, 0, 80_00, 30_00, 50_00],
    ['all of it across the border', 'CN-BJ', 80_00, 0, 80_00, 80_00, 0],
    ['a part of it across the border', 'CN-BJ', 50_00, 60_00, 20_00, 50_00, 0],
    ['nothing', 'CN-SX', 0, 0, 80_00, 0, 80_00],
  ])('the payee gives back %s (%s)', async (_what, region, give, spent, held, payerHas, payeeHas) => {
    const [ming, hong, lan] = await people(region);
    const paid = await send(ming, hong, 80_00);
    if (spent > 0) await here.upload(hong, await (await here.purse(hong, spent)).pay(lan, spent));
    const of = id();
    expect(codeOf(await claim(ming, paid, of))).toBe('ok');
    expect(codeOf(await claim(ming, paid, of))).toBe('ok');
    expect([await frozenOf(hong), await availableOf(hong)]).toEqual([held, 80_00 - spent - held]);
    expect(await here.transfers.news(hong)).toMatchObject({ claims: 1 });
    expect(await shown(hong)).toMatchObject({ role: 'payee', state: 'asked', held, reason: '输错了号码' });
    if (give > held) {
      const answer = await here.transfers.answer(inside(hong), of, { give });
      expect(codeOf(answer)).toBe('ledger.insufficient');
      await here.topUp(hong, give - held);
    }
    const word = give === 0 ? { give, reason: '是给我的' } : { give };
    expect(codeOf(await here.transfers.answer(inside(hong), of, word))).toBe('ok');
    expect(codeOf(await here.transfers.answer(inside(hong), of, word))).toBe('ok');
    expect(codeOf(await here.transfers.answer(inside(hong), of, { give: give + 1 }))).toBe('claim.closed');
    expect([await availableOf(ming), await availableOf(hong), await frozenOf(hong)]).toEqual([payerHas, payeeHas, 0]);
    const codes = (await shown(ming))?.timeline.map((event) => event.code);
    expect(codes?.slice(0, 2)).toEqual(['claimed', 'held']);
    expect(codes).toContain(give === 0 ? 'refused' : 'returned');
    await here.bills.catchUp();
    const last = async (who: Trader) => (await here.bills.feed(who, 0, 100)).bills.at(-1);
    if (give > 0) {
      expect(await last(ming)).toMatchObject({ kind: 'refund', direction: 'in', amount: give, payment: paid.name });
      if (give <= held) expect(await last(hong)).toMatchObject({ kind: 'refund', direction: 'out', amount: give });
    }
  });

  test('silence for 72 hours ends a claim, and the money is free again', async () => {
    const [ming, hong] = await people();
    const paid = await send(ming, hong, 80_00);
    const of = id();
    await claim(ming, paid, of);
    here.pass(duration(71, 'h'));
    await here.transfers.runDue();
    expect(await frozenOf(hong)).toBe(80_00);
    here.pass(HOUR);
    await Promise.all([here.transfers.runDue(), here.transfers.runDue()]);
    expect([await frozenOf(hong), await availableOf(hong), await availableOf(ming)]).toEqual([0, 80_00, 0]);
    expect((await shown(ming))?.timeline.map((event) => event.code)).toEqual(['claimed', 'held', 'lapsed', 'released']);
    expect(codeOf(await here.transfers.answer(inside(hong), of, { give: 1 }))).toBe('claim.closed');
    expect(codeOf(await claim(ming, paid))).toBe('claim.twice');
  });

  test('a region may say that silence returns what is held, and no more', async () => {
    const [ming, hong, lan] = await people();
    await here.database.query(`update transfer_terms set silence = 'return' where region = 'CN-SX'`);
    const { openTransfers } = await import('#server/transfer/transfer.ts');
    const identity = { people: async () => new Map(), authorise: async () => ok('free') } as never;
    const strict = await openTransfers({ ...here, identity });
    await here.database.query(`update transfer_terms set silence = 'release' where region = 'CN-SX'`);
    const paid = await send(ming, hong, 80_00);
    await here.upload(hong, await (await here.purse(hong, 50_00)).pay(lan, 50_00));
    await strict.claim(inside(ming), { id: id(), payment: paid.name, reason: '输错了号码' });
    here.pass(duration(72, 'h'));
    await here.transfers.runDue();
    expect([await availableOf(ming), await availableOf(hong), await frozenOf(hong)]).toEqual([30_00, 0, 0]);
  });

  test('what cannot be claimed', async () => {
    const [ming, hong, lan] = await people();
    await here.topUp(ming, 10_00);
    const sale = await (await here.purse(ming, 10_00)).pay(hong, 10_00);
    await here.upload(ming, sale);
    expect(codeOf(await claim(ming, sale))).toBe('claim.asked-for');
    const of = id();
    await ask(hong, ming, 30_00, of);
    const answered = await send(ming, hong, 30_00, { id: of });
    expect(codeOf(await claim(ming, answered))).toBe('claim.asked-for');
    const paid = await send(ming, hong, 20_00);
    for (const who of [hong, lan]) expect(codeOf(await claim(who, paid))).toBe('request.not-found');
    here.pass(duration(31, 'd'));
    expect(codeOf(await claim(ming, paid))).toBe('claim.too-old');
    expect(await frozenOf(hong)).toBe(0);
  });

  test('three claims in thirty days, and one for a payment however many tries arrive at once', async () => {
    const [ming, hong] = await people();
    const paid = await send(ming, hong, 10_00);
    const tries = await Promise.all(Array.from({ length: 6 }, () => claim(ming, paid)));
    expect(tries.map(codeOf).sort()).toEqual([...Array(5).fill('claim.twice'), 'ok']);
    for (const code of ['ok', 'ok', 'claim.month'])
      expect(codeOf(await claim(ming, await send(ming, hong, 1_00)))).toBe(code);
    expect(await frozenOf(hong)).toBe(12_00);
  });

  test('only the payee answers, only the payer withdraws, and nobody else hears of it', async () => {
    const [ming, hong, lan] = await people();
    const of = id();
    const paid = await send(ming, hong, 10_00);
    await claim(ming, paid, of);
    for (const who of [ming, lan])
      expect(codeOf(await here.transfers.answer(inside(who), of, { give: 1 }))).toBe('request.not-found');
    for (const who of [hong, lan]) expect(codeOf(await here.transfers.withdraw(who, of))).toBe('request.not-found');
    expect(codeOf(await here.transfers.answer(inside(hong), of, { give: 0 }))).toBe('claim.reason');
    expect(codeOf(await here.transfers.answer(inside(hong), of, { give: 10_01 }))).toBe('claim.give');
    for (const who of [hong, lan]) expect(codeOf(await claim(who, paid))).toBe('request.not-found');
    expect((await feed(lan)).claims).toEqual([]);
    expect(codeOf(await here.transfers.withdraw(ming, of))).toBe('ok');
    expect(codeOf(await here.transfers.withdraw(ming, of))).toBe('ok');
    expect([await frozenOf(hong), await availableOf(hong)]).toEqual([0, 10_00]);
  });

  test('an answer and the deadline at the same moment are one ending', async () => {
    const [ming, hong] = await people();
    const of = id();
    await claim(ming, await send(ming, hong, 10_00), of);
    here.pass(duration(72, 'h'));
    await Promise.all([
      here.transfers.answer(inside(hong), of, { give: 10_00 }),
      here.transfers.runDue(),
      here.transfers.withdraw(ming, of),
      here.transfers.answer(inside(hong), of, { give: 10_00 }),
    ]);
    expect(await frozenOf(hong)).toBe(0);
    expect((await availableOf(ming)) + (await availableOf(hong))).toBe(10_00);
  });
});
