/** Two people pay each other with no network at all; both phones are restarted; the ledger settles it once. */
import { expect, test } from 'vitest';
import {
  ask,
  bills,
  collect,
  network,
  openTown,
  pay,
  picture,
  topUp,
  untilBalance,
  untilBills,
  waitForAllowance,
} from '#tests/kit/story.ts';

const town = openTown();
/** What the way of a newcomer may take: opening the wallet, topping up, and paying somebody with no network at all. */
const NEWCOMER_MS = 90_000;

test('paid by camera with both networks cut, kept over a reload, settled exactly once', async () => {
  const hong = await town.newcomer('hong', { called: 'Li Hong', phone: '13800138002' });
  const first = Date.now();
  const ming = await town.newcomer('ming', { called: '小明', phone: '13800138001', locale: 'zh-CN' });
  await topUp(ming, '200');
  await waitForAllowance(ming);
  await picture(ming, 'home');

  await network('cut', ming, hong);
  await ask(hong, '12.50');
  await picture(hong, 'invoice');
  await pay(ming, hong, { name: 'Li Hong ··8002', amount: '¥12.50' });
  // From the first screen a newcomer sees to the first payment without a network.
  expect(Date.now() - first).toBeLessThanOrEqual(NEWCOMER_MS);
  // The code was read beside the screen's thread, by a worker that came without a network.
  expect(ming.page.workers().map((worker) => worker.url())).toEqual([expect.stringMatching(/\/workers\/decoder-/)]);
  await picture(ming, 'payment-code');
  expect(await collect(hong, ming)).toBe('verified');
  await picture(hong, 'verified');

  await Promise.all([ming.page.reload(), hong.page.reload()]);
  expect(await bills(ming)).toEqual(['Li Hong ··8002 −¥12.50 待上传', '充值 ¥200.00 已入账']);
  expect(await bills(hong)).toEqual(['Received +¥12.50 To upload']);
  await picture(ming, 'bills-offline');

  await network('open', ming, hong);
  await untilBills(ming, ['Li Hong ··8002 −¥12.50 已入账', '充值 ¥200.00 已入账']);
  await untilBills(hong, ['小明 ··8001 +¥12.50 Settled']);
  await untilBalance(ming, 187_50);
  await untilBalance(hong, 12_50);
  await picture(ming, 'home-settled');

  const books = await town.closeBooks();
  expect(books.lines('claim', 'shortfall', 'late-claim')).toEqual(['claim 12.50 hold ming -> hong']);
  expect(books.sum('available', 'hong') + books.sum('hold', 'hong')).toBe(12_50);
});
