import { expect, test } from 'vitest';
import { fromDecimal, toDecimal } from '#shared/money/money.ts';

const TYPED = [
  ['12', 'CNY', 1200],
  ['12.3', 'CNY', 1230],
  ['12.30', 'CNY', 1230],
  ['0.01', 'CNY', 1],
  ['12.345', 'CNY', undefined],
  ['-1', 'CNY', undefined],
  ['1e3', 'CNY', undefined],
  ['', 'CNY', undefined],
  ['7', 'JPY', 7],
  ['7.0', 'JPY', undefined],
] as const;

test.each(TYPED)('a person who types %s of %s means %s minor units', (text, currency, minor) => {
  expect(fromDecimal(text, currency)?.minor).toBe(minor);
});

test.each(TYPED.filter(([, , minor]) => minor !== undefined))('%s of %s reads back the same sum', (text, currency) => {
  const sum = fromDecimal(text, currency);
  expect(sum && fromDecimal(toDecimal(sum), currency)).toEqual(sum);
});
