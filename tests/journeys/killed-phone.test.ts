/** A phone is switched off in the middle of every step of a payment: there is no posting, or one, and never two. */
import { describe, expect, test } from 'vitest';
import type { Person } from '#tests/kit/person.ts';
import {
  ask,
  bills,
  button,
  code,
  collect,
  confirm,
  go,
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
  untilBills,
  waitForAllowance,
  wake,
  words,
} from '#tests/kit/story.ts';

const town = openTown();
const NAME = '小红 ··8002';
const TOP_UP = 'Top-up ¥200.00 Settled';

describe('a phone that dies while paying', () => {
  let payer: Person;
  let payee: Person;

  /** The phone goes dark and is switched on again, still with no network. */
  async function restart(): Promise<void> {
    await payer.kill();
    payer = await town.adopt(payer.reopen());
    await payer.network('cut');
    await wake(payer, town.house.origin);
  }

  test('two people come to the town', async () => {
    payer = await town.newcomer('payer', { called: '小明', phone: '13800138001', prf: false });
    payee = await town.newcomer('payee', { called: '小红', phone: '13800138002', prf: false });
    await topUp(payer, '200');
    await waitForAllowance(payer);
    await network('cut', payer, payee);
  });

  test('before the yes: nothing was promised', async () => {
    await ask(payee, '1');
    await scan(payer, payee);
    await restart();
    expect(await bills(payer)).toEqual([TOP_UP]);
  });

  test('while the passkey asks: no other tab pays, and the same code is paid once afterwards', async () => {
    await ask(payee, '35');
    await payer.finger(false);
    await scan(payer, payee);
    await button(payer, 'pay_confirm').click();

    const tab = await payer.tab();
    await tab.goto(town.house.origin);
    await scan(payer, payee, tab);
    await button(payer, 'pay_confirm', tab).click();
    expect(await refusal(payer, tab)).toBe(refusalWords(payer, 'payment.other-tab'));
    expect(await code(payer, tab).count()).toBe(0);

    await restart();
    expect(await bills(payer)).toEqual([`${NAME} −¥35.00 Unfinished`, TOP_UP]);
    await scan(payer, payee);
    await confirm(payer);
    expect(await collect(payee, payer)).toBe('verified');
    await untilBills(payer, [`${NAME} −¥35.00 To upload`, TOP_UP]);
  });

  test('with the code on the screen: it is shown again from the bill, and scanned once more it is the same payment', async () => {
    await ask(payee, '2');
    await scan(payer, payee);
    await confirm(payer);
    await restart();
    await go(payer, 'bills');
    await payer.page.getByRole('listitem').first().getByRole('link').click();
    await payer.page.getByRole('link', { name: words(payer, 'bill_show_code') }).click();
    await code(payer).waitFor();
    await picture(payer, 'code-again');
    expect(await collect(payee, payer)).toBe('verified');
  });

  test('the payee, with the payment kept and no receipt given: it is still there', async () => {
    await ask(payee, '4');
    await scan(payer, payee);
    await confirm(payer);
    expect(await collect(payee, payer)).toBe('verified');
    await payee.kill();
    payee = await town.adopt(payee.reopen());
    await payee.network('cut');
    await wake(payee, town.house.origin);
    expect((await bills(payee))[0]).toBe('Received +¥4.00 To upload');
  });

  test('while uploading, with every answer lost: the next upload is the same act', async () => {
    await ask(payee, '8');
    await payer.network('deaf');
    await scan(payer, payee);
    await confirm(payer);
    await told(payer, 'pay_show_offline').waitFor();
    await restart();
    await payer.network('open');
    await synced(payer);
    await untilBalance(payer, 151_00);
  });

  test('both phones upload everything again, and each payment stands in the books once', async () => {
    await payee.network('open');
    await untilBalance(payee, 49_00);
    await untilBills(
      payee,
      ['8', '4', '2', '35'].map((sum) => `小明 ··8001 +¥${sum}.00 Settled`),
    );
    const books = await town.closeBooks();
    expect(books.lines('claim', 'shortfall', 'late-claim').sort()).toEqual(
      ['2.00', '35.00', '4.00', '8.00'].map((sum) => `claim ${sum} hold payer -> payee`),
    );
  });
});
