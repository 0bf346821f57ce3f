/**
 * Row A14: whoever leaves is shown what stands in the way, takes their data along, proves it twice and has a week to come
 * back; then the house answers 410, the phone keeps nothing of the wallet, and the number opens a new one.
 */
import { readFileSync } from 'node:fs';
import { unzipSync } from 'fflate';
import { expect, test } from 'vitest';
import { duration } from '#shared/base/time.ts';
import type { Person } from '#tests/kit/person.ts';
import {
  ask,
  balance,
  button,
  collect,
  home,
  openTown,
  pay,
  picture,
  refusalWords,
  register,
  told,
  topUp,
  untilBalance,
  waitForAllowance,
  words,
} from '#tests/kit/story.ts';
import { open } from '#tests/kit/transfer-story.ts';

const town = openTown();
const PATIENCE_MS = 60_000;
const MING = { called: '小明', phone: '13900971001', region: 'CN-SX' } as const;
const PASSWORD = '730291';

const link = (person: Person, key: string) => person.page.getByRole('link', { name: words(person, key) });

/** Chooses a payment password. */
async function choosePassword(person: Person): Promise<void> {
  await open(person, '/me/password/set');
  for (const key of ['password_new', 'password_again']) {
    await person.page.getByLabel(words(person, key), { exact: true }).fill(PASSWORD);
  }
  await link(person, 'password_change').waitFor();
}

/** Writes a note on the newest bill. */
async function writeNote(person: Person, text: string): Promise<void> {
  await home(person);
  await person.page.locator('li a[href^="/bills/"]').first().click();
  await person.page.getByText(words(person, 'notebook_add')).click();
  await person.page.getByRole('dialog').getByRole('textbox').first().fill(text);
  await button(person, 'notebook_save').click();
  await person.page.getByText(text).first().waitFor();
}

/** What the browser keeps of this app: rows by table, databases beside the vault, and words outside of them. */
async function kept(person: Person) {
  return await person.page.evaluate(async () => {
    const names = (await indexedDB.databases()).map(({ name }) => name ?? '');
    const vault = await new Promise<IDBDatabase>((resolve, reject) => {
      const asked = indexedDB.open('piaohao');
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
    const rows: Record<string, number> = {};
    for (const table of vault.objectStoreNames) {
      const asked = vault.transaction(table).objectStore(table).count();
      rows[table] = await new Promise((resolve) => {
        asked.onsuccess = () => resolve(asked.result);
      });
    }
    vault.close();
    return {
      notebooks: names.filter((name) => name.includes('-notebook-')),
      rows,
      mark: localStorage.getItem('piaohao-mark'),
    };
  });
}

/** Opens the app again and again, as its owner might, until the house has closed the wallet and the phone has heard of it. */
async function untilClosed(person: Person): Promise<void> {
  const isTold = async () => {
    await person.page.goto(town.house.origin, { waitUntil: 'domcontentloaded' });
    const closed = told(person, 'account_close_done');
    return await closed.waitFor({ timeout: 5_000 }).then(
      () => true,
      () => false,
    );
  };
  await expect.poll(isTold, { timeout: 2 * PATIENCE_MS, interval: 500 }).toBe(true);
}

test('the way out put right, the data taken along, a week, and nothing left; then a new wallet under the old number', async () => {
  const ming = await town.newcomer('ming', MING);
  const hong = await town.newcomer('hong', { called: '小红', phone: '13900971002' });
  await topUp(ming, '50');
  await waitForAllowance(ming);
  await choosePassword(ming);
  await writeNote(ming, '离开前的一笔');
  expect((await kept(ming)).notebooks).toHaveLength(1);

  // With money nobody leaves: each thing in the way leads to where it is put right.
  await open(ming, '/me/close');
  await link(ming, 'account_blocker_offline').waitFor({ timeout: PATIENCE_MS });
  expect(await link(ming, 'account_blocker_offline').getAttribute('href')).toBe('/me/allowance');
  expect(await button(ming, 'account_close_now').isDisabled()).toBe(true);
  await ask(hong, '50');
  await pay(ming, hong, { name: '小红 ··1002', amount: '¥50.00' });
  await collect(hong, ming);
  await untilBalance(hong, 50_00);
  await untilBalance(ming, 0);

  // Everything that is held can be taken along, and is what it says it is.
  await open(ming, '/me/close');
  await told(ming, 'account_close_clear').waitFor({ timeout: PATIENCE_MS });
  await link(ming, 'account_data_export').click();
  const download = ming.page.waitForEvent('download');
  await button(ming, 'account_data_export').click();
  const files = unzipSync(readFileSync(await (await download).path()));
  expect(Object.keys(files)).toEqual(expect.arrayContaining([expect.stringContaining('identity_wallet')]));

  // Both proofs, a week to change one's mind, and it can be taken back.
  await open(ming, '/me/close');
  for (const turn of ['regretted', 'meant'] as const) {
    // The finger is asked for by itself once the six digits stand.
    await button(ming, 'account_close_now').click({ timeout: PATIENCE_MS });
    await told(ming, 'password_both_closing').waitFor();
    await ming.page.getByLabel(words(ming, 'password_label'), { exact: true }).fill(PASSWORD);
    await button(ming, 'account_close_cancel').waitFor({ timeout: PATIENCE_MS });
    if (turn === 'regretted') await button(ming, 'account_close_cancel').click();
  }
  await picture(ming, 'leaving');

  // The app is not open in the week that goes by.
  await ming.page.goto('about:blank');
  await town.leaversWait(duration(7, 'd'));
  await untilClosed(ming);
  const left = await kept(ming);
  expect(left.notebooks).toEqual([]);
  expect(left.mark).toBeNull();
  expect(Object.entries(left.rows).filter(([table, count]) => table !== 'settings' && count > 0)).toEqual([]);
  await picture(ming, 'left');

  // Its passkey opens nothing any more; the same number opens another wallet, which knows nothing of the first.
  await button(ming, 'identity_sign_in').click();
  await ming.page
    .getByText(refusalWords(ming, 'account.closed').split('\n')[0] ?? '')
    .waitFor({ timeout: PATIENCE_MS });
  await register(town.house, ming, MING);
  expect((await balance(ming)).all).toBe(0);
  await ask(ming, '8');
  await waitForAllowance(hong);
  await pay(hong, ming, { name: '小明 ··1001', amount: '¥8.00' });
  await collect(ming, hong);
  await untilBalance(ming, 8_00);
  await writeNote(ming, '新的一本');
  expect((await kept(ming)).notebooks).toHaveLength(1);
  await town.closeBooks();
});
