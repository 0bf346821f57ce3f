/** Row P9: the network crawls. The app waits so long and no longer, says so, and the code pays; whichever road wins, once. */
import { expect, test } from 'vitest';
import {
  ask,
  button,
  collect,
  confirm,
  network,
  openTown,
  picture,
  refusal,
  refusalWords,
  scan,
  synced,
  told,
  topUp,
  untilBalance,
  waitForAllowance,
} from '#tests/kit/story.ts';

const town = openTown();
const PATIENCE_MS = 5_000;

test('the code pays when the network is too slow, also when the network has paid already', async () => {
  const payer = await town.newcomer('payer', { called: '小明', phone: '13900961001' });
  const payee = await town.newcomer('payee', { called: '小红', phone: '13900961002' });
  await topUp(payer, '400');
  await waitForAllowance(payer);

  // The payer's browser crawls, the payee has nothing: the app goes by code and says why.
  await payee.network('cut');
  await ask(payee, '12');
  await scan(payer, payee);
  await payer.network('crawling', 30_000);
  const began = Date.now();
  await confirm(payer);
  const shown = Date.now() - began;
  await told(payer, 'pay_road_code').waitFor();
  const said = Date.now() - began;
  console.log(`weak signal: code after ${shown} ms, told after ${said} ms`);
  expect(said).toBeGreaterThan(PATIENCE_MS - 500);
  expect(said).toBeLessThan(PATIENCE_MS * 3);
  await picture(payer, 'weak-signal');
  expect(await collect(payee, payer)).toBe('verified');

  // What needs the network is given up in time: nothing is paid, and it says what was in the way.
  await ask(payee, '150');
  await scan(payer, payee);
  await button(payer, 'pay_confirm').click();
  expect(await refusal(payer)).toBe(refusalWords(payer, 'spending.over-each'));

  // The road is open again, but answers come late: the house has settled it long before the payer hears so.
  await network('open', payer, payee);
  await synced(payer);
  await ask(payee, '7');
  await scan(payer, payee);
  await payer.network('slow', 9_000);
  await confirm(payer);
  await told(payer, 'pay_road_code').waitFor();
  await told(payee, 'pay_arrived').waitFor();
  await payer.network('open');

  await untilBalance(payee, 19_00);
  await untilBalance(payer, 381_00);
  const books = await town.closeBooks();
  expect([...books.lines('claim')].sort()).toEqual(
    ['claim 12.00 hold payer -> payee', 'claim 7.00 hold payer -> payee'].sort(),
  );
});
