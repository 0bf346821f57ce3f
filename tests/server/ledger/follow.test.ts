/** Followers: each transfer once and in order, also when a step fails or two processes follow under one name. */
import { beforeAll, expect, test } from 'vitest';
import { follow } from '#server/ledger/follow.ts';
import { type Ledger, openLedger } from '#server/ledger/ledger.ts';
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

  test('what this process remembers and what another one reads are the same', async () => {
    const elsewhere = openLedger({ database });
    const about = { note: 'a "quoted" word', count: 3 };
    await ledger.post([{ ...transfer('told', bank(), walletOf('Ai'), 5), about }]);
    const own = await ledger.journal(SHANXI, 0, 1_000);
    expect(own.at(-1)?.about).toEqual(about);
    expect(await elsewhere.journal(SHANXI, 0, 1_000)).toEqual(own);
  });

  test('what was undone is not told, what another process posted in between is', async () => {
    const end = (await ledger.journal(SHANXI, 0, 1_000)).length;
    const undone = database.transaction(async (tx) => {
      await ledger.postWithin(tx, [[transfer('undone', bank(), walletOf('Ai'), 7)]]);
      throw new Error('the door broke');
    });
    await expect(undone).rejects.toThrow('the door broke');
    await openLedger({ database }).post([transfer('foreign', bank(), walletOf('Bo'), 1)]);
    await ledger.post([transfer('own', bank(), walletOf('Ai'), 2)]);
    const rest = await ledger.journal(SHANXI, end, 1_000);
    expect(rest.map((one) => [one.cursor, one.moves[0]?.credit.owner, one.moves[0]?.amount])).toEqual([
      [end + 1, walletOf('Bo').owner, 1],
      [end + 2, walletOf('Ai').owner, 2],
    ]);
  });

  test('in an empty region there is nothing', async () => {
    const step = () => Promise.reject(new Error('nothing to see'));
    expect(await follow({ database, ledger, name: 'bills', region: 'CN-GD', step })()).toBe(0);
  });
});
