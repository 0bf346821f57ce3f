/** Two phones of one person, both with no network, write on one bill: every word survives, and the app puts it right on both. */
import { expect, test } from 'vitest';
import type { Person } from '#tests/kit/person.ts';
import { bills, button, network, openTown, picture, synced, told, topUp, words } from '#tests/kit/story.ts';

const town = openTown();
const PATIENCE_MS = 60_000;

/** Opens the one bill there is. */
async function openBill(person: Person): Promise<void> {
  await bills(person);
  await person.page.getByRole('main').getByRole('listitem').first().getByRole('link').click();
  await told(person, 'notebook_on_bill').waitFor();
}

/** Writes on the bill that is open: a note, tags, a category. */
async function writeOnBill({ page, ...person }: Person, note: string, tags: string, category: string): Promise<void> {
  const word = (key: string) => words(person, key);
  await page.getByRole('button', { name: new RegExp(word('notebook_add')) }).click();
  const sheet = page.getByRole('dialog', { name: word('notebook_on_bill') });
  await sheet.getByLabel(word('notebook_note'), { exact: true }).fill(note);
  await sheet.getByLabel(word('notebook_tags'), { exact: true }).fill(tags);
  await sheet.getByLabel(word('notebook_category'), { exact: true }).selectOption({ label: category });
  await sheet.getByRole('button', { name: word('notebook_save') }).click();
  await sheet.waitFor({ state: 'hidden' });
  await page.getByText(note).first().waitFor();
}

/** Goes to the notebook as its own screen. */
async function openNotebook(person: Person): Promise<void> {
  await person.page.goto(`${town.house.origin}/me/notebook`, { waitUntil: 'domcontentloaded' });
  await told(person, 'notebook_categories').waitFor({ timeout: PATIENCE_MS });
}

/** Gives the category that is called `before` another name. */
async function rename(person: Person, before: string, name: string): Promise<void> {
  await person.page.getByRole('button', { name: before, exact: true }).click();
  await person.page.getByLabel(words(person, 'notebook_category_name')).fill(name);
  await button(person, 'notebook_save').click();
  await person.page.getByRole('button', { name, exact: true }).waitFor();
}

/** Ends the disagreement on `kind`: by the button `way`, or by the word that shall stand. */
async function settle(person: Person, kind: string, way: { readonly all?: string; readonly word?: string }) {
  const { page } = person;
  const row = page.getByRole('button', { name: new RegExp(`^${words(person, kind)}`) }).first();
  await row.waitFor({ timeout: PATIENCE_MS });
  await row.click();
  const sheet = page.getByRole('dialog', { name: words(person, 'notebook_apart') });
  if (way.word === undefined) {
    await sheet.getByRole('button', { name: words(person, way.all ?? '') }).click();
  } else {
    const said = sheet.locator('section').filter({ hasText: way.word });
    await said.getByRole('button', { name: words(person, 'notebook_keep_this') }).click();
  }
  await sheet.waitFor({ state: 'hidden' });
}

/** What the phone's copy of the notebook says, and whether anything in it is still disputed. */
function notebookOf({ page }: Person): Promise<{ readonly said: string[]; readonly disputed: string[] }> {
  return page.evaluate(async () => {
    const opening = indexedDB.open('piaohao');
    const database = await new Promise<IDBDatabase>((resolve) => {
      opening.onsuccess = () => resolve(opening.result);
    });
    const asking = database.transaction('opinions').objectStore('opinions').getAll();
    const rows = await new Promise<{ opinion: Record<string, unknown>; disputed: number }[]>((resolve) => {
      asking.onsuccess = () => resolve(asking.result);
    });
    database.close();
    const said = rows.map(({ opinion: { type, text, tags, category, name } }) =>
      JSON.stringify({ type, text, tags, category: type === 'filing' ? category : undefined, name }),
    );
    return {
      said: said.sort(),
      disputed: rows.flatMap(({ opinion, disputed }) => (disputed === 1 ? [String(opinion.type)] : [])).sort(),
    };
  });
}

test('note, tags, category and a name of two phones: all kept, put right in the app, both phones equal', async () => {
  const first = await town.newcomer('first', { called: '小明', phone: '13801380001' });
  await topUp(first, '100');
  await openNotebook(first);
  await button(first, 'notebook_category_new').click();
  await first.page.getByLabel(words(first, 'notebook_category_name')).fill('Tea');
  await button(first, 'notebook_save').click();
  await first.page.getByRole('button', { name: 'Tea', exact: true }).waitFor();

  // The keychain brings the passkey to the other phone, and the house the notebook.
  const second = await town.adopt(first.successor('second'));
  await second.page.goto(town.house.origin);
  await synced(second);
  // Only with the worker does the app open when the network is cut.
  await second.page.evaluate(async () => void (await navigator.serviceWorker.ready));
  await openNotebook(second);
  await second.page.getByRole('button', { name: 'Tea', exact: true }).waitFor({ timeout: PATIENCE_MS });

  await network('cut', first, second);
  await rename(first, 'Tea', 'Tea house');
  await rename(second, 'Tea', 'Tea leaves');
  for (const [phone, note, tags, category] of [
    [first, 'for the week', 'work', 'Shopping'],
    [second, 'from the bonus', 'home', 'Leisure'],
  ] as const) {
    await openBill(phone);
    await writeOnBill(phone, note, tags, category);
  }
  for (const phone of [first, second]) expect((await notebookOf(phone)).disputed).toEqual([]);

  await network('open', first, second);
  // The disagreement stands on the bill itself, with the way out of it.
  for (const phone of [first, second]) await told(phone, 'notebook_apart').waitFor({ timeout: PATIENCE_MS });
  await expect
    .poll(async () => (await notebookOf(second)).disputed, { timeout: PATIENCE_MS })
    .toEqual(['category', 'filing', 'note', 'tags']);
  await button(second, 'notebook_apart_choose').click();
  await second.page.getByText('for the week', { exact: true }).waitFor();
  await second.page.getByText('from the bonus', { exact: true }).first().waitFor();
  await picture(second, 'apart');
  await button(second, 'notebook_keep_both').click();
  // Whoever leaves the page at once leaves before the choice is kept.
  await expect.poll(async () => (await notebookOf(second)).disputed, { timeout: PATIENCE_MS }).not.toContain('note');

  await openNotebook(second);
  await picture(second, 'notebook');
  await settle(second, 'notebook_tags', { all: 'notebook_keep_both' });
  await settle(second, 'notebook_filing', { word: 'Leisure' });
  await settle(second, 'notebook_one_category', { all: 'notebook_keep_each' });

  for (const phone of [first, second]) {
    await expect.poll(async () => (await notebookOf(phone)).disputed, { timeout: PATIENCE_MS }).toEqual([]);
  }
  await expect.poll(() => notebookOf(first), { timeout: PATIENCE_MS }).toEqual(await notebookOf(second));
  const { said } = await notebookOf(first);
  const note = said.map((one) => JSON.parse(one)).find(({ type }) => type === 'note');
  expect(note.text.split('\n').sort()).toEqual(['for the week', 'from the bonus']);
  const names = said.map((one) => JSON.parse(one).name).filter((name) => name !== undefined);
  expect(names.sort()).toEqual(['Tea house', 'Tea leaves']);
  expect(said).toContain(JSON.stringify({ type: 'filing', category: 'fun' }));
  await openNotebook(first);
  await first.page.getByRole('button', { name: 'Tea house', exact: true }).waitFor();
});
