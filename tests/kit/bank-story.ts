/** The verbs of money between a wallet and the world: proving a name, binding a card at the bank, the pay page, the teller. */
import type { Page } from 'playwright';
import { checkLetter } from '#shared/rules/identity-number.ts';
import type { House } from '#tests/kit/house.ts';
import type { Person } from '#tests/kit/person.ts';
import { button, go, told, typeSum, words } from '#tests/kit/story.ts';
import { open } from '#tests/kit/transfer-story.ts';

const PATIENCE_MS = 30_000;
/** A well-formed number of somebody born on a day; the register knows it. */
const DIGITS = '14010619900307001';
const IDENTITY = DIGITS + checkLetter(DIGITS);

/** The button or link called by a message. */
const act = (person: Person, key: string) =>
  person.page
    .getByRole('link', { name: words(person, key), exact: true })
    .or(button(person, key))
    .first();

/** Proves a name to the register, which answers at once. */
export async function certify(person: Person, name: string): Promise<void> {
  await open(person, '/me/real-name');
  const field = (key: string) => person.page.getByLabel(words(person, key), { exact: true });
  await field('me_real_name_name').fill(name);
  await field('me_real_name_number').fill(IDENTITY);
  await person.page.getByRole('checkbox').check();
  await button(person, 'me_real_name_send').click();
  await told(person, 'me_real_name_proved').waitFor({ timeout: PATIENCE_MS });
}

/** Goes from the list of cards to the bank's page; answers it. */
export async function goToBank(person: Person): Promise<Page> {
  await open(person, '/me/cards');
  await button(person, 'card_bind').click({ timeout: PATIENCE_MS });
  await person.page.waitForURL(/\/card\/bind\//, { timeout: PATIENCE_MS });
  return person.page;
}

/** What one types at the bank; the phone there is `phone`. */
export interface TypedCard {
  readonly holder: string;
  readonly number: string;
  readonly phone: string;
}

/** Goes to the bank and binds a card there. */
export async function bindCard(house: House, person: Person, card: TypedCard): Promise<void> {
  await goToBank(person);
  await fillCard(house, person, card);
}

/** Types a card on the bank's page, then the code of its text, and is led back. */
export async function fillCard(house: House, person: Person, card: TypedCard): Promise<void> {
  const { page } = person;
  await page.locator('[name=name]').fill(card.holder);
  await page.locator('[name=number]').fill(card.number);
  await page.locator('[name=identity]').fill(IDENTITY);
  await page.locator('[name=phone]').fill(card.phone);
  await page.locator('button.main').click();
  await page.locator('[name=code]').fill(await house.smsCode(`+86${card.phone}`));
  await page.locator('button.main').click();
  // The bank's page leads back by itself.
  await page.waitForURL(/\/me\/cards\/./, { timeout: PATIENCE_MS });
  await told(person, 'card_bound').waitFor({ timeout: PATIENCE_MS });
}

/** Begins a top-up by a channel, up to the page it is followed on. */
export async function topUpBy(person: Person, channel: string, amount: string): Promise<void> {
  await go(person, 'top-up');
  await person.page.getByRole('radio', { name: words(person, channel) }).check({ timeout: PATIENCE_MS });
  await typeSum(person, amount);
  await button(person, 'funding_go').click({ timeout: PATIENCE_MS });
  await person.page.waitForURL(/\/top-up\/./, { timeout: PATIENCE_MS });
}

/** Pays on a third party's page, which leads back by itself. */
export async function payOnPage(person: Person): Promise<void> {
  await act(person, 'funding_go_pay').click({ timeout: PATIENCE_MS });
  await person.page.locator('button[value=pay]').click({ timeout: PATIENCE_MS });
}

/** The teller types the code the person's phone shows, and takes the cash. */
export async function payAtCounter(house: House, person: Person, teller: Person): Promise<void> {
  const code = await person.page.locator('[data-code]').getAttribute('data-code', { timeout: PATIENCE_MS });
  const { page } = teller;
  await page.goto(`${house.sandboxOrigin}/counter`);
  await page.locator('[name=code]').fill(code ?? '');
  await page.locator('form button').first().click();
  await page.locator('button[value=pay]').click();
  await page.locator('button[value=pay]').waitFor({ state: 'detached' });
}

/** The table of the ways for the typed sum, a line each: what it costs, when it arrives, what it allows. */
export async function comparison(person: Person): Promise<string[]> {
  const rows = person.page.locator('table.card tbody tr');
  await rows.first().waitFor({ timeout: PATIENCE_MS });
  return rows.evaluateAll((lines) =>
    lines.map((line) => [...line.children].map((cell) => cell.textContent?.replaceAll(/\s+/g, ' ').trim()).join(' | ')),
  );
}

/** Types a withdrawal and stands for it with the finger, up to the page it is followed on. */
export async function withdraw(person: Person, amount: string): Promise<void> {
  await open(person, '/withdraw');
  await typeSum(person, amount);
  await button(person, 'withdrawal_go').click({ timeout: PATIENCE_MS });
  await button(person, 'password_by_finger').click({ timeout: PATIENCE_MS });
  await person.page.waitForURL(/\/withdraw\/./, { timeout: PATIENCE_MS });
}

/** What the tester of the outside world presses on the order of `amount` minor units. */
export async function press(house: House, amount: number, what: 'accept' | 'decline'): Promise<void> {
  const orders = (await (await fetch(`${house.sandboxOrigin}/control/orders`)).json()) as {
    id: string;
    amount: number;
  }[];
  const order = orders.find((one) => one.amount === amount);
  const answer = await fetch(`${house.sandboxOrigin}/control/orders/${order?.id}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ press: what }),
  });
  if (!answer.ok) throw new Error(`the outside world would not ${what} ${amount}`);
}
