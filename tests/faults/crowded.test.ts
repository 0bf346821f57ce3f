/**
 * Fifty who ask in the same moment, of five servers on one database: one act is booked once, a balance pays as often as
 * it can and not once more, and one payment that fifty phones bring is one booking with fifty equal answers.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditLedger } from '#server/ledger/audit.ts';
import type { Ledger } from '#server/ledger/ledger.ts';
import { type Database, openDatabase } from '#server/platform/database.ts';
import { openPurse } from '#tests/attack/stage.ts';
import { openClient } from '#tests/kit/crowd.ts';
import { type CrowdedLedger, openCrowdedLedger } from '#tests/kit/crowded-ledger.ts';
import { freshPostgres } from '#tests/kit/databases.ts';
import { booksOf, clock, openTroubled, outcomesOf, syncLetter, type Troubled } from '#tests/kit/fault-house.ts';
import { isLong, report, size } from '#tests/kit/fault-report.ts';
import { bank, ledgerOn, SHANXI, transfer, walletOf } from '#tests/kit/ledger.ts';

const CLIENTS = 50;
const SERVERS = 5;
const ROUNDS = size(20, 200);

const counted = (answers: readonly string[]) =>
  Object.fromEntries(
    Map.groupBy(answers, (one) => one.split(' ')[0] ?? '')
      .entries()
      .map(([answer, all]) => [answer, all.length]),
  );

describe('five servers on one database', () => {
  let database: Database;
  let ledger: Ledger;
  let crowd: CrowdedLedger;

  beforeAll(async () => {
    const databaseUrl = await freshPostgres();
    database = await openDatabase({ dataDir: 'memory', databaseUrl, connections: 2 });
    ledger = await ledgerOn(database);
    crowd = await openCrowdedLedger(databaseUrl, SERVERS);
  }, 180_000);
  afterAll(async () => {
    await crowd?.close();
    await database?.close();
  });

  test(`${CLIENTS} with one act, ${ROUNDS} times: one booking, and everybody is told the same place`, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const act = transfer(`act ${round}`, bank(), walletOf('Ai'), 7);
      const answers = await crowd.post(Array.from({ length: CLIENTS }, () => act));
      expect(counted(answers)).toEqual({ fresh: 1, known: CLIENTS - 1 });
      expect(new Set(answers.map((one) => one.split(' ')[1])).size).toBe(1);
    }
    expect(await ledger.balances(SHANXI, [walletOf('Ai')])).toEqual([7 * ROUNDS]);
    report('F7 one act by 50 clients', ROUNDS, { clients: CLIENTS, servers: SERVERS, bookingsEach: 1 });
  }, 600_000);

  test(`${CLIENTS} who want 100 of 900, ${ROUNDS} times: exactly nine get it`, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const [purse, shop] = [walletOf(`purse ${round}`), walletOf(`shop ${round}`)];
      await ledger.post([transfer(`fill ${round}`, bank(), purse, 900)]);
      const wishes = Array.from({ length: CLIENTS }, (_, at) => transfer(`wish ${round}/${at}`, purse, shop, 100));
      expect(counted(await crowd.post(wishes))).toEqual({ fresh: 9, 'ledger.insufficient': CLIENTS - 9 });
      expect(await ledger.balances(SHANXI, [purse, shop])).toEqual([0, 900]);
    }
    expect((await auditLedger(database)).findings).toEqual([]);
    report('F7 one balance of 900 and 50 debits of 100', ROUNDS, { clients: CLIENTS, servers: SERVERS, paidEach: 9 });
  }, 600_000);
});

describe.each(isLong ? (['pglite', 'postgres'] as const) : (['postgres'] as const))('a house on %s', (kind) => {
  const PAYMENTS = size(5, 20);
  let troubled: Troubled;
  beforeAll(async () => {
    troubled = await openTroubled({ database: kind, minor: 1_000_00 });
  }, 180_000);
  afterAll(() => troubled?.house.stop());

  test(`${CLIENTS} connections with the same payment, ${PAYMENTS} times: fifty equal answers, one booking`, async () => {
    const { house, place, port, payer, payee } = troubled;
    const purse = await openPurse(payer, { ...place, clock }, 100_00);
    const clients = Array.from({ length: CLIENTS }, () => openClient(port));
    for (let round = 0; round < PAYMENTS; round += 1) {
      const { id, bytes } = await purse.pay(payee, 1_00);
      const letters = clients.map((_, at) => syncLetter((at % 2 ? payer : payee).device, { payments: [bytes] }));
      const replies = await Promise.all(clients.map((client, at) => client.ask(letters[at] ?? (letters[0] as never))));
      const told = new Set(replies.map((reply) => JSON.stringify(outcomesOf(reply))));
      expect([...told].map((one) => JSON.parse(one))).toMatchObject([[{ id, outcome: 'settled' }]]);
    }
    for (const client of clients) client.close();
    await house.end('server', 'SIGTERM');
    expect(await booksOf(house)).toMatchObject({ findings: [], payments: PAYMENTS, transfers: PAYMENTS });
    report(`F7 one payment by 50 connections, ${kind}`, PAYMENTS, { clients: CLIENTS, bookingsEach: 1 });
  }, 600_000);
});
