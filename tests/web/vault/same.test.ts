/** Which answers of the vault are the same, so that the screen need not be drawn again. */
import { expect, test } from 'vitest';
import { isSame } from '#web/vault/same.ts';

const key = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
const other = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
const row = () => ({ id: 'a', amount: 5, peer: { name: '面馆' }, times: { signed: 1 }, bytes: new Uint8Array([1, 2]) });

// what | one answer | another | the same?
test.each<[string, unknown, unknown, boolean]>([
  ['rows read twice', [row()], [row()], true],
  ['a row with another sum', [row()], [{ ...row(), amount: 6 }], false],
  ['a row with another name within', [row()], [{ ...row(), peer: { name: '茶铺' } }], false],
  ['a row with one fact more', [row()], [{ ...row(), memo: 'x' }], false],
  ['a fact under another name', { a: undefined }, { b: undefined }, false],
  ['a row more', [row()], [row(), row()], false],
  ['rows in another order', ['a', 'b'], ['b', 'a'], false],
  ['other bytes', new Uint8Array([1]), new Uint8Array([2]), false],
  ['a list and bytes', [1], new Uint8Array([1]), false],
  ['an empty list and an empty object', [], {}, false],
  ['maps', new Map([['a', row()]]), new Map([['a', row()]]), true],
  ['maps of other values', new Map([['a', 1]]), new Map([['a', 2]]), false],
  ['an empty map and one that is not', new Map(), new Map([['a', 1]]), false],
  ['sets', new Set(['a']), new Set(['a']), true],
  ['other sets', new Set(['a']), new Set(['b']), false],
  ['nothing and nothing', undefined, undefined, true],
  ['nothing and an object', null, {}, false],
  ['no number twice', Number.NaN, Number.NaN, true],
  ['one key', { key: key.privateKey }, { key: key.privateKey }, true],
  ['two keys', { key: key.privateKey }, { key: other.privateKey }, false],
  ['a key and nothing in it', key.privateKey, {}, false],
  ['two functions', [() => 1], [() => 1], false],
  ['two moments', new Date(0), new Date(1), false],
])('%s', (_what, left, right, same) => {
  expect(isSame(left, right)).toBe(same);
  expect(isSame(right, left)).toBe(same);
});
