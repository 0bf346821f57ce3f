/** Ten payments in a row with no network, to three payees; then count and total stop the payer, and all of it settles. */
import { expect, test } from 'vitest';
import {
  ask,
  balance,
  button,
  collect,
  confirm,
  network,
  openTown,
  refusal,
  refusalWords,
  scan,
  told,
  topUp,
  untilBalance,
  waitForAllowance,
  words,
} from '#tests/kit/story.ts';

const town = openTown();

/** Payee and sum, in the order they are paid; the fourth brings the sum above what needs no passkey. */
const PAYMENTS = [
  ['tea', '5'],
  ['rice', '31'],
  ['book', '0.01'],
  ['tea', '12.50'],
  ['rice', '29.99'],
  ['book', '40'],
  ['tea', '7'],
  ['rice', '3'],
  ['book', '11.50'],
  ['tea', '10'],
] as const;

test('ten payments to three payees, then no more until there is a network', async () => {
  await town.policy({ total: 200_00, perPayment: 100_00, perPayee: 100_00, maxCount: 10 });
  const payer = await town.newcomer('payer', { called: '小明', phone: '13800138001' });
  const payees = {
    tea: await town.newcomer('tea', { called: '茶馆', phone: '13800138002' }),
    rice: await town.newcomer('rice', { called: '米店', phone: '13800138003' }),
    book: await town.newcomer('book', { called: '书局', phone: '13800138004' }),
  };
  const everybody = [payer, ...Object.values(payees)];
  await topUp(payer, '400');
  await waitForAllowance(payer);
  await network('cut', ...everybody);

  for (const [name, sum] of PAYMENTS) {
    await ask(payees[name], sum);
    await scan(payer, payees[name]);
    await confirm(payer);
    expect(await collect(payees[name], payer)).toBe('verified');
  }

  await ask(payees.book, '1');
  await scan(payer, payees.book);
  await told(payer, 'pay_needs_network').waitFor();
  await button(payer, 'pay_confirm').click();
  expect(await refusal(payer)).toBe(refusalWords(payer, 'spending.over-count'));
  await told(payer, 'pay_nothing_left').waitFor();

  await network('open', ...everybody);
  await untilBalance(payer, 250_00);
  await untilBalance(payees.tea, 34_50);
  await untilBalance(payees.rice, 63_99);
  await untilBalance(payees.book, 51_51);

  // All ten payments are used and 50 is left of the old allowance: the finger changes it for a fresh one.
  await payer.page.getByRole('link', { name: words(payer, 'home_offline') }).click();
  await button(payer, 'pay_offline_load').click();
  await button(payer, 'pay_offline_return').waitFor();
  expect((await balance(payer)).setAside).toBe(200_00);

  // It holds 200, and one payee gets at most 100 of it.
  await network('cut', ...everybody);
  await ask(payees.tea, '100');
  await scan(payer, payees.tea);
  await confirm(payer);
  for (const [sum, why] of [
    ['0.01', 'spending.over-payee'],
    ['100.01', 'spending.over-each'],
  ] as const) {
    await ask(payees.tea, sum);
    await scan(payer, payees.tea);
    await button(payer, 'pay_confirm').click();
    expect(await refusal(payer)).toBe(refusalWords(payer, why));
  }
  await ask(payees.rice, '60');
  await scan(payer, payees.rice);
  await confirm(payer);
  await ask(payees.book, '40.01');
  await scan(payer, payees.book);
  await button(payer, 'pay_confirm').click();
  expect(await refusal(payer)).toBe(refusalWords(payer, 'spending.over-total'));

  await network('open', ...everybody);
  await untilBalance(payer, 90_00);
  const books = await town.closeBooks();
  expect(books.lines('claim')).toHaveLength(12);
  expect(books.lines('shortfall', 'late-claim', 'reverse')).toEqual([]);
  expect(books.sum('available', 'payer') + books.sum('hold', 'payer')).toBe(90_00);
});
