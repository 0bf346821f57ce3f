/**
 * What the embedded database promises beyond PGlite: one process a folder, nothing acked is lost, no write on a full disk, a
 * loop that turns whatever the engine does.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { auditLedger } from '#server/ledger/audit.ts';
import { openDatabase } from '#server/platform/database.ts';
import { putMigrated } from '#tests/kit/embedded.ts';
import { ledgerOn, SHANXI } from '#tests/kit/ledger.ts';

const ROOT = join(import.meta.dirname, '../../..');

let folder: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'piaohao-pglite-'));
  await putMigrated(folder);
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

interface Ran {
  readonly child: ChildProcess;
  readonly lines: string[];
  readonly ended: Promise<number | null>;
  saying(): string;
}

function run(file: string, ...words: string[]): Ran {
  const child = spawn(process.execPath, [file, ...words], { cwd: ROOT, env: { ...process.env, DATA_DIR: folder } });
  children.push(child);
  const lines: string[] = [];
  let rest = '';
  let errors = '';
  child.stdout?.on('data', (part: Buffer) => {
    const pieces = (rest + part.toString()).split('\n');
    rest = pieces.pop() ?? '';
    lines.push(...pieces);
  });
  child.stderr?.on('data', (part: Buffer) => {
    errors += part.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { child, lines, ended, saying: () => errors };
}

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let waited = 0; !holds(); waited += 20) {
    if (waited > 30_000) throw new Error(`never: ${what}`);
    await pause(20);
  }
}

test('killed at any moment, everything it promised is there and the ledger is proved', async () => {
  const promised: string[] = [];
  for (let round = 0; round < 3; round += 1) {
    const poster = run('tests/kit/poster.ts');
    await until(() => poster.lines.length > 20, 'the poster posts');
    await pause(Math.random() * 200);
    poster.child.kill('SIGKILL');
    await poster.ended;
    promised.push(...poster.lines.filter((line) => line !== 'open'));
  }
  const database = await openDatabase({ dataDir: folder });
  const ledger = await ledgerOn(database);
  const kept = new Set((await ledger.journal(SHANXI, 0, 1_000_000)).map((one) => one.id as string));
  expect(promised.filter((id) => !kept.has(id))).toEqual([]);
  expect((await auditLedger(database)).findings).toEqual([]);
  await database.close();
});

test('a second server on the folder ends by itself, the first goes on', async () => {
  const first = run('tests/kit/poster.ts');
  await until(() => first.lines.length > 5, 'the first posts');
  const began = performance.now();
  const second = run('tests/kit/poster.ts');
  expect(await second.ended).not.toBe(0);
  console.log(`a second server on the folder ended after ${Math.round(performance.now() - began)} ms`);
  expect(second.saying()).toContain('is in use by process');
  const before = first.lines.length;
  await until(() => first.lines.length > before + 5, 'the first goes on');
});

describe('the audit as a command', () => {
  test('says that somebody else has the folder who answers no commands', async () => {
    const server = run('tests/kit/poster.ts');
    await until(() => server.lines.length > 5, 'the server posts');
    const audit = run('server/command.ts', 'audit:ledger');
    expect(await audit.ended).toBe(2);
    expect(audit.saying()).toMatch(/in use by process \d+.*answers no commands/);
  });

  test.each([
    ['proves a true ledger', [], 0, 'The ledger is proved: 1 regions, '],
    [
      'names a wrong row',
      ["update ledger_account set balance = balance + 3 where id like 'available/%'"],
      1,
      'off by 3',
    ],
  ])('%s', async (_what, tampering, code, says) => {
    const server = run('tests/kit/poster.ts');
    await until(() => server.lines.length > 5, 'the server posts');
    server.child.kill('SIGTERM');
    expect(await server.ended).toBe(0);
    const database = await openDatabase({ dataDir: folder });
    for (const sql of tampering) await database.query(sql);
    await database.close();
    const audit = run('server/command.ts', 'audit:ledger');
    expect(await audit.ended).toBe(code);
    expect(audit.lines.join('\n')).toContain(says);
  });

  test('says that there is nothing', async () => {
    rmSync(join(folder, 'pglite'), { recursive: true });
    const audit = run('server/command.ts', 'audit:ledger');
    expect(await audit.ended).toBe(2);
    expect(audit.saying()).toContain('There is no ledger in');
  });
});

test('a lock left by a dead process, or by another one with its number, is taken over', async () => {
  for (const stale of ['999999999 1\n', `${process.pid} 12345\n`, 'rubbish']) {
    writeFileSync(join(folder, 'server.lock'), stale);
    const database = await openDatabase({ dataDir: folder });
    await database.close();
    expect(statSync(join(folder, 'server.lock'), { throwIfNoEntry: false })).toBeUndefined();
  }
});

test('as its tables grow it learns how large they are, so that a batch is found by the index', async () => {
  const database = await openDatabase({ dataDir: folder });
  await database.query('create table note (id bigint primary key, text text)');
  for (let first = 0; first < 110_000; first += 1_000) {
    await database.query("insert into note select n, 'so' from generate_series($1::int, $1::int + 999) as n", [first]);
  }
  const [known] = await database.query<{ rows: number }>(
    "select reltuples::bigint as rows from pg_class where relname = 'note'",
  );
  expect(known?.rows).toBeGreaterThan(50_000);
  const plan = await database.query<Record<string, string>>(
    'explain select text from note where id = any($1::bigint[])',
    [Array.from({ length: 1_000 }, (_, at) => at * 7)],
  );
  expect(JSON.stringify(plan)).toContain('note_pkey');
  await database.close();
});

test('with too little disk left writes are refused, reads go on, and it needs no restart', async () => {
  const first = await openDatabase({ dataDir: folder });
  await first.query('create table note (text text)');
  await first.close();
  const database = await openDatabase({ dataDir: folder, diskFloorBytes: Number.MAX_SAFE_INTEGER });
  await expect(database.query("insert into note values ('a')")).rejects.toMatchObject({ code: 'house.disk-full' });
  await expect(database.transaction((tx) => tx.query("insert into note values ('a')"))).rejects.toMatchObject({
    code: 'house.disk-full',
  });
  await expect(database.probe()).rejects.toMatchObject({ code: 'house.disk-full' });
  expect(await database.query('select count(*) as count from note')).toEqual([{ count: 0 }]);
  await database.close();
});

test('a statement without end ends the process, whose loop turns until then', async () => {
  const endless = run('tests/kit/endless.ts');
  expect(await endless.ended).toBe(1);
  expect(endless.saying()).toContain('did not end in time');
  expect(endless.lines.length).toBeGreaterThan(5);
});

test('what is asked of it at once is done in its order, each transaction whole', async () => {
  const database = await openDatabase({ dataDir: folder });
  await database.query('create table note (id int primary key, seen int not null)');
  const add = 'insert into note select $1::int, count(*) from note returning seen';
  const pair = (first: number) =>
    database.transaction(async (tx) => {
      const rows = await Promise.all([tx.query(add, [first]), tx.query(add, [first + 1])]);
      return rows.flat();
    });
  const [one, two, three] = await Promise.all([pair(10), database.query(add, [20]), pair(30)]);
  expect([one, two, three]).toEqual([[{ seen: 0 }, { seen: 1 }], [{ seen: 2 }], [{ seen: 3 }, { seen: 4 }]]);
  const broken = database.transaction(async (tx) => {
    await Promise.allSettled([tx.query(add, [40]), tx.query(add, [10]), tx.query(add, [41])]);
    throw new Error('thought better of it');
  });
  await expect(broken).rejects.toThrow('thought better of it');
  await expect(database.transaction((tx) => tx.query(add, [20]))).rejects.toMatchObject({ code: '23505' });
  expect(await database.query('select count(*) as count from note')).toEqual([{ count: 5 }]);
  await database.close();
});

test('a statement beside the transaction under way is stopped as our own fault, not left waiting for ever', async () => {
  const database = await openDatabase({ dataDir: 'memory' });
  await expect(database.transaction(() => database.query('select 1'))).rejects.toThrow('would wait for ever');
  expect(await database.query('select 1 as one')).toEqual([{ one: 1 }]);
  await database.close();
});
