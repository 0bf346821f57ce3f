/** A new phone of an old wallet: the bills of years come by a worker, beside a list that already shows the newest. */
import { expect, test } from 'vitest';
import { manyBills } from '#tests/kit/bills.ts';
import { giveThePast } from '#tests/kit/past.ts';
import { openTown, told, words } from '#tests/kit/story.ts';

const town = openTown();
const BILLS = 2_500;

test('the past comes beside the screen, the open list hears of it, and the sums are right', async () => {
  const person = await town.newcomer('old', { called: '小明', phone: '13901101801' });
  const { page } = person;
  const bills = manyBills(BILLS, Date.now());
  const rest = Promise.withResolvers<void>();
  const past = await giveThePast(person, bills, rest.promise);
  const workers: string[] = [];
  page.on('worker', (worker) => workers.push(worker.url()));
  await page.goto(new URL('/bills', page.url()).href, { waitUntil: 'networkidle' });
  await told(person, 'bill_none').waitFor();
  await past.begin();
  // Nobody asked the list again: it was told by the worker's writes. It begins with today, and says that it is not whole.
  const first = page.getByRole('main').getByRole('listitem').first();
  const newest = bills.at(-1);
  const title = newest?.peer?.name ?? words(person, 'bill_kind_top_up');
  await first.filter({ hasText: title }).waitFor();
  await told(person, 'bill_fetching').waitFor();
  expect(await past.cursor()).toBeLessThan(past.last);
  rest.resolve();
  await expect.poll(past.cursor, { timeout: 120_000, interval: 500 }).toBe(past.last);
  expect(workers.filter((url) => url.includes('feed-worker'))).toHaveLength(1);
  await told(person, 'bill_fetching').waitFor({ state: 'hidden' });

  // The newest is on top still, and of those that came twice none is kept twice.
  expect(await first.textContent()).toContain(title);
  const held = await page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const opening = indexedDB.open('piaohao');
        opening.onsuccess = () => {
          const counting = opening.result.transaction('bills').objectStore('bills').count();
          counting.onsuccess = () => resolve(counting.result);
        };
      }),
  );
  expect(held).toBe(BILLS);
  expect(person.complaints).toEqual([]);
});
