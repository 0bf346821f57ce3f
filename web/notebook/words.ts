/** What is in the notebook, in words: the categories there are to choose from, and what an opinion says. */
import type { Category, Opinion, OpinionType, RuleWhen } from '#shared/api/notebook.ts';
import { CATEGORIES } from '#shared/rules/filing.ts';
import { type BudgetNow, EVERYTHING } from '#web/notebook/budget.ts';
import { RULE_DIRECTIONS, RULE_KINDS } from '#web/notebook/form.ts';
import { m } from '#web/paraglide/messages.js';
import { categoryName } from '#web/ui/category.ts';
import { sumText } from '#web/ui/format.ts';

type OwnCategories = ReadonlyMap<string, Category>;

/** All there are to choose from, the person's own first. */
export function categoryChoices(own: OwnCategories): { readonly value: string; readonly label: string }[] {
  return [...own.keys(), ...CATEGORIES].map((value) => ({ value, label: categoryName(value, own) }));
}

/** What a budget is over: a category, or everything. */
export function budgetName(category: string, own: OwnCategories): string {
  return category === EVERYTHING ? m.notebook_budget_all() : categoryName(category, own);
}

const KINDS: Readonly<Record<OpinionType, () => string>> = {
  note: m.notebook_note,
  tags: m.notebook_tags,
  filing: m.notebook_filing,
  category: m.notebook_one_category,
  rule: m.notebook_one_rule,
  budget: m.notebook_one_budget,
};

/** What kind of opinion it is. */
export function kindName(type: OpinionType): string {
  return KINDS[type]();
}

/** All that a rule asks of a bill. */
export function ruleAsks({ peer, memo, kind, direction, currency, least, most }: RuleWhen): string {
  const unit = currency ?? 'CNY';
  const asked = [
    peer && m.notebook_rule_says_peer({ text: peer }),
    memo && m.notebook_rule_says_memo({ text: memo }),
    kind && KIND_OF_BILL[kind](),
    direction && (direction === 'in' ? m.bill_flow_in() : m.bill_flow_out()),
    currency,
    least !== undefined && m.notebook_rule_says_least({ sum: sumText(least, unit) }),
    most !== undefined && m.notebook_rule_says_most({ sum: sumText(most, unit) }),
  ];
  return asked.filter((one) => typeof one === 'string' && one !== '').join(' · ');
}

/** The kinds of bills a rule can ask for, first that it asks for none. */
export function kindChoices(): { readonly value: string; readonly label: string }[] {
  return [ANY(), ...RULE_KINDS.map((value) => ({ value, label: KIND_OF_BILL[value]() }))];
}

/** The ways of money a rule can ask for, first that it asks for none. */
export function directionChoices(): { readonly value: string; readonly label: string }[] {
  const label = { in: m.bill_flow_in, out: m.bill_flow_out };
  return [ANY(), ...RULE_DIRECTIONS.map((value) => ({ value, label: label[value]() }))];
}

/** The currencies a rule can ask for, first that it asks for none. */
export function currencyChoices(currencies: readonly string[]): { readonly value: string; readonly label: string }[] {
  return [ANY(), ...currencies.map((value) => ({ value, label: value }))];
}

const ANY = () => ({ value: '', label: m.notebook_rule_any() });

const KIND_OF_BILL = {
  payment: m.bill_kind_payment,
  'top-up': m.bill_kind_top_up,
  withdrawal: m.bill_kind_withdrawal,
  refund: m.bill_kind_refund,
  debt: m.bill_kind_debt,
} as const;

/** An opinion in one breath. */
export function opinionWords(opinion: Opinion, own: OwnCategories): string {
  switch (opinion.type) {
    case 'note':
      return opinion.text === '' ? m.notebook_empty_note() : opinion.text;
    case 'tags':
      return opinion.tags.map((tag) => `#${tag}`).join(' ');
    case 'filing':
      return categoryName(opinion.category, own);
    case 'category':
      return opinion.name;
    case 'rule':
      return m.notebook_rule_whole({ asks: ruleAsks(opinion.when), category: categoryName(opinion.category, own) });
    case 'budget':
      return m.notebook_budget_whole({
        name: budgetName(opinion.category, own),
        amount: sumText(opinion.amount, opinion.currency),
      });
  }
}

/** What is said of a budget that nears its end or is over: on the screen and beside it. */
export function budgetTold(
  { budget, spent, state }: BudgetNow,
  own: OwnCategories,
): { readonly title: string; readonly text: string } {
  const name = budgetName(budget.category, own);
  const { currency, noticeAt: percent } = budget;
  return {
    title: state === 'over' ? m.notebook_budget_over({ name }) : m.notebook_budget_notice({ name, percent }),
    text: m.notebook_budget_spent({ spent: sumText(spent, currency), amount: sumText(budget.amount, currency) }),
  };
}
