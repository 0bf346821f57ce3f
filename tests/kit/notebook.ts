/** Phones with real PouchDB in the test's own process, and the house's notebooks behind a real door for them. */
import type { AddressInfo } from 'node:net';
import http from 'pouchdb-adapter-http';
import memory from 'pouchdb-adapter-memory';
import PouchDB from 'pouchdb-core';
import replication from 'pouchdb-replication';
import { openNotebooks } from '#server/notebook/notebook.ts';
import { notebookRoutes } from '#server/notebook/routes.ts';
import type { Database } from '#server/platform/database.ts';
import { createHttp, type Http } from '#server/platform/http.ts';
import { NOTEBOOK_PATH } from '#shared/api/notebook.ts';
import type { Id } from '#shared/base/id.ts';
import { refuse } from '#shared/base/result.ts';

PouchDB.plugin(memory).plugin(http).plugin(replication);

/** A database on a phone that forgets. */
export function phone(name = crypto.randomUUID()): PouchDB {
  return new PouchDB(name, { adapter: 'memory', auto_compaction: true, revs_limit: 50 });
}

/** The notebooks behind a door at which one is whom one says. */
export interface NotebookHouse {
  readonly app: Http;
  readonly origin: string;
  /** The notebook of `wallet` as `as` (the same when not said) reaches it, over `road`. */
  readonly remote: (wallet: Id, as?: Id, road?: typeof fetch) => PouchDB;
  readonly close: () => Promise<void>;
}

/** Opens that door over a migrated database; the sessions behind it are the test's word. */
export async function openNotebookHouse(database: Database, region = 'CN-SX'): Promise<NotebookHouse> {
  const app = await createHttp({ origin: 'http://localhost:4800', logLevel: 'silent', trustProxy: [] });
  const nobody = async () => refuse({ code: 'session.none' as const });
  notebookRoutes(app, openNotebooks({ database }), {
    requireSession: nobody,
    deviceOf: async (request) => {
      const wallet = /^Device (.+)$/.exec(request.headers.authorization ?? '')?.[1];
      if (!wallet) return nobody();
      const at = 0 as never;
      return {
        ok: true,
        value: {
          region,
          wallet: wallet as Id,
          id: wallet as Id,
          key: new Uint8Array(),
          name: '',
          createdAt: at,
          seenAt: at,
          revokedAt: undefined,
        },
      };
    },
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const origin = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  return {
    app,
    origin,
    remote: (wallet, as = wallet, road = fetch) =>
      new PouchDB(`${origin}${NOTEBOOK_PATH}/${wallet}`, {
        skip_setup: true,
        fetch: (url, init) => {
          const headers = new Headers(init.headers);
          headers.set('authorization', `Device ${as}`);
          return road(url, { ...init, headers });
        },
      }),
    close: () => app.close(),
  };
}
