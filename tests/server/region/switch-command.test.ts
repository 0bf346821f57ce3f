/** The operator's hand on a kill switch, with the house running on either database: every process of the house follows, the logbook says who and why, a slip turns nothing. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { logbookSchema } from '#server/logbook/logbook.ts';
import { systemClock } from '#server/platform/clock.ts';
import { type Database, openDatabase } from '#server/platform/database.ts';
import { migrate } from '#server/platform/migrate.ts';
import { openRegions, type Regions, regionSchema } from '#server/region/region.ts';
import type { NetworkView } from '#shared/api/region.ts';
import { freshPostgres } from '#tests/kit/databases.ts';
import { startHouse } from '#tests/kit/house.ts';

/** A switch is in force everywhere so long after the command has answered. */
const IN_FORCE_MS = 5_000;

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
  return runCommand({ ...process.env, DATABASE_URL: url, DATA_DIR: folder }, 'switch', ...words);
}

async function runCommand(env: NodeJS.ProcessEnv, ...words: string[]): Promise<{ code: number | null; said: string }> {
  const child = spawn(NODE, [join(ROOT, 'server/command.ts'), ...words], { env });
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
    said: 'CN-SX: issuing off, withdrawal on, cross-region on.\n',
  });
  await expect.poll(issuing, { timeout: IN_FORCE_MS, interval: 50 }).toEqual([false, false]);
  console.log(
    `a switch was in force in both processes ${Math.round(performance.now() - began)} ms after the command began`,
  );
  expect((await turn('CN-SX', 'issuing', 'on', ...WHO)).code).toBe(0);
  await expect.poll(issuing, { timeout: IN_FORCE_MS, interval: 50 }).toEqual([true, true]);
  const lines = await databases[0]?.query<{ who: string; about: string }>(
    "select who, about from logbook_line where act = 'switch' order by number",
  );
  expect(lines?.map(({ who, about }) => [who, JSON.parse(about)])).toEqual([
    ['operator 王掌柜', { issuing: false, why: 'a leak is being looked at' }],
    ['operator 王掌柜', { issuing: true, why: 'a leak is being looked at' }],
  ]);
});

test('money that leaves the house has a switch of its own, which each process reads', async () => {
  expect(await turn('CN-SX', 'withdrawal', 'off', ...WHO)).toMatchObject({ code: 0 });
  const off = { issuing: true, withdrawal: false, crossRegion: true };
  await expect
    .poll(() => Promise.all(houses.map((one) => one.switches('CN-SX'))), { timeout: IN_FORCE_MS, interval: 50 })
    .toEqual([off, off]);
  expect(await houses[0]?.switches('CN-BJ')).toEqual({ ...off, withdrawal: true });
  expect(await turn('CN-SX', 'withdrawal', 'on', ...WHO)).toMatchObject({ code: 0 });
});

test('a house on the embedded database turns it and proves its books while it runs, in its cage', async () => {
  const house = await startHouse({ caged: true });
  try {
    const issuingIn = async () => {
      const network = (await (await fetch(`${house.origin}/network`)).json()) as NetworkView;
      return network.regions.find(({ region }) => region === 'CN-SX')?.issuing;
    };
    expect(await issuingIn()).toBe(true);
    expect(statSync(join(house.dataDir, 'control.sock')).mode & 0o777).toBe(0o600);
    expect(await runCommand(house.environment, 'switch', 'CN-SX', 'issuing', 'off', ...WHO)).toEqual({
      code: 0,
      said: 'CN-SX: issuing off, withdrawal on, cross-region on.\n',
    });
    await expect.poll(issuingIn, { timeout: IN_FORCE_MS, interval: 50 }).toBe(false);
    expect(await runCommand(house.environment, 'audit:ledger')).toMatchObject({ code: 0 });
    const logbook = await runCommand(house.environment, 'audit:logbook');
    expect(logbook).toMatchObject({ code: 0, said: expect.stringContaining('The logbook is proved') });
    const slip = await runCommand(house.environment, 'switch', 'CN-XX', 'issuing', 'off', ...WHO);
    expect(slip).toEqual({ code: 2, said: 'There is no region CN-XX.\n' });
  } finally {
    await house.stop();
  }
}, 180_000);

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
