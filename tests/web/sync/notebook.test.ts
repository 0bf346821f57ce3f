/** The notebook's way to the server: what PouchDB asks, as the house hears it, and what PouchDB hears of the answer. */
import { expect, test } from 'vitest';
import { instant } from '#shared/base/time.ts';
import { createNotebookFetch, type NotebookFetch } from '#web/sync/notebook.ts';
import { openVault } from '#web/vault/vault.ts';

const BOOK = 'http://localhost/notebook/w1';
const MARK = { _id: '_local/a.b==', _rev: '0-1', last_seq: 7 };

function wayOver(send: (path: string, init: RequestInit) => Promise<Response>): NotebookFetch {
  const vault = openVault(`notebook-way-${crypto.randomUUID()}`);
  return createNotebookFetch({ vault, clock: () => instant(Date.now()), send });
}

test('which server it is, the house is not asked: it has nothing where PouchDB looks', async () => {
  const way = wayOver(() => Promise.reject(new Error('asked')));
  expect(await (await way('http://localhost/notebook/', { method: 'GET' })).json()).toEqual({});
});

test.each([
  // what PouchDB asks, how the house hears it, its answer, what PouchDB hears
  ['GET /_local/a.b==', 'GET /_local/a.b==?none=204', new Response(null, { status: 204 }), 404, { error: 'not_found' }],
  ['GET /_local/a.b==', 'GET /_local/a.b==?none=204', Response.json(MARK), 200, MARK],
  [
    'GET /_local/a.b==',
    'GET /_local/a.b==?none=204',
    Response.json({ code: 'x' }, { status: 503 }),
    503,
    { code: 'x' },
  ],
  // A house that does not know the question yet answers as CouchDB does.
  ['GET /_local/a', 'GET /_local/a?none=204', Response.json({ error: 'not_found' }, { status: 404 }), 404, {}],
  ['GET /', 'GET ', Response.json({ doc_count: 1 }), 200, { doc_count: 1 }],
  ['PUT /_local/a', 'PUT /_local/a', Response.json({ ok: true }, { status: 201 }), 201, { ok: true }],
  ['GET /_changes?since=0', 'GET /_changes?since=0', Response.json({ results: [] }), 200, { results: [] }],
])('%s is asked as %s', async (asked, told, answer, status, heard) => {
  const sent: string[] = [];
  const send = async (path: string, init: RequestInit) => {
    sent.push(`${init.method} ${path.slice('/notebook/w1'.length)}`);
    return answer;
  };
  const way = wayOver(send);
  const [method = '', path = ''] = asked.split(' ');
  const response = await way(BOOK + path, { method, ...(method === 'PUT' ? { body: '{}' } : {}) });
  expect(sent).toEqual([told]);
  expect(response.status).toBe(status);
  expect(await response.json()).toMatchObject(heard);
});
