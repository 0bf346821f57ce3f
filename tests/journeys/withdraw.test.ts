/** Money goes out to a card: what it costs is said before, a lost answer pays out once, and what the bank rejects comes home. */
import { expect, test } from 'vitest';
import { bindCard, certify, goToBank, press, withdraw } from '#tests/kit/bank-story.ts';
import { DEBIT_CARD } from '#tests/kit/funding.ts';
import {
  button,
  openTown,
  picture,
  refusal,
  refusalWords,
  told,
  topUp,
  typeSum,
  untilBalance,
  words,
} from '#tests/kit/story.ts';
import { open } from '#tests/kit/transfer-story.ts';

const town = openTown();
const PATIENCE_MS = 30_000;

test('a card is bound, a sum arrives on it, a rejected and a returned one come back, and the card is unbound', async () => {
  const gang = await town.newcomer('gang', { called: '小刚', phone: '13900902001' });
  const { page } = gang;
  const says = (key: string) => told(gang, key).waitFor({ timeout: PATIENCE_MS });

  // Who is not certified, and who has no card, is told the way.
  await open(gang, '/withdraw');
  await says('withdrawal_no_tier');
  await certify(gang, '李小刚');
  await topUp(gang, '2000');
  await open(gang, '/withdraw');
  await says('withdrawal_no_card');

  // One thinks better of it at the bank; then the card is bound.
  await goToBank(gang);
  await page.locator('form[action*=cancel] button').click();
  await says('card_refused_cancelled');
  await bindCard(town.house, gang, { holder: '李小刚', number: DEBIT_CARD, phone: '13900902001' });

  // Free while the month's quota lasts.
  await page.getByRole('link', { name: words(gang, 'card_use_debit'), exact: true }).click();
  await typeSum(gang, '100');
  expect(await page.locator('[data-fee]').getAttribute('data-fee')).toBe('0');
  await picture(gang, 'withdraw');
  await button(gang, 'withdrawal_go').click();
  await button(gang, 'password_by_finger').click();
  await says('withdrawal_settled');
  await untilBalance(gang, 1_900_00);

  // Above it the fee is said before, and comes back with the sum the bank rejects.
  await open(gang, '/withdraw');
  await typeSum(gang, '1200.05');
  expect(await page.locator('[data-fee]').getAttribute('data-fee')).toBe('41');
  await button(gang, 'withdrawal_go').click();
  await button(gang, 'password_by_finger').click();
  await says('withdrawal_declined');
  await says('withdrawal_reason_ac04');
  await picture(gang, 'withdrawal-rejected');
  await untilBalance(gang, 1_900_00);

  // The answer is lost: nobody says that it was not sent, and it is paid out once.
  await open(gang, '/withdraw');
  await typeSum(gang, '300');
  await button(gang, 'withdrawal_go').click();
  gang.road.lose('/withdrawals');
  await button(gang, 'password_by_finger').click();
  await page
    .getByRole('dialog')
    .getByText(refusalWords(gang, 'house.unreachable').split('\n')[0] ?? '')
    .waitFor({ timeout: 60_000 });
  await gang.network('cut');
  gang.road.lose();
  await page
    .getByRole('dialog')
    .getByRole('button', { name: words(gang, 'ui_close'), exact: true })
    .click();
  await says('withdrawal_unsure');
  await picture(gang, 'withdrawal-unsure');
  await gang.network('open');
  await says('withdrawal_settled');
  await untilBalance(gang, 1_600_00);

  // While money is on its way to the card it stays bound.
  await withdraw(gang, '20.31');
  await says('withdrawal_under_way');
  await open(gang, '/me/cards');
  await page.getByRole('main').getByRole('listitem').first().click();
  const unbind = async () => {
    await button(gang, 'card_unbind').first().click({ timeout: PATIENCE_MS });
    await page
      .getByRole('dialog')
      .getByRole('button', { name: words(gang, 'card_unbind'), exact: true })
      .click();
  };
  await unbind();
  expect(await refusal(gang)).toContain(refusalWords(gang, 'card.in-flight').split('\n')[0]);
  await press(town.house, 20_31, 'accept');
  await untilBalance(gang, 1_579_69);

  // What had arrived is sent back the next day.
  await withdraw(gang, '10.51');
  await expect
    .poll(
      async () => {
        await page.reload();
        await told(gang, 'withdrawal_returned')
          .waitFor({ timeout: 2_000 })
          .catch(() => undefined);
        return await told(gang, 'withdrawal_returned').isVisible();
      },
      { timeout: 60_000 },
    )
    .toBe(true);
  await untilBalance(gang, 1_579_69);

  // With no network it is said, and nothing can be pressed.
  await gang.network('cut');
  await page.goto(`${town.house.origin}/withdraw`);
  await says('withdrawal_offline');
  await typeSum(gang, '10');
  expect(await button(gang, 'withdrawal_go').isDisabled()).toBe(true);
  await gang.network('open');

  await open(gang, '/me/cards');
  await page.getByRole('main').getByRole('listitem').first().click();
  await unbind();
  await says('card_unbound');
  await open(gang, '/me/cards');
  await says('card_none');

  const books = await town.closeBooks();
  expect(books.sum('available', 'gang') + books.sum('hold', 'gang')).toBe(1_579_69);
  expect(books.sum('fee-income')).toBe(0);
});
