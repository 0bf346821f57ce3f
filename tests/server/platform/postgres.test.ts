/** A PostgreSQL that ends connections at the worst moment: who asks hears that it is out of reach, and the process goes on. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Database, openDatabase } from '#server/platform/database.ts';
import { freshPostgres } from '#tests/kit/databases.ts';
import { openThief, type Thief } from '#tests/kit/reply-thief.ts';

let thief: Thief;
let database: Database;
beforeAll(async () => {
  thief = await openThief(await freshPostgres());
  database = await openDatabase({ dataDir: 'memory', databaseUrl: thief.url, connections: 1 });
});
afterAll(async () => {
  await database.close();
  await thief.close();
});

const WAYS: Readonly<Record<string, () => Promise<unknown>>> = {
  'a statement': () => database.query('select 1'),
  'a transaction': () => database.transaction((tx) => tx.query('select 1')),
};

test.each(Object.keys(WAYS))('ended in the very breath in which it is ready for %s', async (way) => {
  for (let round = 0; round < 3; round += 1) {
    // Nobody holds a connection now: the next one asks for a new one, which ends as it is handed over.
    thief.cut();
    await expect.poll(() => database.query('select 1 as one').catch(() => undefined)).toEqual([{ one: 1 }]);
    thief.cut();
    thief.endWhenReady(1);
    await WAYS[way]?.().then(
      () => undefined,
      (error: unknown) => expect(error).toMatchObject({ code: 'house.unreachable' }),
    );
    thief.endWhenReady(0);
    await expect.poll(() => database.query('select 1 as one').catch(() => undefined)).toEqual([{ one: 1 }]);
  }
});

test('ended between two of a crowd that share it', async () => {
  for (let round = 0; round < 10; round += 1) {
    thief.endWhenReady(1 + (round % 3));
    const asked = Array.from({ length: 20 }, (_, at) => WAYS[at % 2 ? 'a statement' : 'a transaction']?.());
    for (const one of await Promise.allSettled(asked)) {
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'house.unreachable' });
    }
    thief.endWhenReady(0);
    await expect.poll(() => database.query('select 1 as one').catch(() => undefined)).toEqual([{ one: 1 }]);
  }
});
