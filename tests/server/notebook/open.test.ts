/** The open notebook as PouchDB's own suite meets it: what that suite found wanting, in the words of the protocol. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { notebookSchema } from '#server/notebook/notebook.ts';
import { type OpenNotebook, openToAll } from '#server/notebook/open.ts';
import type { Database } from '#server/platform/database.ts';
import { migrate } from '#server/platform/migrate.ts';
import { openMemory } from '#tests/kit/embedded.ts';

let database: Database;
let notebook: OpenNotebook;

beforeAll(async () => {
  database = await openMemory();
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

test('a selector that is no object is told so, wherever the changes are asked for', async () => {
  await ask('PUT', '/selected');
  for (const body of [{ selector: 'foo' }, { selector: ['foo'] }, { selector: null }, {}]) {
    expect(await ask('POST', '/selected/_changes?filter=_selector', body)).toEqual({
      status: 400,
      json: { error: 'bad_request', reason: 'Selector error: expected a JSON object' },
    });
  }
});

test('a copy may bear a revision with a number alone, and is told with it', async () => {
  await ask('PUT', '/bare');
  const docs = [{ _id: 'foo', _rev: '1-' }];
  expect(await ask('POST', '/bare/_bulk_docs', { docs, new_edits: false })).toEqual({ status: 201, json: [] });
  const told = { _id: 'foo', _rev: '1-', _revisions: { start: 1, ids: [''] } };
  expect((await ask('GET', '/bare/foo?revs=true')).json).toEqual(told);
  expect((await ask('POST', '/bare/_revs_diff', { foo: ['1-', '2-a'] })).json).toEqual({
    foo: { missing: ['2-a'], possible_ancestors: ['1-'] },
  });
  await ask('PUT', '/bare-too');
  expect((await ask('POST', '/bare-too/_bulk_docs', { docs: [told], new_edits: false })).json).toEqual([]);
  const edit = await ask('PUT', '/bare/foo', { _rev: '1-', word: 'next' });
  expect([edit.status, edit.json.rev.slice(0, 2)]).toEqual([201, '2-']);
});

test('documents that do not replicate bear no attachments and no history', async () => {
  await ask('PUT', '/local');
  const file = { content_type: 'text/plain', data: 'Zm9v' };
  await ask('PUT', '/local/_local/one', { word: 'kept', _attachments: { 'foo.txt': file } });
  expect((await ask('GET', '/local/_local/one?attachments=true')).json).toEqual({
    ...{ _id: '_local/one', _rev: '0-1', word: 'kept' },
  });
  const told = { word: 'kept', _rev: '0-1', _revisions: { start: 0, ids: ['1'] } };
  expect(await ask('PUT', '/local/_local/one', told)).toMatchObject({ status: 201, json: { rev: '0-2' } });
  expect((await ask('GET', '/local/_local/one')).json).toEqual({ _id: '_local/one', _rev: '0-2', word: 'kept' });
  const no = { error: 'bad_request', reason: '_local documents do not accept attachments.' };
  for (const name of ['one/foo.txt', 'one/none.txt', 'none/none.txt']) {
    expect(await ask('GET', `/local/_local/${name}`)).toEqual({ status: 400, json: no });
    expect(await ask('PUT', `/local/_local/${name}`, {})).toEqual({ status: 400, json: no });
  }
});

test('an attachment came with the edit that brought its bytes, whatever that edit says of those before', async () => {
  await ask('PUT', '/files');
  const bring = (data: string, revpos?: number) => ({
    content_type: 'text/plain',
    data: Buffer.from(data).toString('base64'),
    ...(revpos === undefined ? {} : { revpos }),
  });
  const put = async (rev: string | undefined, files: object): Promise<string> =>
    (await ask('PUT', `/files/a${rev ? `?rev=${rev}` : ''}`, { _attachments: files })).json.rev;
  const revpos = async () => {
    const { one, two } = (await ask('GET', '/files/a')).json._attachments;
    return [one.revpos, two?.revpos];
  };
  const first = await put(undefined, { one: bring('one') });
  const held = async () => (await ask('GET', '/files/a')).json._attachments;
  const second = await put(first, { ...(await held()), two: bring('two') });
  expect(await revpos()).toEqual([1, 2]);
  await put(second, { ...(await held()), one: bring('one, changed', 1) });
  expect(await revpos()).toEqual([3, 2]);
  const copy = { _id: 'b', _rev: '5-e', _attachments: { one: bring('one', 2), two: bring('two') } };
  await ask('POST', '/files/_bulk_docs', { docs: [copy], new_edits: false });
  const { one, two } = (await ask('GET', '/files/b')).json._attachments;
  expect([one.revpos, two.revpos]).toEqual([2, 5]);
});
