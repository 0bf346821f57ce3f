/**
 * A database that is neither there nor gone: every answer takes up to three seconds, then its machine stands still for ten.
 * The house itself stays quick, tells everybody something, says which of the two is ill, and comes back by itself.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SyncAnswer } from '#shared/api/sync.ts';
import { EMPTY_SYNC, openPurse } from '#tests/attack/stage.ts';
import { openClient } from '#tests/kit/crowd.ts';
import { type PostgresServer, startPostgres } from '#tests/kit/databases.ts';
import { booksOf, clock, openTroubled, outcomesOf, syncLetter, type Troubled } from '#tests/kit/fault-house.ts';
import { isLong, report, size, slack } from '#tests/kit/fault-report.ts';
import { freePort } from '#tests/kit/house.ts';
import { good } from '#tests/kit/member.ts';
import { openThief, type Thief } from '#tests/kit/reply-thief.ts';

const FEN = 10;
const CLIENTS = 30;
const PAYMENTS = 200;
const SLOW_MS = 3_000;
const STILL_MS = 10_000;
const ROUNDS = size(1, 10);
const LOOP_P99_MS = 200;
const LIVE_MS = 200;
const PATIENCE_MS = 900_000;

let server: PostgresServer;
let thief: Thief;
let troubled: Troubled;
let metricsPort: number;
beforeAll(async () => {
  server = await startPostgres({ durable: false });
  thief = await openThief(await server.fresh());
  metricsPort = await freePort();
  const environment = { DATABASE_URL: thief.url, METRICS_PORT: String(metricsPort) };
  troubled = await openTroubled({ caged: true, environment, minor: 100_000 * FEN });
}, PATIENCE_MS);
afterAll(async () => {
  server?.signal('SIGCONT');
  thief?.slow(0);
  await troubled?.house.stop();
  await thief?.close();
  await server?.stop();
}, PATIENCE_MS);

interface Health {
  readonly live: number;
  readonly liveMs: number;
  readonly ready: number;
  readonly failed: string;
}

async function health(): Promise<Health> {
  const began = performance.now();
  const live = await fetch(`${troubled.house.origin}/livez`);
  await live.text();
  const liveMs = performance.now() - began;
  const ready = await fetch(`${troubled.house.origin}/readyz`);
  const { failed = '' } = (await ready.json()) as { failed?: string };
  return { live: live.status, liveMs, ready: ready.status, failed };
}

/** The worst of a hundred turns of the house's event loop since it was asked last, in milliseconds. */
async function loopP99Ms(): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  return Number(/^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(text)?.[1]) * 1000;
}

/** Keeps `CLIENTS` asking while `trouble` lasts; answers how requests ended, the slowest, and what health said meanwhile. */
async function under(payments: readonly string[], trouble: () => Promise<void>) {
  const { payer, payee } = troubled;
  const endings: Record<string, number> = {};
  const said: Health[] = [];
  let [isOver, slowestMs] = [false, 0];
  const clients = Array.from({ length: CLIENTS }, async (_, at) => {
    const client = openClient(troubled.port);
    for (let turn = at; !isOver; turn += 1) {
      const one = payments[turn % payments.length] ?? '';
      const began = performance.now();
      const reply = await client.ask(syncLetter((turn % 2 ? payer : payee).device, { payments: [one] }));
      slowestMs = Math.max(slowestMs, Math.round(performance.now() - began));
      endings[reply.ending] = (endings[reply.ending] ?? 0) + 1;
      for (const { outcome } of outcomesOf(reply)) expect(outcome).toBe('settled');
      await pause(50);
    }
    client.close();
  });
  const looking = (async () => {
    while (!isOver) {
      said.push(await health());
      await pause(250);
    }
  })();
  await trouble();
  isOver = true;
  await Promise.all([...clients, looking]);
  return { endings, slowestMs, said };
}

async function recovered(): Promise<number> {
  const began = performance.now();
  await expect.poll(async () => (await health()).ready, { timeout: 60_000, interval: 100 }).toBe(200);
  return Math.round(performance.now() - began);
}

test(
  'everybody gets an answer, the house stays quick and says what is ill',
  async () => {
    const { payer, payee, place, house } = troubled;
    for (let round = 0; round < ROUNDS; round += 1) {
      const purse = await openPurse(payer, { ...place, clock }, 900 * FEN);
      const payments: string[] = [];
      for (let at = 0; at < PAYMENTS; at += 1) payments.push((await purse.pay(payee, FEN)).bytes);
      await loopP99Ms();

      const slow = await under(payments, async () => {
        thief.slow(SLOW_MS);
        await pause(isLong ? 60_000 : 10_000);
        thief.slow(0);
      });
      const slowBackMs = await recovered();
      const slowP99 = await loopP99Ms();
      const still = await under(payments, async () => {
        server.signal('SIGSTOP');
        await pause(STILL_MS);
        server.signal('SIGCONT');
      });
      const stillBackMs = await recovered();
      const stillP99 = await loopP99Ms();

      for (const { endings, said } of [slow, still]) {
        expect(Object.keys(endings).filter((one) => !['answered 200', 'answered 503'].includes(one))).toEqual([]);
        expect(new Set(said.map(({ live }) => live))).toEqual(new Set([200]));
        expect(said.some(({ ready, failed }) => ready === 503 && /write|disk|migrations/.test(failed))).toBe(true);
      }
      const liveMs = Math.round(Math.max(...[...slow.said, ...still.said].map((one) => one.liveMs)));
      const shed = (slow.endings['answered 503'] ?? 0) + (still.endings['answered 503'] ?? 0);
      report('F12 a database slow, then still', ROUNDS, {
        slowestMs: slow.slowestMs,
        stillSlowestMs: still.slowestMs,
        shed,
        loopP99Ms: Math.round(Math.max(slowP99, stillP99)),
        liveMs,
        backMs: Math.max(slowBackMs, stillBackMs),
      });
      console.log({ slow: slow.endings, still: still.endings, slowP99, stillP99, liveMs, slowBackMs, stillBackMs });
      if (isLong) {
        expect(Math.max(slowP99, stillP99)).toBeLessThan(LOOP_P99_MS * slack);
        expect(liveMs).toBeLessThan(LIVE_MS * slack);
      }
      for (let at = 0; at < PAYMENTS; at += 100) {
        const body = { ...EMPTY_SYNC, payments: payments.slice(at, at + 100) };
        const { answers } = await good(payer.device.ask<SyncAnswer>('POST', '/sync', body));
        expect(answers.filter(({ outcome }) => outcome !== 'settled')).toEqual([]);
      }
      await purse.giveBack();
    }
    await house.end('server', 'SIGTERM');
    expect((await booksOf(house)).findings).toEqual([]);
  },
  PATIENCE_MS,
);
