/** How far the budgets of a month are used: added up from the bills on this phone, filed as the person files them. */
import type { Budget } from '#shared/api/notebook.ts';
import { flowOf, isCounted } from '#shared/rules/bill.ts';
import { type BudgetState, budgetState } from '#shared/rules/filing.ts';
import { billsOfMonth } from '#web/vault/days.ts';
import { filer, ofType } from '#web/vault/opinions.ts';
import { readSetting } from '#web/vault/settings.ts';
import type { Vault } from '#web/vault/vault.ts';

/** The budget over everything that is spent. */
export const EVERYTHING = 'all';
/** Stands first where a wallet holds nothing yet. */
const HOME = 'CNY';

/** One budget and what is spent of it. Sums are minor units. */
export interface BudgetNow {
  readonly budget: Budget;
  readonly spent: number;
  readonly state: BudgetState;
}

/** Every budget with what `month` (`2026-11`) has spent of it: the same bills count as on the screen of the month. */
export async function budgetsOf(vault: Vault, month: string): Promise<BudgetNow[]> {
  const budgets = await ofType(vault, 'budget');
  if (budgets.length === 0) return [];
  const [file, isHidden] = await Promise.all([filer(vault), readSetting(vault, 'broughtHidden')]);
  const bills = await billsOfMonth(vault, month, isHidden ? ['house'] : ['house', 'brought']);
  const spent = new Map<string, number>();
  for (const bill of bills) {
    if (!isCounted(bill) || flowOf(bill) !== 'out') continue;
    for (const category of [file(bill), EVERYTHING]) {
      const key = `${category} ${bill.currency}`;
      spent.set(key, (spent.get(key) ?? 0) + bill.amount);
    }
  }
  return budgets.map((budget) => {
    const sum = spent.get(`${budget.category} ${budget.currency}`) ?? 0;
    return { budget, spent: sum, state: budgetState(sum, budget.amount, budget.noticeAt) };
  });
}

/** Those a person should hear of. */
export async function budgetsToTell(vault: Vault, month: string): Promise<BudgetNow[]> {
  return (await budgetsOf(vault, month)).filter(({ state }) => state !== 'within');
}

/** The currencies a budget can be in: those the wallet holds, the home one first. */
export async function currenciesHeld(vault: Vault): Promise<string[]> {
  const held = (await vault.balances.toCollection().primaryKeys()) as string[];
  return [...new Set([HOME, ...held.sort()])];
}
