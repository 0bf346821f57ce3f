/** One way to read on, whether the list is leafed through or searched: a key opens a page, the page tells the next key. */
import type { Entry } from '#web/bill/entries.ts';
import { readPage, type Wish } from '#web/bill/list.ts';
import { NEWEST, searchBills } from '#web/bill/search.ts';
import type { Vault } from '#web/vault/vault.ts';

/** Entries of one page, and the key of the next. */
export interface Leaf {
  readonly entries: readonly Entry[];
  readonly next: string | undefined;
}

/** Reads a list from `first` on. */
export interface Reader {
  readonly first: string;
  /** A page from `key` on; with `until`, the next key of before, the same page again however many entries it has now. */
  readonly read: (key: string, until?: string) => Promise<Leaf>;
}

/** Entries asked for at once: two screens of a phone. */
const AT_ONCE = 40;

/** A page read again may have grown so far; what is more belongs on pages of its own. */
export const GROWN_MOST = 3 * AT_ONCE;

/** A reader of everything that fits `wish` and has all the words of `text`. */
export function openReader(vault: Vault, wish: Wish, text = '', count = AT_ONCE): Reader {
  if (text.trim() !== '') {
    return { first: NEWEST, read: (day, until) => searchBills(vault, text, wish, day, count, until) };
  }
  return {
    first: String(Number.MAX_SAFE_INTEGER),
    async read(before, until) {
      if (until === undefined) {
        const { entries, next } = await readPage(vault, wish, Number(before), count);
        return { entries, next: next === undefined ? undefined : String(next) };
      }
      const from = Math.max(Number(until), wish.from ?? Number(until));
      const { entries } = await readPage(vault, { ...wish, from }, Number(before), GROWN_MOST + count);
      return { entries, next: until };
    },
  };
}
