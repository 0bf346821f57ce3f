/** Which nicknames there may be, and which of them the eye would take for one another. */
import { expect, test } from 'vitest';
import { readNickname } from '#shared/rules/nickname.ts';

test.each([
  ['xiaoming', 'xiaoming'],
  ['@XiaoMing_88', 'xiaoming_88'],
  ['  anna4  ', 'anna4'],
  ['小明', '小明'],
  ['晋商2026', '晋商2026'],
])('%j is the nickname %s', (typed, name) => expect(readNickname(typed)?.name).toBe(name));

test.each([
  ['abc', 'too short'],
  ['明', 'one character'],
  ['a'.repeat(21), 'too long'],
  ['4anna', 'a figure first: that would be half a number'],
  ['13800138000', 'a number'],
  ['anna__b', 'two underscores'],
  ['_anna', 'an underscore first'],
  ['аnna', 'a Cyrillic letter'],
  ['αnna', 'a Greek letter'],
  ['ａｎｎａ', 'wide letters'],
  ['anna\u200b', 'a mark nobody sees'],
  ['小明abc', 'two scripts'],
  ['小明１', 'a wide figure'],
  ['小\u3000明', 'a blank'],
  ['⼩明', 'a compatibility form'],
  ['票号客服', 'the house'],
  ['piaohao_1', 'the house'],
  ['p1a0hao', 'what looks like the house'],
  ['0fficial', 'a figure first'],
  ['my_bank', 'a bank'],
  ['supp0rt', 'an office'],
])('%j is no nickname: %s', (typed) => expect(readNickname(typed)).toBeUndefined());

test.each([
  ['anna1', 'annal'],
  ['bob0', 'bobo'],
  ['modem', 'modern'],
  ['wave', 'vvave'],
  ['idea', 'iclea'],
  ['s5s5', 'ssss'],
  ['an_na', 'anna'],
  ['小日', '小曰'],
  ['李未', '李末'],
])('%s and %s have one shape', (one, other) => {
  expect(readNickname(one)?.shape).toBe(readNickname(other)?.shape);
  expect(readNickname(one)?.name).not.toBe(readNickname(other)?.name);
});

test.each([
  ['anna', 'anne'],
  ['小明', '小名'],
])('%s and %s have two', (one, other) => {
  expect(readNickname(one)?.shape).not.toBe(readNickname(other)?.shape);
});
