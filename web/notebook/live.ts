/**
 * The notebook in the app: opened once a tab, replicated both ways by one tab at a time while the app is looked at.
 */
import type { Going, ReplicationTold } from 'pouchdb-core';
import { type Duration, duration } from '#shared/base/time.ts';
import { type Notebook, openNotebook } from '#web/notebook/notebook.ts';
import { notify, startBudgetNotices } from '#web/notebook/notice.ts';
import { houseBook, localBook } from '#web/notebook/pouch.ts';
import { deviceClock } from '#web/sync/clock.ts';
import { notebookFetch } from '#web/sync/notebook.ts';
import { readSetting } from '#web/vault/settings.ts';
import { vault } from '#web/vault/vault.ts';

/** After a refusal, or when the house could not be reached. */
const AGAIN: Duration = duration(30, 's');
const BATCH = 200;
/** Below what the house lets anybody wait, so that it is the house that answers. */
const LISTEN_MS = 20_000;

/** The notebook this tab has open, and whose it is: a phone may be given to another wallet while the tab stands. */
let opened: { readonly wallet: string; readonly book: Promise<Notebook | undefined> } | undefined;

/** The notebook of this phone's wallet, opened at first use. */
export async function notebook(): Promise<Notebook | undefined> {
  const wallet = (await readSetting(vault, 'wallet'))?.id;
  if (wallet === undefined) return undefined;
  if (opened?.wallet !== wallet) opened = { wallet, book: openNotebook(vault, localBook) };
  const { book } = opened;
  try {
    return await book;
  } catch (fault) {
    if (opened?.book === book) opened = undefined;
    throw fault;
  }
}

/** Replicates for this tab's life, if it is the one that leads; call the answer to stop. */
export function startNotebook(): () => void {
  const stop = new AbortController();
  void navigator.locks
    .request(`notebook:${vault.name}`, { signal: stop.signal }, async () => {
      stop.signal.addEventListener('abort', startBudgetNotices(vault, deviceClock, notify), { once: true });
      while (!stop.signal.aborted) {
        await visible(stop.signal);
        await replicate(stop.signal).catch(() => undefined);
        await pause(AGAIN, stop.signal);
      }
    })
    .catch(() => undefined);
  return () => stop.abort();
}

/** Both ways until the app is looked away from, a refusal comes, or the house is out of reach. */
async function replicate(signal: AbortSignal): Promise<void> {
  const wallet = await readSetting(vault, 'wallet');
  const mine = await notebook();
  if (!wallet || !mine) return;
  const house = await houseBook(wallet.id, notebookFetch);
  if (signal.aborted) return;
  const options = { live: true, batch_size: BATCH, heartbeat: false, timeout: LISTEN_MS } as const;
  const roads: Going<ReplicationTold>[] = [
    mine.book.replicate.to(house, options),
    mine.book.replicate.from(house, options),
  ];
  const renew = () => void mine.mirror().catch(() => undefined);
  for (const road of roads) road.on('change', renew as (told: never) => void);
  const end = () => {
    for (const road of roads) road.cancel();
  };
  const look = () => {
    if (document.visibilityState === 'hidden') end();
  };
  document.addEventListener('visibilitychange', look);
  signal.addEventListener('abort', end, { once: true });
  try {
    // One that ends takes the other along: they begin anew together.
    await Promise.race(roads);
  } finally {
    end();
    await Promise.allSettled(roads);
    document.removeEventListener('visibilitychange', look);
    signal.removeEventListener('abort', end);
    renew();
  }
}

function visible(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (document.visibilityState !== 'visible' && !signal.aborted) return;
      document.removeEventListener('visibilitychange', look);
      resolve();
    };
    document.addEventListener('visibilitychange', look);
    signal.addEventListener('abort', look, { once: true });
    look();
  });
}

function pause(length: Duration, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, length);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
    // A network that comes back is a reason to try at once.
    addEventListener('online', () => resolve(), { once: true, signal });
  });
}
