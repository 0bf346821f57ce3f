/** Whether the browser may throw the vault away, told as it is; and, when it has, what is known of what stood there. */
import type { Instant } from '#shared/base/time.ts';
import { knownAllowance } from '#shared/protocol/trust.ts';
import { liveAllowances } from '#web/vault/allowances.ts';
import { waiting } from '#web/vault/outbox.ts';
import { keepSetting, readSetting } from '#web/vault/settings.ts';
import type { Vault } from '#web/vault/vault.ts';

/** `kept`: only the person can delete it. `may-go`: the browser may clear it when space is short or after long disuse. */
export type StorageTruth = 'kept' | 'may-go' | 'unknown';

/** Asks the browser to keep the vault, and keeps its answer. Asking again is harmless and can turn a no into a yes. */
export async function askToKeepStorage(vault: Vault): Promise<StorageTruth> {
  if (!navigator.storage?.persist) return 'unknown';
  const persisted = (await navigator.storage.persisted()) || (await navigator.storage.persist());
  await keepSetting(vault, 'persisted', persisted);
  return persisted ? 'kept' : 'may-go';
}

/** What the browser said last; never asks. */
export async function storageTruth(vault: Vault): Promise<StorageTruth> {
  const persisted = await readSetting(vault, 'persisted');
  return persisted === undefined ? 'unknown' : persisted ? 'kept' : 'may-go';
}

/**
 * What is told of a vault the browser has cleared. It stands outside IndexedDB, which browsers clear as a whole, and holds
 * no name and no key. Sums in minor units, times in milliseconds.
 */
export interface Mark {
  readonly at: number;
  /** What was set aside on this phone and not spent. */
  readonly left: number;
  readonly currency: string;
  /** When the last of it comes back by itself. */
  readonly backAt: number;
  /** Signed things that had not been carried to the server. */
  readonly waits: number;
}

const MARK = 'piaohao-mark';

/** Leaves the mark of a vault as it is now; call it when it may have changed. A browser without the room for it has none. */
export async function leaveMark(vault: Vault, now: Instant): Promise<void> {
  if (!(await readSetting(vault, 'wallet'))) return;
  const rows = await liveAllowances(vault, now);
  const ends = rows.map(({ bytes }) => knownAllowance(bytes)).flatMap((one) => (one.ok ? [one.value.message] : []));
  const mark: Mark = {
    at: now,
    left: rows.reduce((sum, row) => sum + row.total - row.spent, 0),
    currency: rows[0]?.currency ?? 'CNY',
    backAt: Math.max(0, ...ends.map(({ claimUntil }) => claimUntil)),
    waits: await waiting(vault),
  };
  try {
    globalThis.localStorage?.setItem(MARK, JSON.stringify(mark));
  } catch {
    // It only tells; nothing stands on it.
  }
}

/** The mark of a vault that is gone: there was a wallet on this phone, and the browser no longer has it. */
export async function lostVault(vault: Vault): Promise<Mark | undefined> {
  if (await readSetting(vault, 'wallet')) return undefined;
  try {
    const mark: unknown = JSON.parse(globalThis.localStorage?.getItem(MARK) ?? 'null');
    return isMark(mark) ? mark : undefined;
  } catch {
    return undefined;
  }
}

/** The notebook of a wallet is a database of its own beside the vault, so that no phone mixes two people's notes. */
export function notebookName(vault: Vault, wallet: string): string {
  return `${vault.name}-notebook-${wallet}`;
}

/** What PouchDB puts before the name of a database in the browser. */
const POUCH = '_pouch_';

/**
 * Takes out everything of a wallet the house has closed, its notebook included; only that it happened, and how the app is
 * drawn, stays. The notebook goes first: it is found by the wallet's id, and a wipe cut short is begun anew.
 */
export async function wipe(kept: Vault): Promise<void> {
  const wallet = await readSetting(kept, 'wallet');
  if (wallet) await deleteDatabase(POUCH + notebookName(kept, wallet.id));
  const looks = ['language', 'theme', 'elderText'];
  await kept.transaction('rw', kept.tables, async () => {
    for (const table of kept.tables) if (table.name !== kept.settings.name) await table.clear();
    await kept.settings.where('name').noneOf(looks).delete();
    await kept.settings.put({ name: 'closed', value: true });
  });
  try {
    globalThis.localStorage?.removeItem(MARK);
  } catch {
    // A browser without the room for it has none.
  }
}

/** Whoever still has it open is told by the browser, lets it go, and finds nothing there again. */
function deleteDatabase(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.deleteDatabase(name);
    asked.onsuccess = () => resolve();
    asked.onerror = () => reject(asked.error);
    // A page that does not let go in time keeps it only until it is closed: the browser has the order.
    asked.onblocked = () => resolve();
  });
}

function isMark(mark: unknown): mark is Mark {
  if (typeof mark !== 'object' || mark === null) return false;
  const { at, left, currency, backAt, waits } = mark as Record<string, unknown>;
  return [at, left, backAt, waits].every(Number.isSafeInteger) && typeof currency === 'string';
}
