/**
 * A card number is checked on the bank's page before it goes anywhere. Then the card is charged in vain for each reason its
 * network knows, and once with an answer that comes too late: each is told in words of its own with what to do, in both
 * languages, and no money has moved before the charge that goes well.
 */
import type { Page } from 'playwright';
import { expect, test } from 'vitest';
import { CARD_STORIES } from '#server/sandbox/story.ts';
import { withCheckDigit } from '#shared/rules/card-number.ts';
import { certify, fillCard, goToBank, topUpBy } from '#tests/kit/bank-story.ts';
import { CREDIT_CARD } from '#tests/kit/funding.ts';
import type { Person } from '#tests/kit/person.ts';
import { balance, openTown, picture, told, untilBalance } from '#tests/kit/story.ts';
import { open } from '#tests/kit/transfer-story.ts';

const town = openTown();
const PATIENCE_MS = 30_000;

/** What is typed -> what the bank's page says. */
const MISTYPED: readonly (readonly [number: string, says: string])[] = [
  ['6225750123456789', 'The card number is mistyped'],
  ['4111111111111111', 'This bank is not supported'],
  [withCheckDigit('6225750123456788'), 'The card number has too few or too many digits'],
  ['6225', 'A card number has 13 to 19 digits'],
];

const DECLINES = CARD_STORIES.filter(({ code }) => code !== '00').map(({ code }) => code);

test('what cannot be a card number stays in the browser, and each no of a card is told with the way on', async () => {
  const hua = await town.newcomer('hua', { called: '小华', phone: '13900907001' });
  await certify(hua, '王小华');
  const toHouse = whatGoesTo(town.house.origin, hua.page);
  const bank = await goToBank(hua);
  await numberStaysHere(bank);
  await fillCard(town.house, hua, { holder: '王小华', number: CREDIT_CARD, phone: '13900907001' });
  await open(hua, '/me/cards');
  await hua.page.getByRole('main').getByRole('listitem').first().waitFor({ timeout: PATIENCE_MS });
  expect(await hua.page.locator('input').count()).toBe(0);

  expect(DECLINES).toEqual(['05', '14', '51', '54', '61', '62', '91', '96']);
  const declined: [code: string, page: string][] = [];
  for (const code of DECLINES) {
    await topUpBy(hua, 'funding_credit_card', `100.${code}`);
    await declinedFor(hua, code);
    declined.push([code, new URL(hua.page.url()).pathname]);
    expect(await balance(hua)).toEqual({ available: 0, setAside: 0, arriving: 0, all: 0 });
  }
  // The card was charged, and its answer came after nobody waited any more: the house took the charge back.
  await topUpBy(hua, 'funding_credit_card', '100.12');
  await declinedFor(hua, '68');
  declined.push(['68', new URL(hua.page.url()).pathname]);
  expect((await balance(hua)).all).toBe(0);

  await open(hua, '/me/language');
  await hua.page.getByRole('radio', { name: '简体中文' }).check();
  const chinese: Person = { ...hua, language: 'zh' };
  await told(chinese, 'me_language_title').waitFor({ timeout: PATIENCE_MS });
  for (const [code, page] of declined) {
    await open(hua, page);
    await declinedFor(chinese, code);
    if (code === '54') await picture(hua, 'card-expired-zh');
  }
  // Another sum by the same card goes well, and arrives once.
  await topUpBy(chinese, 'funding_credit_card', '100');
  await told(chinese, 'funding_settled').waitFor({ timeout: PATIENCE_MS });
  await untilBalance(chinese, 99_40);
  expect(toHouse.length).toBeGreaterThan(DECLINES.length);
  expect(toHouse.filter((words) => words.includes(CREDIT_CARD.slice(6, 12)))).toEqual([]);
  const books = await town.closeBooks();
  expect(books.lines('top-up', 'reverse')).toEqual([
    'top-up 99.40 outside credit-card -> hua',
    'top-up 0.60 outside credit-card -> fee-income',
  ]);
});

/** The address and the body of whatever the browser sends to the house from now on. */
function whatGoesTo(origin: string, page: Page): string[] {
  const sent: string[] = [];
  page.on('request', (request) => {
    if (request.url().startsWith(origin)) sent.push(`${request.url()} ${request.postData() ?? ''}`);
  });
  return sent;
}

/** Types what cannot be a card number: the page says what is wrong, and sends nothing. */
async function numberStaysHere(page: Page): Promise<void> {
  const sent: string[] = [];
  page.on('request', (request) => {
    if (request.method() !== 'GET') sent.push(request.url());
  });
  for (const name of ['name', 'identity', 'phone']) await page.locator(`[name=${name}]`).fill('1');
  for (const [number, says] of MISTYPED) {
    await page.locator('[name=number]').fill(number);
    await page.locator('button.main').click();
    await page.getByRole('alert').filter({ hasText: says }).waitFor({ timeout: PATIENCE_MS });
    expect(await page.locator('[name=number]').evaluate((field) => field === document.activeElement)).toBe(true);
  }
  expect(sent).toEqual([]);
}

/** What the first button offers where trying again as it was would be in vain. */
const WAY_ON: Readonly<Record<string, string>> = {
  '14': 'funding_other_card',
  '51': 'funding_other_amount',
  '54': 'funding_other_card',
  '61': 'funding_other_amount',
};

/** The page of a declined charge: that it did not happen, why, what to do, that no money has moved, and the way on. */
async function declinedFor(person: Person, code: string): Promise<void> {
  await told(person, 'funding_declined').waitFor({ timeout: PATIENCE_MS });
  await told(person, `funding_reason_${code}`).waitFor({ timeout: PATIENCE_MS });
  for (const key of [`funding_reason_${code}_do`, 'funding_no_money_moved', WAY_ON[code] ?? 'funding_try_again'])
    await told(person, key).waitFor({ timeout: PATIENCE_MS });
}
