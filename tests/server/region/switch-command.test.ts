/** The operator's hand on a kill switch, with the house running on either database: every process of the house follows, the logbook says who and why, a slip turns nothing. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { logbookSchema } from '#server/logbook/logbook.ts';
import { systemClock } from '#server/platform/clock.ts';
import { type Database, openDatabase } from '#server/platform/database.ts';
import type { Http } from '#server/platform/http.ts';
import { migrate } from '#server/platform/migrate.ts';
import { openRegions, type Regions, regionSchema } from '#server/region/region.ts';
import type { NetworkView } from '#shared/api/region.ts';
import type { SyncAnswer } from '#shared/api/sync.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import { newId } from '#shared/base/id.ts';
import { EMPTY_SYNC, openPurse } from '#tests/attack/stage.ts';
import { startBeside } from '#tests/kit/beside.ts';
import { runCommand } from '#tests/kit/command.ts';
import { freshPostgres } from '#tests/kit/databases.ts';
import { clock, fill, openTroubled, whileStopped } from '#tests/kit/fault-house.ts';
import { startHouse } from '#tests/kit/house.ts';
import { freshSigner } from '#tests/kit/market.ts';
import { good, openMember, stepUp } from '#tests/kit/member.ts';
import { overHttp } from '#tests/kit/over-http.ts';

/** A switch is in force everywhere so long after the command has answered. */
const IN_FORCE_MS = 5_000;

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

/** One try of an act that a switch forbids: what the server at hand said to it. */
type Try = () => Promise<string>;

/** People with money, a certified name and a card, in a house that runs; everybody asks the server at `to(port)` from then on. */
async function openPeople(database: 'pglite' | 'postgres') {
  // As it is started for people where it stands alone; several servers of one house are started beside each other.
  const troubled = await openTroubled({ database, minor: 1_000_00, caged: database === 'pglite', paceMs: 10 });
  let { port } = troubled;
  const { house } = troubled;
  const app = { inject: (asked: InjectOptions) => overHttp(`http://localhost:${port}`).inject(asked) } as Http;
  const place = { ...troubled.place, app };
  const saver = await openMember(place, { phone: '13800138001' });
  const buyer = await openMember(place, { phone: '13800138002' });
  const far = await openMember(place, { phone: '13800138003', region: 'CN-BJ' });
  const card = newId(clock());
  await whileStopped(house, async (inside) => {
    for (const one of [saver, buyer]) await fill(inside, one, 1_000_00);
    await inside.query("update identity_wallet set tier = 'real-name' where id = $1", [saver.wallet]);
    await inside.query(
      `insert into funding_card (region, id, wallet, reference, state, token, bin, bank, kind, last4, started_at, changed_at)
       values ('CN-SX', $1, $2, $3, 'bound', 'token', '622588', '招商银行', 'debit', '3783', 1, 1)`,
      [card, saver.wallet, newId(clock())],
    );
  });
  await good(far.device.ask('POST', '/sync', EMPTY_SYNC));
  const across = await openPurse(buyer, { clock }, 500_00);
  const tries: Readonly<Record<string, Try>> = {
    async issuing() {
      const given = await openPurse(saver, { clock }, 5_00).catch((refused: Error) => refused.message);
      if (typeof given === 'string') return given.replace('no allowance: ', '');
      await given.giveBack();
      return 'done';
    },
    async withdrawal() {
      await stepUp(saver);
      const request = { id: newId(clock()), card, amount: 1_00, currency: 'CNY', proof: { by: 'passkey' } };
      const { status, body } = await saver.ask<{ code?: string }>('POST', '/withdrawals', request);
      return status === 202 ? 'done' : String(body.code);
    },
    async 'cross-region'() {
      const { bytes } = await across.pay(far, 1);
      const body = { ...EMPTY_SYNC, payments: [bytes] };
      const { answers } = await good(buyer.device.ask<SyncAnswer>('POST', '/sync', body));
      return answers[0]?.outcome === 'settled' ? 'done' : (answers[0]?.outcome ?? 'kept');
    },
    async 'cross-region lock'() {
      const want = {
        key: toBase64url(freshSigner().key),
        currency: 'CNY',
        total: 1_00,
        payee: far.device.id,
        wrapped: true,
      };
      const answer = await good(saver.device.ask<SyncAnswer>('POST', '/sync', { ...EMPTY_SYNC, want }));
      return answer.allowance ? 'done' : String(answer.allowanceRefused);
    },
  };
  const to = (other: number) => {
    port = other;
  };
  return { house, tries, port, to };
}

/** What a switch that is off says to each act it forbids. */
const REFUSED = {
  issuing: { issuing: 'allowance.issuing-off' },
  withdrawal: { withdrawal: 'funding.withdrawal-off' },
  'cross-region': { 'cross-region': 'kept', 'cross-region lock': 'allowance.border-closed' },
} as const;

/** Tries until it is told `wanted`; a try begun five seconds after `since` has to be. Answers how late that one began. */
async function untilTold(attempt: Try | undefined, wanted: string, since: number): Promise<number> {
  for (;;) {
    const late = performance.now() - since;
    const told = await attempt?.();
    if (told === wanted) return late;
    expect(late, `told ${told} instead of ${wanted}`).toBeLessThan(IN_FORCE_MS);
    await pause(50);
  }
}

test.each(['pglite', 'postgres'] as const)(
  'the act itself is refused at every server within five seconds of the command, and done again (%s)',
  async (database) => {
    const people = await openPeople(database);
    onTestFinished(() => people.house.stop());
    const ports = [people.port];
    if (database === 'postgres') {
      const beside = await startBeside(people.house);
      onTestFinished(() => beside.stop());
      ports.push(beside.port);
    }
    let slowest = 0;
    for (const [name, refusals] of Object.entries(REFUSED)) {
      for (const state of ['as it began', 'off', 'on']) {
        if (state !== 'as it began') {
          const command = await runCommand(people.house.environment, 'switch', 'CN-SX', name, state, ...WHO);
          expect(command).toMatchObject({ code: 0 });
        }
        const began = performance.now();
        for (const port of ports) {
          people.to(port);
          for (const [act, refusal] of Object.entries(refusals)) {
            const late = await untilTold(people.tries[act], state === 'off' ? refusal : 'done', began);
            slowest = Math.max(slowest, late);
          }
        }
      }
    }
    console.log(
      `${database}: every act followed its switch within ${Math.round(slowest)} ms at ${ports.length} servers`,
    );
  },
  900_000,
);

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
