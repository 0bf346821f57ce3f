/** The list page by page, sifted and searched: every entry once, whatever falls between pages. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeBill, manyBills } from '#tests/kit/bills.ts';
import type { Entry } from '#web/bill/entries.ts';
import { type Page, readPage, type Wish } from '#web/bill/list.ts';
import { openReader } from '#web/bill/reader.ts';
import { NEWEST, searchBills } from '#web/bill/search.ts';
import { keepBills, keepBrought } from '#web/vault/bills.ts';
import type { BroughtRow, PaymentRow } from '#web/vault/rows.ts';
import { monthOf } from '#web/vault/tally.ts';
import { openVault, type Vault } from '#web/vault/vault.ts';

const NOON = Date.UTC(2026, 10, 23, 12);
const MINUTE = 60_000;
const ALL: Wish = { sources: ['house', 'brought'] };
let vault: Vault;
beforeEach(() => {
  vault = openVault(`list-${crypto.randomUUID()}`);
});
afterEach(async () => {
  vault.close();
  indexedDB.deleteDatabase(vault.name);
});

function payment(id: string, minutesAgo: number): PaymentRow {
  const signedAt = NOON - minutesAgo * MINUTE;
  return {
    ...{ id, invoice: `invoice of ${id}`, allowance: 'a', number: minutesAgo, amount: 2_600, cumulative: 2_600 },
    ...{ currency: 'CNY', payee: { id: 'p', name: '茶铺', region: 'CN-SX' }, match: '', core: {} },
    ...{ state: 'handed', reservedAt: signedAt, signedAt, invoiceBytes: new Uint8Array() },
  } as unknown as PaymentRow;
}

function brought(id: number, minutesAgo: number): BroughtRow {
  const at = NOON - minutesAgo * MINUTE;
  const row = makeBill(0, at, { id: `wechat:${id}`, amount: 700, peer: { id: 'shop', name: '便利店' } });
  return { ...row, at, month: monthOf(at), origin: 'wechat', broughtAt: NOON };
}

async function whole(wish: Wish, count: number): Promise<{ entries: Entry[]; pages: number }> {
  const entries: Entry[] = [];
  let from: number | undefined = Number.MAX_SAFE_INTEGER;
  let pages = 0;
  while (from !== undefined) {
    const page: Page = await readPage(vault, wish, from, count);
    entries.push(...page.entries);
    from = page.next;
    pages += 1;
  }
  return { entries, pages };
}

test('pages hold every entry once and in order, whatever falls between them', async () => {
  await keepBills(
    vault,
    Array.from({ length: 25 }, (_, at) => makeBill(at + 1, NOON - 2 * at * MINUTE)),
    25,
  );
  await vault.payments.bulkAdd([payment('early', 1), payment('between', 19), payment('late', 101)]);
  await keepBrought(
    vault,
    Array.from({ length: 30 }, (_, at) => brought(at, at)),
  );
  const { entries, pages } = await whole(ALL, 10);
  expect(pages).toBeGreaterThan(3);
  expect(entries.length).toBe(58);
  expect(new Set(entries.map(({ id }) => id)).size).toBe(58);
  const times = entries.map(({ at }) => at);
  expect(times).toEqual(times.toSorted((left, right) => right - left));
  const own = await whole({ sources: ['house'] }, 10);
  expect(own.entries.length).toBe(28);
});

test('bills of one millisecond at the end of a page are all shown', async () => {
  await keepBills(
    vault,
    [9, 5, 5, 1].map((minutes, at) => makeBill(at + 1, NOON - minutes * MINUTE)),
    4,
  );
  const { entries } = await whole(ALL, 2);
  expect(entries.map(({ id }) => id).toSorted()).toEqual(['bill-1', 'bill-2', 'bill-3', 'bill-4']);
});

test('a wish leaves out what a plain filter leaves out, on every page', async () => {
  const all = manyBills(3_000, NOON);
  await keepBills(vault, all, 3_000);
  const peer = all.find((one) => one.peer)?.peer?.id ?? '';
  const wishes: readonly Omit<Wish, 'sources'>[] = [
    { flow: 'in' },
    { flow: 'neutral' },
    { peer },
    { region: 'CN-BJ', flow: 'out' },
    { least: 10_000, most: 12_000 },
    { from: NOON - 5 * 24 * 60 * MINUTE, to: NOON - 3 * 24 * 60 * MINUTE },
    { peer, from: NOON - 20 * 24 * 60 * MINUTE, least: 100 },
    { category: 'moving' },
    { currency: 'JPY' },
  ];
  for (const wish of wishes) {
    const expected = all.filter((one) => {
      const at = one.times.signed ?? 0;
      return (
        (wish.flow === undefined || one.direction === wish.flow) &&
        (wish.peer === undefined || one.peer?.id === wish.peer) &&
        (wish.region === undefined || (one.peer?.region ?? one.region) === wish.region) &&
        (wish.category === undefined || one.direction === 'neutral') &&
        (wish.currency === undefined || one.currency === wish.currency) &&
        at >= (wish.from ?? 0) &&
        at < (wish.to ?? NOON) &&
        one.amount >= (wish.least ?? 0) &&
        one.amount <= (wish.most ?? Infinity)
      );
    });
    const { entries } = await whole({ ...ALL, ...wish }, 40);
    expect(entries.map(({ id }) => id).toSorted(), JSON.stringify(wish)).toEqual(
      expected.map(({ id }) => id).toSorted(),
    );
  }
});

test.each([[''], ['茶馆']])(
  'a page read again has what came since, until that is too much for one page ("%s")',
  async (text) => {
    const called = { peer: { id: 'a', name: '茶馆' } };
    const bills = (from: number, count: number) =>
      Array.from({ length: count }, (_, at) => makeBill(from + at, NOON + (from + at) * 60 * MINUTE, called));
    await keepBills(vault, bills(1, 60), 60);
    const reader = openReader(vault, ALL, text, 40);
    const { entries, next } = await reader.read(reader.first);
    const oldest = entries.at(-1)?.id;
    await keepBills(vault, bills(61, 3), 63);
    const again = await reader.read(reader.first, next);
    expect(again).toMatchObject({ next, entries: { length: entries.length + 3 } });
    expect([again.entries[0]?.id, again.entries.at(-1)?.id]).toEqual(['bill-63', oldest]);

    await keepBills(vault, bills(64, 200), 263);
    const anew = await reader.read(reader.first, next);
    expect(anew.entries[0]?.id).toBe('bill-263');
    expect(anew.entries.length).toBeLessThanOrEqual(120);
    expect(anew.next).not.toBe(next);
  },
);

test('a search finds bills, notes and what only this phone knows, once each', async () => {
  await keepBills(
    vault,
    [
      makeBill(1, NOON - 90 * MINUTE, { peer: { id: 'a', name: '茶馆' } }),
      makeBill(2, NOON - 80 * MINUTE, { peer: { id: 'b', name: '面馆' } }),
      makeBill(3, NOON - 400 * 24 * 60 * MINUTE, { peer: { id: 'b', name: '茶园' }, direction: 'in' }),
    ],
    3,
  );
  await vault.payments.add(payment('unsent', 3));
  await vault.opinions.put({
    ...{ id: 'note:bill-2', type: 'note', bill: 'bill-2', disputed: 0 },
    opinion: { _id: 'note:bill-2', type: 'note', bill: 'bill-2', text: '和李青喝茶', at: NOON },
  });
  const { entries, next } = await searchBills(vault, '茶', ALL, NEWEST, 10);
  expect(entries.map(({ id }) => id)).toEqual(['unsent', 'bill-2', 'bill-1', 'bill-3']);
  expect(next).toBeUndefined();
  const sifted = await searchBills(vault, '茶', { ...ALL, flow: 'in' }, NEWEST, 10);
  expect(sifted.entries.map(({ id }) => id)).toEqual(['bill-3']);
  expect((await searchBills(vault, 'lqhc', ALL, NEWEST, 10)).entries.map(({ id }) => id)).toEqual(['bill-2']);
});
