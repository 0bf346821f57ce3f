/** The living documents of a notebook in the order of their ids: the protocol's `_all_docs`. */
import type { Document } from '#server/notebook/document.ts';
import { type Telling, tell } from '#server/notebook/read.ts';
import type { Book } from '#server/notebook/store.ts';
import * as store from '#server/notebook/store.ts';
import type { Sql } from '#server/platform/database.ts';

/** What is asked of the list. */
export interface ListAsked extends Telling {
  readonly range: store.Range;
  /** These ids in this order instead of a range. */
  readonly keys?: readonly string[];
  readonly withDocuments: boolean;
}

/** One line of the list; a key nobody has says so. */
export type Line =
  | {
      readonly id: string;
      readonly key: string;
      readonly value: { readonly rev: string; readonly deleted?: true };
      readonly doc?: Document | null;
    }
  | { readonly key: string; readonly error: 'not_found' };

/** Reads the list. */
export async function listDocuments(
  tx: Sql,
  book: Book,
  asked: ListAsked,
): Promise<{ readonly total_rows: number; readonly offset: number; readonly rows: readonly Line[] }> {
  const { living } = await store.countDocuments(tx, book);
  if (asked.keys) return { total_rows: living, offset: 0, rows: await linesOfKeys(tx, book, asked, asked.keys) };
  const { rows, before } = await store.readRange(tx, book, asked.range);
  return { total_rows: living, offset: Math.min(before, living), rows: await linesOf(tx, book, rows, asked) };
}

async function linesOfKeys(tx: Sql, book: Book, asked: ListAsked, keys: readonly string[]): Promise<Line[]> {
  const { back, skip, most } = asked.range;
  const meant = (back ? keys.toReversed() : keys).slice(skip, skip + most);
  const rows = await store.readDocuments(tx, book, [...new Set(meant)]);
  const lines = new Map((await linesOf(tx, book, rows, asked)).map((line) => [line.key, line]));
  return meant.map((key) => lines.get(key) ?? { key, error: 'not_found' });
}

async function linesOf(tx: Sql, book: Book, rows: readonly store.DocumentRow[], asked: ListAsked): Promise<Line[]> {
  const documents = asked.withDocuments
    ? await tell(
        tx,
        book,
        rows.map((row) => ({ row, revision: row.revision })),
        asked,
      )
    : [];
  return rows.map(({ id, revision: rev, deleted }, at) => ({
    id,
    key: id,
    value: { rev, ...(deleted ? { deleted: true as const } : {}) },
    ...(asked.withDocuments ? { doc: deleted ? null : (documents[at] ?? null) } : {}),
  }));
}
