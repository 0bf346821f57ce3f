/** What a person types about a category, a rule or a budget, and the opinion it makes. */
import type { Budget, Category, Opinion, Rule, RuleWhen } from '#shared/api/notebook.ts';
import type { Instant } from '#shared/base/time.ts';
import { isCurrency } from '#shared/money/currency.ts';
import { fromDecimal, money, toDecimal } from '#shared/money/money.ts';
import { EVERYTHING } from '#web/notebook/budget.ts';

/** The opinions that stand for themselves, on no bill. */
export type Own = Category | Rule | Budget;
/** Which of them. */
export type OwnKind = Own['type'];

/** What the form holds; a kind reads its own fields alone. */
export interface Fields {
  readonly name: string;
  readonly peer: string;
  readonly memo: string;
  /** Of a rule: empty asks nothing. */
  readonly kind: string;
  readonly direction: string;
  readonly least: string;
  readonly most: string;
  readonly amount: string;
  /** Of a rule: empty when it asks for none. */
  readonly currency: string;
  readonly category: string;
}

/** What is wrong with the fields. */
export type FormFault = 'name' | 'rule' | 'sums' | 'budget';

/** Percent of a budget from which one is told. */
const NOTICE_AT = 80;
const AMOUNT_MOST = 100_000_000_000;
/** What the sums of a rule are counted in that names no currency. */
const USUAL_CURRENCY = 'CNY';

/** The kinds of bills a rule can ask for. */
export const RULE_KINDS = ['payment', 'top-up', 'withdrawal', 'refund', 'debt'] as const;
/** The ways of money a rule can ask for. */
export const RULE_DIRECTIONS = ['out', 'in'] as const;

/** The fields as they stand when the form opens: of `own`, or of something new. */
export function fieldsOf(own: Own | undefined, kind: OwnKind, currency: string): Fields {
  const asked = { peer: '', memo: '', kind: '', direction: '', least: '', most: '' };
  const fields = { ...asked, name: '', amount: '', currency: kind === 'rule' ? '' : currency };
  if (own?.type === 'category') return { ...fields, category: '', name: own.name };
  if (own?.type === 'rule') {
    const { least, most, ...words } = own.when;
    const sums = { least: decimalOf(least, words.currency), most: decimalOf(most, words.currency) };
    return { ...fields, ...words, ...sums, category: own.category };
  }
  if (own?.type === 'budget') {
    const amount = decimalOf(own.amount, own.currency);
    return { ...fields, amount, currency: own.currency, category: own.category };
  }
  return { ...fields, category: kind === 'budget' ? EVERYTHING : 'food' };
}

/** What keeps the fields from being an opinion. */
export function faultOf(kind: OwnKind, fields: Fields): FormFault | undefined {
  if (kind === 'category') return fields.name.trim() === '' ? 'name' : undefined;
  if (kind === 'rule') return ruleFault(fields);
  return minorOf(fields) === undefined ? 'budget' : undefined;
}

function ruleFault(fields: Fields): FormFault | undefined {
  const { peer, memo, kind, direction, currency, least, most } = fields;
  if ([peer, memo, kind, direction, currency, least, most].every((text) => text.trim() === '')) return 'rule';
  const [from, to] = [sumOf(least, currency), sumOf(most, currency)];
  const isWrong = (text: string, sum: number | undefined) => text.trim() !== '' && sum === undefined;
  if (isWrong(least, from) || isWrong(most, to)) return 'sums';
  return from !== undefined && to !== undefined && from > to ? 'sums' : undefined;
}

/** A sum as one types it, in minor units; undefined when it is none. */
function sumOf(text: string, currency: string): number | undefined {
  const unit = currency === '' ? USUAL_CURRENCY : currency;
  const sum = isCurrency(unit) ? fromDecimal(text.trim(), unit) : undefined;
  return sum && sum.minor >= 0 && sum.minor <= AMOUNT_MOST ? sum.minor : undefined;
}

function decimalOf(minor: number | undefined, currency = USUAL_CURRENCY): string {
  if (minor === undefined) return '';
  return isCurrency(currency) ? toDecimal(money(minor, currency)) : String(minor);
}

/** What a budget may be: more than nothing. */
function minorOf({ amount, currency }: Fields): number | undefined {
  const minor = sumOf(amount, currency);
  return minor === 0 ? undefined : minor;
}

/** What the fields of a rule ask of a bill; a field left empty asks nothing. */
function whenOf(fields: Fields): RuleWhen {
  const { currency, least, most } = fields;
  const [peer, memo] = [fields.peer.trim(), fields.memo.trim()];
  const kind = RULE_KINDS.find((one) => one === fields.kind);
  const direction = RULE_DIRECTIONS.find((one) => one === fields.direction);
  const sums = { least: sumOf(least, currency), most: sumOf(most, currency) };
  const asked = Object.entries({ peer, memo, kind, direction, currency, ...sums });
  return Object.fromEntries(asked.filter(([, value]) => value !== '' && value !== undefined));
}

/** The opinion the fields make under `id`; a budget keeps the percent `before` had. Fields without a fault. */
export function opinionOf(kind: OwnKind, id: string, fields: Fields, before: Own | undefined, now: Instant): Opinion {
  const head = { _id: `${kind}:${id}`, at: now };
  const { category } = fields;
  if (kind === 'category') return { ...head, type: kind, category: id, name: fields.name.trim() };
  if (kind === 'budget') {
    const noticeAt = before?.type === 'budget' ? before.noticeAt : NOTICE_AT;
    return { ...head, type: kind, category, currency: fields.currency, amount: minorOf(fields) ?? 0, noticeAt };
  }
  return { ...head, type: kind, when: whenOf(fields), category };
}
