/** What a person types about a category, a rule or a budget, and the opinion it makes. */
import type { Budget, Category, Opinion, Rule } from '#shared/api/notebook.ts';
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
  readonly amount: string;
  readonly currency: string;
  readonly category: string;
}

/** What is wrong with the fields. */
export type FormFault = 'name' | 'rule' | 'budget';

/** Percent of a budget from which one is told. */
const NOTICE_AT = 80;
const AMOUNT_MOST = 100_000_000_000;

/** The fields as they stand when the form opens: of `own`, or of something new. */
export function fieldsOf(own: Own | undefined, kind: OwnKind, currency: string): Fields {
  const fields = { name: '', peer: '', memo: '', amount: '', currency };
  if (own?.type === 'category') return { ...fields, category: '', name: own.name };
  if (own?.type === 'rule') {
    return { ...fields, peer: own.when.peer ?? '', memo: own.when.memo ?? '', category: own.category };
  }
  if (own?.type === 'budget') {
    const amount = isCurrency(own.currency) ? toDecimal(money(own.amount, own.currency)) : String(own.amount);
    return { ...fields, amount, currency: own.currency, category: own.category };
  }
  return { ...fields, category: kind === 'budget' ? EVERYTHING : 'food' };
}

/** What keeps the fields from being an opinion. */
export function faultOf(kind: OwnKind, fields: Fields): FormFault | undefined {
  if (kind === 'category') return fields.name.trim() === '' ? 'name' : undefined;
  if (kind === 'rule') return fields.peer.trim() === '' && fields.memo.trim() === '' ? 'rule' : undefined;
  return minorOf(fields) === undefined ? 'budget' : undefined;
}

function minorOf({ amount, currency }: Fields): number | undefined {
  const sum = isCurrency(currency) ? fromDecimal(amount.trim(), currency) : undefined;
  return sum && sum.minor > 0 && sum.minor <= AMOUNT_MOST ? sum.minor : undefined;
}

/** The opinion the fields make under `id`; what the form does not show of `before` stays. Fields without a fault. */
export function opinionOf(kind: OwnKind, id: string, fields: Fields, before: Own | undefined, now: Instant): Opinion {
  const head = { _id: `${kind}:${id}`, at: now };
  const { category } = fields;
  if (kind === 'category') return { ...head, type: kind, category: id, name: fields.name.trim() };
  if (kind === 'budget') {
    const noticeAt = before?.type === 'budget' ? before.noticeAt : NOTICE_AT;
    return { ...head, type: kind, category, currency: fields.currency, amount: minorOf(fields) ?? 0, noticeAt };
  }
  const { peer: _peer, memo: _memo, ...rest } = before?.type === 'rule' ? before.when : {};
  const [peer, memo] = [fields.peer.trim(), fields.memo.trim()];
  const when = { ...rest, ...(peer === '' ? {} : { peer }), ...(memo === '' ? {} : { memo }) };
  return { ...head, type: kind, when, category };
}
