/**
 * Fetches the bills a sync had no room for, a page at a time and beside everything else: a new phone of an old wallet
 * pays and is paid while its past still comes. The newest come first, so that the list begins with today and stands
 * still; then everything in order from the cursor that was kept, wherever it was stopped.
 */
import type { BillPage } from '#shared/api/bill.ts';
import { type Duration, duration } from '#shared/base/time.ts';
import type { Ask } from '#web/sync/client.ts';
import type { LinkState } from '#web/sync/state.ts';
import { afterOthers } from '#web/ui/idle.ts';
import { keepBills } from '#web/vault/bills.ts';
import { readSetting } from '#web/vault/settings.ts';
import type { Vault } from '#web/vault/vault.ts';

/** Bills asked for at once: a second's worth of writing on a slow phone. */
const ASKED_AT_ONCE = 500;
/** Bills kept at once: a write of more would keep a payment waiting that is signed meanwhile. */
const KEPT_AT_ONCE = 100;
/** The newest bills, fetched before all others: more than the first two pages of the list. */
const NEWEST = 120;
const PATIENCE: Duration = duration(30, 's');

/** What of the road's state the feed changes. */
export type FeedState = Pick<LinkState, 'fetching'>;

/** What following the feed needs. */
export interface FeedNeeds {
  readonly vault: Vault;
  readonly ask: Ask;
  readonly link: { readonly change: (state: FeedState) => void };
}

/** Reads the feed to its end, or until the road ends; one reader a phone, others leave it the work. */
export async function followFeed(needs: FeedNeeds): Promise<void> {
  await navigator.locks.request(`feed:${needs.vault.name}`, { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    needs.link.change({ fetching: true });
    try {
      await keepNewest(needs);
      while (await readOn(needs));
    } finally {
      needs.link.change({ fetching: false });
    }
  });
}

/** Keeps the newest bills beside the cursor: what stands between is still to come. */
async function keepNewest({ vault, ask }: FeedNeeds): Promise<void> {
  const path = `/bills?last=${NEWEST}`;
  const answer = await ask<BillPage>({ method: 'GET', path, signed: true, timeout: PATIENCE });
  if (answer.ok) await keepBills(vault, answer.value.bills, (await readSetting(vault, 'cursor')) ?? 0);
}

/** Keeps one page; answers whether there is more and a way to it. */
async function readOn({ vault, ask }: FeedNeeds): Promise<boolean> {
  const after = (await readSetting(vault, 'cursor')) ?? 0;
  const path = `/bills?after=${after}&limit=${ASKED_AT_ONCE}`;
  const answer = await ask<BillPage>({ method: 'GET', path, signed: true, timeout: PATIENCE });
  if (!answer.ok) return false;
  const { bills, cursor, more } = answer.value;
  for (let at = 0; at === 0 || at < bills.length; at += KEPT_AT_ONCE) {
    const some = bills.slice(at, at + KEPT_AT_ONCE);
    const isLast = at + KEPT_AT_ONCE >= bills.length;
    await keepBills(vault, some, some.at(-1)?.sequence ?? cursor, isLast ? more : undefined);
    await afterOthers();
  }
  // A house that says no more than before would be asked for ever.
  return more && cursor > after;
}
