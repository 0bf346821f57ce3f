/** Money sent to a number that was mistyped: claimed back, held, answered in part; both sides read the same story. */
import { expect, test } from 'vitest';
import type { Person } from '#tests/kit/person.ts';
import { button, openTown, told, topUp, untilBalance, waitForAllowance, words } from '#tests/kit/story.ts';
import { find, open, send } from '#tests/kit/transfer-story.ts';

const town = openTown();

test('found by number, paid by mistake, claimed back, and given back in part', async () => {
  const ming = await town.newcomer('ming', { called: '小明', phone: '13900904001' });
  const hong = await town.newcomer('hong', { called: '小红', phone: '13900904002' });
  await topUp(ming, '200');
  await waitForAllowance(ming);

  await open(ming, '/transfer');
  await find(ming, '13900904002');
  await ming.page.getByRole('heading', { name: '*红 ··4002' }).waitFor();
  await send(ming, '25', '还你的');
  await untilBalance(ming, 175_00);

  // From the bill, with a reason.
  await open(ming, '/bills');
  await ming.page.getByRole('main').getByText('红 ··4002').first().click();
  await ming.page.getByRole('link', { name: words(ming, 'transfer_claim_open') }).click();
  await told(ming, 'transfer_claim_how_text').waitFor();
  await ming.page.getByLabel(words(ming, 'transfer_claim_reason')).fill('输错了号码');
  await button(ming, 'transfer_claim_send').click();
  await prove(ming);
  await ming.page.getByText(words(ming, 'transfer_claim_asked'), { exact: true }).waitFor();
  expect(await hoursToAnswer(ming)).toBe(72);

  await open(hong, '/claims');
  await hong.page.getByText('输错了号码').first().waitFor();
  expect(await hoursToAnswer(hong)).toBe(72);
  await button(hong, 'transfer_claim_give').click();
  await hong.page.getByLabel(words(hong, 'transfer_claim_give_sum')).fill('20');
  await hong.page.getByRole('button', { name: /20\.00/ }).click();
  await prove(hong);
  await hong.page.getByText(words(hong, 'transfer_claim_partly'), { exact: true }).waitFor();

  await open(ming, '/claims');
  await ming.page.getByText(words(ming, 'transfer_claim_partly'), { exact: true }).waitFor();
  await untilBalance(ming, 195_00);
  await untilBalance(hong, 5_00);
  const books = await town.closeBooks();
  expect(books.sum('frozen')).toBe(0);
});

/** The hours between the claim and the moment it is to be answered by, as a person reads both on the screen. */
async function hoursToAnswer({ page }: Person): Promise<number> {
  const lines = await page.locator('article[data-state=asked]').allInnerTexts();
  const text = lines.join(' ').replaceAll(/\s+/g, ' ');
  const moment = (pattern: RegExp) => Date.parse(pattern.exec(text)?.[0] ?? '');
  const due = moment(/\d+ [A-Z][a-z]+ \d{4}, \d\d:\d\d(?!:)/);
  const asked = moment(/\d+ [A-Z][a-z]+ \d{4}, \d\d:\d\d:\d\d/);
  return Math.round((due - asked) / 3_600_000);
}

/** Says yes on the sheet, by the finger where one is asked for, and waits until the act is done. */
async function prove(person: Person): Promise<void> {
  const yes = button(person, 'password_by_finger').or(button(person, 'password_confirm'));
  await yes.click();
  await person.page.getByRole('dialog').waitFor({ state: 'hidden' });
}
