/**
 * One way to read on, whether the list is leafed through or searched: a key opens a page, the page tells the next key.
 * Whoever watches a page is told when a bill of its days was written, and of what only this phone knows.
 */
import type { Entry } from '#web/bill/entries.ts';
import { isSifting, readAgain, readPage, type Wish } from '#web/bill/list.ts';
import { NEWEST, searchBills } from '#web/bill/search.ts';
import { type Days, EVER, readByDay } from '#web/vault/days.ts';
import { dayOf } from '#web/vault/tally.ts';
import type { Vault } from '#web/vault/vault.ts';

/** Entries of one page, and the key of the next. */
export interface Leaf {
  readonly entries: readonly Entry[];
  readonly next: string | undefined;
}

/** Reads a list from `first` on. */
export interface Reader {
  readonly first: string;
  /**
   * A page from `key` on; with `until`, the next key of before, the same page again with the entries it has now. One that
   * has grown too long ends earlier: what is more belongs on pages of its own.
   */
  readonly read: (key: string, until?: string) => Promise<Leaf>;
}

/** Entries asked for at once: two screens of a phone. */
const AT_ONCE = 40;

const DAY_MS = 86_400_000;

/** A page read again may have grown so far. */
const GROWN_MOST = 3 * AT_ONCE;

/** A reader of everything that fits `wish` and has all the words of `text`. */
export function openReader(vault: Vault, wish: Wish, text = '', count = AT_ONCE): Reader {
  const isSearched = text.trim() !== '';
  const way = isSearched ? searched(vault, wish, text, count) : leafed(vault, wish, count);
  const early = wish.sources.includes('house') ? [vault.payments, vault.received] : [];
  const filed = isSearched || isSifting(wish) ? [vault.opinions] : [];
  return {
    first: way.first,
    async read(key, until) {
      const reading = async () => {
        const grown = until === undefined ? undefined : await way.again(key, until);
        return grown && grown.entries.length <= GROWN_MOST ? grown : await way.read(key);
      };
      const days = ({ next }: Leaf): Days => ({ sources: wish.sources, ...way.days(key, next) });
      return await readByDay(vault, reading, days, [...early, ...filed]);
    },
  };
}

/** A way to read; `again` may say at once that a page has grown too long. */
interface Way {
  readonly first: string;
  readonly read: (key: string) => Promise<Leaf>;
  readonly again: (key: string, until: string) => Promise<Leaf | undefined>;
  /** The days a page lies in, from its key to that of the next. */
  readonly days: (key: string, next: string | undefined) => Omit<Days, 'sources'>;
}

function searched(vault: Vault, wish: Wish, text: string, count: number): Way {
  return {
    first: NEWEST,
    read: (day) => searchBills(vault, text, wish, day, count),
    again: (day, until) => searchBills(vault, text, wish, day, count, until),
    days: (last, first = EVER.first) => ({ first, last }),
  };
}

function leafed(vault: Vault, wish: Wish, count: number): Way {
  const newest = String(Number.MAX_SAFE_INTEGER);
  return {
    first: newest,
    async read(before) {
      const { entries, next } = await readPage(vault, wish, Number(before), count);
      return { entries, next: next === undefined ? undefined : String(next) };
    },
    async again(before, until) {
      const same = { ...wish, from: Math.max(Number(until), wish.from ?? Number(until)) };
      const entries = await readAgain(vault, same, Number(before), GROWN_MOST);
      return entries && { entries, next: until };
    },
    // A day more on both sides: the days of bills are those of the zone the phone was in when they came.
    days: (before, next) => ({
      first: next === undefined ? EVER.first : dayOf(Number(next) - DAY_MS),
      last: before === newest ? EVER.last : dayOf(Number(before) + DAY_MS),
    }),
  };
}
