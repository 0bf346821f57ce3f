/** PouchDB with the parts the notebook needs; fetched late, because the first screens do without. */
import type PouchDB from 'pouchdb-core';
import { NOTEBOOK_PATH } from '#shared/api/notebook.ts';
import type { NotebookFetch } from '#web/sync/notebook.ts';
import { afterOthers } from '#web/ui/idle.ts';

/** Revisions of one document this phone remembers: enough to find where two phones parted. */
const REVISIONS_KEPT = 50;

let plugged: Promise<typeof PouchDB> | undefined;

/**
 * The library, put together at first use. Part by part, with a pause between them: begun as one piece it would hold a
 * slow phone for longer than can be felt, while the person scrolls through their bills.
 */
function library(): Promise<typeof PouchDB> {
  plugged ??= plug().catch((fault: unknown) => {
    // A part that could not be fetched is asked for again.
    plugged = undefined;
    throw fault;
  });
  return plugged;
}

async function plug(): Promise<typeof PouchDB> {
  const { default: core } = await import('pouchdb-core');
  const parts = [
    () => import('pouchdb-adapter-idb'),
    () => import('pouchdb-adapter-http'),
    () => import('pouchdb-replication'),
  ];
  for (const part of parts) {
    await afterOthers();
    core.plugin((await part()).default);
  }
  return core;
}

/** The database of one wallet on this phone. */
export async function localBook(name: string): Promise<PouchDB> {
  const Book = await library();
  return new Book(name, { adapter: 'idb', auto_compaction: true, revs_limit: REVISIONS_KEPT });
}

/** The house's notebook of the wallet. */
export async function houseBook(wallet: string, fetch: NotebookFetch): Promise<PouchDB> {
  const Book = await library();
  const book = new Book(`${location.origin}${NOTEBOOK_PATH}/${wallet}`, {
    ...{ adapter: 'http', skip_setup: true, fetch },
  });
  const info = book.info.bind(book);
  // PouchDB asks this after each batch to count how far it is, and hears no refusal: a house that went away meanwhile
  // would be a fault that nobody handles. Whatever else it asks the house fails in the replication itself.
  book.info = () => info().catch(() => ({ doc_count: 0, update_seq: 0 }));
  return book;
}
