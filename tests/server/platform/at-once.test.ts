/** A transaction that is asked several things at once, and statements whose values are large, on both databases. */
import { expect, test } from 'vitest';
import type { Database } from '#server/platform/database.ts';
import { eachDatabase } from '#tests/kit/databases.ts';

eachDatabase('asked at once', (open) => {
  let made = 0;
  /** A table of its own, and what stands in it. */
  async function table(database: Database) {
    made += 1;
    const name = `at_once_${made}`;
    await database.query(`create table ${name} (number int primary key)`);
    const insert = `insert into ${name} select unnest($1::int[])`;
    const rows = async () =>
      (await database.query<{ number: number }>(`select number from ${name} order by number`)).map((one) => one.number);
    return { insert, rows };
  }

  test('all of it is one transaction, answered in the order in which it was asked', async () => {
    const database = await open();
    const { insert, rows } = await table(database);
    const order: number[] = [];
    await database.transaction(async (tx) => {
      const ask = (number: number) => tx.query(insert, [[number]]).then(() => order.push(number));
      await Promise.all([3, 1, 2].map(ask));
    });
    expect(order).toEqual([3, 1, 2]);
    expect(await rows()).toEqual([1, 2, 3]);
  });

  test('when one fails, nothing behind it counts by itself', async () => {
    const database = await open();
    const { insert, rows } = await table(database);
    const asked = database.transaction((tx) =>
      Promise.all([tx.query(insert, [[1]]), tx.query(insert, [[1]]), tx.query(insert, [[2]]), tx.query(insert, [[3]])]),
    );
    await expect(asked).rejects.toMatchObject({ code: '23505' });
    expect(await rows()).toEqual([]);
    await database.query(insert, [[4]]);
    expect(await rows()).toEqual([4]);
  });

  test('what is asked when it is over is refused', async () => {
    const database = await open();
    const { insert, rows } = await table(database);
    const tx = await database.transaction(async (inside) => inside);
    await expect(tx.query(insert, [[1]])).rejects.toThrow();
    expect(await rows()).toEqual([]);
  });

  test.each([1, 100, 5_000])('%i values of each kind come back as they went', async (count) => {
    const database = await open();
    const all = Array.from({ length: count }, (_, at) => ({
      number: at,
      name: at % 3 === 0 ? null : `票号 ${at}`,
      bytes: at % 5 === 0 ? null : new Uint8Array(at % 90).fill(at % 256),
    }));
    const [row] = await database.query<{ word: string; none: string | null }>(
      'select $1::text as word, $2::text as none, cardinality($3::bytea[]) as count',
      ['平遥', null, all.map(({ bytes }) => bytes)],
    );
    expect(row).toEqual({ word: '平遥', none: null, count });
    const back = await database.query(
      'select unnest($1::int[]) as number, unnest($2::text[]) as name, unnest($3::bytea[]) as bytes, $4::text as word',
      [all.map((one) => one.number), all.map((one) => one.name), all.map((one) => one.bytes), '日升昌'],
    );
    expect(back).toEqual(all.map((one) => ({ ...one, word: '日升昌' })));
  });
});
