/** The operator's hand on a kill switch: every process of the house follows, the logbook says who and why, a slip turns nothing. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { logbookSchema } from '#server/logbook/logbook.ts';
import { systemClock } from '#server/platform/clock.ts';
import { type Database, openDatabase } from '#server/platform/database.ts';
import { migrate } from '#server/platform/migrate.ts';
import { openRegions, type Regions, regionSchema } from '#server/region/region.ts';
import { freshPostgres } from '#tests/kit/databases.ts';

const ROOT = join(import.meta.dirname, '../../..');
const NODE = join(ROOT, 'node_modules/.bin/node');
const folder = mkdtempSync(join(tmpdir(), 'piaohao-switch-'));
let url: string;
const databases: Database[] = [];
/** Two processes of one house, as far as a switch is concerned: each with its own connection and its own memory. */
const houses: Regions[] = [];

beforeAll(async () => {
  url = await freshPostgres();
  while (houses.length < 2) {
    const database = await openDatabase({ dataDir: folder, databaseUrl: url });
    databases.push(database);
    await migrate(database, [logbookSchema, regionSchema]);
    const keysDir = join(folder, 'keys');
    houses.push(
      await openRegions({ database, clock: systemClock, keysDir, rpId: 'localhost', origins: ['http://localhost'] }),
    );
  }
});
afterAll(async () => {
  for (const database of databases) await database.close();
  rmSync(folder, { recursive: true, force: true });
});

async function turn(...words: string[]): Promise<{ code: number | null; said: string }> {
  const child = spawn(NODE, [join(ROOT, 'server/region/switch-command.ts'), ...words], {
    env: { ...process.env, DATABASE_URL: url, DATA_DIR: folder },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += String(text)));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, said };
}

const WHO = ['--who', '王掌柜', '--why', 'a leak is being looked at'];
const issuing = async () => Promise.all(houses.map(async (one) => (await one.find('CN-SX'))?.issuing));

test('off in every process, and on again, with who and why in the logbook', async () => {
  expect(await issuing()).toEqual([true, true]);
  const began = performance.now();
  expect(await turn('CN-SX', 'issuing', 'off', ...WHO)).toEqual({
    code: 0,
    said: 'CN-SX: issuing off, cross-region on.\n',
  });
  await expect.poll(issuing, { timeout: 30_000, interval: 50 }).toEqual([false, false]);
  console.log(
    `a switch was in force in both processes ${Math.round(performance.now() - began)} ms after the command began`,
  );
  expect((await turn('CN-SX', 'issuing', 'on', ...WHO)).code).toBe(0);
  await expect.poll(issuing, { timeout: 30_000, interval: 50 }).toEqual([true, true]);
  const lines = await databases[0]?.query<{ who: string; about: string }>(
    "select who, about from logbook_line where act = 'switch' order by number",
  );
  expect(lines?.map(({ who, about }) => [who, JSON.parse(about)])).toEqual([
    ['operator 王掌柜', { issuing: false, why: 'a leak is being looked at' }],
    ['operator 王掌柜', { issuing: true, why: 'a leak is being looked at' }],
  ]);
});

test.each([
  ['nothing at all', []],
  ['a switch there is not', ['CN-SX', 'everything', 'off', ...WHO]],
  ['neither on nor off', ['CN-SX', 'issuing', 'maybe', ...WHO]],
  ['nobody who answers for it', ['CN-SX', 'issuing', 'off', '--why', 'x']],
  ['no reason', ['CN-SX', 'issuing', 'off', '--who', 'x']],
  ['a blank reason', ['CN-SX', 'issuing', 'off', '--who', 'x', '--why', ' ']],
  ['an option there is not', ['CN-SX', 'issuing', 'off', '--force', ...WHO]],
  ['a region there is not', ['CN-XX', 'issuing', 'off', ...WHO]],
])('%s turns nothing and ends with 2', async (_what, words) => {
  const { code, said } = await turn(...words);
  expect(code).toBe(2);
  expect(said).toMatch(/npm run switch -- REGION|no region CN-XX|Unknown option/);
  expect(await issuing()).toEqual([true, true]);
});
