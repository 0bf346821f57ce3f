/**
 * Three server processes on one database take the same uploads and different ones at once, and one is killed in the
 * middle: the others have all of it, once, and go on with the work that comes round. At one port, whichever is killed and
 * however often: whoever asks again is answered within two seconds, and another one takes its place.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { SyncAnswer } from '#shared/api/sync.ts';
import { newId } from '#shared/base/id.ts';
import { openPurse } from '#tests/attack/stage.ts';
import { type Beside, startBeside } from '#tests/kit/beside.ts';
import { openClient } from '#tests/kit/crowd.ts';
import {
  booksOf,
  clock,
  lookInside,
  openTroubled,
  outcomesOf,
  syncLetter,
  type Troubled,
} from '#tests/kit/fault-house.ts';
import { report, size, slack } from '#tests/kit/fault-report.ts';
import { good, type Member } from '#tests/kit/member.ts';
import { startSeveral } from '#tests/kit/several.ts';
import { chanceOf } from '#tests/simulation/chance.ts';

/** Payments everybody uploads everywhere, and payments each process gets alone. */
const SHARED = size(40, 200);
const ALONE = size(20, 100);
const FEN = 10;

let troubled: Troubled;
let others: readonly Beside[] = [];
beforeAll(async () => {
  troubled = await openTroubled({ database: 'postgres', minor: 10_000_00, paceMs: 400 });
}, 180_000);
afterAll(async () => {
  for (const one of others) await one.stop();
  await troubled?.house.stop();
});

/** Who does each kind of periodic work, by its lease. */
async function holders(): Promise<ReadonlyMap<string, string>> {
  const rows = await lookInside(troubled.house, (database) =>
    database.query<{ name: string; holder: string }>('select name, holder from platform_lease'),
  );
  return new Map(rows.map(({ name, holder }) => [name, holder]));
}

async function until(what: () => Promise<boolean>): Promise<void> {
  while (!(await what())) await pause(100);
}

/** Brings each of `payments` to the process at `port`, four at a time, until all are answered or the process is gone. */
async function bring(port: number, by: Member, payments: readonly string[], settled: string[]): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      const client = openClient(port);
      for (let payment = payments[next++]; payment !== undefined; payment = payments[next++]) {
        const reply = await client.ask(syncLetter(by.device, { payments: [payment] }));
        if (!reply.ending.startsWith('answered')) break;
        for (const { id, outcome } of outcomesOf(reply)) if (outcome === 'settled') settled.push(id);
      }
      client.close();
    }),
  );
}

test(`${SHARED} uploads at three processes each, ${ALONE} more at each alone, one process killed among them`, async () => {
  const { house, place, port, payer, payee } = troubled;
  await until(async () => (await holders()).has('funding-due'));
  const before = (await holders()).get('funding-due');
  others = await Promise.all([startBeside(house), startBeside(house)]);
  const ports = [port, ...others.map((one) => one.port)];
  const purse = await openPurse(payer, { ...place, clock }, (SHARED + 3 * ALONE) * FEN);
  const paid: { id: string; bytes: string }[] = [];
  for (let at = 0; at < SHARED + 3 * ALONE; at += 1) paid.push(await purse.pay(payee, FEN));
  const bytes = paid.map((one) => one.bytes);

  // The bank tells of this one when nobody listens at the address it was told any more: only the lease's work finds it.
  const topUp = newId(clock());
  await good(payer.ask('POST', '/top-ups', { id: topUp, channel: 'bank-transfer', amount: 5_00, currency: 'CNY' }));
  const settled: string[][] = ports.map(() => []);
  const uploads = ports.map((one, at) => {
    const own = bytes.slice(SHARED + at * ALONE, SHARED + (at + 1) * ALONE);
    const mixed = bytes.slice(0, SHARED).flatMap((shared, index) => [shared, ...(own[index] ? [own[index]] : [])]);
    return bring(one, at === 1 ? payee : payer, mixed, settled[at] ?? []);
  });
  await until(async () => (settled[0]?.length ?? 0) >= SHARED / 4);
  await house.kill('server');
  await Promise.all(uploads);
  const answered = new Set(settled.flat());

  const client = openClient(ports[1] ?? 0);
  const again: SyncAnswer['answers'] = [];
  for (let at = 0; at < bytes.length; at += 50) {
    const part = bytes.slice(at, at + 50);
    await until(async () => {
      const answers = outcomesOf(await client.ask(syncLetter(payer.device, { payments: part })));
      again.push(...answers);
      return answers.length > 0;
    });
  }
  client.close();
  expect(again.map(({ id, outcome }) => [id, outcome]).sort()).toEqual(paid.map(({ id }) => [id, 'settled']).sort());
  expect([...answered].filter((id) => !paid.some((one) => one.id === id))).toEqual([]);
  for (const one of settled) expect(new Set(one).size, 'each answer came once').toBe(one.length);
  expect(answered.size).toBeGreaterThan(SHARED / 4);

  await until(async () => (await holders()).get('funding-due') !== before);
  await until(async () => {
    const rows = await lookInside(house, (database) =>
      database.query<{ state: string }>('select state from funding where id = $1', [topUp]),
    );
    return rows[0]?.state === 'settled';
  });
  for (const one of others) await one.stop();
  others = [];
  expect(await booksOf(house)).toMatchObject({ findings: [], payments: bytes.length, transfers: bytes.length });
  report('one of three processes killed', 1, { processes: 3, uploads: bytes.length * 2, lost: 0, double: 0 });
}, 300_000);

const ROUNDS = size(3, 30);
const PHONES = 12;
const PAID_IN_ROUNDS = 600;
const ANSWERED_MS = 2_000;

test(`of three servers at one port a random one is killed ${ROUNDS} times: nobody who asks again is left without`, async () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1_000_000));
  console.log(`SEED=${seed}`);
  const chance = chanceOf(seed);
  const here = await openTroubled({ database: 'postgres', minor: PAID_IN_ROUNDS * FEN });
  onTestFinished(() => here.house.stop());
  await here.house.end('server', 'SIGTERM');
  const several = await startSeveral(here.house.environment, 3);
  onTestFinished(() => several.stop().then(() => undefined));

  const purse = await openPurse(here.payer, { ...here.place, clock }, PAID_IN_ROUNDS * FEN);
  const paid: { id: string; bytes: string }[] = [];
  for (let at = 0; at < PAID_IN_ROUNDS; at += 1) paid.push(await purse.pay(here.payee, FEN));
  const figures = { asked: 0, cut: 0, slowestMs: 0 };
  const outcomes = new Map<string, string>();
  let next = 0;
  let isOver = false;
  const phones = Array.from({ length: PHONES }, async () => {
    const client = openClient(here.port);
    // Each payment once at least, and again from the first while there are rounds to come.
    while (!isOver || next < paid.length) {
      const { bytes } = paid[next++ % paid.length] ?? { bytes: '' };
      figures.asked += 1;
      let failedAt: number | undefined;
      for (;;) {
        const reply = await client.ask(syncLetter(here.payer.device, { payments: [bytes] }));
        if (reply.ending.startsWith('answered')) {
          expect(reply.ending).toBe('answered 200');
          for (const { id, outcome } of outcomesOf(reply)) outcomes.set(id, outcome);
          break;
        }
        figures.cut += failedAt === undefined ? 1 : 0;
        failedAt ??= performance.now();
        await pause(10);
      }
      if (failedAt !== undefined) figures.slowestMs = Math.max(figures.slowestMs, performance.now() - failedAt);
    }
    client.close();
  });
  for (let round = 0; round < ROUNDS; round += 1) {
    const asked = figures.asked + 60;
    await until(async () => figures.asked >= asked);
    const pids = several.pids();
    expect(pids).toHaveLength(3);
    const before = several.opened();
    process.kill(chance.one(pids), 'SIGKILL');
    await until(async () => several.opened() > before && several.pids().length === 3);
  }
  isOver = true;
  await Promise.all(phones);
  figures.slowestMs = Math.round(figures.slowestMs);
  expect(new Set(outcomes.values())).toEqual(new Set(['settled']));
  expect([...outcomes.keys()].sort()).toEqual(paid.map(({ id }) => id).sort());
  expect(await several.stop()).toBe(0);
  expect(await booksOf(here.house)).toEqual({ findings: [], payments: paid.length, transfers: paid.length });
  report('a random one of three processes killed', ROUNDS, { processes: 3, ...figures, failed: 0, double: 0 });
  expect(figures.slowestMs).toBeLessThanOrEqual(ANSWERED_MS * slack);
}, 1_800_000);
