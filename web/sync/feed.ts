/**
 * Fetches the bills a sync had no room for, a page at a time and beside everything else: a new phone of an old wallet
 * pays and is paid while its past still comes. Stopped anywhere, it goes on from the cursor it kept.
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
      while (await readOn(needs));
    } finally {
      needs.link.change({ fetching: false });
    }
  });
}

/** Keeps one page; answers whether there is more and a way to it. */
async function readOn({ vault, ask }: FeedNeeds): Promise<boolean> {
  const after = (await readSetting(vault, 'cursor')) ?? 0;
  const path = `/bills?after=${after}&limit=${ASKED_AT_ONCE}`;
  const answer = await ask<BillPage>({ method: 'GET', path, signed: true, timeout: PATIENCE });
  if (!answer.ok || answer.value.cursor <= after) return false;
  const { bills, cursor, more } = answer.value;
  for (let at = 0; at < bills.length; at += KEPT_AT_ONCE) {
    const some = bills.slice(at, at + KEPT_AT_ONCE);
    await keepBills(vault, some, some.at(-1)?.sequence ?? cursor);
    await afterOthers();
  }
  return more;
}
