/** The logbook: what is written stays, and whoever takes out, changes or moves one line is found, whichever it is. */
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type Entry,
  logbookSchema,
  readNewest,
  sealDay,
  sealMessage,
  verifyLogbook,
  writeDown,
} from '#server/logbook/logbook.ts';
import type { Database } from '#server/platform/database.ts';
import { migrate } from '#server/platform/migrate.ts';
import { sameBytes } from '#shared/base/bytes.ts';
import { instant } from '#shared/base/time.ts';
import { kidOf } from '#shared/protocol/cose.ts';
import { askSignature } from '#shared/protocol/message.ts';
import { webVerifier } from '#shared/protocol/signature.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { freshSigner } from '#tests/kit/market.ts';

const START = 1_800_000_000_000;
const LINES = 24;
const signer = freshSigner();
const isGood = webVerifier();

const entry = (at: number, region = 'CN-SX'): Entry => ({
  region,
  at: instant(START + at),
  act: at % 2 === 0 ? 'switch' : 'device-revoked',
  who: at % 2 === 0 ? 'operator mei' : `wallet ${at}`,
  about: { switch: 'issuing', on: at % 4 === 0, why: `line ${at} “quoted”\n` },
});

eachDatabase('a logbook', (openDatabase) => {
  let database: Database;
  const verify = () =>
    verifyLogbook(
      database,
      async (seal) => sameBytes(seal.kid, kidOf(signer.key)) && isGood(askSignature(seal, signer.key)),
    );
  const says = async () => (await verify()).findings.map(({ region, number, says }) => `${region} ${number}: ${says}`);

  /** Does `harm` with the guards off, looks, and puts everything back as it was. */
  async function harmed(harm: string): Promise<string[]> {
    const tables = ['logbook_line', 'logbook_end', 'logbook_seal'];
    for (const table of tables) await database.query(`create table kept_${table} as select * from ${table}`);
    for (const table of ['logbook_line', 'logbook_seal'])
      await database.query(`alter table ${table} disable trigger user`);
    for (const statement of harm.split(';')) await database.query(statement);
    const found = await says();
    for (const table of tables) {
      await database.query(`delete from ${table}`);
      await database.query(`insert into ${table} select * from kept_${table}`);
      await database.query(`drop table kept_${table}`);
    }
    for (const table of ['logbook_line', 'logbook_seal'])
      await database.query(`alter table ${table} enable trigger user`);
    return found;
  }

  beforeAll(async () => {
    database = await openDatabase();
    await migrate(database, [logbookSchema]);
    for (let at = 0; at < LINES - 4; at += 1) await database.transaction((tx) => writeDown(tx, [entry(at)]));
    await database.transaction((tx) =>
      writeDown(tx, [entry(0, 'CN-BJ'), entry(LINES - 4), entry(1, 'CN-BJ'), entry(LINES - 3)]),
    );
    expect(await sealDay(database, instant(START), (seal) => sealMessage.sign(seal, signer))).toBe(2);
    expect(await sealDay(database, instant(START + 1000), (seal) => sealMessage.sign(seal, signer))).toBe(0);
    for (let at = LINES - 2; at < LINES; at += 1) await database.transaction((tx) => writeDown(tx, [entry(at)]));
  });

  test('untouched, it is proved', async () => {
    const report = await verify();
    expect([report.lines, report.seals, report.findings]).toEqual([LINES + 2, 2, []]);
    expect(await readNewest(database, 'CN-SX', 2)).toEqual([entry(LINES - 2), entry(LINES - 1)]);
  });

  test('many writers at once make one chain', async () => {
    await Promise.all(
      Array.from({ length: 12 }, (_, at) => database.transaction((tx) => writeDown(tx, [entry(at, 'CN-GD')]))),
    );
    expect(await says()).toEqual([]);
  });

  describe.each(Array.from({ length: LINES }, (_, at) => at + 1))('line %i', (number) => {
    const here = `region = 'CN-SX' and number = ${number}`;
    test.each([
      ['taken out', `delete from logbook_line where ${here}`],
      [
        'taken out, with all after it moved up',
        `delete from logbook_line where ${here};
         update logbook_line set number = number + 1000 where region = 'CN-SX' and number > ${number};
         update logbook_line set number = number - 1001 where region = 'CN-SX' and number > 1000`,
      ],
      ['another moment', `update logbook_line set at = at + 1 where ${here}`],
      ['another act', `update logbook_line set act = 'policy' where ${here}`],
      ['somebody else', `update logbook_line set who = 'operator li' where ${here}`],
      ['another content', `update logbook_line set about = replace(about, 'issuing', 'nothing') where ${here}`],
      ['one bit of its hash', `update logbook_line set hash = set_bit(hash, 9, 1 - get_bit(hash, 9)) where ${here}`],
      [
        'twice',
        `insert into logbook_line select region, ${LINES + 1}, at, act, who, about, hash from logbook_line where ${here}`,
      ],
      [
        'exchanged with its neighbour',
        `update logbook_line set number = 5000 where ${here};
         update logbook_line set number = ${number} where region = 'CN-SX' and number = ${number === LINES ? number - 1 : number + 1};
         update logbook_line set number = ${number === LINES ? number - 1 : number + 1} where region = 'CN-SX' and number = 5000`,
      ],
    ])('%s', async (_what, harm) => {
      expect(await harmed(harm)).not.toEqual([]);
      expect(await says()).toEqual([]);
    });
  });

  test.each([
    [
      'the last line and the end moved back',
      `delete from logbook_line where region = 'CN-BJ'; update logbook_end set number = 0, hash = ''::bytea where region = 'CN-BJ'`,
    ],
    [
      'a seal of somebody else',
      `update logbook_seal set bytes = set_bit(bytes, 900, 1 - get_bit(bytes, 900)) where region = 'CN-SX'`,
    ],
    ['a seal on another line', `update logbook_seal set number = number - 1 where region = 'CN-SX'`],
    ['the end taken out', `delete from logbook_end where region = 'CN-SX'`],
  ])('%s', async (_what, harm) => {
    expect(await harmed(harm)).not.toEqual([]);
  });

  test.each([
    ['update logbook_line set who = $1', ['x']],
    ['delete from logbook_line', []],
    ['truncate logbook_line', []],
    ['delete from logbook_seal', []],
  ])('the database itself refuses: %s', async (statement, values) => {
    await expect(database.query(statement, values)).rejects.toThrow('never changed');
  });
});
