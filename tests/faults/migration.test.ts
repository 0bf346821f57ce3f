/** A migration that dies before any one of its statements leaves whole steps only, and the next start finishes it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Database, Sql } from '#server/platform/database.ts';
import { migrate } from '#server/platform/migrate.ts';
import { eachDatabase } from '#tests/kit/databases.ts';

const SCHEMAS = ['ledger', 'logbook', 'region', 'identity', 'allowance', 'payment', 'funding', 'bill', 'sync'].map(
  (name) => ({
    name,
    schema: readFileSync(join(import.meta.dirname, `../../server/${name}/schema.sql`), 'utf8'),
  }),
);

/** `database` that dies once instead of each different statement; `died` remembers at which it has. */
function dyingOnce(database: Database, died: Set<string>): Database {
  const wrap = (tx: Sql): Sql => ({
    query: (text, values) => {
      if (died.has(text)) return tx.query(text, values);
      died.add(text);
      throw new Error('the power is gone');
    },
  });
  return { ...database, ...wrap(database), transaction: (work) => database.transaction((tx) => work(wrap(tx))) };
}

/** Every table, column and index, and which steps are done. */
async function shapeOf(database: Database): Promise<string> {
  const columns = await database.query(
    `select table_name, column_name, data_type, is_nullable from information_schema.columns
     where table_schema = 'public' order by 1, 2`,
  );
  const indexes = await database.query(
    `select indexname, indexdef from pg_indexes where schemaname = 'public' order by 1`,
  );
  const steps = await database.query('select capability, number, checksum from platform_step order by 1, 2');
  return JSON.stringify([columns, indexes, steps]);
}

eachDatabase('a migration that dies', (open) => {
  test('before each of its statements in turn is finished by the next start, to the same shape', async () => {
    const whole = await open('empty');
    await migrate(whole, SCHEMAS);
    const expected = await shapeOf(whole);
    // One database takes every death after the other: each start gets one statement further than the last.
    const torn = await open('empty');
    const died = new Set<string>();
    for (let done = false; !done; ) {
      const before = died.size;
      done = await migrate(dyingOnce(torn, died), SCHEMAS).then(
        () => true,
        (error: unknown) => {
          expect(String(error)).toContain('the power is gone');
          return false;
        },
      );
      if (!done) expect(died.size).toBe(before + 1);
    }
    expect(died.size).toBeGreaterThan(50);
    expect(await shapeOf(torn)).toBe(expected);
  });
});
