/** PouchDB with the parts the notebook needs; fetched late, because the first screens do without. */
import http from 'pouchdb-adapter-http';
import idb from 'pouchdb-adapter-idb';
import PouchDB from 'pouchdb-core';
import replication from 'pouchdb-replication';
import { NOTEBOOK_PATH } from '#shared/api/notebook.ts';
import type { NotebookFetch } from '#web/sync/notebook.ts';

PouchDB.plugin(idb).plugin(http).plugin(replication);

/** Revisions of one document this phone remembers: enough to find where two phones parted. */
const REVISIONS_KEPT = 50;

/** The database of one wallet on this phone. */
export function localBook(name: string): PouchDB {
  return new PouchDB(name, { adapter: 'idb', auto_compaction: true, revs_limit: REVISIONS_KEPT });
}

/** The house's notebook of the wallet. */
export function houseBook(wallet: string, fetch: NotebookFetch): PouchDB {
  const book = new PouchDB(`${location.origin}${NOTEBOOK_PATH}/${wallet}`, {
    ...{ adapter: 'http', skip_setup: true, fetch },
  });
  const info = book.info.bind(book);
  // PouchDB asks this after each batch to count how far it is, and hears no refusal: a house that went away meanwhile
  // would be a fault that nobody handles. Whatever else it asks the house fails in the replication itself.
  book.info = () => info().catch(() => ({ doc_count: 0, update_seq: 0 }));
  return book;
}
