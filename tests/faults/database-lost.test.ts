/**
 * The house loses its database in the middle of everything: while batches run its connections are ended by the
 * server's own hand or cut by the kernel, and answers to COMMIT are lost on the road. Nobody hears a wrong answer, and what is asked again is found.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Database, openDatabase } from '#server/platform/database.ts';
import type { SyncAnswer } from '#shared/api/sync.ts';
import { EMPTY_SYNC, openPurse } from '#tests/attack/stage.ts';
import { type Client, openClient } from '#tests/kit/crowd.ts';
import { freshPostgres } from '#tests/kit/databases.ts';
import { booksOf, clock, openTroubled, outcomesOf, syncLetter, type Troubled } from '#tests/kit/fault-house.ts';
import { isLong, report, size, slack } from '#tests/kit/fault-report.ts';
import { good } from '#tests/kit/member.ts';
import { openThief, type Thief } from '#tests/kit/reply-thief.ts';
import { cutSockets, noCutting } from '#tests/kit/sockets.ts';

const CUTS = size(6, 300);
const CUT_EVERY_MS = 200;
const CLIENTS = 20;
const STOLEN = size(15, 1_000);
const FEN = 10;
const ANSWER_MS = 5_000;
const BACK_MS = 2_000;
/** A purse is one wave and the payment after it: the next purse is only given when this one is used up. */
const WAVE = 300;
const PURSE = WAVE + 1;

let thief: Thief;
let server: Database;
let troubled: Troubled;
let paid = 0;
let all: AsyncGenerator<string>;

beforeAll(async () => {
  const databaseUrl = await freshPostgres();
  thief = await openThief(databaseUrl);
  server = await openDatabase({ dataDir: 'memory', databaseUrl, connections: 1 });
  troubled = await openTroubled({ environment: { DATABASE_URL: thief.url }, minor: 100_000_00 });
  all = payments();
}, 180_000);

afterAll(async () => {
  await troubled?.house.stop();
  await server?.close();
  await thief?.close();
});

/** How requests ended, and the longest that one took. */
interface Heard {
  readonly endings: Record<string, number>;
  slowestMs: number;
}

const newlyHeard = (): Heard => ({ endings: {}, slowestMs: 0 });

/** Brings one payment as often as it takes until it is settled; answers how often that was. */
async function bring(client: Client, payment: string, heard: Heard): Promise<number> {
  const { payer, payee } = troubled;
  for (let times = 1; ; times += 1) {
    const began = performance.now();
    const letter = syncLetter((times % 2 ? payer : payee).device, { payments: [payment] });
    const reply = await client.ask(letter);
    heard.slowestMs = Math.max(heard.slowestMs, Math.round(performance.now() - began));
    heard.endings[reply.ending] = (heard.endings[reply.ending] ?? 0) + 1;
    const [outcome] = outcomesOf(reply);
    if (outcome) {
      expect(outcome.outcome).toBe('settled');
      return times;
    }
    expect(reply).toMatchObject({ ending: 'answered 503', body: expect.stringMatching(/"code":"house\.\w+/) });
    await pause(10);
  }
}

/** Waits until no dead connection is left in the house's pool: as many ask at once as the pool is wide, and all are answered. */
async function calm(): Promise<void> {
  const clients = Array.from({ length: CLIENTS }, () => openClient(troubled.port));
  for (let answered = 0; answered < CLIENTS; ) {
    const asked = clients.map((client) => client.ask(syncLetter(troubled.payer.device, {})));
    answered = (await Promise.all(asked)).filter(({ ending }) => ending === 'answered 200').length;
  }
  for (const client of clients) client.close();
}

/** Payments without end, over one purse after the other. */
async function* payments(): AsyncGenerator<string> {
  const { place, payer, payee } = troubled;
  for (;;) {
    await calm();
    const purse = await openPurse(payer, { ...place, clock }, PURSE * FEN);
    for (let at = 0; at < PURSE; at += 1) {
      paid += 1;
      yield (await purse.pay(payee, FEN)).bytes;
    }
  }
}

async function expectTrueBooks(): Promise<void> {
  const { payee } = troubled;
  const { balances } = await good(payee.device.ask<SyncAnswer>('POST', '/sync', EMPTY_SYNC));
  expect(balances).toMatchObject([{ currency: 'CNY', available: paid * FEN }]);
}

/** Ends every connection to the database but this one, whatever is under way on it: the house is told. */
async function endAll(): Promise<number> {
  const [row] = await server.query<{ cut: number }>(
    `select count(*) filter (where pg_terminate_backend(pid))::int as cut from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid()`,
  );
  return row?.cut ?? 0;
}

/** Cuts the sockets of the house to its database: nobody is told, what was on the road is gone. */
function cutAll(): Promise<number> {
  return cutSockets(Number(new URL(thief.url).port));
}

const uncut = await noCutting();

describe.each([
  ['ended by PostgreSQL', endAll, undefined],
  [`cut by the kernel${uncut ? ` (${uncut})` : ''}`, cutAll, uncut],
])('connections %s', (how, cut, missing) => {
  test.skipIf(missing !== undefined)(
    `F2: ${CUTS} times all of them, ${CUT_EVERY_MS} ms apart, while ${CLIENTS} phones bring payments`,
    async () => {
      const heard = newlyHeard();
      const figures = { cuts: 0, connectionsCut: 0, settled: 0, backMs: 0 };
      while (figures.cuts < CUTS) {
        const wave: string[] = [];
        for (let at = 0; at < WAVE; at += 1) wave.push((await all.next()).value ?? '');
        let done = false;
        const cutting = (async () => {
          while (!done && figures.cuts < CUTS) {
            await pause(CUT_EVERY_MS);
            const connections = await cut();
            if (connections > 0) figures.cuts += 1;
            figures.connectionsCut += connections;
          }
        })();
        const clients = Array.from({ length: CLIENTS }, async () => {
          const client = openClient(troubled.port);
          for (let payment = wave.pop(); payment !== undefined; payment = wave.pop()) {
            await bring(client, payment, heard);
            figures.settled += 1;
          }
          client.close();
        });
        await Promise.all(clients);
        done = true;
        await cutting;
        const began = performance.now();
        await bring(openClient(troubled.port), (await all.next()).value ?? '', heard);
        figures.backMs = Math.max(figures.backMs, Math.round(performance.now() - began));
      }
      await expectTrueBooks();
      const { endings, slowestMs } = heard;
      const answered = endings['answered 200'] ?? 0;
      const unavailable = endings['answered 503'] ?? 0;
      report(`F2 database connections ${how}`, CUTS, { ...figures, answered, unavailable, wrong: 0, slowestMs });
      expect(Object.keys(endings).sort()).toEqual(
        unavailable > 0 ? ['answered 200', 'answered 503'] : ['answered 200'],
      );
      if (isLong) {
        expect(slowestMs).toBeLessThan(ANSWER_MS * slack);
        expect(figures.backMs).toBeLessThan(BACK_MS * slack);
      }
    },
    1_800_000,
  );
});

test(`F3: the answer to COMMIT lost ${STOLEN} times: the same payment again is the same booking`, async () => {
  const heard = newlyHeard();
  const client = openClient(troubled.port);
  const before = thief.stolen();
  let rounds = 0;
  let askedAgain = 0;
  while (thief.stolen() - before < STOLEN) {
    const { value = '' } = await all.next();
    // A purse is opened without thieves: whoever asks for one has no id yet to ask again with.
    thief.steal(1, 'commits');
    if ((await bring(client, value, heard)) > 1) askedAgain += 1;
    thief.steal(0);
    // And once more by the other phone, though it is settled.
    await bring(client, value, heard);
    rounds += 1;
  }
  client.close();
  await expectTrueBooks();
  report('F3 commit outcome unknown', rounds, {
    stolen: thief.stolen() - before,
    askedAgain,
    unavailable: heard.endings['answered 503'] ?? 0,
    twice: 0,
    lost: 0,
  });
}, 1_800_000);

test('and at the end the auditor has nothing to say, and every payment is booked once', async () => {
  await troubled.house.end('server', 'SIGTERM');
  const books = await booksOf(troubled.house);
  expect(books.findings).toEqual([]);
  expect(books.transfers).toBe(books.payments);
});
