/** Which six digits nobody may choose, and when an act of money asks for which proof: as tables. */
import { expect, test } from 'vitest';
import { type ProofQuestion, passwordFault, proofNeeded } from '#shared/rules/password.ts';

/** Born on 5 August 1987; the phone and the number are theirs. */
const MING = { born: '1987-08-05', numbers: ['+8613904271836', '140105198708053617'] };

test.each(
  `
  12345   digits       too few
  1234567 digits       too many
  12345a  digits       a letter
  １２３４５６ digits       full width is no digit here
  000000  equal
  777777  equal
  123456  run
  654321  run
  890123  run          over the nought
  210987  run          and back
  121212  repeat
  909090  repeat
  123123  repeat
  740740  repeat
  870805  birthday     YYMMDD
  050887  birthday     DDMMYY
  080587  birthday     MMDDYY
  198708  birthday     YYYYMM
  390427  own-number   of the phone
  271836  own-number   its tail
  861390  own-number   with the country's own
  053617  own-number   the tail of the citizen number
  140105  own-number   its head
  520520  repeat       two faults, the first is said
  520131  common
  131420  common
  147258  common       down the keypad
  112233  common       three pairs
  777000  common       two blocks
  123321  common       a mirror
  805417  -
  730291  -
  870806  -            the day after the birthday
  135792  -
`
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/)),
)('%s: %s', (digits = '', fault = '') => {
  expect(passwordFault(digits, MING)?.replace('password.', '') ?? '-').toBe(fault);
});

test('who has proved no name has no birthday here; the phone counts all the same', () => {
  expect(passwordFault('870805', { numbers: ['+8613904271836'] })).toBeUndefined();
  expect(passwordFault('904271', { numbers: ['+8613904271836'] })).toBe('password.own-number');
});

test('of all million fewer than one in two hundred and fifty are refused to somebody, so a thief gains little by the rules', () => {
  // Every seventeenth of them: no family of repeated digits is made of multiples of it.
  let refused = 0;
  for (let at = 0; at < 1_000_000; at += 17) if (passwordFault(String(at).padStart(6, '0'), MING)) refused += 17;
  expect(refused).toBeGreaterThan(1000);
  expect(refused).toBeLessThan(4000);
});

const FREE = { each: 30_00, left: 3 };
const QUESTION: ProofQuestion = {
  act: 'transfer',
  amount: 10_00,
  currency: 'CNY',
  home: 'CNY',
  free: FREE,
  largeFrom: 500_00,
  risk: undefined,
  hasPassword: true,
};

test.each<[what: string, said: Partial<ProofQuestion>, needed: string]>([
  ['small and seldom', {}, 'nothing'],
  ['as much as is free', { amount: 30_00 }, 'nothing'],
  ['a fen more', { amount: 30_01 }, 'either'],
  ['no free act left today', { free: { each: 30_00, left: 0 } }, 'either'],
  ['nothing is free', { free: { each: 0, left: 3 } }, 'either'],
  ['another currency', { currency: 'HKD' }, 'either'],
  ['large', { amount: 500_00 }, 'both'],
  ['a fen less than large', { amount: 499_99 }, 'either'],
  ['a large number of another currency', { amount: 500_00, currency: 'HKD' }, 'either'],
  ['a phone that is new here', { risk: 'new-device' }, 'both'],
  ['a password found again today', { risk: 'recovered' }, 'both'],
  ['a withdrawal, however small', { act: 'withdrawal', amount: 1 }, 'either'],
  ['closing', { act: 'closing', amount: 0 }, 'both'],
  ['no password, small', { hasPassword: false }, 'nothing'],
  ['no password, more', { hasPassword: false, amount: 31_00 }, 'passkey'],
  ['no password, large', { hasPassword: false, amount: 900_00 }, 'passkey'],
  ['no password, a new phone', { hasPassword: false, risk: 'new-device' }, 'passkey'],
  ['no password, closing', { hasPassword: false, act: 'closing' }, 'passkey'],
])('%s', (_what, said, needed) => {
  expect(proofNeeded({ ...QUESTION, ...said })).toBe(needed);
});
