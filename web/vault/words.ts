/**
 * What bills are searched by: the words of a whole day in one row, so that a hundred thousand bills are a thousand rows.
 * Each bill is a line: its sum, who it was with, its note, and the initials of both; the ids stand apart, line for line.
 * Invariant: kept in the transaction that keeps the bills, so what is found is what is there.
 */
import { isCurrency } from '#shared/money/currency.ts';
import { money, toDecimal } from '#shared/money/money.ts';
import { initialsOf } from '#web/vault/initials.ts';
import { inPieces, TOLD_AT_MOST } from '#web/vault/pieces.ts';
import type { BillRow, Source, WordsRow } from '#web/vault/rows.ts';
import { dayOfRow } from '#web/vault/tally.ts';
import type { Vault } from '#web/vault/vault.ts';

/** What the rows of words change by. */
export interface Wording {
  readonly add: (row: BillRow) => void;
  readonly takeOut: (row: BillRow) => void;
  /** Writes the changes; in the transaction that writes the rows. */
  readonly keep: () => Promise<void>;
}

/** Begins to word rows that `source` brought. */
export function openWording(vault: Pick<Vault, 'words' | 'settings'>, source: Source): Wording {
  /** Day -> id -> its line, or nothing when it is taken out. */
  const changes = new Map<string, Map<string, string | undefined>>();
  const change = (row: BillRow, line: string | undefined) => {
    const day = dayOfRow(row);
    const lines = changes.get(day) ?? new Map<string, string | undefined>();
    changes.set(day, lines.set(row.id, line));
  };
  return {
    add: (row) => change(row, lineOf(row)),
    takeOut: (row) => change(row, undefined),
    async keep() {
      const days = [...changes.keys()];
      if (days.length > 0) await vault.settings.put({ name: 'wordsChanged', value: crypto.randomUUID() });
      const held = await vault.words.bulkGet(days.map((day): [string, string] => [source, day]));
      const rows = days.map((day, at) => reworded({ source, day }, held[at], changes.get(day)));
      for (const some of inPieces(rows, TOLD_AT_MOST)) await vault.words.bulkPut(some);
    },
  };
}

function reworded(
  place: Pick<WordsRow, 'source' | 'day'>,
  held: WordsRow | undefined,
  changes: ReadonlyMap<string, string | undefined> = new Map(),
): WordsRow {
  const lines = new Map<string, string>();
  if (held !== undefined && held.ids !== '') {
    const words = held.words.split('\n');
    for (const [at, id] of held.ids.split('\n').entries()) lines.set(id, words[at] ?? '');
  }
  for (const [id, line] of changes) {
    if (line === undefined) lines.delete(id);
    else lines.set(id, line);
  }
  return { ...place, ids: [...lines.keys()].join('\n'), words: [...lines.values()].join('\n') };
}

/** What of a bill is searched. */
export interface Worded {
  readonly amount?: number;
  readonly currency?: string;
  readonly peer?: { readonly name: string };
  readonly memo?: string;
}

/** Whether one thing that stands in no day's row has all the words of `text`. */
export function linesHit(text: string, one: Worded): boolean {
  const needles = needlesOf(text);
  const line = lineOf(one);
  return needles.length > 0 && needles.every((needle) => line.includes(needle));
}

/** Every word has a space before it, so that a number is found by how it begins. */
function lineOf({ amount, currency, peer, memo }: Worded): string {
  const sum =
    amount === undefined || currency === undefined || !isCurrency(currency) ? '' : toDecimal(money(amount, currency));
  const said = [peer?.name ?? '', memo ?? ''];
  return ` ${plainWords([sum, ...said, ...said.map(initialsOf)].join(' '))}`;
}

/** A text as it is searched: letters and digits in one form, everything else a space between words. */
export function plainWords(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}.]+|(?<!\p{N})\.|\.(?!\p{N})/gu, ' ')
    .trim();
}

/** Days read at once, further and further back. */
const FIRST_REACH_DAYS = 4;
const FURTHEST_REACH_DAYS = 1_600;

/** What a search came to: ids by their source, and the day the search goes on before; none when it saw every day. */
export interface Found {
  readonly ids: Readonly<Record<Source, string[]>>;
  readonly next: string | undefined;
}

/**
 * At least `most` bills (when there are so many) from days before `before`, that have all the words of `text`; with
 * `until`, all of the days from that one on.
 */
export async function findWords(
  vault: Vault,
  text: string,
  sources: readonly Source[],
  before: string,
  most: number,
  until?: string,
): Promise<Found> {
  const needles = needlesOf(text);
  const ids: Record<Source, string[]> = { house: [], brought: [] };
  const changed = String((await vault.settings.get('wordsChanged'))?.value ?? '');
  const inHand = held?.of === vault.name && held.changed === changed ? held.rows : undefined;
  const edges = await Promise.all(sources.map((source) => edgesOf(vault, source)));
  const oldest = until ?? edges.flatMap((edge) => (edge ? [edge.oldest] : [])).sort()[0];
  const newest = edges
    .flatMap((edge) => (edge ? [edge.newest] : []))
    .sort()
    .at(-1);
  if (needles.length === 0 || oldest === undefined || newest === undefined) return { ids, next: undefined };
  let end = before > newest ? `${newest}\uffff` : before;
  let reach = FIRST_REACH_DAYS;
  while (end > oldest && (until !== undefined || ids.house.length + ids.brought.length < most)) {
    const further = daysBefore(end.slice(0, 10), reach);
    const begin = until !== undefined && further < until ? until : further;
    for (const source of sources) {
      const rows =
        inHand?.filter((row) => row.source === source && row.day >= begin && row.day < end) ??
        (await vault.words.where('[source+day]').between([source, begin], [source, end]).toArray());
      for (const row of rows) ids[source].push(...hits(row, needles));
    }
    end = begin;
    reach = Math.min(reach * 4, FURTHEST_REACH_DAYS);
  }
  return { ids, next: until ?? (end > oldest ? end : undefined) };
}

/** All words in memory, as they were when this mark was set; one hundred thousand bills are about ten megabytes. */
let held: { readonly of: string; readonly changed: string; readonly rows: readonly WordsRow[] } | undefined;

/** Takes all words into memory, while the person is about to type: then each letter is answered at once. */
export async function holdWords(vault: Vault): Promise<void> {
  const changed = String((await vault.settings.get('wordsChanged'))?.value ?? '');
  if (held?.of === vault.name && held.changed === changed) return;
  held = { of: vault.name, changed, rows: await vault.words.toArray() };
}

/** Lets them go again. */
export function releaseWords(): void {
  held = undefined;
}

/** A number is found from its beginning, other words anywhere. */
function needlesOf(text: string): string[] {
  return plainWords(text)
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => (/^\d/.test(word) ? ` ${word}` : word))
    .sort((left, right) => right.length - left.length);
}

async function edgesOf(vault: Vault, source: Source): Promise<{ oldest: string; newest: string } | undefined> {
  const days = vault.words.where('[source+day]').between([source, ''], [source, '\uffff']);
  const [oldest, newest] = await Promise.all([days.clone().first(), days.clone().last()]);
  return oldest && newest ? { oldest: oldest.day, newest: newest.day } : undefined;
}

function daysBefore(day: string, count: number): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(Date.UTC(year, month - 1, date - count)).toISOString().slice(0, 10);
}

/** The ids of the lines that have every needle. Only lines with the rarest are looked at as lines. */
function hits({ words, ids }: WordsRow, [first = '', ...others]: readonly string[]): string[] {
  let at = words.indexOf(first);
  if (at < 0) return [];
  const names = ids.split('\n');
  const found: string[] = [];
  let line = 0;
  let counted = 0;
  while (at >= 0) {
    for (let step = words.indexOf('\n', counted); step >= 0 && step < at; step = words.indexOf('\n', counted)) {
      line += 1;
      counted = step + 1;
    }
    const end = words.indexOf('\n', at);
    const text = words.slice(counted, end < 0 ? undefined : end);
    const id = names[line];
    if (id !== undefined && others.every((other) => text.includes(other))) found.push(id);
    at = end < 0 ? -1 : words.indexOf(first, end);
  }
  return found;
}
