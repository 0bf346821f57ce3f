/** A long past for a wallet that is new: its house says that there is more than a sync carries, and gives it by the feed. */
import type { Bill, BillPage } from '#shared/api/bill.ts';
import type { Person } from '#tests/kit/person.ts';

/** Above every sequence the house has given the wallet by itself. */
const BEFORE = 1_000;

/** A past that waits for its phone. */
export interface Past {
  /** The phone's cursor when it has all of it. */
  readonly last: number;
  /** Lets the next sync of the page hear that there is more, and has it sync. */
  readonly begin: () => Promise<void>;
  /** How far the phone is. */
  readonly cursor: () => Promise<number>;
}

/**
 * Gives `person` these bills, oldest first, as their past; the page has to be opened anew before it begins. The newest
 * are told at once, the pages of all of them from `opened` on.
 */
export async function giveThePast(
  { context, page }: Person,
  bills: readonly Bill[],
  opened?: Promise<void>,
): Promise<Past> {
  const all = bills.map((bill, at) => ({ ...bill, sequence: BEFORE + at + 1 }));
  await context.addInitScript(() => {
    const plain = fetch;
    globalThis.fetch = async (asked, init) => {
      const answer = await plain(asked, init);
      if (asked !== '/sync' || !answer.ok || !sessionStorage.getItem('past')) return answer;
      return Response.json({ ...(await answer.json()), more: true });
    };
  });
  const isFeed = (url: URL) =>
    url.pathname === '/bills' && (url.searchParams.has('after') || url.searchParams.has('last'));
  await context.route(isFeed, async (route) => {
    const asked = new URL(route.request().url()).searchParams;
    const last = Number(asked.get('last'));
    if (last === 0) await opened;
    const at = last > 0 ? Math.max(0, all.length - last) : Math.max(0, Number(asked.get('after')) - BEFORE);
    const some = all.slice(at, at + (last || Number(asked.get('limit'))));
    const json: BillPage = { bills: some, cursor: BEFORE + at + some.length, more: at + some.length < all.length };
    await route.fulfill({ json });
  });
  return {
    last: BEFORE + all.length,
    begin: () =>
      page.evaluate(() => {
        sessionStorage.setItem('past', 'yes');
        // As when the person comes back to the app.
        document.dispatchEvent(new Event('visibilitychange'));
      }),
    cursor: () => page.evaluate(heldCursor),
  };
}

/** The cursor the vault holds. Runs in the page. */
function heldCursor(): Promise<number> {
  return new Promise((resolve) => {
    const opening = indexedDB.open('piaohao');
    opening.onsuccess = () => {
      const held = opening.result.transaction('settings').objectStore('settings').get('cursor');
      held.onsuccess = () => {
        opening.result.close();
        resolve(Number(held.result?.value ?? 0));
      };
    };
  });
}
