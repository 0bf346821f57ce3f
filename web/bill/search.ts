/** Finding bills by what a person remembers of them: who, what was written, how much, or the first letters of the Chinese. */
import type { Entry } from '#web/bill/entries.ts';
import { untold } from '#web/bill/entries.ts';
import { entryOfRow, sieve, type Wish } from '#web/bill/list.ts';
import { EVER, tableOf } from '#web/vault/days.ts';
import { writtenOn } from '#web/vault/opinions.ts';
import type { BillRow, BroughtRow } from '#web/vault/rows.ts';
import { dayOfRow } from '#web/vault/tally.ts';
import type { Vault } from '#web/vault/vault.ts';
import { findWords, linesHit } from '#web/vault/words.ts';

/** What a search came to, newest first, and the day it goes on before; undefined when it saw everything. */
export interface Finds {
  readonly entries: readonly Entry[];
  readonly next: string | undefined;
}

/** After every day there is. */
export const NEWEST = EVER.last;

/**
 * At least `count` entries (when there are so many) from days before `before` that have all the words of `text`; with
 * `until`, all of the days from that one on.
 */
export async function searchBills(
  vault: Vault,
  text: string,
  wish: Wish,
  before: string,
  count: number,
  until?: string,
): Promise<Finds> {
  const [found, written, accepts] = await Promise.all([
    findWords(vault, text, wish.sources, before, count, until),
    writtenFor(vault, text),
    sieve(vault, wish),
  ]);
  const [house, brought, noted, early] = await Promise.all([
    vault.bills.bulkGet(found.ids.house),
    vault.brought.bulkGet(found.ids.brought),
    notedRows(vault, written, wish),
    before === NEWEST && wish.sources.includes('house') ? untold(vault) : [],
  ]);
  const rows = new Map<string, BillRow | BroughtRow>();
  for (const row of [...house, ...brought]) if (row) rows.set(row.id, row);
  // Notes are few and read as a whole; each is told with the days it belongs to.
  for (const row of noted) {
    const day = dayOfRow(row);
    if (day < before && (found.next === undefined || day >= found.next)) rows.set(row.id, row);
  }
  const entries = [
    ...[...rows.values()].map(entryOfRow),
    ...early.filter((entry) => linesHit(text, entry) || written.includes(entry.id)),
  ].filter(accepts);
  return { entries: entries.sort((left, right) => right.at - left.at), next: found.next };
}

/** Ids of bills whose notes or tags have all the words. */
async function writtenFor(vault: Vault, text: string): Promise<string[]> {
  const notes = await writtenOn(vault);
  return notes.filter(({ words }) => linesHit(text, { memo: words })).map(({ bill }) => bill);
}

async function notedRows(
  vault: Vault,
  ids: readonly string[],
  { sources }: Pick<Wish, 'sources'>,
): Promise<(BillRow | BroughtRow)[]> {
  const rows = await Promise.all(sources.map((source) => tableOf(vault, source).bulkGet([...ids])));
  return rows.flat().filter((row) => row !== undefined);
}
