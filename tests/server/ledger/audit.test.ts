/** The auditor: silent on a true ledger, and naming the very row and amount when one row was changed behind its back. */
import { afterEach, beforeAll, expect, test } from 'vitest';
import { auditLedger, type Finding } from '#server/ledger/audit.ts';
import { clearing, frozen, guaranteeFund, holdOf } from '#server/ledger/chart.ts';
import type { Database } from '#server/platform/database.ts';
import { instant } from '#shared/base/time.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { bank, idOf, ledgerOn, SHANXI, transfer, walletOf } from '#tests/kit/ledger.ts';

const AI = walletOf('Ai').id;
const HOLD = holdOf(SHANXI, idOf('allowance'), 'CNY', idOf('Ai'));
const FROZEN = frozen(SHANXI, idOf('claim'), 'CNY', idOf('Bo'));
const PAID = idOf('transfer pay');

/** One changed row each: what was done, the SQL, what the auditor must say (check, row, off by). */
const TAMPERED: readonly (readonly [what: string, sql: string, finding: Partial<Finding>])[] = [
  [
    'a balance raised',
    `update ledger_account set balance = balance + 700 where id = '${AI}'`,
    { check: 'balance', row: `account ${AI}`, off: 700 },
  ],
  [
    'a balance raised breaks the sum',
    `update ledger_account set balance = balance + 700 where id = '${AI}'`,
    { check: 'trial-balance', off: -700 },
  ],
  [
    'an amount raised',
    `update ledger_move set amount = amount + 5 where cursor = 3`,
    { check: 'seal', row: `transfer ${PAID} at 3` },
  ],
  [
    'an amount raised shows on the payee',
    `update ledger_move set amount = amount + 5 where cursor = 3`,
    { check: 'balance', row: `account ${walletOf('Bo').id}`, off: -5 },
  ],
  [
    'a payee exchanged',
    `update ledger_move set credit = '${walletOf('Ci').id}' where cursor = 3`,
    { check: 'seal', row: `transfer ${PAID} at 3` },
  ],
  [
    'sides exchanged',
    `update ledger_move set debit = credit, credit = debit where cursor = 3`,
    { check: 'seal', row: `transfer ${PAID} at 3` },
  ],
  [
    'a currency changed',
    `update ledger_move set currency = 'USD' where cursor = 3`,
    { check: 'move-account', row: 'move 3/0', off: 300 },
  ],
  [
    'a move removed',
    `delete from ledger_move where cursor = 3`,
    { check: 'moves-missing', row: `transfer ${PAID} at 3` },
  ],
  [
    'a move added',
    `insert into ledger_move values ('CN-SX', 3, 1, '${AI}', '${walletOf('Bo').id}', 9, 'CNY')`,
    { check: 'seal', row: `transfer ${PAID} at 3` },
  ],
  [
    'a transfer removed',
    `delete from ledger_transfer where cursor = 3`,
    { check: 'move-orphaned', row: 'moves at 3', off: 300 },
  ],
  ['a transfer removed leaves a gap', `delete from ledger_transfer where cursor = 3`, { check: 'journal-gap', off: 1 }],
  ['the last transfer removed', `delete from ledger_transfer where cursor = 8`, { check: 'journal-end', off: 1 }],
  [
    'a moment changed',
    `update ledger_transfer set at = at - 86400000 where cursor = 3`,
    { check: 'seal', row: `transfer ${PAID} at 3` },
  ],
  [
    'a kind changed',
    `update ledger_transfer set kind = 'fee' where cursor = 3`,
    { check: 'seal', row: `transfer ${PAID} at 3` },
  ],
  [
    'a story changed',
    `update ledger_transfer set about = '{"slip":"B"}' where cursor = 3`,
    { check: 'seal', row: `transfer ${PAID} at 3` },
  ],
  [
    'an id changed',
    `update ledger_transfer set id = '${idOf('forged')}' where cursor = 3`,
    { check: 'seal', row: `transfer ${idOf('forged')} at 3` },
  ],
  [
    'a reversal turned to what never was',
    `update ledger_transfer set reverses = '${idOf('forged')}' where cursor = 6`,
    { check: 'reversal' },
  ],
  [
    'the end of the journal moved',
    `update ledger_journal_end set cursor = cursor + 2 where region = 'CN-SX'`,
    { check: 'journal-end', off: 2 },
  ],
  [
    'an account given away',
    `update ledger_account set owner = '${idOf('Bo')}' where id = '${AI}'`,
    { check: 'account', row: `account ${AI}` },
  ],
  [
    'what a claim holds given away',
    `update ledger_account set owner = '${idOf('Ai')}' where id = '${FROZEN.id}'`,
    { check: 'account', row: `account ${FROZEN.id}` },
  ],
  [
    'a floor taken away',
    `update ledger_account set floor = null where id = '${AI}'`,
    { check: 'account', row: `account ${AI}` },
  ],
  [
    'a side exchanged',
    `update ledger_account set normal = 'debit' where id = '${AI}'`,
    { check: 'account', row: `account ${AI}` },
  ],
  [
    'an account removed',
    `delete from ledger_account where id = '${HOLD.id}'`,
    { check: 'move-account', row: 'move 4/0', off: 200 },
  ],
  [
    'money out of nothing',
    `insert into ledger_account values ('CN-SX', 'available/x/CNY', 'available', 'x', 'CNY', 'credit', 0, 50)`,
    { check: 'balance', row: 'account available/x/CNY', off: 50 },
  ],
  [
    'a follower ahead of the journal',
    `insert into ledger_follower values ('CN-SX', 'bills', 99)`,
    { check: 'follower', row: 'follower bills', off: 91 },
  ],
];

const UNLOCK = ['ledger_transfer', 'ledger_move'].map((table) => `alter table ${table} disable trigger user`);
const TABLES = ['ledger_journal_end', 'ledger_account', 'ledger_transfer', 'ledger_move', 'ledger_follower'];

eachDatabase('the auditor', (open) => {
  let database: Database;

  beforeAll(async () => {
    database = await open();
    const ledger = await ledgerOn(database);
    const unit = [
      transfer('north', walletOf('Ai'), clearing('CN-SX', 'CN-BJ', 'CNY'), 10),
      transfer('south', clearing('CN-BJ', 'CN-SX', 'CNY'), walletOf('Du', 'CN-BJ'), 10),
    ];
    const units = [
      [transfer('in', bank(), walletOf('Ai'), 1_000)],
      [transfer('fund', bank(), guaranteeFund(SHANXI, 'CNY'), 5_000)],
      [transfer('pay', walletOf('Ai'), walletOf('Bo'), 300, { about: { slip: 'A' } })],
      [transfer('issue', walletOf('Ai'), HOLD, 200)],
      unit,
    ];
    for (const one of units) expect(await ledger.post(one)).toMatchObject({ ok: true });
    await ledger.reverse({ region: SHANXI, original: idOf('transfer issue'), id: idOf('back'), at: instant(5) });
    await ledger.post([transfer('last', walletOf('Bo'), walletOf('Ci'), 1)]);
    await ledger.post([transfer('freeze', walletOf('Bo'), FROZEN, 20, { kind: 'freeze' })]);
    for (const statement of UNLOCK) await database.query(statement);
    for (const table of TABLES) await database.query(`create table kept_${table} as select * from ${table}`);
  });

  afterEach(async () => {
    await database.transaction(async (tx) => {
      for (const table of TABLES) {
        await tx.query(`delete from ${table}`);
        await tx.query(`insert into ${table} select * from kept_${table}`);
      }
    });
  });

  test('a true ledger has no findings', async () => {
    expect(await auditLedger(database)).toEqual({ regions: 2, transfers: 9, moves: 9, accounts: 10, findings: [] });
  });

  test.each(TAMPERED)('%s', async (_what, sql, finding) => {
    await database.query(sql);
    const { findings } = await auditLedger(database);
    expect(findings).toContainEqual(expect.objectContaining({ region: 'CN-SX', ...finding }));
  });

  test.each([
    ['update', 'update ledger_move set amount = 1'],
    ['delete', 'delete from ledger_transfer'],
    ['truncate', 'truncate ledger_move'],
  ])('the database itself refuses to %s what is posted', async (_what, sql) => {
    for (const statement of UNLOCK) await database.query(statement.replace('disable', 'enable'));
    await expect(database.query(sql)).rejects.toThrow('the journal is never changed');
    for (const statement of UNLOCK) await database.query(statement);
  });
});
