/** Categories, rules and budgets as they are typed: what is wrong is said, and what the form does not show stays. */
import { expect, test } from 'vitest';
import type { Budget, Rule } from '#shared/api/notebook.ts';
import { type Fields, faultOf, fieldsOf, opinionOf } from '#web/notebook/form.ts';

const ID = '01926f5e-0000-7000-8000-000000000001';
const typed = (kind: 'category' | 'rule' | 'budget', more: Partial<Fields>): Fields => ({
  ...fieldsOf(undefined, kind, 'CNY'),
  ...more,
});

test.each([
  ['12.5', 'CNY', 12_50],
  ['12.345', 'CNY', undefined],
  ['1200', 'JPY', 1_200],
  ['12.5', 'JPY', undefined],
  ['0', 'CNY', undefined],
  ['-3', 'CNY', undefined],
  ['1000000000.00', 'CNY', 100_000_000_000],
  ['1000000000.01', 'CNY', undefined],
  ['', 'HKD', undefined],
])('a budget of “%s” %s is %s minor units', (amount, currency, minor) => {
  const fields = typed('budget', { amount, currency });
  expect(faultOf('budget', fields)).toBe(minor === undefined ? 'budget' : undefined);
  if (minor !== undefined) {
    expect(opinionOf('budget', ID, fields, undefined, 3 as never)).toEqual({
      ...{ _id: `budget:${ID}`, type: 'budget', category: 'all', currency, amount: minor, noticeAt: 80, at: 3 },
    });
  }
});

test('a budget of yen is shown in whole yen, and keeps the percent it had', () => {
  const made = { _id: `budget:${ID}`, type: 'budget', category: 'food', currency: 'JPY', at: 1 } as const;
  const own: Budget = { ...made, amount: 1_200, noticeAt: 50 };
  const fields = fieldsOf(own, 'budget', 'CNY');
  expect([fields.amount, fields.currency]).toEqual(['1200', 'JPY']);
  expect(opinionOf('budget', ID, fields, own, 3 as never)).toEqual({ ...own, at: 3 });
});

// what is asked; the fault; what the rule then asks of a bill
test.each([
  [{ peer: ' ' }, 'rule', {}],
  [{ memo: ' 面 ' }, undefined, { memo: '面' }],
  [{ kind: 'refund' }, undefined, { kind: 'refund' }],
  [{ direction: 'in', currency: 'JPY' }, undefined, { direction: 'in', currency: 'JPY' }],
  [{ least: '5', most: '200.50' }, undefined, { least: 5_00, most: 200_50 }],
  [{ least: '500', currency: 'JPY' }, undefined, { currency: 'JPY', least: 500 }],
  [{ least: '0' }, undefined, { least: 0 }],
  [{ most: '5.5', currency: 'JPY' }, 'sums', {}],
  [{ least: '6', most: '5' }, 'sums', {}],
  [{ least: 'five' }, 'sums', {}],
] as const)('a rule that asks %j: %s', (asked, fault, when) => {
  const fields = typed('rule', asked);
  expect(faultOf('rule', fields)).toBe(fault);
  if (fault) return;
  expect(opinionOf('rule', ID, fields, undefined, 3 as never)).toEqual({
    ...{ _id: `rule:${ID}`, type: 'rule', when, category: 'food', at: 3 },
  });
});

test('all that a rule asks stands in the form, and what is taken out of it is asked no more', () => {
  const when = { peer: '老王', kind: 'payment', direction: 'out', currency: 'CNY', least: 5_00, most: 90_00 } as const;
  const own: Rule = { _id: `rule:${ID}`, type: 'rule', when, category: 'food', at: 1 };
  const fields = fieldsOf(own, 'rule', 'HKD');
  expect(fields).toMatchObject({ ...when, memo: '', least: '5.00', most: '90.00' });
  expect(opinionOf('rule', ID, fields, own, 3 as never)).toEqual({ ...own, at: 3 });
  const less = { ...fields, peer: '', kind: '', least: ' ' };
  expect(opinionOf('rule', ID, less, own, 3 as never)).toMatchObject({
    when: { direction: 'out', currency: 'CNY', most: 90_00 },
  });
});

test('a category has a name', () => {
  expect(faultOf('category', typed('category', { name: '  ' }))).toBe('name');
  expect(opinionOf('category', ID, typed('category', { name: ' 茶馆 ' }), undefined, 3 as never)).toEqual({
    ...{ _id: `category:${ID}`, type: 'category', category: ID, name: '茶馆', at: 3 },
  });
});
