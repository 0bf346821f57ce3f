/** What becomes of words that two phones wrote differently: one of them, or all of them, and never fewer by mistake. */
import { expect, test } from 'vitest';
import { NOTE_LENGTH, type Opinion } from '#shared/api/notebook.ts';
import { all, different, isTooMuch, only } from '#web/notebook/apart.ts';
import type { Version } from '#web/notebook/notebook.ts';

const NOW = 9 as never;
const ID = '01926f5e-0000-7000-8000-000000000001';
const DIGITS = 'c0ffee00c0ffee00c0ffee00c0ffee00';

const note = (text: string): Opinion => ({ _id: 'note:b1', type: 'note', bill: 'b1', text, at: 1 });
const tags = (...all: string[]): Opinion => ({ _id: 'tags:b1', type: 'tags', bill: 'b1', tags: all, at: 1 });
const filing = (category: string): Opinion => ({ _id: 'filing:b1', type: 'filing', bill: 'b1', category, at: 1 });
const category = (name: string): Opinion => ({
  _id: `category:${ID}`,
  type: 'category',
  category: ID,
  name,
  at: 1,
});
const rule = (peer: string): Opinion => ({
  _id: `rule:${ID}`,
  type: 'rule',
  when: { peer },
  category: 'food',
  at: 1,
});
const budget = (amount: number): Opinion => ({
  ...{ _id: `budget:${ID}`, type: 'budget', category: 'all', currency: 'CNY', amount, noticeAt: 80, at: 1 },
});

/** The versions as a phone has them, the first one shown. */
const versions = (...opinions: Opinion[]): Version[] =>
  opinions.map((opinion, at) => ({ revision: `2-${at}${DIGITS.slice(1)}`, opinion }));

test.each([
  ['notes stand below each other', versions(note('茶'), note('面')), note('茶\n面')],
  ['an empty note adds nothing', versions(note(''), note('面')), note('面')],
  ['what two phones said alike stands once', versions(note('茶'), note('面'), note('茶')), note('茶\n面')],
  ['tags stand together, each once', versions(tags('a', 'b'), tags('b', 'c')), tags('a', 'b', 'c')],
])('%s', (_what, given, expected) => {
  expect(all(given, NOW)).toEqual({ keep: { ...expected, at: NOW }, beside: [] });
});

test.each([
  ['category', versions(category('茶馆'), category('茶叶'))],
  ['rule', versions(rule('老王'), rule('老李'))],
  ['budget', versions(budget(100), budget(200))],
])('of a %s each stands for itself, the other under an id every phone makes alike', (type, given) => {
  const made = all(given, NOW);
  expect(made?.keep).toEqual({ ...given[0]?.opinion, at: NOW });
  expect(made?.beside).toHaveLength(1);
  const [other] = made?.beside ?? [];
  expect(other?._id).toMatch(new RegExp(`^${type}:01926f5e-0000-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$`));
  expect(other?._id).not.toBe(given[0]?.opinion._id);
  expect(all(given, 10 as never)?.beside[0]?._id).toBe(other?._id);
});

test('of a filing one alone can stand', () => {
  const given = versions(filing('food'), filing('fun'));
  expect(all(given, NOW)).toBeUndefined();
  expect(given[1] && only(given[1], NOW)).toEqual({ keep: { ...filing('fun'), at: NOW }, beside: [] });
});

test('what does not fit into one is not cut: it is said, and the person chooses', () => {
  const long = versions(note('a'.repeat(NOTE_LENGTH)), note('b'));
  expect([all(long, NOW), isTooMuch(long, NOW)]).toEqual([undefined, true]);
  const many = versions(tags(...Array.from({ length: 20 }, (_, at) => `t${at}`)), tags('another'));
  expect([all(many, NOW), isTooMuch(many, NOW)]).toEqual([undefined, true]);
  expect(isTooMuch(versions(filing('food'), filing('fun')), NOW)).toBe(false);
});

test('words that differ in nothing but their time are shown once, and there is nothing to put together', () => {
  const given = versions(note('茶'), { ...note('茶'), at: 5 });
  expect(different(given)).toEqual([given[0]]);
  expect(all(given, NOW)).toBeUndefined();
});
