/** The changes of a notebook in the order they were made, read in pages and waited for. */
import type { Document } from '#server/notebook/document.ts';
import { type Telling, tell, treesOf } from '#server/notebook/read.ts';
import { leavesOf } from '#server/notebook/revision.ts';
import type { Book } from '#server/notebook/store.ts';
import * as store from '#server/notebook/store.ts';
import type { Sql } from '#server/platform/database.ts';

/** One changed document. */
export interface Change {
  readonly seq: number;
  readonly id: string;
  readonly changes: readonly { readonly rev: string }[];
  readonly deleted?: true;
  readonly doc?: Document;
}

/** Whether a changed document is told. */
export type Filter = (document: Document) => boolean;

/** What is asked of the changes. */
export interface ChangesAsked extends Telling {
  readonly since: number;
  readonly most: number;
  readonly back: boolean;
  /** All leaves instead of the winner alone. */
  readonly allLeaves: boolean;
  readonly withDocuments: boolean;
  readonly filter?: Filter;
}

/** A page of changes. `last` is where the next one begins, `pending` how many come after it. */
export interface ChangesPage {
  readonly results: readonly Change[];
  readonly last: number;
  readonly pending: number;
}

/** Rows looked at in one go while a filter leaves most of them out. */
const LOOK_AT = 500;
const EVERYTHING = 1_000_000_000;

/** Reads changes until `most` are found or there are no more. */
export async function readChanges(tx: Sql, book: Book, end: number, asked: ChangesAsked): Promise<ChangesPage> {
  const results: Change[] = [];
  let since = asked.since;
  let seen = asked.since;
  for (;;) {
    const want = asked.filter ? (asked.back ? EVERYTHING : LOOK_AT) : asked.most - results.length;
    const rows = await store.changedAfter(tx, book, { since, most: want, back: asked.back });
    const documents = asked.filter || asked.withDocuments ? await winners(tx, book, rows, asked) : [];
    for (const [at, row] of rows.entries()) {
      if (results.length === asked.most) break;
      seen = row.sequence;
      const document = documents[at];
      if (asked.filter && !(document && asked.filter(document))) continue;
      results.push(changeOf(row, asked, asked.withDocuments ? document : undefined));
    }
    if (asked.back || rows.length < want || results.length === asked.most) break;
    since = rows.at(-1)?.sequence ?? since;
  }
  const isCut = results.length === asked.most;
  // Backwards one has come as far as the last one told; there is nothing after it to wait for.
  const last = isCut || asked.back ? seen : Math.max(end, seen);
  return { results, last, pending: isCut && !asked.back ? await store.countChangedAfter(tx, book, last) : 0 };
}

function winners(
  tx: Sql,
  book: Book,
  rows: readonly store.DocumentRow[],
  telling: Telling,
): Promise<(Document | undefined)[]> {
  return tell(
    tx,
    book,
    rows.map((row) => ({ row, revision: row.revision })),
    telling,
  );
}

function changeOf(row: store.DocumentRow, asked: ChangesAsked, doc: Document | undefined): Change {
  const revisions = asked.allLeaves ? leavesOf(treesOf(row)).map(({ revision }) => revision) : [row.revision];
  return {
    seq: row.sequence,
    id: row.id,
    changes: revisions.map((rev) => ({ rev })),
    ...(row.deleted ? { deleted: true as const } : {}),
    ...(doc ? { doc } : {}),
  };
}

/** Lets callers wait until a notebook changes, whichever process changes it. */
export interface Bell {
  /** Says that a notebook has changed here. */
  readonly ring: (book: Book) => void;
  /** Resolves when the notebook has changed since number `since`, when `patience` is over, or at {@link close}. */
  readonly heard: (book: Book, since: number, patience: number, signal?: AbortSignal) => Promise<void>;
  /** Whether one more may wait. */
  readonly hasRoom: () => boolean;
  /** Lets everybody go; who comes later does not wait. */
  readonly close: () => void;
}

/** How often other processes are looked after. */
const LOOK_EVERY_MS = 2_000;

interface Waiting {
  readonly book: Book;
  readonly since: number;
  readonly go: () => void;
}

/** Opens the bell over a database that other processes may write to; at most `most` wait. */
export function openBell(database: Sql & { readonly kind: string }, most: number): Bell {
  const waiting = new Set<Waiting>();
  let looking: ReturnType<typeof setInterval> | undefined;
  let isClosed = false;
  const look = async () => {
    const sequences = await store.lastSequences(
      database,
      [...waiting].map(({ book }) => book),
    );
    for (const { book, since, go } of waiting) if ((sequences.get(nameOf(book)) ?? 0) > since) go();
  };
  const lookFor = async ({ book, since, go }: Waiting) => {
    const held = await store.readBook(database, book);
    if (!held || held.sequence > since) go();
  };
  const attend = () => {
    if (database.kind === 'pglite') return;
    // A database that cannot be reached now is looked at again; whoever waits asks it themselves in the end.
    if (waiting.size > 0) looking ??= setInterval(() => void look().catch(() => undefined), LOOK_EVERY_MS).unref();
    else {
      clearInterval(looking);
      looking = undefined;
    }
  };
  return {
    ring(book) {
      for (const one of waiting) if (nameOf(one.book) === nameOf(book)) one.go();
    },
    hasRoom: () => waiting.size < most && !isClosed,
    heard: (book, since, patience, signal) =>
      new Promise((resolve) => {
        if (isClosed || waiting.size >= most || signal?.aborted) return resolve();
        const go = () => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', go);
          waiting.delete(mine);
          attend();
          resolve();
        };
        const mine = { book, since, go };
        const timer = setTimeout(go, patience);
        signal?.addEventListener('abort', go);
        waiting.add(mine);
        attend();
        // It may have changed since the caller looked and before they waited.
        void lookFor(mine).catch(() => undefined);
      }),
    close() {
      isClosed = true;
      for (const { go } of waiting) go();
    },
  };
}

function nameOf({ region, book }: Book): string {
  return `${region} ${book}`;
}
