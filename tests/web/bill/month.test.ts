/** A month understood: its parts add up to its sums, and its sums are those kept with the bills, to the fen. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeBill, manyBills } from '#tests/kit/bills.ts';
import { foldParts, monthBy, type Part, perMille, REST, readMonth, readTrend } from '#web/bill/month.ts';
import { findRecurring } from '#web/bill/recurring.ts';
import { keepBills, keepBrought } from '#web/vault/bills.ts';
import type { BillRow, BroughtRow } from '#web/vault/rows.ts';
import { monthOf, totalsOf } from '#web/vault/tally.ts';
import { openVault, type Vault } from '#web/vault/vault.ts';

const NOON = Date.UTC(2026, 10, 23, 12);
const DAY = 86_400_000;
let vault: Vault;
beforeEach(() => {
  vault = openVault(`month-${crypto.randomUUID()}`);
});
afterEach(() => {
  vault.close();
  indexedDB.deleteDatabase(vault.name);
});

const total = (parts: readonly Part[], way: 'in' | 'out' | 'neutral' | 'count') =>
  parts.reduce((sum, part) => sum + part[way], 0);

test('categories, days and places each add up to the sums kept with the bills', async () => {
  await keepBills(vault, manyBills(4_000, NOON), 4_000);
  const brought = manyBills(50, NOON, 7).map((one, at): BroughtRow => {
    const moment = one.times.signed ?? 0;
    return { ...one, id: `alipay:${at}`, at: moment, month: monthOf(moment), origin: 'alipay', broughtAt: NOON };
  });
  await keepBrought(vault, brought);
  for (const sources of [['house'], ['house', 'brought']] as const) {
    for (const month of ['2026-11', '2026-10']) {
      const [kept] = await totalsOf(vault, month, sources);
      const view = await readMonth(vault, month, sources, 'CNY');
      const { in: earned, out, neutral, count } = kept ?? { in: 0, out: 0, neutral: 0, count: 0 };
      expect(view.sums).toEqual({ in: earned, out, neutral, count });
      for (const parts of [view.categories, view.days, view.regions]) {
        for (const way of ['in', 'out', 'neutral', 'count'] as const) expect(total(parts, way)).toBe(view.sums[way]);
      }
      expect(total(view.peers, 'out')).toBe(out);
    }
  }
});

test('a rule files old bills anew, and a budget counts what it filed', async () => {
  await keepBills(
    vault,
    [
      makeBill(1, NOON, { amount: 70_00, peer: { id: 'a', name: '小张' } }),
      makeBill(2, NOON - DAY, { amount: 10_00, peer: { id: 'b', name: '晋味面馆' } }),
    ],
    2,
  );
  const id = '01900000-0000-7000-8000-000000000001';
  await vault.opinions.bulkPut([
    {
      ...{ id: `budget:${id}`, type: 'budget', disputed: 0 },
      opinion: {
        ...{ _id: `budget:${id}`, type: 'budget', category: 'food', currency: 'CNY' },
        ...{ amount: 100_00, noticeAt: 80, at: NOON },
      },
    },
  ]);
  const before = await readMonth(vault, '2026-11', ['house'], 'CNY');
  expect(before.budgets).toMatchObject([{ spent: 10_00, state: 'within' }]);
  await vault.opinions.put({
    ...{ id: `rule:${id}`, type: 'rule', disputed: 0 },
    opinion: { _id: `rule:${id}`, type: 'rule', when: { peer: '小张' }, category: 'food', at: NOON },
  });
  const after = await readMonth(vault, '2026-11', ['house'], 'CNY');
  expect(after.categories.map(({ id: name, out }) => [name, out])).toEqual([['food', 80_00]]);
  expect(after.budgets).toMatchObject([{ spent: 80_00, state: 'notice' }]);
});

test('the trend has every month up to this one, empty ones too', async () => {
  await keepBills(vault, [makeBill(1, NOON, { amount: 5 }), makeBill(2, Date.UTC(2026, 7, 9), { amount: 7 })], 2);
  const trend = await readTrend(vault, '2026-11', 4, ['house'], 'CNY');
  expect(trend.map(({ id, out }) => [id, out])).toEqual([
    ['2026-08', 7],
    ['2026-09', 0],
    ['2026-10', 0],
    ['2026-11', 5],
  ]);
});

test.each([
  ['2026-11', 1, '2026-12'],
  ['2026-12', 1, '2027-01'],
  ['2026-01', -1, '2025-12'],
  ['2026-03', -14, '2025-01'],
])('%s and %i months is %s', (month, more, other) => {
  expect(monthBy(month, more)).toBe(other);
});

test.each([
  [
    [1, 1, 1],
    [334, 333, 333],
  ],
  [
    [50, 50],
    [500, 500],
  ],
  [
    [0, 0],
    [0, 0],
  ],
  [
    [999_999, 1],
    [1000, 0],
  ],
])('shares of %j are %j of a thousand', (sums, shares) => {
  expect(perMille(sums)).toEqual(shares);
});

test('a ring shows the largest and the others as one', () => {
  const parts = [9, 7, 5, 3, 1, 0].map((out, at) => ({ id: `${at}`, in: 0, out, neutral: 0, count: 1 }));
  expect(foldParts(parts, 3).map(({ id, out }) => [id, out])).toEqual([
    ['0', 9],
    ['1', 7],
    [REST, 9],
  ]);
  expect(foldParts(parts.slice(0, 2), 3).length).toBe(2);
});

describe('what comes again', () => {
  const series = (days: readonly number[], amounts: readonly number[], more: Partial<BillRow> = {}): BillRow[] =>
    days.map((day, at) => ({
      ...makeBill(at, NOON - day * DAY, { amount: amounts[at % amounts.length] ?? 0, peer: { id: 'p', name: '房东' } }),
      ...{ at: NOON - day * DAY, month: '' },
      ...more,
    }));
  test.each<[string, BillRow[], string | undefined]>([
    ['rent on about the same day', series([5, 35, 66, 96], [200_000]), 'month'],
    ['every Monday', series([1, 8, 15, 22], [1_500, 1_600]), 'week'],
    ['a fee, and things bought beside it', series([5, 20, 35, 66], [3_000, 90_000, 3_000, 3_000]), 'month'],
    ['once a year', series([10, 375, 740], [9_900]), 'year'],
    ['two are a coincidence', series([5, 35], [200_000]), undefined],
    ['it stopped', series([95, 125, 156], [200_000]), undefined],
    ['no rhythm', series([1, 4, 30, 33], [2_000]), undefined],
    ['any sum', series([5, 35, 66, 96], [100, 9_000, 40_000, 300]), undefined],
    ['money that comes in', series([5, 35, 66, 96], [200_000], { direction: 'in' }), undefined],
    ['without a name', series([5, 35, 66], [100]).map(({ peer: _peer, ...row }) => row), undefined],
  ])('%s', (_name, rows, rhythm) => {
    expect(findRecurring(rows, NOON)[0]?.rhythm).toBe(rhythm);
  });

  test('is due on the same day of the next month, or its last', () => {
    const rows = ['2026-08-31', '2026-09-30', '2026-10-31'].map((day, at) => {
      const moment = new Date(`${day}T12:00:00`).getTime();
      return { ...series([1], [100])[0], id: `${at}`, at: moment } as BillRow;
    });
    const [found] = findRecurring(rows, new Date('2026-11-02T12:00:00').getTime());
    expect(new Date(found?.nextAt ?? 0).getDate()).toBe(30);
  });
});
