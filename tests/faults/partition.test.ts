/**
 * F11: roads break without a word, between phones and house and between house and database, in both directions or in one.
 * Nobody hears a wrong answer; once the roads are whole everything converges, nothing is lost and no bill is skipped.
 * The regions of this house share one process and one database, so there is no road between them that could break.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SyncAnswer } from '#shared/api/sync.ts';
import { openPurse } from '#tests/attack/stage.ts';
import { openClient } from '#tests/kit/crowd.ts';
import { freshPostgres } from '#tests/kit/databases.ts';
import { booksOf, clock, openTroubled, outcomesOf, syncLetter, type Troubled } from '#tests/kit/fault-house.ts';
import { isLong, report, size, slack } from '#tests/kit/fault-report.ts';
import { good, type Member } from '#tests/kit/member.ts';
import { noPartitions, openPartitions, type Partitions, type Way } from '#tests/kit/partition.ts';

const missing = noPartitions();
const ROUNDS = size(1, 10);
const BROKEN_MS = size(2_500, 15_000);
const CONVERGED_MS = 30_000;
const PATIENCE_MS = 2_500;
const WAVE = size(24, 120);
const CLIENTS = 6;
const FEN = 10;

const BREAKS: readonly (readonly [name: string, ways: readonly Way[]])[] = [
  [
    'phones and house',
    [
      ['phones', 'house'],
      ['house', 'phones'],
    ],
  ],
  ['what phones say to the house', [['phones', 'house']]],
  ['what the house answers phones', [['house', 'phones']]],
  [
    'house and database',
    [
      ['house', 'database'],
      ['database', 'house'],
    ],
  ],
  ['what the house says to the database', [['house', 'database']]],
  ['what the database answers the house', [['database', 'house']]],
  [
    'everything',
    [
      ['phones', 'house'],
      ['house', 'phones'],
      ['house', 'database'],
      ['database', 'house'],
    ],
  ],
];

describe.skipIf(missing !== undefined)(`partitions${missing ? ` (${missing})` : ''}`, () => {
  let roads: Partitions;
  let troubled: Troubled;
  let paid = 0;

  beforeAll(async () => {
    const inside = new URL(await freshPostgres());
    const folder = inside.searchParams.get('host') ?? '';
    roads = openPartitions();
    await roads.leave('database', 5432, `${folder}/.s.PGSQL.5432`);
    const databaseUrl = `postgres://${inside.username}@${roads.address('database')}:5432${inside.pathname}`;
    troubled = await openTroubled({
      environment: { DATABASE_URL: databaseUrl, HOST: '0.0.0.0', TRUST_PROXY: roads.address('phones') },
      minor: 100_000_00,
      elsewhere: {
        open: async ({ server, sandbox }) => {
          await roads.enter(server, 'phones', roads.address('house'), server);
          await roads.enter(sandbox, 'house', '127.0.0.1', sandbox);
        },
        within: (command, args) => roads.within('house', command, args),
        databaseUrl: inside.href,
      },
    });
  }, 180_000);

  afterAll(async () => {
    roads?.heal();
    await troubled?.house.stop();
    roads?.close();
  });

  const heard = { answered: 0, unavailable: 0, silent: 0 };

  /** Brings one payment until it is settled: from either phone in turn, giving up on an answer that does not come. */
  async function bring(payment: string): Promise<void> {
    const { payer, payee, port } = troubled;
    for (let times = 0; ; times += 1) {
      const client = openClient(port);
      const letter = syncLetter((times % 2 ? payee : payer).device, { payments: [payment] });
      const reply = await Promise.race([client.ask(letter), pause(PATIENCE_MS, undefined, { ref: false })]);
      client.close();
      const [outcome] = reply ? outcomesOf(reply) : [];
      if (outcome) {
        expect(outcome.outcome).toBe('settled');
        heard.answered += 1;
        return;
      }
      if (reply?.ending === 'answered 503') heard.unavailable += 1;
      else {
        // No answer, or a road that ended: never another word of the house.
        expect(reply?.ending ?? 'cut').toMatch(/^(?:cut|never)/);
        heard.silent += 1;
      }
      await pause(50);
    }
  }

  test(`F11: seven ways to break the roads, ${ROUNDS} time(s) each, while ${CLIENTS} phones bring payments`, async () => {
    const { place, payer, payee } = troubled;
    let slowestMs = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [name, ways] of BREAKS) {
        const purse = await openPurse(payer, { ...place, clock }, WAVE * FEN);
        const wave: string[] = [];
        for (let at = 0; at < WAVE; at += 1) wave.push((await purse.pay(payee, FEN)).bytes);
        paid += WAVE;
        const work = Array.from({ length: CLIENTS }, async (_, at) => {
          // Not all at once: some are under way when the road breaks, some begin while it is broken.
          await pause((at * BROKEN_MS) / CLIENTS);
          for (let payment = wave.pop(); payment !== undefined; payment = wave.pop()) await bring(payment);
        });
        await pause(30);
        roads.cut(...ways);
        await pause(BROKEN_MS);
        roads.heal();
        const began = performance.now();
        await Promise.all(work);
        const converged = Math.round(performance.now() - began);
        slowestMs = Math.max(slowestMs, converged);
        expect(converged, name).toBeLessThan(CONVERGED_MS * slack);
      }
    }
    report('F11 roads broken', ROUNDS * BREAKS.length, { ...heard, paid, lost: 0, slowestMs });
    expect(heard.answered).toBe(paid);
    // Where no road broke for anybody, nothing was tried.
    expect(heard.silent + heard.unavailable).toBeGreaterThan(0);
    if (isLong) expect(slowestMs).toBeLessThan(CONVERGED_MS);
  }, 1_800_000);

  test('F11: and every bill came, on both sides, in order and without a gap', async () => {
    const { payer, payee } = troubled;
    for (const [who, direction] of [
      [payer, 'out'],
      [payee, 'in'],
    ] as const) {
      const bills = await everyBill(who);
      expect(bills.map(({ sequence }) => sequence)).toEqual(bills.map((_, at) => at + 1));
      const payments = bills.filter((bill) => bill.kind === 'payment' && bill.direction === direction);
      expect(new Set(payments.map(({ payment }) => payment)).size).toBe(paid);
    }
    const { balances } = await good(payee.device.ask<SyncAnswer>('POST', '/sync', { ...EMPTY, cursor: 0 }));
    expect(balances).toMatchObject([{ currency: 'CNY', available: paid * FEN }]);
    await troubled.house.end('server', 'SIGTERM');
    const books = await booksOf(troubled.house);
    expect(books.findings).toEqual([]);
    expect([books.payments, books.transfers]).toEqual([paid, paid]);
  });

  const EMPTY = { payments: [], closings: [], receipts: [], forks: [], have: {} };

  async function everyBill({ device }: Member): Promise<SyncAnswer['bills']> {
    const bills: SyncAnswer['bills'] = [];
    for (let cursor = 0; ; ) {
      const page = await good(device.ask<SyncAnswer>('POST', '/sync', { ...EMPTY, cursor }));
      bills.push(...page.bills);
      cursor = page.cursor;
      if (!page.more) return bills;
    }
  }
});
