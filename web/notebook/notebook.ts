/**
 * The notebook on this phone: what the person thinks of their bills, written with or without a network.
 * Invariant: a word once written is never lost: of two phones' words on one thing one is shown, the other stays beside it
 * until the person has chosen; and screens read a copy in the vault that is renewed from here alone.
 */
import type PouchDB from 'pouchdb-core';
import type { PouchChange, PouchDocument } from 'pouchdb-core';
import { OPINIONS, type Opinion } from '#shared/api/notebook.ts';
import type { OpinionRow } from '#web/vault/rows.ts';
import { readSetting } from '#web/vault/settings.ts';
import { notebookName } from '#web/vault/storage.ts';
import type { Vault } from '#web/vault/vault.ts';

/** One of the words two phones have left on one thing. */
export interface Version {
  readonly revision: string;
  readonly opinion: Opinion;
}

/** How a disagreement ends: `keep` stands on the thing itself, `beside` on things of their own. */
export interface Settlement {
  readonly keep: Opinion;
  readonly beside: readonly Opinion[];
}

/** A wallet's notebook, open. */
export interface Notebook {
  readonly book: PouchDB;
  /** Writes an opinion over the revision the person had before them; what came since then stays beside it. */
  readonly write: (opinion: Opinion, seen: string | undefined) => Promise<void>;
  /** Takes back the revision the person had before them; what came since then stands. */
  readonly remove: (id: string, seen: string | undefined) => Promise<void>;
  /** All words that stand on one thing, the one shown first. */
  readonly versions: (id: string) => Promise<Version[]>;
  /** Ends the disagreement of the words that were `seen`, and of no other; what is to stand beside is written first. */
  readonly settle: (seen: readonly Version[], settlement: Settlement) => Promise<void>;
  /** Renews the copy in the vault by what has changed since it was last renewed. */
  readonly mirror: () => Promise<void>;
}

/** How a phone opens the database of a wallet. */
export type OpenBook = (name: string) => Promise<PouchDB>;

/** The notebook of the wallet this phone holds; undefined when it holds none. What is written here bears this phone's name. */
export async function openNotebook(vault: Vault, open: OpenBook): Promise<Notebook | undefined> {
  const wallet = await readSetting(vault, 'wallet');
  if (!wallet) return undefined;
  const book = await open(notebookName(vault, wallet.id));
  const mirror = () => mirrorInto(vault, book);
  await mirror();
  const after = <Answer>(work: Promise<Answer>) => work.then(mirror);
  return {
    book,
    mirror,
    write: (opinion, seen) => after(signed(vault, opinion).then((mine) => put(book, mine, seen))),
    remove: (id, seen) => after(takeBack(book, id, seen)),
    versions: (id) => versionsOf(book, id),
    settle: (seen, settlement) => after(settleAs(vault, book, seen, settlement)),
  };
}

/** The opinion as this phone's word, by the name its owner gave it. */
async function signed<Said extends Opinion>(vault: Vault, opinion: Said): Promise<Said> {
  const { by: _before, ...said } = opinion;
  const by = await readSetting(vault, 'phoneName');
  return { ...said, ...(by === undefined ? {} : { by }) } as Said;
}

async function put(book: PouchDB, opinion: Opinion, seen: string | undefined): Promise<void> {
  try {
    await book.put(seen === undefined ? opinion : { ...opinion, _rev: seen });
  } catch (error) {
    if ((error as { status?: number }).status !== 409) throw error;
    // Another phone or tab was quicker, and the person has not read its word: theirs grows beside it.
    await book.bulkDocs([branch(opinion, seen)], { new_edits: false });
  }
}

/** An opinion as a line of its own that parts from the others at `seen`. */
function branch(opinion: Opinion, seen: string | undefined): object {
  const [generation = '0', before] = seen?.split('-') ?? [];
  const start = Number(generation) + 1;
  const id = crypto.randomUUID().replaceAll('-', '');
  const ids = before === undefined ? [id] : [id, before];
  return { ...opinion, _rev: `${start}-${id}`, _revisions: { start, ids } };
}

async function takeBack(book: PouchDB, id: string, seen: string | undefined): Promise<void> {
  if (seen === undefined) return;
  await book.remove({ _id: id, _rev: seen }).catch((error: { status?: number }) => {
    // Somebody has written since; that word is not the one that is taken back.
    if (error.status !== 409 && error.status !== 404) throw error;
  });
}

async function versionsOf(book: PouchDB, id: string): Promise<Version[]> {
  const held = await book.get(id, { conflicts: true }).catch(missing);
  if (!held) return [];
  const others = await Promise.all((held._conflicts ?? []).map((rev) => book.get(id, { rev })));
  return [held, ...others].flatMap((one) => {
    const opinion = readOpinion(one);
    return opinion ? [{ revision: one._rev ?? '', opinion }] : [];
  });
}

async function settleAs(vault: Vault, book: PouchDB, seen: readonly Version[], settlement: Settlement): Promise<void> {
  const keep = await signed(vault, settlement.keep);
  const beside = await Promise.all(settlement.beside.map((one) => signed(vault, one)));
  // First what is added, then what is taken away: ended in between, nothing is lost and the choice is asked for again.
  for (const opinion of beside) {
    const held = await book.get(opinion._id).catch(missing);
    if (!held) await put(book, opinion, undefined);
  }
  const [shown, ...others] = seen;
  await put(book, keep, shown?.revision);
  for (const { revision } of others) await takeBack(book, keep._id, revision);
}

function missing(error: { status?: number }): undefined {
  if (error.status === 404) return undefined;
  throw error;
}

/** Documents looked at in one go. */
const PAGE = 500;

async function mirrorInto(vault: Vault, book: PouchDB): Promise<void> {
  for (;;) {
    const from = await readSetting(vault, 'notebookRead');
    const isSame = from?.book === book.name && from.withRevisions === true;
    const page = await book.changes({
      since: isSame ? from.sequence : 0,
      include_docs: true,
      conflicts: true,
      limit: PAGE,
    });
    if (isSame && page.results.length === 0) return;
    const read = page.results.map(rowOf);
    const isKept = await vault.transaction('rw', vault.opinions, vault.settings, async () => {
      // Whoever was quicker has read something newer: an older word is not put over it.
      const now = await vault.settings.get('notebookRead');
      if (JSON.stringify(now?.value) !== JSON.stringify(from)) return false;
      if (!isSame) await vault.opinions.clear();
      await vault.opinions.bulkDelete(read.flatMap(({ id, row }) => (row ? [] : [id])));
      await vault.opinions.bulkPut(read.flatMap(({ row }) => (row ? [row] : [])));
      const value = { book: book.name, sequence: Number(page.last_seq), withRevisions: true } as const;
      await vault.settings.put({ name: 'notebookRead', value });
      return true;
    });
    if (!isKept) continue;
    if (page.results.length < PAGE) return;
  }
}

function rowOf({ id, deleted, doc }: PouchChange): { readonly id: string; readonly row: OpinionRow | undefined } {
  const opinion = deleted || !doc ? undefined : readOpinion(doc);
  if (!opinion) return { id, row: undefined };
  const row: OpinionRow = {
    id,
    type: opinion.type,
    ...('bill' in opinion ? { bill: opinion.bill } : {}),
    opinion,
    ...(doc?._rev === undefined ? {} : { revision: doc._rev }),
    disputed: (doc?._conflicts ?? []).length > 0 ? 1 : 0,
  };
  return { id, row };
}

/** The opinion in a document; what an app of tomorrow wrote is left alone. */
function readOpinion(document: PouchDocument): Opinion | undefined {
  if (!Object.hasOwn(OPINIONS, String(document.type))) return undefined;
  const { _rev, _conflicts, ...opinion } = document;
  return opinion as unknown as Opinion;
}
