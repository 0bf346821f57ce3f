/** The open notebook as PouchDB's own suite meets it: what that suite found wanting, in the words of the protocol. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { notebookSchema } from '#server/notebook/notebook.ts';
import { type OpenNotebook, openToAll } from '#server/notebook/open.ts';
import { type Database, openDatabase } from '#server/platform/database.ts';
import { migrate } from '#server/platform/migrate.ts';

let database: Database;
let notebook: OpenNotebook;

beforeAll(async () => {
  database = await openDatabase({ dataDir: 'memory' });
  await migrate(database, [notebookSchema]);
  notebook = openToAll(database);
});
afterAll(async () => {
  await notebook.app.close();
  await database.close();
});

async function ask(method: 'GET' | 'PUT' | 'POST', url: string, body?: object) {
  const answer = await notebook.app.inject({ method, url, ...(body ? { payload: body } : {}) });
  return { status: answer.statusCode, json: answer.json() };
}

test('backwards the changes are told from the last to the first, wherever the caller has come to', async () => {
  await ask('PUT', '/backwards');
  for (const _id of ['0', '1', '2']) await ask('POST', '/backwards', { _id });
  const { json } = await ask('GET', '/backwards/_changes?descending=true&since=1');
  expect(json.results.map(({ id }: { id: string }) => id)).toEqual(['2', '1', '0']);
  const forwards = await ask('GET', '/backwards/_changes?since=1');
  expect(forwards.json.results.map(({ id }: { id: string }) => id)).toEqual(['1', '2']);
});

test('a document that is not taken says with what status, for copies as for edits', async () => {
  await ask('PUT', '/judged');
  const judge = `function (doc) {
    if (doc.foo === 'no') throw { forbidden: 'no' };
    if (doc.foo === 'who') throw { unauthorized: 'who' };
  }`;
  await ask('PUT', '/judged/_design/judge', { validate_doc_update: judge });
  const docs = ['yes', 'no', 'who'].map((foo) => ({ _id: foo, _rev: '1-a', foo }));
  const copies = await ask('POST', '/judged/_bulk_docs', { docs, new_edits: false });
  expect(copies).toEqual({
    status: 201,
    json: [
      { id: 'no', error: 'forbidden', reason: 'no', status: 403 },
      { id: 'who', error: 'unauthorized', reason: 'who', status: 401 },
    ],
  });
  const edits = await ask('POST', '/judged/_bulk_docs', { docs: [{ _id: 'yes', foo: 'yes' }] });
  expect(edits.json).toEqual([{ id: 'yes', error: 'conflict', reason: 'Document update conflict.', status: 409 }]);
});

test('of a copy that names one revision and tells the history of another the history counts', async () => {
  await ask('PUT', '/copies');
  const copy = { _id: 'foo', _rev: '3-c', _revisions: { start: 2, ids: ['c', 'a'] } };
  expect(await ask('POST', '/copies/_bulk_docs', { docs: [copy], new_edits: false })).toEqual({
    status: 201,
    json: [],
  });
  expect((await ask('GET', '/copies/foo?revs=true')).json).toEqual({
    ...{ _id: 'foo', _rev: '2-c', _revisions: { start: 2, ids: ['c', 'a'] } },
  });
});
