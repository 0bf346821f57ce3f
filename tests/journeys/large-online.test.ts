/** More than a phone carries offline: with a network it is paid all the same, once, though answers are lost and the payee has none. */
import { expect, test } from 'vitest';
import {
  ask,
  button,
  collect,
  network,
  openTown,
  pay,
  refusal,
  refusalWords,
  scan,
  told,
  topUp,
  untilBalance,
  untilBills,
  waitForAllowance,
} from '#tests/kit/story.ts';

const town = openTown();

test('above the allowance by network, again after a lost answer, and to a payee with no network', async () => {
  const payer = await town.newcomer('payer', { called: '小明', phone: '13900901001' });
  const payee = await town.newcomer('payee', { called: '小红', phone: '13900901002' });
  const HONG = '小红 ··1002';
  const MING = '小明 ··1001';
  await topUp(payer, '900');
  await waitForAllowance(payer);

  // Both have a network: the bill itself tells the payee.
  await ask(payee, '250');
  const began = Date.now();
  await pay(payer, payee, { name: HONG, amount: '¥250.00' });
  await told(payee, 'pay_arrived').waitFor();
  console.log(`a large online payment, from scan to "arrived" on the other phone: ${Date.now() - began} ms`);

  // The house hears the question, and its answer is lost: nothing is said to be paid, and the next try is the same act.
  await ask(payee, '220');
  await scan(payer, payee);
  await payer.network('deaf');
  await button(payer, 'pay_confirm').click();
  expect(await refusal(payer)).toBe(refusalWords(payer, 'spending.over-each'));
  await payer.network('open');
  await pay(payer, payee, { name: HONG, amount: '¥220.00' });
  await told(payee, 'pay_arrived').waitFor();

  // The payee has no network: it reads the region's own word from the payer's screen.
  await network('cut', payee);
  await ask(payee, '210');
  await pay(payer, payee, { name: HONG, amount: '¥210.00' });
  await told(payer, 'pay_settled').waitFor();
  expect(await collect(payee, payer)).toBe('arrived');

  await network('open', payee);
  await untilBills(payee, [`${MING} +¥210.00 Settled`, `${MING} +¥220.00 Settled`, `${MING} +¥250.00 Settled`]);
  await untilBalance(payer, 220_00);
  await untilBalance(payee, 680_00);
  const books = await town.closeBooks();
  expect(books.lines('claim')).toEqual([
    'claim 250.00 hold payer -> payee',
    'claim 220.00 hold payer -> payee',
    'claim 210.00 hold payer -> payee',
  ]);
});
