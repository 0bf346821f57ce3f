/** JSON with one reading only: what two parsers could read in two ways, or a database could not keep, is not read. */
import { expect, test } from 'vitest';
import { plainJson } from '#server/platform/json.ts';
import { utf8 } from '#shared/base/bytes.ts';

const lists = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

test.each([
  // text, whether it is read
  ['{"a":1,"b":1}', true],
  ['{"a":1,"a":1}', false],
  ['{"a":{"a":1},"b":[{"a":1},{"a":2}]}', true],
  ['{"a":{"b":1,"b":2}}', false],
  ['[{"a":1,"a":1}]', false],
  ['{"a":"}","a":1}', false],
  ['{"a":"\\"a\\":","b":1}', true],
  ['{"a":"a","b":"a"}', true],
  ['{"a":1,"\\u0061":2}', false],
  ['{"a" :1,"a"\n:2}', false],
  ['{"a":"票号 \\u7968 👛"}', true],
  ['{"a":"\\u0000"}', false],
  ['{"\\u0000":1}', false],
  ['{"a":"\\\\u0000"}', true],
  ['{"a":"\\ud800"}', false],
  ['{"a":"\\udc00\\ud800"}', false],
  ['{"a":"\\ud83d\\ude00"}', true],
  ['{"a":"\\x"}', false],
  ['\ufeff{}', true],
  [lists(32), true],
  [lists(33), false],
  [lists(200_000), false],
])('%.60s: %s', (json, isRead) => expect(plainJson(utf8(json))).toBe(isRead ? json : undefined));

test.each([
  ['no UTF-8', [0xff]],
  ['an overlong slash', [0xc0, 0xaf]],
  ['half a character', [0xe7, 0xa5]],
  ['a surrogate in UTF-8', [0xed, 0xa0, 0x80]],
])('bytes with %s are not read', (_what, bytes) => {
  expect(plainJson(Uint8Array.of(0x22, ...bytes, 0x22))).toBeUndefined();
});
