/** Budgets: what counts, in which currency, and that each is told of once a month and once more when it is over. */
import { expect, test } from 'vitest';
import type { Budget } from '#shared/api/notebook.ts';
import { budgetsOf, budgetsToTell, currenciesHeld } from '#web/notebook/budget.ts';
import { type Notification, tellBudgets } from '#web/notebook/notice.ts';
import type { BillRow } from '#web/vault/rows.ts';
import { keepSetting } from '#web/vault/settings.ts';
import { openVault, type Vault } from '#web/vault/vault.ts';

const MONTH = '2026-11';
const AT = Date.UTC(2026, 10, 12);

function bill(id: string, amount: number, more: Partial<BillRow> = {}): BillRow {
  return {
    ...{ id, sequence: 1, kind: 'payment', direction: 'out', state: 'settled', amount, currency: 'CNY' },
    ...{ region: 'CN-SX', peer: { id: 'p', name: '面馆' }, times: { posted: AT }, at: AT, month: MONTH },
    ...more,
  } as BillRow;
}

async function vaultWith(budgets: readonly Partial<Budget>[], bills: readonly BillRow[]): Promise<Vault> {
  const vault = openVault(`budget-${crypto.randomUUID()}`);
  await vault.opinions.bulkPut(
    budgets.map((more, at) => {
      const id = `budget:01926f5e-0000-7000-8000-00000000000${at}`;
      const opinion = {
        ...{ _id: id, type: 'budget', category: 'all', currency: 'CNY' },
        amount: 100_00,
        noticeAt: 80,
      };
      return { id, type: 'budget', opinion: { ...opinion, at: 1, ...more } as Budget, disputed: 0 };
    }),
  );
  await vault.bills.bulkPut(bills);
  return vault;
}

test('a budget counts what is spent in its month, its currency and its category, of other wallets too while they are shown', async () => {
  const vault = await vaultWith(
    [{}, { category: 'food' }, { currency: 'HKD' }],
    [
      bill('b1', 30_00),
      bill('b2', 20_00, { peer: { id: 'q', name: '老王' } as never }),
      bill('b3', 9_00, { currency: 'HKD' }),
      bill('b4', 500_00, { month: '2026-10' }),
      bill('b5', 500_00, { direction: 'in' }),
    ],
  );
  await vault.brought.put({ ...bill('x1', 7_00), source: 'alipay' } as never);
  const spent = async () => (await budgetsOf(vault, MONTH)).map((one) => one.spent);
  expect(await spent()).toEqual([57_00, 37_00, 9_00]);
  await keepSetting(vault, 'broughtHidden', true);
  expect(await spent()).toEqual([50_00, 30_00, 9_00]);
});

test('a budget can be in every currency the wallet holds', async () => {
  const vault = openVault(`budget-${crypto.randomUUID()}`);
  expect(await currenciesHeld(vault)).toEqual(['CNY']);
  for (const currency of ['SGD', 'CNY', 'HKD']) await vault.balances.put({ currency } as never);
  expect(await currenciesHeld(vault)).toEqual(['CNY', 'HKD', 'SGD']);
});

test('a notice comes at 80 % once, once more when it is over, and anew in another month; never without leave', async () => {
  const vault = await vaultWith([{ category: 'food' }], [bill('b1', 79_99)]);
  const shown: Notification[] = [];
  const look = async (isAllowed: boolean, month = MONTH) => {
    const show = async (one: Notification) => void shown.push(one);
    await tellBudgets(vault, month, await budgetsToTell(vault, month), () => (isAllowed ? show : undefined));
    return shown.splice(0).map(({ tag }) => tag);
  };
  const tag = 'budget:01926f5e-0000-7000-8000-000000000000';
  expect(await look(true)).toEqual([]);
  await vault.bills.put(bill('b2', 1));
  expect(await look(false)).toEqual([]);
  expect(await look(true)).toEqual([tag]);
  expect(await look(true)).toEqual([]);
  await vault.bills.put(bill('b3', 30_00));
  expect(await look(true)).toEqual([tag]);
  expect(await look(true)).toEqual([]);
  await vault.bills.put(bill('b4', 90_00, { month: '2026-12' }));
  expect(await look(true, '2026-12')).toEqual([tag]);
});
