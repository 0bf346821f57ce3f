/**
 * The list of everything that happened to this person's money, page by page from the newest: what the house told, what
 * only phones know yet, and what was brought in from other wallets. A page is asked for by the moment it begins before,
 * never by a count, so that the last of a hundred thousand bills is as near as the first.
 */
import { type Flow, flowOf } from '#shared/rules/bill.ts';
import { type Entry, entryOfBill, untold } from '#web/bill/entries.ts';
import { tableOf } from '#web/vault/days.ts';
import { filer } from '#web/vault/opinions.ts';
import type { BillRow, BroughtRow, Source } from '#web/vault/rows.ts';
import type { Vault } from '#web/vault/vault.ts';

/** What the person wants to see; what is absent is not asked. Moments are milliseconds, sums minor units. */
export interface Wish {
  readonly sources: readonly Source[];
  readonly flow?: Flow;
  /** A category's id. */
  readonly category?: string;
  /** The id of who it was with. */
  readonly peer?: string;
  readonly region?: string;
  readonly currency?: string;
  readonly from?: number;
  /** Not included. */
  readonly to?: number;
  readonly least?: number;
  readonly most?: number;
}

/** A page of the list, and the moment the next one begins before; undefined when there is none. */
export interface Page {
  readonly entries: readonly Entry[];
  readonly next: number | undefined;
}

/** Rows read at once when not every one of them is wanted. */
const SIFTED_AT_ONCE = 500;

/** At least `count` entries (when there are so many) that are older than `before`, newest first. */
export async function readPage(vault: Vault, wish: Wish, before: number, count: number): Promise<Page> {
  return await inOneLook(vault, () => pageOf(vault, wish, before, count));
}

/** All entries older than `before` and not older than `wish.from`; undefined when they are more than `most`. */
export async function readAgain(
  vault: Vault,
  wish: Wish,
  before: number,
  most: number,
): Promise<readonly Entry[] | undefined> {
  return await inOneLook(vault, async () => {
    // While a long past comes this is so at each reading, and reading so many rows in vain would be most of its work.
    if (!isSifting(wish) && (await countRows(vault, wish, before)) > most) return undefined;
    const { entries, next } = await pageOf(vault, wish, before, most + 1);
    return next === undefined ? entries : undefined;
  });
}

/** In one transaction: it is a look at one moment, and a list that is watched leaves a browser fewer of them to tidy up. */
async function inOneLook<Value>(vault: Vault, look: () => Promise<Value>): Promise<Value> {
  const { payments, received, bills, brought, opinions } = vault;
  return await vault.transaction('r', [payments, received, bills, brought, opinions], async () => await look());
}

async function pageOf(vault: Vault, wish: Wish, before: number, count: number): Promise<Page> {
  const accepts = await sieve(vault, wish);
  const begin = Math.min(before, wish.to ?? before);
  const [early, ...reads] = await Promise.all([
    wish.sources.includes('house') ? untold(vault) : [],
    ...wish.sources.map((source) => older(vault, source, wish, accepts, begin, count)),
  ]);
  // Every read is whole down to its own end; the page ends where the first of them does.
  const ends = reads.flatMap(({ end }) => (end === undefined ? [] : [end]));
  const next = ends.length === 0 ? undefined : Math.max(...ends);
  const oldest = next ?? wish.from ?? Number.MIN_SAFE_INTEGER;
  const entries = [
    ...reads.flatMap(({ rows }) => rows.map(entryOfRow)),
    ...early.filter((entry) => entry.at < begin && accepts(entry)),
  ].filter(({ at }) => at >= oldest);
  return { entries: entries.sort((left, right) => right.at - left.at), next };
}

/** How many rows of its sources a page from `before` down to `wish.from` would look at. */
async function countRows(vault: Vault, wish: Wish, before: number): Promise<number> {
  const counts = wish.sources.map((source) => between(tableOf(vault, source), wish, before).count());
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

/** A row of either source as an entry. */
export function entryOfRow(row: BillRow | BroughtRow): Entry {
  return 'origin' in row ? { ...entryOfBill(row), origin: row.origin } : entryOfBill(row);
}

/** Whether an entry is wanted, as a question that can be asked of each without waiting. */
export async function sieve(vault: Vault, wish: Wish): Promise<(entry: Entry | BillRow) => boolean> {
  const file = wish.category === undefined ? undefined : await filer(vault);
  return (entry) =>
    (wish.flow === undefined || flowOf(entry) === wish.flow) &&
    (wish.peer === undefined || entry.peer?.id === wish.peer) &&
    (wish.region === undefined || (entry.peer?.region ?? entry.region) === wish.region) &&
    (wish.currency === undefined || entry.currency === wish.currency) &&
    (wish.from === undefined || entry.at >= wish.from) &&
    (wish.to === undefined || entry.at < wish.to) &&
    (wish.least === undefined || entry.amount >= wish.least) &&
    (wish.most === undefined || entry.amount <= wish.most) &&
    (file === undefined || file(entry) === wish.category);
}

/** Whether a wish leaves anything out but by time. */
export function isSifting({ sources: _sources, from: _from, to: _to, ...asked }: Wish): boolean {
  return Object.values(asked).some((one) => one !== undefined);
}

/** Wanted rows of one source older than `before`; whole down to `end`, or altogether when there is no end. */
async function older(
  vault: Vault,
  source: Source,
  wish: Wish,
  accepts: (row: BillRow) => boolean,
  before: number,
  count: number,
): Promise<{ rows: BillRow[]; end: number | undefined }> {
  const table = tableOf(vault, source);
  const step = isSifting(wish) ? SIFTED_AT_ONCE : count;
  const rows: BillRow[] = [];
  let end = before;
  while (rows.length < count) {
    const read = await between(table, wish, end).reverse().limit(step).toArray();
    rows.push(...read.filter(accepts));
    const last = read.at(-1);
    if (last === undefined || read.length < step) return { rows, end: undefined };
    // The next read begins before this moment, so every row of the moment itself belongs to this one.
    const here = new Set(read.map(({ id }) => id));
    const twins = await table.where('at').equals(last.at).toArray();
    rows.push(...twins.filter((row) => !here.has(row.id) && accepts(row)));
    end = last.at;
  }
  return { rows, end };
}

/** Rows from `from` on, of one peer when it is said, that are older than `before`. */
function between(
  table: Vault['bills'] | Vault['brought'],
  { peer, from = Number.MIN_SAFE_INTEGER }: Pick<Wish, 'peer' | 'from'>,
  before: number,
) {
  return peer === undefined
    ? table.where('at').between(from, before, true, false)
    : table.where('[peer.id+at]').between([peer, from], [peer, before], true, false);
}
