/** The verbs of money between people: finding somebody, sending, opening a screen by its address. */
import type { Person } from '#tests/kit/person.ts';
import { button, told, typeSum, words } from '#tests/kit/story.ts';

const PATIENCE_MS = 30_000;

/** Opens a screen by its address. */
export async function open(person: Person, path: string): Promise<void> {
  await person.page.goto(new URL(path, person.page.url()).href, { waitUntil: 'domcontentloaded' });
}

/** Looks for somebody by a whole number or nickname. */
export async function find(person: Person, who: string): Promise<void> {
  await person.page.getByLabel(words(person, 'transfer_who'), { exact: true }).fill(who);
  await button(person, 'transfer_find').click();
}

/** Sends a sum to whom the screen shows. */
export async function send(person: Person, amount: string, memo: string): Promise<void> {
  await person.page.getByLabel(words(person, 'pay_memo'), { exact: true }).fill(memo);
  await typeSum(person, amount);
  await button(person, 'transfer_next').click();
  await settle(person);
}

/** Says yes to what the sheet shows, and waits until it has arrived. */
export async function settle(person: Person): Promise<void> {
  await button(person, 'transfer_confirm').click({ timeout: PATIENCE_MS });
  await told(person, 'pay_settled').waitFor({ timeout: PATIENCE_MS });
}
