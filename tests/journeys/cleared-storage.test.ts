/** F15: the browser throws the wallet away with a payment on it that no server has seen. The payee's copy brings it home. */
import { expect, test } from 'vitest';
import {
  ask,
  button,
  collect,
  confirm,
  network,
  openTown,
  picture,
  scan,
  told,
  topUp,
  untilBalance,
  untilBills,
  waitForAllowance,
  words,
} from '#tests/kit/story.ts';

const town = openTown();

test('a cleared phone says what it means, its payment arrives from the payee, and its owner sees it again', async () => {
  const payer = await town.newcomer('payer', { called: '小明', phone: '13900971001' });
  const payee = await town.newcomer('payee', { called: '小红', phone: '13900971002' });
  await topUp(payer, '100');
  await waitForAllowance(payer);
  await payer.page.goto(`${town.house.origin}/`);
  await expect.poll(() => payer.page.evaluate(() => localStorage.getItem('piaohao-mark'))).toContain('"left":');

  await network('cut', payer, payee);
  await ask(payee, '18');
  await scan(payer, payee);
  await confirm(payer);
  expect(await collect(payee, payer)).toBe('verified');

  const devtools = await payer.context.newCDPSession(payer.page);
  await devtools.send('Storage.clearDataForOrigin', { origin: town.house.origin, storageTypes: 'indexeddb' });
  await network('open', payer);
  // A browser that offers the passkey by itself would be past the door before anybody has read it.
  await payer.finger(false);
  await payer.page.goto(`${town.house.origin}/welcome`);
  await told(payer, 'identity_lost').waitFor();
  await payer.page.getByText(words(payer, 'identity_lost_text')).waitFor();
  await picture(payer, 'cleared-storage');

  await network('open', payee);
  await untilBalance(payee, 18_00);
  await payer.finger(true);
  // The passkey the browser offers by itself may be quicker than the button.
  await button(payer, 'identity_sign_in')
    .click({ timeout: 3_000 })
    .catch(() => undefined);
  await untilBalance(payer, 82_00);
  await untilBills(payer, ['小红 ··1002 −¥18.00 Settled', 'Top-up ¥100.00 Settled']);
  const books = await town.closeBooks();
  expect(books.lines('claim')).toEqual(['claim 18.00 hold payer -> payee']);
});
