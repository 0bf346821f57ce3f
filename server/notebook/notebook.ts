/**
 * Notebooks: what people think of their bills, brought together from all their phones by the CouchDB protocol.
 * Invariant: a notebook belongs to one wallet and is named by its session or device, never by what a request says; it
 * keeps opinions alone, and nothing here can reach the ledger.
 */
import { readFileSync } from 'node:fs';
import { type Judge, write } from '#server/notebook/book.ts';
import { type Change, openBell, readChanges } from '#server/notebook/changes.ts';
import type { Document } from '#server/notebook/document.ts';
import { Fault } from '#server/notebook/fault.ts';
import { HOUSE_RULES } from '#server/notebook/opinion.ts';
import { type Get, type Got, missingRevisions, readMany, tell, treesOf } from '#server/notebook/read.ts';
import { leavesOf } from '#server/notebook/revision.ts';
import type { Book } from '#server/notebook/store.ts';
import * as store from '#server/notebook/store.ts';
import type { Database, Sql } from '#server/platform/database.ts';
import type { ChangesQuery } from '#shared/api/notebook.ts';
import type { Refusal, RefusalCode } from '#shared/api/refusal.ts';
import type { Id } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';

/** What this capability remembers. */
export const notebookSchema = {
  name: 'notebook',
  schema: readFileSync(new URL('schema.sql', import.meta.url), 'utf8'),
};

/** Whose notebook: who a session or a device's signature speaks for. */
export interface Owner {
  readonly region: string;
  readonly wallet: Id;
}

/** A page of changes. */
export interface ChangesFound {
  readonly results: readonly Change[];
  readonly last_seq: number;
  readonly pending: number;
}

/** A document that was not taken, and why. */
export interface NotTaken {
  readonly id: string;
  readonly error: string;
  readonly reason: string;
}

/** The front door. */
export interface Notebooks {
  readonly info: (
    owner: Owner,
  ) => Promise<{ readonly living: number; readonly deleted: number; readonly sequence: number }>;
  /** What has changed; a longpoll waits for something, a while at most, or not at all when too many wait. */
  readonly changes: (owner: Owner, asked: ChangesQuery, signal?: AbortSignal) => Promise<ChangesFound>;
  /** Which of these revisions the house lacks. */
  readonly lacks: (
    owner: Owner,
    revisions: Readonly<Record<string, readonly string[]>>,
  ) => ReturnType<typeof missingRevisions>;
  /** Takes documents with their history; answers those it did not take. Refusals: `notebook.full`. */
  readonly bring: (owner: Owner, documents: readonly unknown[]) => Promise<Result<NotTaken[], Refusal>>;
  /** Documents with their history. */
  readonly read: (owner: Owner, gets: readonly Get[], asked: { revs: boolean; latest: boolean }) => Promise<Got[]>;
  /** How far a phone has come, as it kept it here. Refusals: `notebook.not-found`. */
  readonly readLocal: (owner: Owner, id: string) => Promise<Result<Document, Refusal>>;
  /** Refusals: `notebook.conflict`, `notebook.full`, `notebook.refused`. */
  readonly keepLocal: (owner: Owner, id: string, document: Document) => Promise<Result<string, Refusal>>;
  /** Everything the notebook of a wallet says now, conflicts too: for who asks what is held about them. */
  readonly everything: (owner: Owner) => Promise<Document[]>;
  /** Takes a notebook away, with the transaction that closes its wallet. */
  readonly forget: (tx: Sql, owner: Owner) => Promise<void>;
  /** Lets everybody who waits go, and nobody wait any more. */
  readonly close: () => void;
}

/** How many phones may wait at once for news from this process; the others ask again. */
const WAITING_MOST = 500;
/** Longest one waits: below the time any request may take. */
const PATIENCE_MS = 25_000;
const PAGE = 1_000;

/** Opens the notebooks on a migrated database. `judge` is what a test takes instead of opinions. */
export function openNotebooks({ database, judge }: { readonly database: Database; readonly judge?: Judge }): Notebooks {
  const bell = openBell(database, WAITING_MOST);
  const rules = judge ? { ...HOUSE_RULES, judge } : HOUSE_RULES;
  const parts = { database, rules, changed: bell.ring };
  /** The notebook of its owner, made when it is first spoken of. */
  const bookOf = async (owner: Owner): Promise<Book> => {
    const book = nameOf(owner);
    if (!(await store.readBook(database, book))) await store.insertBook(database, book, rules.revisionsMost);
    return book;
  };
  const page = async (book: Book, asked: ChangesQuery, since: number): Promise<ChangesFound> => {
    const held = await store.readBook(database, book);
    const { results, last, pending } = await readChanges(database, book, held?.sequence ?? 0, {
      since,
      most: Math.max(asked.limit ?? PAGE, 1),
      back: false,
      allLeaves: asked.style === 'all_docs',
      withDocuments: false,
    });
    return { results, last_seq: last, pending };
  };
  return {
    async info(owner) {
      const book = await bookOf(owner);
      const held = await store.readBook(database, book);
      return { ...(await store.countDocuments(database, book)), sequence: held?.sequence ?? 0 };
    },
    async changes(owner, asked, signal) {
      const book = await bookOf(owner);
      const first = await page(book, asked, asked.since ?? 0);
      if (asked.feed !== 'longpoll' || first.results.length > 0) return first;
      await bell.heard(book, first.last_seq, Math.min(asked.timeout ?? PATIENCE_MS, PATIENCE_MS), signal);
      return await page(book, asked, first.last_seq);
    },
    lacks: (owner, revisions) => missingRevisions(database, nameOf(owner), revisions),
    async bring(owner, documents) {
      const written = await write(parts, await bookOf(owner), documents, { edits: false });
      if (written instanceof Fault) return refuse(refusalOf(written));
      return ok(
        written.flatMap((one) =>
          'fault' in one ? [{ id: one.id, error: one.fault.error, reason: one.fault.reason }] : [],
        ),
      );
    },
    read: (owner, gets, asked) => readMany(database, nameOf(owner), gets, asked),
    async readLocal(owner, id) {
      const row = await store.readLocal(database, nameOf(owner), id);
      if (!row) return refuse({ code: 'notebook.not-found' });
      return ok({ ...(JSON.parse(row.body) as Document), _id: `_local/${id}`, _rev: `0-${row.version}` });
    },
    async keepLocal(owner, id, document) {
      const one = { ...document, _id: `_local/${id}` };
      const written = await write(parts, await bookOf(owner), [one], { edits: true });
      if (written instanceof Fault) return refuse(refusalOf(written));
      const [kept] = written;
      if (!kept || 'fault' in kept) return refuse(refusalOf(kept?.fault));
      return ok(kept.rev);
    },
    everything: (owner) => database.transaction((tx) => everything(tx, nameOf(owner))),
    async forget(tx, owner) {
      await store.deleteBook(tx, nameOf(owner));
    },
    close: bell.close,
  };
}

function nameOf({ region, wallet }: Owner): Book {
  return { region, book: wallet };
}

async function everything(tx: Sql, book: Book): Promise<Document[]> {
  const rows = await store.everyDocument(tx, book);
  const leaves = rows.flatMap((row) =>
    leavesOf(treesOf(row))
      .filter(({ deleted }) => !deleted)
      .map(({ revision }) => ({ row, revision })),
  );
  return (await tell(tx, book, leaves, {})).filter((one) => one !== undefined);
}

const CODES: Readonly<Record<string, RefusalCode>> = {
  not_found: 'notebook.not-found',
  conflict: 'notebook.conflict',
  book_full: 'notebook.full',
  document_too_large: 'notebook.full',
};

function refusalOf(fault: Fault | undefined): Refusal {
  return { code: CODES[fault?.error ?? ''] ?? 'notebook.refused' };
}
