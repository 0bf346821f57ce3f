/** The small parts of the platform: values, batches, what the disk has, settings, calls out, work that comes round and threads. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findTogether, gather, gatherOrEach, waitingItems } from '#server/platform/batch.ts';
import { readConfig } from '#server/platform/config.ts';
import { type Database, findByKey, type Sql, Unavailable } from '#server/platform/database.ts';
import { startJob } from '#server/platform/job.ts';
import { migrate } from '#server/platform/migrate.ts';
import { callOutside } from '#server/platform/outside.ts';
import { startThread } from '#server/platform/thread.ts';
import { openDurable } from '#server/platform/wal.ts';
import { duration, instant } from '#shared/base/time.ts';
import { eachDatabase } from '#tests/kit/databases.ts';

eachDatabase('values', (open) => {
  let database: Database;
  beforeAll(async () => {
    database = await open();
  });

  test('are found by their key in a table the planner takes for small, as long as the transaction lasts', async () => {
    await database.query('create table found (id integer primary key)');
    await database.query('insert into found select generate_series(1, 500)');
    const planOf = async (tx: Sql) => {
      const plan = await tx.query('explain select id from found where id = any($1::integer[])', [[1, 2, 3]]);
      return JSON.stringify(plan);
    };
    await database.transaction(async (tx) => {
      await findByKey(tx);
      expect(await planOf(tx)).toContain('found_pkey');
    });
    const rows = await database.query("select current_setting('enable_seqscan') as scan");
    expect(rows).toEqual([{ scan: 'on' }]);
  });

  test.each([
    ['bigint', Number.MAX_SAFE_INTEGER],
    ['bigint', -5],
    ['text', 'it\'s "so", \\ {and} 钱'],
    ['bytea', new Uint8Array([0, 255, 92])],
    ['boolean', false],
    ['jsonb', { a: [1, { b: '\\"' }], c: null }],
    ['uuid', '018bcfe5-6800-7000-8000-000000000001'],
    ['bigint[]', [1, -2]],
    ['text[]', ['', 'null', 'a,b', '"\\', '{}']],
    ['text[]', []],
    ['text', null],
  ])('%s goes there and comes back: %j', async (type, value) => {
    expect(await database.query(`select $1::${type} as value`, [value])).toEqual([{ value }]);
  });

  test('bytes and documents go in lists too', async () => {
    const rows = await database.query('select * from unnest($1::bytea[], $2::jsonb[]) as t(bytes, document)', [
      [new Uint8Array([1]), null],
      [{ a: '"' }, null],
    ]);
    expect(rows).toEqual([
      { bytes: new Uint8Array([1]), document: { a: '"' } },
      { bytes: null, document: null },
    ]);
  });

  test.each([
    ['text', ['plain', 'null', 'NULL', '', ' ', 'a,b', '{}', '"', '\\', "it's", '票号', 'a/b:c.d-e', null]],
    ['bytea', [new Uint8Array([0, 255, 92]), null, new Uint8Array(), new Uint8Array(300).fill(34)]],
    ['bytea', [null, null]],
    ['bytea', []],
    ['bigint', [0, -1, Number.MAX_SAFE_INTEGER, null]],
    ['bigint', [-(2 ** 32), 2 ** 31, -Number.MAX_SAFE_INTEGER, 7, 7, null, 7]],
    ['bigint', []],
    ['integer', [2 ** 31 - 1, -(2 ** 31) + 1, null, 0]],
    ['int', [5, 5]],
    ['smallint', [-32_767, 32_767]],
    [
      'uuid',
      [
        '018bcfe5-6800-7000-8000-0000000000ff',
        null,
        '018bcfe5-6800-7000-8000-0000000000ff',
        'ffffffff-ffff-ffff-ffff-fffffffffffe',
      ],
    ],
    ['jsonb', [{ a: ['"', '钱'] }, null, { a: ['"', '钱'] }, {}]],
    ['text', ['CN-SX', 'CN-SX', null, 'CN-SX', '']],
    ['boolean', [true, false, null]],
  ])('a list of %s comes back as it went', async (type, values) => {
    const rows = await database.query<{ value: unknown }>(`select unnest($1::${type}[]) as value`, [values]);
    expect(rows.map((row) => row.value)).toEqual(values);
  });

  test.each([
    ['uuid', ['not one'], '22P02'],
    ['uuid', ['018bcfe5-6800-7000-8000-00000000000g'], '22P02'],
    ['uuid', ['018bcfe5x6800-7000-8000-000000000000'], '22P02'],
    ['integer', [2 ** 31], '22003'],
    ['smallint', [32_768], '22003'],
    ['bigint', [1.5], '22P02'],
    ['text', ['nothing\0'], '22021'],
  ])('a list of %s that holds %j is refused by the engine', async (type, values, code) => {
    await expect(database.query(`select $1::${type}[] as value`, [values])).rejects.toMatchObject({ code });
  });

  test('an id in capitals is the same id, and what is no list of one type goes as text', async () => {
    const [row] = await database.query('select $1::uuid[] as ids, $2::int[] as square', [
      ['018BCFE5-6800-7000-8000-0000000000FF'],
      [
        [1, 2],
        [3, 4],
      ],
    ]);
    expect(row).toMatchObject({
      square: [
        [1, 2],
        [3, 4],
      ],
    });
    expect(String(row?.ids)).toContain('018bcfe5-6800-7000-8000-0000000000ff');
  });

  test('a sum is a number, and one that is too large is stopped', async () => {
    expect(await database.query('select sum(x) as sum from unnest($1::bigint[]) x', [[1, 2]])).toEqual([{ sum: 3 }]);
    await expect(database.query('select 9007199254740993::bigint as much')).rejects.toThrow('not a safe integer');
  });

  test('a job is done by one process at a time, and by another when the first is gone', async () => {
    await migrate(database, []);
    let now = instant(1_000_000);
    const done: string[] = [];
    const job = (who: string) =>
      startJob({
        database,
        name: 'sweep',
        every: duration(1, 'min'),
        clock: () => now,
        run: async () => void done.push(who),
      });
    const [first, second] = [job('first'), job('second')];
    expect([await first.runNow(), await second.runNow(), await first.runNow()]).toEqual([true, false, true]);
    now = instant(now + duration(4, 'min'));
    expect(await second.runNow()).toBe(true);
    await second.stop();
    expect(await first.runNow()).toBe(true);
    await first.stop();
    expect(done).toEqual(['first', 'first', 'second', 'first']);
  });

  test('a job waits while the clock is not believed, and takes no lease by it', async () => {
    await migrate(database, []);
    let believed = false;
    const done: string[] = [];
    const job = startJob({
      database,
      name: 'due by a wrong clock',
      every: duration(1, 'min'),
      clock: () => instant(believed ? 1_000_000 : 2_000_000_000_000),
      believeClock: async () => {
        if (!believed) throw new Unavailable('house.unreachable', 'the clock was moved');
      },
      run: async () => void done.push('run'),
    });
    expect(await job.runNow()).toBe(false);
    expect(await database.query('select name from platform_lease where until_at > 1000000000000')).toEqual([]);
    believed = true;
    expect(await job.runNow()).toBe(true);
    await job.stop();
    expect(done).toEqual(['run']);
  });
});

describe('a batch', () => {
  test('takes what is there, gathers what comes meanwhile, and keeps the order', async () => {
    const runs: number[][] = [];
    const add = gather<number, number>(
      async (items) => {
        runs.push(items);
        await new Promise((resolve) => setTimeout(resolve, 5));
        return items.map((item) => item * 10);
      },
      { most: 3 },
    );
    const first = [1, 2].map(add);
    await Promise.resolve();
    await Promise.resolve();
    const answers = await Promise.all([...first, ...[3, 4, 5, 6].map(add)]);
    expect(answers).toEqual([10, 20, 30, 40, 50, 60]);
    expect(runs).toEqual([[1, 2], [3, 4, 5], [6]]);
  });

  test('counts what an item stands for; one that is too large goes alone, and none is left behind', async () => {
    const runs: string[] = [];
    const add = gather<string, string>(
      async (items) => {
        runs.push(items.join(' '));
        return items;
      },
      { most: 4, sizeOf: (item) => item.length },
    );
    await Promise.all(['ab', 'cd', 'e', 'fghijk', 'l', '', 'mno'].map(add));
    expect(runs).toEqual(['ab cd', 'e', 'fghijk', 'l  mno']);
  });

  test('that one item spoils is done one by one, and only that one fails; a house that cannot serve is not asked again', async () => {
    const runs: string[] = [];
    const shout = gatherOrEach<string, string>(
      async (items) => {
        runs.push(items.join(' '));
        if (items.includes('bad')) throw new Error('spoilt');
        if (items.includes('gone')) throw new Unavailable('house.unreachable', 'no road');
        return items.map((item) => item.toUpperCase());
      },
      { most: 10 },
    );
    const tell = async (words: string) =>
      (await Promise.allSettled(words.split(' ').map(shout))).map((one) =>
        one.status === 'fulfilled' ? one.value : String(one.reason.message),
      );
    expect(await tell('a b')).toEqual(['A', 'B']);
    expect(await tell('a bad c')).toEqual(['A', 'spoilt', 'C']);
    expect(await tell('a gone c')).toEqual(['no road', 'no road', 'no road']);
    expect(await tell('bad')).toEqual(['spoilt']);
    expect(runs).toEqual(['a b', 'a bad c', 'a', 'bad', 'c', 'a gone c', 'bad']);
  });

  test('of questions asks for each key once, after all of them came, and is no work that waits', async () => {
    const asked: string[] = [];
    const rows = [
      { of: 'a', what: 1 },
      { of: 'b', what: 2 },
      { of: 'a', what: 3 },
    ];
    const find = findTogether(
      async (keys: readonly string[]) => {
        asked.push(keys.join(' '));
        return rows.filter((row) => keys.includes(row.of));
      },
      { nameOf: (key) => key, keyOf: (row) => row.of },
    );
    const answers = ['a', 'b', 'a', 'c'].map(find);
    expect(waitingItems()).toBe(0);
    const found = await Promise.all(answers);
    expect(found.map((some) => some.map(({ what }) => what))).toEqual([[1, 3], [2], [1, 3], []]);
    expect(asked).toEqual(['a b c']);
    rows.push({ of: 'c', what: 4 });
    expect(await find('c')).toEqual([{ of: 'c', what: 4 }]);
  });

  test('runs as many at once as it may, each on its own', async () => {
    const runs: number[][] = [];
    const doors: (() => void)[] = [];
    const add = gather<number, number>(
      async (items) => {
        runs.push(items);
        await new Promise<void>((resolve) => doors.push(resolve));
        return items.map((item) => item * 10);
      },
      { most: 2, atOnce: 2 },
    );
    const answers = [1, 2, 3, 4, 5, 6, 7].map(add);
    await expect
      .poll(() => runs)
      .toEqual([
        [1, 2],
        [3, 4],
      ]);
    // The later run ends first, and the next one takes its place beside the earlier.
    doors[1]?.();
    expect(await Promise.all(answers.slice(2, 4))).toEqual([30, 40]);
    await expect.poll(() => runs.length).toBe(3);
    doors[0]?.();
    await expect.poll(() => runs.slice(2)).toEqual([[5, 6], [7]]);
    doors[2]?.();
    doors[3]?.();
    expect(await Promise.all(answers)).toEqual([10, 20, 30, 40, 50, 60, 70]);
  });

  test('that fails tells each of its own, and the next one works', async () => {
    const add = gather<number, number>(
      async (items) => {
        if (items.includes(1)) throw new Error('no');
        return items;
      },
      { most: 1 },
    );
    expect(await Promise.allSettled([add(1), add(2)])).toMatchObject([
      { status: 'rejected' },
      { status: 'fulfilled', value: 2 },
    ]);
  });
});

describe('what is committed', () => {
  test('while the disk is at work may have come too late for it and is put there again', async () => {
    const doors: (() => void)[] = [];
    const durable = openDurable(() => new Promise((resolve) => doors.push(resolve)));
    durable.committed();
    const first = durable.kept();
    durable.committed();
    doors[0]?.();
    await first;
    const second = durable.kept();
    expect(doors.length).toBe(2);
    doors[1]?.();
    await second;
    await durable.kept();
    expect(doors.length).toBe(2);
  });

  test('and could not be put there is tried again', async () => {
    const disk = [Promise.reject(new Error('no room')), Promise.resolve()];
    let asked = 0;
    const durable = openDurable(() => disk[asked++] ?? Promise.resolve());
    durable.committed();
    await expect(durable.kept()).rejects.toThrow('no room');
    await durable.kept();
    expect(asked).toBe(2);
  });
});

describe('settings', () => {
  test('without any, a house for one machine', () => {
    expect(readConfig({})).toMatchObject({
      host: '127.0.0.1',
      port: 4800,
      origin: 'http://localhost:4800',
      rpId: 'localhost',
      dataDir: 'data',
    });
  });

  test.each([
    [{ PORT: '80a' }, 'PORT'],
    [{ PORT: '70000' }, 'PORT'],
    [{ ORIGIN: 'wallet.example' }, 'ORIGIN'],
    [{ ORIGIN: 'https://wallet.example', RP_ID: 'evil.example' }, 'RP_ID'],
    [{ ORIGIN: 'https://wallet.example', RP_ID: 'let.example' }, 'RP_ID'],
    [{ DATABASE_URL: 'mysql://x' }, 'DATABASE_URL'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL'],
  ])('%j makes no sense', (env, named) => {
    expect(() => readConfig(env)).toThrow(named);
  });

  test('a part of the host is a relying party, and several proxies are trusted', () => {
    const config = readConfig({
      ORIGIN: 'https://a.wallet.example/',
      RP_ID: 'wallet.example',
      TRUST_PROXY: '10.0.0.1, 10.0.0.2',
      INSIDE_HOSTS: '127.0.0.1:4809',
    });
    expect(config).toMatchObject({
      origin: 'https://a.wallet.example',
      rpId: 'wallet.example',
      trustProxy: ['10.0.0.1', '10.0.0.2'],
      insideHosts: ['127.0.0.1:4809'],
    });
  });
});

describe('a call outside', () => {
  let server: Server;
  let origin: string;
  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === '/slow') return;
      if (request.url === '/cut') return void request.socket.destroy();
      if (request.url === '/away') return void response.writeHead(302, { location: '/echo' }).end();
      if (request.url === '/page') return void response.end('<html>');
      if (request.url === '/huge') return void response.end(`"${'x'.repeat(2_000_000)}"`);
      if (request.url === '/none') return void response.writeHead(204).end();
      request.setEncoding('utf8').on('data', (text: string) => response.writeHead(201).end(text));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  test.each([
    ['/echo', { ok: true, value: { status: 201, body: { a: 1 } } }],
    ['/none', { ok: true, value: { status: 204, body: undefined } }],
    ['/away', { ok: true, value: { status: 302, body: undefined } }],
    ['/slow', { ok: false, error: 'timeout' }],
    ['/cut', { ok: false, error: 'lost' }],
    ['/page', { ok: false, error: 'not-json' }],
    ['/huge', { ok: false, error: 'too-large' }],
  ])('%s', async (path, answer) => {
    expect(await callOutside(origin + path, { method: 'POST', body: { a: 1 }, timeoutMs: 300 })).toEqual(answer);
  });

  test('to nobody is lost', async () => {
    expect(await callOutside('http://127.0.0.1:9/', { method: 'GET', timeoutMs: 300 })).toEqual({
      ok: false,
      error: 'lost',
    });
  });
});

describe('a thread', () => {
  const ASKED = new URL('../../kit/answering-thread.ts', import.meta.url);

  test('answers each question, with the word of what it threw, and keeps its place', async () => {
    const thread = startThread<string, string>(ASKED, 'loud', () => undefined);
    const answers = await Promise.allSettled(['one', 'bad', 'two'].map((word) => thread.ask(word)));
    expect(answers).toMatchObject([
      { status: 'fulfilled', value: 'loud one' },
      { status: 'rejected', reason: { message: 'no answer to bad', code: 'E_BAD' } },
      { status: 'fulfilled', value: 'loud two' },
    ]);
    await thread.end();
  });

  test('that dies says so once and leaves no question open', async () => {
    const lost: string[] = [];
    const thread = startThread<string, string>(ASKED, 'loud', ({ message }) => lost.push(message));
    const open = [thread.ask('die'), thread.ask('one')];
    expect(await Promise.allSettled(open)).toMatchObject([
      { status: 'rejected', reason: { message: 'died of it' } },
      { status: 'rejected', reason: { message: 'died of it' } },
    ]);
    expect(lost).toEqual(['died of it']);
  });
});
