/** Names and phone numbers: who may be called what, and what a payer reads. */
import { expect, test } from 'vitest';
import { nameShown, nameVeiled, readName } from '#shared/rules/name.ts';
import { maskPhone, readPhone } from '#shared/rules/phone.ts';

test.each([
  ['小明', '小明'],
  ['  阿依古丽·买买提 ', '阿依古丽·买买提'],
  ['Ana  María', 'Ana María'],
  ["O'Neill-Smith Jr.", "O'Neill-Smith Jr."],
  ['José', 'José'],
  ['J. R. Tolkien', 'J. R. Tolkien'],
])('%j may be a name', (typed, name) => expect(readName(typed)).toBe(name));

test.each([
  ['', 'nothing'],
  ['   ', 'blanks'],
  ['小明 ··5678', 'a forged mark'],
  ['小明1', 'a digit'],
  ['小明１', 'a wide digit'],
  ['小··明', 'two points together'],
  ['小\u202e明', 'a mark that turns text around'],
  ['小明✓', 'a tick that looks like a seal'],
  ['<b>', 'markup'],
  ['银行客服', 'a bank'],
  ['Piaohao', 'the house'],
  ['Official Shop', 'an office'],
  ['明'.repeat(18), 'more than fits a certificate'],
])('%j is no name: %s', (typed) => expect(readName(typed)).toBeUndefined());

test('a name nobody has certified is shown with the tail of the proved phone', () => {
  expect(nameShown('小明', 'unproved', '+8613800135678')).toBe('小明 ··5678');
  expect(nameShown('王小明', 'real-name', '+8613800135678')).toBe('王小明');
});

test.each([
  ['王明', '*明'],
  ['欧阳大有', '*阳大有'],
  ['Ann Lee', 'A* L*'],
  ["Seán O'Neil-Ó Dálaigh", 'S* O*-Ó* D*'],
  ['阿依努尔·买买提', '*依努尔·买买提'],
])('to somebody who knows only a number %s is %s', (name, shown) => expect(nameVeiled(name)).toBe(shown));

test.each([
  ['13800138000', '+8613800138000'],
  ['138 0013 8000', '+8613800138000'],
  ['+86 138-0013-8000', '+8613800138000'],
  ['008613800138000', '+8613800138000'],
  ['12800138000', undefined],
  ['1380013800', undefined],
  ['+8513800138000', undefined],
  ['１３８００１３８０００', undefined],
])('the phone %j reads %j', (typed, phone) => expect(readPhone(typed)).toBe(phone));

test('a phone is shown masked', () => expect(maskPhone('+8613800138000')).toBe('138****8000'));
