/** Payer and payee each with or without a network: four ways, one screen, one posting each. */
import { describe, expect, test } from 'vitest';
import type { Person } from '#tests/kit/person.ts';
import {
  ask,
  code,
  collect,
  confirm,
  network,
  openTown,
  scan,
  synced,
  told,
  topUp,
  untilBalance,
  waitForAllowance,
} from '#tests/kit/story.ts';

const town = openTown();

/** Payer's road, payee's road, the sum, and what the payee's screen says when the payer's code is scanned. */
const ROADS = [
  { payer: 'cut', payee: 'cut', sum: '1.00', says: ['verified'] },
  { payer: 'cut', payee: 'open', sum: '2.00', says: ['verified', 'arrived'] },
  { payer: 'open', payee: 'cut', sum: '4.00', says: ['verified', 'arrived'] },
] as const;

describe('one payment, whichever road', () => {
  let payer: Person;
  let payee: Person;

  test('two people come to the town', async () => {
    payer = await town.newcomer('payer', { called: '小明', phone: '13800138001', locale: 'zh-CN' });
    payee = await town.newcomer('payee', { called: '小红', phone: '13800138002', locale: 'zh-CN' });
    await topUp(payer, '200');
    await waitForAllowance(payer);
  });

  test.for(ROADS)('payer $payer, payee $payee: $sum', async (road) => {
    await payer.network(road.payer);
    await payee.network(road.payee);
    await ask(payee, road.sum);
    await scan(payer, payee);
    await confirm(payer);
    expect(road.says).toContain(await collect(payee, payer));
    if (road.payee === 'open') await told(payee, 'pay_arrived').waitFor();
    await network('open', payer, payee);
    await Promise.all([synced(payer), synced(payee)]);
  });

  test('both open: the payee sees it arrive without scanning anything', async () => {
    await ask(payee, '8.00');
    await scan(payer, payee);
    await confirm(payer);
    await told(payee, 'pay_arrived').waitFor();
    await told(payer, 'pay_settled').waitFor();
    expect(await code(payee).count()).toBe(0);
  });

  test('more than the allowance gives, both open: set aside for this payee alone and paid at once', async () => {
    await untilBalance(payer, 185_00);
    await topUp(payer, '500');
    await ask(payee, '150');
    await scan(payer, payee);
    await told(payer, 'pay_needs_network').waitFor();
    await confirm(payer);
    await told(payee, 'pay_arrived').waitFor();
  });

  test('every sum is there once, and the books are proved', async () => {
    await untilBalance(payer, 535_00);
    await untilBalance(payee, 165_00);
    const books = await town.closeBooks();
    expect(books.lines('claim', 'shortfall', 'late-claim').sort()).toEqual(
      ['1.00', '150.00', '2.00', '4.00', '8.00'].map((sum) => `claim ${sum} hold payer -> payee`),
    );
  });
});
