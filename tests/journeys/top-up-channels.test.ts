/** Money comes in by each of the four ways: one notice is lost, one charge is declined with its reason, and the sum is right. */
import { expect, test } from 'vitest';
import { bindCard, certify, comparison, payAtCounter, payOnPage, topUpBy } from '#tests/kit/bank-story.ts';
import { CREDIT_CARD } from '#tests/kit/funding.ts';
import { go, openTown, picture, told, typeSum, untilBalance, words } from '#tests/kit/story.ts';

const town = openTown();
const PATIENCE_MS = 30_000;

test('a bank, a pay page, a counter and a credit card; what is declined says why', async () => {
  const hua = await town.newcomer('hua', { called: '小华', phone: '13900901001' });
  const settled = () => told(hua, 'funding_settled').waitFor({ timeout: PATIENCE_MS });

  // The bank does it and its notice is lost: the house asks.
  await topUpBy(hua, 'funding_bank_transfer', '100.23');
  await settled();
  await untilBalance(hua, 100_23);

  await topUpBy(hua, 'funding_third_party', '50');
  await payOnPage(hua);
  await settled();
  await untilBalance(hua, 150_23);

  // The code for the counter needs no network: it is there when the app is opened anew without one, and the cash is taken.
  await topUpBy(hua, 'funding_counter', '30');
  await hua.page.locator('[data-code]').waitFor({ timeout: PATIENCE_MS });
  await hua.network('cut');
  await hua.page.reload();
  await picture(hua, 'counter-code');
  await payAtCounter(town.house, hua, await town.visitor('teller'));
  await hua.network('open');
  await settled();
  await untilBalance(hua, 180_23);

  // A card is charged once its owner's name is proved; it is bound on the bank's own page.
  await certify(hua, '王小华');
  await bindCard(town.house, hua, { holder: '王小华', number: CREDIT_CARD, phone: '13900901001' });
  await picture(hua, 'card-bound');
  // For the typed sum: what each way costs, when it arrives, what it allows.
  await go(hua, 'top-up');
  await typeSum(hua, '200');
  expect(await comparison(hua)).toEqual([
    'Bank transfer | Free | in about a minute | ¥20,000',
    'Bank counter | Free | in about 30 minutes | ¥20,000',
    'Credit card | ¥1.20 | in about a minute | ¥5,000',
    'Third party | Free | in about a minute | ¥10,000',
  ]);
  await topUpBy(hua, 'funding_credit_card', '200.51');
  await told(hua, 'funding_declined').waitFor({ timeout: PATIENCE_MS });
  await told(hua, 'funding_reason_51').waitFor();
  await picture(hua, 'charge-declined');
  await topUpBy(hua, 'funding_credit_card', '200');
  await settled();
  await hua.page.getByText(words(hua, 'funding_receipt_fee', { fee: '¥1.20', net: '¥198.80' })).waitFor();
  await untilBalance(hua, 379_03);

  const books = await town.closeBooks();
  expect(books.lines('top-up').map((line) => line.split(' -> ')[1])).toEqual([
    'hua',
    'hua',
    'hua',
    'hua',
    'fee-income',
  ]);
  expect(books.sum('available', 'hua') + books.sum('hold', 'hua')).toBe(379_03);
});
