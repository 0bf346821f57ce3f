/** Capital figures, read aloud: the banking rule's own examples first, then every place a nought can stand. */
import { expect, test } from 'vitest';
import { toCapitals } from '#shared/money/capitals.ts';
import type { Currency } from '#shared/money/currency.ts';
import { fromDecimal, money } from '#shared/money/money.ts';

const SPOKEN: readonly (readonly [figures: string, currency: Currency, capitals: string])[] = [
  // The examples of the rule itself.
  ['1409.50', 'CNY', '人民币壹仟肆佰零玖元伍角'],
  ['6007.14', 'CNY', '人民币陆仟零柒元壹角肆分'],
  ['1680.32', 'CNY', '人民币壹仟陆佰捌拾元零叁角贰分'],
  ['107000.53', 'CNY', '人民币壹拾万柒仟元零伍角叁分'],
  ['16409.02', 'CNY', '人民币壹万陆仟肆佰零玖元零贰分'],
  ['325.04', 'CNY', '人民币叁佰贰拾伍元零肆分'],
  // 整 ends a sum that ends with 元, and no other.
  ['18', 'CNY', '人民币壹拾捌元整'],
  ['200', 'CNY', '人民币贰佰元整'],
  ['12.50', 'CNY', '人民币壹拾贰元伍角'],
  ['12.34', 'CNY', '人民币壹拾贰元叁角肆分'],
  ['12.05', 'CNY', '人民币壹拾贰元零伍分'],
  ['10.50', 'CNY', '人民币壹拾元零伍角'],
  // Less than one yuan has no 元.
  ['0.5', 'CNY', '人民币伍角'],
  ['0.05', 'CNY', '人民币伍分'],
  ['0.32', 'CNY', '人民币叁角贰分'],
  ['0', 'CNY', '人民币零元整'],
  // Ten is 壹拾, never 拾 alone: a figure could be written before it.
  ['10', 'CNY', '人民币壹拾元整'],
  ['15', 'CNY', '人民币壹拾伍元整'],
  ['110000', 'CNY', '人民币壹拾壹万元整'],
  // A run of noughts is one 零; noughts before 万 and 元 are none.
  ['101', 'CNY', '人民币壹佰零壹元整'],
  ['1001', 'CNY', '人民币壹仟零壹元整'],
  ['1010', 'CNY', '人民币壹仟零壹拾元整'],
  ['10001', 'CNY', '人民币壹万零壹元整'],
  ['10010', 'CNY', '人民币壹万零壹拾元整'],
  ['11000', 'CNY', '人民币壹万壹仟元整'],
  ['100000', 'CNY', '人民币壹拾万元整'],
  ['1000000', 'CNY', '人民币壹佰万元整'],
  ['10100100', 'CNY', '人民币壹仟零壹拾万零壹佰元整'],
  ['100000000', 'CNY', '人民币壹亿元整'],
  ['100000001', 'CNY', '人民币壹亿零壹元整'],
  ['100010000', 'CNY', '人民币壹亿零壹万元整'],
  ['110000000', 'CNY', '人民币壹亿壹仟万元整'],
  ['123456789.01', 'CNY', '人民币壹亿贰仟叁佰肆拾伍万陆仟柒佰捌拾玖元零壹分'],
  ['1000000000000', 'CNY', '人民币壹万亿元整'],
  ['1000100000000', 'CNY', '人民币壹万零壹亿元整'],
  // Other currencies say which; those without smaller units end with 元.
  ['1234.56', 'HKD', '港币壹仟贰佰叁拾肆元伍角陆分'],
  ['20', 'USD', '美元贰拾元整'],
  ['9.90', 'EUR', '欧元玖元玖角'],
  ['7.07', 'GBP', '英镑柒元零柒分'],
  ['30', 'SGD', '新加坡元叁拾元整'],
  ['1200', 'JPY', '日元壹仟贰佰元整'],
  ['50000', 'KRW', '韩元伍万元整'],
];

test.each(SPOKEN)('%s of %s is %s', (figures, currency, capitals) => {
  const sum = fromDecimal(figures, currency);
  expect(sum && toCapitals(sum)).toBe(capitals);
});

test('the largest sum a message can name is written, a debt is not', () => {
  expect(toCapitals(money(99_999_999_999, 'CNY'))).toBe('人民币玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分');
  expect(() => toCapitals(money(-1, 'CNY'))).toThrow('only what was paid');
});
