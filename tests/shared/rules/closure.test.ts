/** What stands in the way of closing a wallet, as a table. */
import { expect, test } from 'vitest';
import { blockersOf, type Standing, WAY_OUT } from '#shared/rules/closure.ts';

const EMPTY: Standing = { available: 0, hold: 0, arriving: 0, frozen: 0, owed: 0, underWay: 0, isFrozen: false };

const TABLE = `
nothing at all                          |                                  | -
a fen that can be spent                 | available 1                      | money
money set aside for offline             | hold 500                         | offline
money in every state                    | available 1 hold 2 arriving 3    | offline arriving money
a debt to the guarantee, and no money   | owed 1200                        | owed
a top-up on its way                     | underWay 1                       | under-way
money held while a claim is looked at   | frozen 100                       | held
`;

test.each(
  TABLE.trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim())),
)('%s', (_case, given = '', expected = '') => {
  const words = given.split(/\s+/).filter(Boolean);
  const told = Object.fromEntries(
    words.flatMap((word, at) => (at % 2 === 0 ? [[word, Number(words[at + 1])]] : [])),
  ) as Partial<Standing>;
  expect(blockersOf({ ...EMPTY, ...told }).join(' ') || '-').toBe(expected);
});

test('a freeze comes before everything else, and each blocker leads somewhere', () => {
  const all = blockersOf({ available: 1, hold: 1, arriving: 1, frozen: 1, owed: 1, underWay: 1, isFrozen: true });
  expect(all[0]).toBe('frozen');
  expect(all.map((one) => WAY_OUT[one]).every((way) => way.startsWith('/'))).toBe(true);
});
