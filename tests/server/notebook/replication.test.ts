/** Real PouchDB clients against the house's notebooks, on both databases: cut off, resumed, apart and together again. */
import type PouchDB from 'pouchdb-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { notebookSchema, openNotebooks } from '#server/notebook/notebook.ts';
import type { Database } from '#server/platform/database.ts';
import { migrate } from '#server/platform/migrate.ts';
import { NOTEBOOK_BYTES } from '#shared/api/notebook.ts';
import { type Id, newId } from '#shared/base/id.ts';
import { instant } from '#shared/base/time.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { type NotebookHouse, openNotebookHouse, phone } from '#tests/kit/notebook.ts';

const someone = (): Id => newId(instant(Date.now()));
const note = (bill: string, text: string) => ({ _id: `note:${bill}`, type: 'note', bill, text, at: 1 });

/** Members of documents that mean ill: facts dressed as opinions, design documents, users, foreign members and revisions. */
const ILL: Readonly<Record<string, readonly unknown[]>> = {
  _id: [
    '_design/x',
    '_users/org.couchdb.user:a',
    '_local/x',
    'bill:1',
    'note:',
    'note:b1',
    'budget:x',
    '票',
    '',
    1,
    null,
  ],
  _rev: ['1-a', '2-b', '0-1', '1', 'x', 7, {}, undefined],
  _revisions: [{ start: 2, ids: ['b', 'a'] }, { start: 1, ids: [] }, { start: -1, ids: ['a'] }, [], 'x', undefined],
  _deleted: [true, false, 'yes', undefined],
  _attachments: [{ a: { data: 'AAAA' } }, { a: { stub: true } }, { _a: 1 }, 'x', undefined, undefined],
  _security: [{ admins: {} }, undefined, undefined, undefined],
  type: ['note', 'tags', 'bill', 'transfer', 1, undefined],
  bill: ['b1', '../b1', { a: 1 }, undefined],
  text: ['x', 5, null, ['x'], undefined],
  amount: [1_000_00, -1, '1e9'],
  roles: [['_admin'], undefined],
  at: [1, -1, 1e300, undefined],
};

/** The document of number `at`: every mixture comes in its turn, and the same ones each time. */
function illMeant(at: number): object {
  let seed = at * 2_654_435_761;
  return Object.fromEntries(
    Object.entries(ILL).map(([name, values]) => {
      seed = (Math.imul(seed ^ (seed >>> 15), 2_246_822_519) >>> 0) + 1;
      return [name, values[seed % values.length]];
    }),
  );
}

eachDatabase('notebooks', (open) => {
  let database: Database;
  let house: NotebookHouse;
  beforeAll(async () => {
    database = await open();
    await migrate(database, [notebookSchema]);
    house = await openNotebookHouse(database);
  });
  afterAll(() => house.close());

  /** Both ways, once. */
  async function sync(local: PouchDB, remote: PouchDB): Promise<void> {
    await local.replicate.to(remote);
    await local.replicate.from(remote);
  }

  test('what one phone writes, another reads; what it takes back is gone there too', async () => {
    const me = someone();
    const [first, second] = [phone(), phone()];
    await first.bulkDocs([
      note('b1', '茶'),
      note('b2', '面'),
      { _id: 'tags:b1', type: 'tags', bill: 'b1', tags: ['工'], at: 1 },
    ]);
    await sync(first, house.remote(me));
    await sync(second, house.remote(me));
    expect((await second.get('note:b1')).text).toBe('茶');
    const { _id, _rev = '' } = await second.get('note:b2');
    await second.remove({ _id, _rev });
    await sync(second, house.remote(me));
    await sync(first, house.remote(me));
    expect((await first.allDocs()).rows.map(({ id }) => id)).toEqual(['note:b1', 'tags:b1']);
  });

  test('two phones edit one note offline: both words survive, everywhere the same one wins, and one is chosen', async () => {
    const me = someone();
    const [first, second] = [phone(), phone()];
    await first.put(note('b1', '茶'));
    await sync(first, house.remote(me));
    await sync(second, house.remote(me));
    for (const [one, text] of [
      [first, '和老王喝茶'],
      [second, '和老李喝茶'],
    ] as const) {
      await one.put({ ...(await one.get('note:b1')), text });
    }
    for (const one of [first, second, first]) await sync(one, house.remote(me));
    const seen = [await first.get('note:b1', { conflicts: true }), await second.get('note:b1', { conflicts: true })];
    expect(seen[0]).toEqual(seen[1]);
    const lost = await first.get('note:b1', { rev: seen[0]?._conflicts?.[0] ?? '' });
    expect([seen[0]?.text, lost.text].sort()).toEqual(['和老李喝茶', '和老王喝茶']);
    await first.put({ ...(await first.get('note:b1')), text: '和老王老李喝茶' });
    await first.remove({ _id: 'note:b1', _rev: lost._rev ?? '' });
    for (const one of [first, second]) await sync(one, house.remote(me));
    const after = await second.get('note:b1', { conflicts: true });
    expect([after.text, after._conflicts]).toEqual(['和老王老李喝茶', undefined]);
  });

  test('a replication that is cut off again and again goes on where it was, and brings everything once', async () => {
    const me = someone();
    const local = phone();
    await local.bulkDocs(Array.from({ length: 400 }, (_, at) => note(`b${at}`, `第${at}笔`)));
    let asked = 0;
    let cut = 0;
    // Every seventh request is lost: half of those on the way there, half with the answer on the way back.
    const bad: typeof fetch = async (url, init) => {
      asked += 1;
      if (asked % 7 !== 0) return fetch(url, init);
      cut += 1;
      if (cut % 2 === 0) await fetch(url, init);
      throw new TypeError('the road is cut');
    };
    let tries = 0;
    for (let isDone = false; !isDone && tries < 60; tries += 1) {
      isDone = await local.replicate.to(house.remote(me, me, bad), { batch_size: 40 }).then(
        () => true,
        () => false,
      );
    }
    expect(cut).toBeGreaterThan(1);
    expect(tries).toBeLessThan(60);
    const other = phone();
    await other.replicate.from(house.remote(me));
    expect((await other.info()).doc_count).toBe(400);
    const rows = await database.query<{ sequence: number }>('select sequence from notebook where book = $1', [me]);
    expect(rows).toEqual([{ sequence: 400 }]);
  });

  test('a phone that listens hears of another phone at once', async () => {
    const me = someone();
    const [first, second] = [phone(), phone()];
    const live = second.replicate.from(house.remote(me), { live: true, retry: true });
    const came = new Promise<string>((resolve) => {
      const seen = second.changes({ live: true, since: 'now', include_docs: true });
      seen.on('change', ((change: { doc: { text: string } }) => {
        seen.cancel();
        resolve(change.doc.text);
      }) as (told: never) => void);
    });
    await first.put(note('b1', '到了'));
    await first.replicate.to(house.remote(me));
    expect(await came).toBe('到了');
    live.cancel();
  });

  test('a notebook is opened by its owner alone, and by no other name', async () => {
    const [me, other] = [someone(), someone()];
    const local = phone();
    await local.put(note('b1', '我的'));
    await local.replicate.to(house.remote(me));
    const stolen = phone();
    await expect(stolen.replicate.from(house.remote(me, other))).rejects.toMatchObject({ status: 404 });
    expect((await stolen.info()).doc_count).toBe(0);
    for (const name of ['_users', '_replicator', '_design', other, `${me}/_design/x`, `${me}/_security`]) {
      const answer = await fetch(`${house.origin}/notebook/${name}`, { headers: { authorization: `Device ${me}` } });
      expect([name, answer.status]).toEqual([name, 404]);
    }
  });

  test('that nothing is marked yet is a 404, and an empty answer to who asks for one', async () => {
    const me = someone();
    const ask = async (query: string, method = 'GET', body?: object) => {
      const headers = { authorization: `Device ${me}`, ...(body ? { 'content-type': 'application/json' } : {}) };
      const url = `${house.origin}/notebook/${me}/_local/mark${query}`;
      const answer = await fetch(url, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
      return [answer.status, await answer.text()];
    };
    expect((await ask(''))[0]).toBe(404);
    expect(await ask('?none=204')).toEqual([204, '']);
    expect((await ask('?none=1'))[0]).toBe(400);
    expect((await ask('', 'PUT', { _id: '_local/mark', last_seq: 7 }))[0]).toBe(201);
    const [plain, asked] = [await ask(''), await ask('?none=204')];
    expect([asked[0], asked[1]]).toEqual([200, plain[1]]);
  });

  test('what is no opinion is not taken, and says so by its id', async () => {
    const me = someone();
    const local = phone();
    await local.bulkDocs([
      note('good', '好'),
      { _id: '_design/x', views: { a: { map: 'function () { while (true); }' } } },
      { _id: 'bill:1', type: 'bill', amount: 1_000_00 },
      { ...note('b1', '差'), _id: 'note:b2' },
      { ...note('long', 'x'.repeat(1_001)) },
      { ...note('extra', ''), balance: 1 },
    ]);
    const told = await local.replicate.to(house.remote(me));
    expect([told.docs_written, told.doc_write_failures]).toEqual([1, 5]);
    const other = phone();
    await other.replicate.from(house.remote(me));
    expect((await other.allDocs()).rows.map(({ id }) => id)).toEqual(['note:good']);
  });

  test('a full notebook takes no more, but takes what makes it smaller', async () => {
    const owner = { region: 'CN-SX', wallet: someone() };
    const notebooks = openNotebooks({ database });
    const first = (at: number) => ({ ...note(`b${at}`, 'x'.repeat(900)), _rev: '1-a' });
    const outcomes: (string | undefined)[] = [];
    for (let from = 0; from < 5_500; from += 500) {
      const brought = await notebooks.bring(
        owner,
        Array.from({ length: 500 }, (_, at) => first(from + at)),
      );
      outcomes.push(brought.ok ? undefined : brought.error.code);
    }
    expect(outcomes.slice(0, 8)).toEqual(Array(8).fill(undefined));
    expect(outcomes.at(-1)).toBe('notebook.full');
    const bytes = async () =>
      (await database.query<{ bytes: number }>('select bytes from notebook where book = $1', [owner.wallet]))[0]
        ?.bytes ?? 0;
    const full = await bytes();
    expect(full).toBeLessThanOrEqual(NOTEBOOK_BYTES);
    expect(full).toBeGreaterThan(NOTEBOOK_BYTES * 0.8);
    const gone = { _id: 'note:b0', _rev: '2-b', _deleted: true, _revisions: { start: 2, ids: ['b', 'a'] } };
    expect(await notebooks.bring(owner, [gone])).toEqual({ ok: true, value: [] });
    expect(await bytes()).toBeLessThan(full);
    expect((await notebooks.everything(owner)).some(({ _id }) => _id === 'note:b0')).toBe(false);
  });

  test('ten thousand documents that mean ill change no fact, and none of them is a fault of the house', async () => {
    const me = someone();
    const headers = {
      authorization: `Device ${me}`,
      'content-type': 'application/json',
      origin: 'http://localhost:4800',
    };
    await database.query('create table if not exists fact (amount bigint)');
    await database.query('insert into fact (amount) values (100000)');
    for (let from = 0; from < 10_000; from += 500) {
      const docs = Array.from({ length: 500 }, (_, at) => illMeant(from + at));
      const payload = JSON.stringify({ docs, new_edits: false });
      const answer = await house.app.inject({ method: 'POST', url: `/notebook/${me}/_bulk_docs`, headers, payload });
      expect([answer.statusCode, answer.json().length]).toEqual([201, docs.length]);
    }
    const twice = `{"docs":[{"_id":"note:a","_id":"_design/a"}],"new_edits":false}`;
    const refused = await house.app.inject({
      method: 'POST',
      url: `/notebook/${me}/_bulk_docs`,
      headers,
      payload: twice,
    });
    expect([refused.statusCode, refused.json().code]).toEqual([400, 'request.malformed']);
    const huge = { ...note('a', 'x'.repeat(70_000)), _rev: '1-a' };
    const large = await openNotebooks({ database }).bring({ region: 'CN-SX', wallet: me }, [huge]);
    expect(large.ok && large.value.map(({ error }) => error)).toEqual(['document_too_large']);
    const tree = Array.from({ length: 1_001 }, (_, at) => ({ ...note('b', 'x'), _rev: `1-${at}` }));
    const wide = await openNotebooks({ database }).bring({ region: 'CN-SX', wallet: me }, tree);
    expect(wide.ok && wide.value.length).toBe(1_001 - 50);
    expect(await database.query('select amount from fact')).toEqual([{ amount: 100_000 }]);
    expect((await openNotebooks({ database }).info({ region: 'CN-SX', wallet: me })).living).toBe(1);
  }, 180_000);

  test('five thousand notes are brought and fetched in lists', async () => {
    const me = someone();
    const remote = house.remote(me);
    const local = phone();
    await local.bulkDocs(Array.from({ length: 5_000 }, (_, at) => note(`b${at}`, `${at}`)));
    await local.replicate.to(remote, { batch_size: 1_000 });
    const other = phone();
    await other.replicate.from(remote, { batch_size: 1_000 });
    expect((await other.info()).doc_count).toBe(5_000);
  }, 120_000);
});
