/** Followers: each transfer once and in order, also when a step fails or two processes follow under one name. */
import { beforeAll, expect, test } from 'vitest';
import { follow } from '#server/ledger/follow.ts';
import type { Ledger } from '#server/ledger/ledger.ts';
import type { Database } from '#server/platform/database.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { bank, ledgerOn, SHANXI, transfer, walletOf } from '#tests/kit/ledger.ts';

eachDatabase('a follower', (open) => {
  let database: Database;
  let ledger: Ledger;

  beforeAll(async () => {
    database = await open();
    ledger = await ledgerOn(database);
    await database.query('create table seen (follower text, cursor bigint, primary key (follower, cursor))');
  });

  const post = (from: number, to: number) =>
    Promise.all(
      Array.from({ length: to - from }, (_, at) => ledger.post([transfer(`f${from + at}`, bank(), walletOf('Ai'), 1)])),
    );
  const follower = (name: string, failAt = Infinity) =>
    follow({
      database,
      ledger,
      name,
      region: SHANXI,
      most: 10,
      step: async (tx, transfers) => {
        for (const { cursor } of transfers) {
          await tx.query('insert into seen values ($1, $2::bigint)', [name, cursor]);
          if (cursor === failAt) throw new Error('the window broke');
        }
      },
    });
  const seen = async (name: string) =>
    (
      await database.query<{ cursor: number }>('select cursor from seen where follower = $1 order by cursor', [name])
    ).map((row) => row.cursor);
  const upTo = (end: number) => Array.from({ length: end }, (_, at) => at + 1);

  test('sees everything once, in pages, and then what is new', async () => {
    await post(0, 25);
    expect(await follower('bills')()).toBe(25);
    expect(await follower('bills')()).toBe(25);
    await post(25, 31);
    expect(await follower('bills')()).toBe(31);
    expect(await seen('bills')).toEqual(upTo(31));
  });

  test('a step that fails leaves nothing behind and comes again', async () => {
    await expect(follower('hooks', 15)()).rejects.toThrow('the window broke');
    expect(await seen('hooks')).toEqual(upTo(10));
    expect(await follower('hooks')()).toBe(31);
    expect(await seen('hooks')).toEqual(upTo(31));
  });

  test('two under one name share the work', async () => {
    await Promise.all([follower('twins')(), follower('twins')(), follower('twins')()]);
    expect(await seen('twins')).toEqual(upTo(31));
  });

  test('in an empty region there is nothing', async () => {
    const step = () => Promise.reject(new Error('nothing to see'));
    expect(await follow({ database, ledger, name: 'bills', region: 'CN-GD', step })()).toBe(0);
  });
});
