/** A person of Shanxi pays one of Beijing with no network; the regions' accounts with each other come out even. On PostgreSQL. */
import { expect, test } from 'vitest';
import {
  ask,
  collect,
  network,
  openTown,
  pay,
  told,
  topUp,
  untilBalance,
  untilBills,
  waitForAllowance,
} from '#tests/kit/story.ts';

const town = openTown({ database: 'postgres' });

test('the payee verifies the other region by the keys it holds, and clearing nets to zero', async () => {
  const traveller = await town.newcomer('traveller', { called: '晋生', phone: '13800138001', region: 'CN-SX' });
  const host = await town.newcomer('host', { called: '京生', phone: '13800138002', region: 'CN-BJ' });
  await topUp(traveller, '100');
  await waitForAllowance(traveller);
  await network('cut', traveller, host);

  await ask(host, '28.80');
  await pay(traveller, host, { name: '京生 ··8002', amount: '¥28.80' });
  expect(await collect(host, traveller)).toBe('verified');

  // The payee's phone is the first to find a signal; the payer's comes later and changes nothing.
  await network('open', host);
  await told(host, 'pay_arrived').waitFor();
  await untilBills(host, ['晋生 ··8001 +¥28.80 Settled']);
  await network('open', traveller);
  await untilBills(traveller, ['京生 ··8002 −¥28.80 Settled', 'Top-up ¥100.00 Settled']);
  await untilBalance(traveller, 71_20);
  await untilBalance(host, 28_80);

  const books = await town.closeBooks();
  expect(books.lines('claim')).toEqual([
    'claim 28.80 hold traveller -> clearing CN-BJ',
    'claim 28.80 clearing CN-SX -> host',
  ]);
  expect(books.sum('clearing')).toBe(0);
});
