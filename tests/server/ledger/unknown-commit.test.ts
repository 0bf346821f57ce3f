/** When the answer to a commit is lost, a posting is neither lost nor booked twice: it is asked again and finds itself. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditLedger } from '#server/ledger/audit.ts';
import type { Ledger } from '#server/ledger/ledger.ts';
import { type Database, openDatabase } from '#server/platform/database.ts';
import { freshPostgres } from '#tests/kit/databases.ts';
import { bank, ledgerOn, SHANXI, transfer, walletOf } from '#tests/kit/ledger.ts';
import { openThief, type Thief } from '#tests/kit/reply-thief.ts';

const ROUNDS = 50;

let thief: Thief;
let database: Database;
let ledger: Ledger;

beforeAll(async () => {
  thief = await openThief(await freshPostgres());
  database = await openDatabase({ dataDir: 'memory', databaseUrl: thief.url });
  ledger = await ledgerOn(database);
  await ledger.post([transfer('first', bank(), walletOf('Ai'), 1)]);
});

afterAll(async () => {
  await database.close();
  await thief.close();
});

test('each stolen answer is found again, once', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    thief.steal(1);
    const answer = await ledger.post([transfer(`round ${round}`, bank(), walletOf('Ai'), 1)]);
    expect(answer).toMatchObject({ ok: true, value: { cursor: round + 2 } });
  }
  expect(thief.stolen()).toBe(ROUNDS);
  expect(await ledger.balances(SHANXI, [walletOf('Ai')])).toEqual([ROUNDS + 1]);
  expect((await auditLedger(database)).findings).toEqual([]);
});

test('when all connections are cut, posting goes on by itself', async () => {
  for (let round = 0; round < 10; round += 1) {
    const posting = ledger.post([transfer(`cut ${round}`, bank(), walletOf('Bo'), 1)]);
    thief.cut();
    expect(await posting).toMatchObject({ ok: true });
  }
  expect(await ledger.balances(SHANXI, [walletOf('Bo')])).toEqual([10]);
});

test('a door whose commit got no answer says that it is out of reach, and its repeat is answered', async () => {
  const units = [[transfer('door', bank(), walletOf('Ci'), 5)]];
  const door = () => database.transaction((tx) => ledger.postWithin(tx, units));
  let lost: unknown;
  for (let attempt = 0; attempt < 20 && lost === undefined; attempt += 1) {
    const under = door().catch((error: unknown) => {
      lost = error;
    });
    await new Promise((resolve) => setTimeout(resolve, attempt));
    thief.cut();
    await under;
  }
  expect(lost).toMatchObject({ code: 'house.unreachable' });
  expect(await door()).toMatchObject([{ ok: true }]);
  expect(await ledger.balances(SHANXI, [walletOf('Ci')])).toEqual([5]);
});
