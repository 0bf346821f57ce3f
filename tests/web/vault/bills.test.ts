/** Bills on the phone: sums that equal a sum, words that find, what another wallet brought, and phones of before. */
import { Dexie } from 'dexie';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cdp } from 'vitest/browser';
import type { Bill } from '#shared/api/bill.ts';
import { flowOf, isCounted } from '#shared/rules/bill.ts';
import { makeBill, manyBills } from '#tests/kit/bills.ts';
import { countOnce, dropBrought, keepBills, keepBrought } from '#web/vault/bills.ts';
import { initialsOf } from '#web/vault/initials.ts';
import type { BroughtRow } from '#web/vault/rows.ts';
import { readSetting } from '#web/vault/settings.ts';
import { dayOf, dayTotals, monthOf, monthTotals, startOf, totalsOf } from '#web/vault/tally.ts';
import { openVault, type Vault } from '#web/vault/vault.ts';
import { findWords, holdWords, releaseWords } from '#web/vault/words.ts';

const NOON = Date.UTC(2026, 10, 23, 12);
const HOUR = 3_600_000;
let vault: Vault;
beforeEach(() => {
  vault = openVault(`bills-${crypto.randomUUID()}`);
});
afterEach(async () => {
  vault.close();
  indexedDB.deleteDatabase(vault.name);
});

const bill = (id: number, sequence: number, change: Partial<Bill> = {}): Bill =>
  makeBill(sequence, NOON + id, { id: `bill-${id}`, amount: 100, ...change });

function brought(id: string, hoursAgo: number, change: Partial<BroughtRow> = {}): BroughtRow {
  const at = NOON - hoursAgo * HOUR;
  return {
    ...{ ...bill(1, 1), id: `alipay:${id}`, sequence: 0, at, month: monthOf(at), times: { posted: at } },
    ...{ origin: 'alipay', broughtAt: NOON },
    ...change,
  } as BroughtRow;
}

describe('sums', () => {
  test('equal a sum over all bills, whatever came twice, late or changed', async () => {
    await keepBills(
      vault,
      [bill(1, 1), bill(2, 2, { direction: 'in', amount: 70 }), bill(3, 3, { state: 'arriving' })],
      3,
    );
    await keepBills(vault, [bill(1, 1), bill(3, 3, { state: 'arriving' })], 3);
    await keepBills(vault, [bill(3, 5, { state: 'reversed' }), bill(3, 4, { amount: 999 })], 5);
    await keepBills(vault, [bill(4, 6, { direction: 'neutral', amount: 5000, kind: 'top-up' })], 6);
    await keepBills(vault, [bill(5, 7, { direction: 'in', amount: 30, kind: 'refund' })], 7);
    const [total] = await totalsOf(vault, monthOf(NOON), ['house']);
    expect(total).toMatchObject({ in: 70, out: 100, neutral: 5030, count: 4 });
    expect(await totalsOf(vault, dayOf(NOON), ['house'])).toMatchObject([{ in: 70, out: 100, neutral: 5030 }]);
  });

  test('of a bill that changes after its phone has travelled: it counts on the day it came, once', async () => {
    const zone = (timezoneId: string) => cdp().send('Emulation.setTimezoneOverride', { timezoneId });
    const lateInShanghai = Date.UTC(2026, 10, 30, 15, 30);
    const called = { peer: { id: 'tea', name: '茶馆' }, times: { signed: lateInShanghai } };
    try {
      await zone('Asia/Shanghai');
      await keepBills(vault, [bill(1, 1, { ...called, amount: 100 })], 1);
      await zone('Asia/Tokyo');
      await keepBills(vault, [bill(1, 2, { ...called, amount: 70 })], 2);
      const days = await dayTotals(vault, '2026', ['house']);
      expect(days).toMatchObject([{ span: '2026-12-01', out: 70, count: 1 }]);
      expect(await monthTotals(vault, ['2026-11', '2026-12'], ['house'])).toMatchObject([{ span: '2026-12', out: 70 }]);
      expect((await findWords(vault, '茶馆', ['house'], '9999-99-99', 10)).ids.house).toEqual(['bill-1']);
    } finally {
      await zone('');
    }
  });

  test('of two thousand bills in any order of coming, by month and by day', async () => {
    const all = manyBills(2_000, NOON);
    for (let at = 0; at < all.length; at += 300) await keepBills(vault, all.slice(at, at + 300), at + 300);
    await keepBills(vault, all.slice(500, 900), 900);
    const naive = new Map<string, Record<'in' | 'out' | 'neutral' | 'count', number>>();
    for (const one of all.filter(isCounted)) {
      const at = one.times.signed ?? 0;
      for (const span of [monthOf(at), dayOf(at)]) {
        const sum = naive.get(span) ?? { in: 0, out: 0, neutral: 0, count: 0 };
        sum[flowOf(one)] += one.amount;
        sum.count += 1;
        naive.set(span, sum);
      }
    }
    const months = [...naive.keys()].filter((span) => span.length === 7);
    expect(months.length).toBeGreaterThan(0);
    for (const row of await monthTotals(vault, months, ['house'])) expect(row).toMatchObject(naive.get(row.span) ?? {});
    const days = await dayTotals(vault, '2026', ['house']);
    expect(days.length).toBe([...naive.keys()].length - months.length);
    for (const row of days) expect(row).toMatchObject(naive.get(row.span) ?? {});
  });

  test('never send the cursor back', async () => {
    await keepBills(vault, [bill(1, 1)], 9);
    await keepBills(vault, [bill(2, 2)], 4);
    expect(await readSetting(vault, 'cursor')).toBe(9);
  });

  test('a phone of before counts its bills once, and then goes on', async () => {
    const name = vault.name;
    const old = new Dexie(name);
    old.version(2).stores({
      settings: 'name',
      bills: 'id, sequence, at, [month+at], payment',
      received: 'id, [allowance+number], invoice, allowance',
      monthTotals: '[month+currency], month',
    });
    const rows = manyBills(50, NOON).map((one) => ({ ...one, at: one.times.signed ?? 0, month: monthOf(NOON) }));
    await old.table('bills').bulkAdd(rows);
    await old.table('monthTotals').add({ month: '2026-11', currency: 'CNY', in: 1, out: 2, neutral: 3, count: 4 });
    old.close();
    await Promise.all([countOnce(vault), countOnce(vault)]);
    const before = await totalsOf(vault, monthOf(NOON), ['house']);
    expect(before[0]?.count).toBe(50);
    await keepBills(vault, [{ ...makeBill(51, NOON), ...rows[7], sequence: 51, state: 'reversed' }], 51);
    expect((await totalsOf(vault, monthOf(NOON), ['house']))[0]?.count).toBe(49);
    expect(vault.tables.map((table) => table.name)).not.toContain('monthTotals');
  });
});

describe('days and months by the phone’s zone', () => {
  test.each([
    ['2026-11', 0, '2026-11-01'],
    ['2026-11', 1, '2026-12-01'],
    ['2026-12', 1, '2027-01-01'],
    ['2026-11-30', 1, '2026-12-01'],
    ['2028-02-28', 1, '2028-02-29'],
  ])('%s and %i more begins on %s', (span, more, day) => {
    expect(dayOf(startOf(span, more))).toBe(day);
    expect(dayOf(startOf(span, more) - 1) < day).toBe(true);
  });
});

describe('words', () => {
  const KEPT: readonly (readonly [id: number, name: string, memo: string, amount: number, more?: Partial<Bill>])[] = [
    [1, '晋味面馆', '两碗刀削面', 26_00],
    [2, '重庆火锅', '', 126_00],
    [3, 'Harbin Books & Coffee', 'two NOVELS', 88_50],
    [4, '王建国 ··8001', '房租', 1_200_00],
    [5, 'ＡＢＣ商店', '', 6_00],
    [6, '東京屋', '', 6, { currency: 'JPY' }],
  ];
  test.each([
    ['面馆', [1]],
    ['刀削面', [1]],
    ['jwmg', [1]],
    ['lwdxm', [1]],
    ['zqhg', [2]],
    ['cqhg', [2]],
    ['novel', [3]],
    ['NOVELS coffee', [3]],
    ['books two', [3]],
    ['8001', [4]],
    ['26', [1]],
    ['26.00', [1]],
    ['6.00', [5]],
    ['1200', [4]],
    ['abc', [5]],
    ['6', [5, 6]],
    ['面馆 88', []],
    ['bill', []],
    ['%', []],
    ['', []],
  ])('%s finds %j', async (text, expected) => {
    await keepBills(
      vault,
      KEPT.map(([id, name, memo, amount, more]) =>
        bill(id, id, { amount, peer: { id: `p${id}`, name }, ...(memo ? { memo } : {}), ...more }),
      ),
      6,
    );
    const found = await findWords(vault, text, ['house'], '9999', 10);
    expect(found.ids.house.toSorted()).toEqual(expected.map((id) => `bill-${id}`));
    expect(found.next).toBeUndefined();
  });

  test('of old days come when newer ones do not fill the page, and each day once', async () => {
    const years = Array.from({ length: 40 }, (_, place) =>
      makeBill(place + 1, NOON - place * 30 * 24 * HOUR, { peer: { id: 'p', name: place % 2 ? '茶铺' : '面馆' } }),
    );
    await keepBills(vault, years, 40);
    const ids: string[] = [];
    let next: string | undefined = '9999';
    let pages = 0;
    while (next !== undefined) {
      const found: Awaited<ReturnType<typeof findWords>> = await findWords(vault, '茶', ['house'], next, 5);
      ids.push(...found.ids.house);
      next = found.next;
      pages += 1;
    }
    expect(new Set(ids).size).toBe(20);
    expect(ids.length).toBe(20);
    expect(pages).toBeGreaterThan(1);
  });

  test('held in memory find the same, and what came since', async () => {
    const find = async (text: string) => (await findWords(vault, text, ['house'], '9999', 9)).ids.house;
    await keepBills(vault, [bill(1, 1, { peer: { id: 'p', name: '茶铺' } })], 1);
    await holdWords(vault);
    expect(await find('茶')).toEqual(['bill-1']);
    expect(await find('面')).toEqual([]);
    await keepBills(vault, [bill(2, 2, { peer: { id: 'p', name: '面馆' } })], 2);
    expect(await find('面')).toEqual(['bill-2']);
    await holdWords(vault);
    expect(await find('面')).toEqual(['bill-2']);
    releaseWords();
    expect(await find('茶')).toEqual(['bill-1']);
  });

  test('go when the bill they came from is renamed or changes its day', async () => {
    await keepBills(vault, [bill(1, 1, { peer: { id: 'p', name: '旧名' } })], 1);
    await keepBills(vault, [bill(1, 2, { peer: { id: 'p', name: '新名' }, times: { signed: NOON - 48 * HOUR } })], 2);
    expect((await findWords(vault, '旧', ['house'], '9999', 9)).ids.house).toEqual([]);
    expect((await findWords(vault, '新', ['house'], '9999', 9)).ids.house).toEqual(['bill-1']);
  });
});

describe('what was brought in', () => {
  test('counts beside the house’s own, never in it; twice is once; out again it leaves nothing', async () => {
    await keepBills(vault, [bill(1, 1)], 1);
    const rows = [brought('1', 1), brought('2', 2, { amount: 55, peer: { id: 'x', name: '便利店' } })];
    expect(await keepBrought(vault, rows)).toBe(2);
    expect(await keepBrought(vault, [...rows, brought('3', 3)])).toBe(1);
    const month = monthOf(NOON);
    expect(await totalsOf(vault, month, ['house'])).toMatchObject([{ out: 100, count: 1 }]);
    expect(await totalsOf(vault, month, ['house', 'brought'])).toMatchObject([{ out: 355, count: 4 }]);
    expect((await findWords(vault, 'bld', ['brought'], '9999', 9)).ids.brought).toEqual(['alipay:2']);
    await dropBrought(vault);
    expect(await totalsOf(vault, month, ['house', 'brought'])).toMatchObject([{ out: 100, count: 1 }]);
    expect((await findWords(vault, 'bld', ['house', 'brought'], '9999', 9)).ids.brought).toEqual([]);
  });
});

test.each([
  ['晋味面馆', 'jwmg'],
  ['重庆', 'zq cq'],
  ['中国银行', 'zgyx zgyh'],
  ['长乐路', 'cll cyl zll zyl'],
  ['哈尔滨', 'heb'],
  ['Café 26', ''],
  ['欧亚超市七店', 'oycsqd'],
])('%s is typed %s', (text, initials) => {
  expect(initialsOf(text)).toBe(initials);
});
