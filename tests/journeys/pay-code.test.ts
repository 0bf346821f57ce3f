/** Row P11: the payer shows a code, the payee scans it. Small sums are paid at once, larger ones asked about, each once. */
import { expect, test } from 'vitest';
import type { Person } from '#tests/kit/person.ts';
import {
  ask,
  button,
  code,
  codeText,
  collect,
  confirm,
  home,
  openTown,
  picture,
  scan,
  told,
  topUp,
  untilBalance,
  waitForAllowance,
  words,
} from '#tests/kit/story.ts';

const town = openTown();

/** The payer shows a fresh code. */
async function show(payer: Person): Promise<void> {
  await payer.page.goto(`${town.house.origin}/pay/show`);
  await code(payer).waitFor();
}

/** The payee, who has asked for a sum, points the camera at the payer's code. */
async function take(payee: Person, payer: Person): Promise<void> {
  await payee.lookAt(payer);
  await button(payee, 'pay_receive_scan').click();
}

test('small at once, large when the payer says yes, with no network by the other road; a photograph is worth nothing', async () => {
  const payer = await town.newcomer('payer', { called: '小明', phone: '13900981001' });
  const payee = await town.newcomer('payee', { called: '小红', phone: '13900981002' });
  const thief = await town.newcomer('thief', { called: '小偷', phone: '13900981003' });
  await topUp(payer, '300');
  await waitForAllowance(payer);

  // The digits are hidden until they are asked for.
  await show(payer);
  const photograph = await codeText(payer);
  expect(await payer.page.getByText(/\d{6}/).count()).toBe(0);
  await button(payer, 'pay_own_digits_show').click();
  await payer.page.getByText(/\d{6}/).waitFor();
  await picture(payer, 'pay-code');

  await ask(payee, '12');
  const began = Date.now();
  await take(payee, payer);
  await told(payee, 'pay_arrived').waitFor();
  console.log(`a pay code, from the camera to "arrived": ${Date.now() - began} ms`);
  await told(payer, 'pay_settled').waitFor();

  // What was photographed has been used.
  await ask(thief, '12');
  await button(thief, 'pay_receive_scan').click();
  await button(thief, 'pay_paste').click();
  await thief.page.getByLabel(words(thief, 'pay_paste_label')).fill(photograph);
  await button(thief, 'pay_paste_read').click();
  await thief.page.getByText(words(thief, 'refusal_pay_code_used')).first().waitFor();

  // Above the small sums the payer is asked, and sees who and how much before saying yes.
  await show(payer);
  await ask(payee, '50');
  await take(payee, payer);
  await payer.page.getByRole('heading', { name: '小红 ··1002' }).waitFor();
  await confirm(payer);
  await told(payee, 'pay_arrived').waitFor();

  // The payer has no network: the code can be shown, and the payee's own code is the other road to the same payment.
  await payer.page.goto(`${town.house.origin}/pay/show`);
  await code(payer).waitFor();
  await payer.network('cut');
  await ask(payee, '7');
  await take(payee, payer);
  await told(payee, 'pay_code_silent').waitFor({ timeout: 30_000 });
  await picture(payee, 'pay-code-silent');
  await scan(payer, payee);
  await confirm(payer);
  expect(['verified', 'arrived']).toContain(await collect(payee, payer));
  await payer.network('open');

  await home(payee);
  await untilBalance(payee, 69_00);
  await untilBalance(payer, 231_00);
  const books = await town.closeBooks();
  expect([...books.lines('claim')].sort()).toEqual(
    ['12.00', '50.00', '7.00'].map((sum) => `claim ${sum} hold payer -> payee`).sort(),
  );
});
