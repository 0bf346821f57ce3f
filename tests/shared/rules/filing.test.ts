/** Where bills are filed and how far a budget is used, as tables; and that what people may write fits its schemas. */
import { Compile } from 'typebox/schema';
import { describe, expect, test } from 'vitest';
import { OPINIONS } from '#shared/api/notebook.ts';
import { budgetState, CATEGORIES, categoryOf, type Filed, type FilingWhen, fits } from '#shared/rules/filing.ts';

const TEA: Filed = {
  id: 'tea',
  kind: 'payment',
  direction: 'out',
  amount: 12_00,
  currency: 'CNY',
  peer: { name: '老王 Tea House' },
  memo: '龙井 two cups',
};

describe('a rule fits a bill of ¥12.00 for tea', () => {
  test.each<[string, FilingWhen, boolean]>([
    ['asks nothing', {}, false],
    ['peer 老王', { peer: '老王' }, true],
    ['peer tea, in small letters', { peer: 'tea' }, true],
    ['peer ＴＥＡ, in full-width letters', { peer: 'ＴＥＡ' }, true],
    ['peer 老李', { peer: '老李' }, false],
    ['memo 龙井', { memo: '龙井' }, true],
    ['peer and another memo', { peer: '老王', memo: '普洱' }, false],
    ['a payment going out', { kind: 'payment', direction: 'out' }, true],
    ['money coming in', { direction: 'in' }, false],
    ['yen', { currency: 'JPY' }, false],
    ['at least ¥12.00', { least: 12_00 }, true],
    ['at least ¥12.01', { least: 12_01 }, false],
    ['at most ¥12.00', { most: 12_00 }, true],
    ['at most ¥11.99', { most: 11_99 }, false],
  ])('that %s: %s', (_name, when, answer) => {
    expect(fits(TEA, when)).toBe(answer);
  });
});

describe('a bill is filed', () => {
  const rules = [
    { when: { peer: '老李' }, category: 'study' },
    { when: { peer: '老王' }, category: 'food' },
    { when: { memo: '龙井' }, category: 'fun' },
  ];
  test.each<[string, Partial<Filed>, string | undefined, string]>([
    ['by hand, above every rule', {}, 'health', 'health'],
    ['by the oldest rule that fits', {}, undefined, 'food'],
    ['by the next when the words are gone', { peer: { name: '小张' } }, undefined, 'fun'],
    ['as other when nothing fits', { peer: { name: '小张' }, memo: '' }, undefined, 'other'],
    ['as income when it came in', { peer: { name: '小张' }, memo: '', direction: 'in' }, undefined, 'income'],
    ['by what the shop is called', { peer: { name: '晋味面馆' }, memo: '' }, undefined, 'food'],
    ['by the note when the shop says nothing', { peer: { name: '小张' }, memo: '九月房租' }, undefined, 'home'],
    [
      'by what another wallet called it first',
      { peer: { name: '咖啡书店' }, memo: '', filed: '文化休闲' },
      undefined,
      'fun',
    ],
    [
      'as moved when it is a refund',
      { peer: { name: '晋味面馆' }, kind: 'refund', direction: 'in', memo: '' },
      undefined,
      'moving',
    ],
    ['as moved when it is a top-up', { peer: { name: '银行' }, memo: '', kind: 'top-up' }, undefined, 'moving'],
  ])('%s', (_name, change, chosen, answer) => {
    expect(categoryOf({ ...TEA, ...change }, rules, chosen)).toBe(answer);
  });
});

describe('a budget of ¥100.00 with a notice at 80 %', () => {
  test.each([
    [0, 'within'],
    [79_99, 'within'],
    [80_00, 'notice'],
    [100_00, 'notice'],
    [100_01, 'over'],
  ])('%i fen spent: %s', (spent, answer) => {
    expect(budgetState(spent, 100_00, 80)).toBe(answer);
  });
});

describe('what may be written', () => {
  const ID = '01926f5e-0000-7000-8000-000000000000';
  const at = 1;
  test.each<[string, keyof typeof OPINIONS, object, boolean]>([
    ['a note', 'note', { _id: 'note:b1', type: 'note', bill: 'b1', text: '和老王喝茶', at, by: '小明的手机' }, true],
    ['a note of 1,001 letters', 'note', { _id: 'note:b', type: 'note', bill: 'b', text: 'x'.repeat(1001), at }, false],
    ['a note with a price', 'note', { _id: 'note:b', type: 'note', bill: 'b', text: '', at, amount: 1 }, false],
    ['two tags', 'tags', { _id: 'tags:b1', type: 'tags', bill: 'b1', tags: ['茶', 'work'], at }, true],
    ['an empty tag', 'tags', { _id: 'tags:b1', type: 'tags', bill: 'b1', tags: [''], at }, false],
    ['a category', 'category', { _id: `category:${ID}`, type: 'category', category: ID, name: '茶', at }, true],
    ['a filing', 'filing', { _id: 'filing:b1', type: 'filing', bill: 'b1', category: CATEGORIES[0], at }, true],
    ['a rule', 'rule', { _id: `rule:${ID}`, type: 'rule', when: { peer: '老王', least: 1 }, category: ID, at }, true],
    [
      'a rule that runs code',
      'rule',
      { _id: `rule:${ID}`, type: 'rule', when: { code: '1' }, category: ID, at },
      false,
    ],
    [
      'a budget',
      'budget',
      { _id: `budget:${ID}`, type: 'budget', category: 'all', currency: 'CNY', amount: 1, noticeAt: 80, at },
      true,
    ],
    ['a design document', 'note', { _id: '_design/x', type: 'note', bill: 'x', text: '', at }, false],
  ])('%s', (_name, type, document, answer) => {
    expect(Compile(OPINIONS[type]).Check(document)).toBe(answer);
  });
});
