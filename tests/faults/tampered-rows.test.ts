/**
 * Somebody with the database in hand changes one row of books in which everything has happened: the auditor names that
 * row, says by how much, and says nothing but what follows from it.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { auditLedger, type Finding } from '#server/ledger/audit.ts';
import type { Database } from '#server/platform/database.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { report } from '#tests/kit/fault-report.ts';
import { keepTables } from '#tests/kit/kept-tables.ts';
import { idOf, SHANXI } from '#tests/kit/ledger.ts';
import { type Market, openMarket } from '#tests/kit/market.ts';
import { liveThrough } from '#tests/kit/market-day.ts';
import { type Chance, chanceOf } from '#tests/simulation/chance.ts';

interface AccountRow {
  readonly id: string;
  readonly kind: string;
  readonly owner: string | null;
  readonly currency: string;
  readonly normal: 'debit' | 'credit';
  readonly floor: number | null;
  readonly balance: number;
}
interface MoveRow {
  readonly cursor: number;
  readonly line: number;
  readonly debit: string;
  readonly credit: string;
  readonly amount: number;
}
interface TransferRow {
  readonly id: string;
  readonly cursor: number;
  readonly reverses: string | null;
}
interface Books {
  readonly accounts: readonly AccountRow[];
  readonly moves: readonly MoveRow[];
  readonly transfers: readonly TransferRow[];
  readonly followers: readonly { name: string; cursor: number }[];
  readonly end: number;
}

/** `check`, `row` and `off` of a finding in CN-SX. */
type Named = readonly [check: Finding['check'], row: string, off: number];

/** One row changed: how, and everything the auditor has to say to it. */
interface Tampering {
  readonly sql: string;
  readonly says: readonly Named[];
}

const TRIAL = (currency: string, off: number): Named => ['trial-balance', `all accounts in ${currency}`, off];
const signed = (account: AccountRow, amount: number) => (account.normal === 'debit' ? amount : -amount);
const transferRow = ({ id, cursor }: TransferRow) => `transfer ${id} at ${cursor}`;

/** Books to choose a row from, and what a change of it must lead to. */
class Desk {
  readonly books: Books;
  readonly chance: Chance;

  constructor(books: Books, chance: Chance) {
    this.books = books;
    this.chance = chance;
  }

  account(holds: (account: AccountRow) => boolean = () => true): AccountRow {
    return this.chance.one(this.books.accounts.filter((one) => one.balance > 0 && holds(one)));
  }

  /** A move that is alone in its transfer, which nobody takes back and which is not the last. */
  move(holds: (move: MoveRow) => boolean = () => true): MoveRow {
    const { moves, end } = this.books;
    return this.chance.one(
      moves.filter((one) => {
        const alone = moves.filter(({ cursor }) => cursor === one.cursor).length === 1;
        return alone && one.cursor < end && !this.isTakenBack(this.transferAt(one.cursor)) && holds(one);
      }),
    );
  }

  isTakenBack(transfer: TransferRow): boolean {
    return this.books.transfers.some(({ reverses }) => reverses === transfer.id);
  }

  transferAt(cursor: number): TransferRow {
    const found = this.books.transfers.find((one) => one.cursor === cursor);
    if (!found) throw new Error(`no transfer at ${cursor}`);
    return found;
  }

  /** A transfer in the middle of the journal that has nothing to do with a taking back. */
  transfer(): TransferRow {
    const { transfers, end } = this.books;
    return this.chance.one(
      transfers.filter((one) => one.cursor > 1 && one.cursor < end && one.reverses === null && !this.isTakenBack(one)),
    );
  }

  accountOf(id: string): AccountRow {
    const found = this.books.accounts.find((one) => one.id === id);
    if (!found) throw new Error(`no account ${id}`);
    return found;
  }

  /** An account that says `by` more than it should. */
  balance(account: AccountRow, by: number): Tampering {
    return {
      sql: `update ledger_account set balance = balance + ${by} where region = 'CN-SX' and id = '${account.id}'`,
      says: [
        ['balance', `account ${account.id}`, by],
        TRIAL(account.currency, signed(account, by)),
        ...((account.floor ?? -Infinity) > account.balance + by
          ? ([['floor', `account ${account.id}`, (account.floor ?? 0) - account.balance - by]] as const)
          : []),
      ],
    };
  }

  /** The accounts that no longer hold what their moves say, when `before` became `after`. */
  off(before: readonly MoveRow[], after: readonly MoveRow[]): Named[] {
    const sums = new Map<string, number>();
    const add = (id: string, by: number) => sums.set(id, (sums.get(id) ?? 0) + by);
    for (const [moves, sign] of [
      [before, -1],
      [after, 1],
    ] as const) {
      for (const { debit, credit, amount } of moves) {
        add(debit, sign * amount);
        add(credit, -sign * amount);
      }
    }
    return [...sums]
      .filter(([, by]) => by !== 0)
      .map(([id, by]) => ['balance', `account ${id}`, this.accountOf(id).normal === 'debit' ? -by : by]);
  }

  /** One field of a move changed. */
  changed(move: MoveRow, set: string, after: Partial<MoveRow>): Tampering {
    return {
      sql: `update ledger_move set ${set} where region = 'CN-SX' and cursor = ${move.cursor}`,
      says: [['seal', transferRow(this.transferAt(move.cursor)), 0], ...this.off([move], [{ ...move, ...after }])],
    };
  }

  /** One field of a transfer changed: its seal tells. */
  sealed(transfer: TransferRow, set: string, more: readonly Named[] = []): Tampering {
    return {
      sql: `update ledger_transfer set ${set} where region = 'CN-SX' and cursor = ${transfer.cursor}`,
      says: [['seal', transferRow(transfer), 0], ...more],
    };
  }

  /** One field of an account changed: the chart tells. */
  charted(account: AccountRow, set: string): Tampering {
    return {
      sql: `update ledger_account set ${set} where region = 'CN-SX' and id = '${account.id}'`,
      says: [['account', `account ${account.id}`, account.balance]],
    };
  }

  /** Every move that names an account, as the auditor complains of it. */
  naming(account: AccountRow): Named[] {
    return this.books.moves.flatMap((one) =>
      [one.debit, one.credit]
        .filter((id) => id === account.id)
        .map((): Named => ['move-account', `move ${one.cursor}/${one.line}`, one.amount]),
    );
  }

  movesAt(cursor: number): MoveRow[] {
    return this.books.moves.filter((one) => one.cursor === cursor);
  }

  /** Followers that stand beyond an end that is said to be at `end`. */
  ahead(end: number): Named[] {
    return this.books.followers
      .filter(({ cursor }) => cursor > end)
      .map(({ name, cursor }) => ['follower', `follower ${name}`, cursor - end]);
  }
}

/** The first move into a hold says whose it is as well; the change of that one has more to be said of. */
const notHold = ({ debit, credit }: MoveRow) => !debit.startsWith('hold/') && !credit.startsWith('hold/');
const isPurse = ({ kind }: AccountRow) => kind === 'available';
const FORGED = idOf('forged');

const TAMPERED: Readonly<Record<string, (desk: Desk) => Tampering>> = {
  'a balance raised': (desk) => desk.balance(desk.account(isPurse), 700),
  'a balance lowered by the least': (desk) => desk.balance(desk.account(), -1),
  'a balance doubled': (desk) => {
    const account = desk.account();
    return desk.balance(account, account.balance);
  },
  'a debt forgiven': (desk) => {
    const account = desk.account(({ kind }) => kind === 'receivable');
    return desk.balance(account, -account.balance);
  },
  'the guarantee fund filled from nothing': (desk) =>
    desk.balance(
      desk.account(({ kind }) => kind === 'guarantee-fund'),
      1_000_000,
    ),
  'a hold raised': (desk) =>
    desk.balance(
      desk.account(({ kind }) => kind === 'hold'),
      1,
    ),
  'a balance below its floor': (desk) => {
    const account = desk.account(isPurse);
    return desk.balance(account, -account.balance - 5);
  },
  'a purse given to another': (desk) => desk.charted(desk.account(isPurse), `owner = '${FORGED}'`),
  'a hold given to another': (desk) =>
    desk.charted(
      desk.account(({ kind }) => kind === 'hold'),
      `owner = '${FORGED}'`,
    ),
  'a purse without an owner': (desk) => desk.charted(desk.account(isPurse), 'owner = null'),
  'a floor taken away': (desk) => desk.charted(desk.account(isPurse), 'floor = null'),
  'a floor lowered': (desk) => desk.charted(desk.account(isPurse), 'floor = -100'),
  'the side of an account exchanged': (desk) =>
    desk.charted(desk.account(), `normal = case normal when 'debit' then 'credit' else 'debit' end`),
  'a purse called frozen': (desk) => desk.charted(desk.account(isPurse), `kind = 'frozen'`),
  'a purse turned to another currency': (desk) => {
    const account = desk.account(isPurse);
    const { sql, says } = desk.charted(account, `currency = 'USD'`);
    const trial = signed(account, account.balance);
    return { sql, says: [...says, ...desk.naming(account), TRIAL('CNY', -trial), TRIAL('USD', trial)] };
  },
  'an account removed': (desk) => {
    const account = desk.account();
    return {
      sql: `delete from ledger_account where region = 'CN-SX' and id = '${account.id}'`,
      says: [...desk.naming(account), TRIAL('CNY', -signed(account, account.balance))],
    };
  },
  'a purse out of nothing': () => ({
    sql: `insert into ledger_account values ('CN-SX', 'available/${FORGED}/CNY', 'available', '${FORGED}', 'CNY', 'credit', 0, 50)`,
    says: [['balance', `account available/${FORGED}/CNY`, 50], TRIAL('CNY', -50)],
  }),
  'an amount raised': (desk) => {
    const move = desk.move();
    return desk.changed(move, 'amount = amount + 5', { amount: move.amount + 5 });
  },
  'an amount lowered by the least': (desk) => {
    const move = desk.move(({ amount }) => amount > 1);
    return desk.changed(move, 'amount = amount - 1', { amount: move.amount - 1 });
  },
  'a payer exchanged': (desk) => {
    const move = desk.move(notHold);
    const { id } = desk.account((one) => isPurse(one) && one.id !== move.debit && one.id !== move.credit);
    return desk.changed(move, `debit = '${id}'`, { debit: id });
  },
  'a payee exchanged': (desk) => {
    const move = desk.move(notHold);
    const { id } = desk.account((one) => isPurse(one) && one.id !== move.debit && one.id !== move.credit);
    return desk.changed(move, `credit = '${id}'`, { credit: id });
  },
  'sides exchanged': (desk) => {
    const move = desk.move(notHold);
    return desk.changed(move, 'debit = credit, credit = debit', { debit: move.credit, credit: move.debit });
  },
  'the currency of a move changed': (desk) => {
    const move = desk.move();
    const { sql, says } = desk.changed(move, `currency = 'USD'`, {});
    const row = `move ${move.cursor}/${move.line}`;
    return { sql, says: [...says, ['move-account', row, move.amount], ['move-account', row, move.amount]] };
  },
  'a move removed': (desk) => {
    const move = desk.move(notHold);
    return {
      sql: `delete from ledger_move where region = 'CN-SX' and cursor = ${move.cursor}`,
      says: [['moves-missing', transferRow(desk.transferAt(move.cursor)), 0], ...desk.off([move], [])],
    };
  },
  'a move added': (desk) => {
    const move = desk.move(notHold);
    const from = desk.account(isPurse);
    const to = desk.account((one) => isPurse(one) && one.id !== from.id);
    const added = { ...move, line: 1, debit: from.id, credit: to.id, amount: 9 };
    return {
      sql: `insert into ledger_move values ('CN-SX', ${move.cursor}, 1, '${added.debit}', '${added.credit}', 9, 'CNY')`,
      says: [['seal', transferRow(desk.transferAt(move.cursor)), 0], ...desk.off([], [added])],
    };
  },
  'a move put under no transfer': (desk) => {
    const move = desk.move(notHold);
    return {
      sql: `update ledger_move set cursor = 1000000 where region = 'CN-SX' and cursor = ${move.cursor}`,
      says: [
        ['moves-missing', transferRow(desk.transferAt(move.cursor)), 0],
        ['move-orphaned', 'moves at 1000000', move.amount],
      ],
    };
  },
  'a transfer removed': (desk) => {
    const { cursor } = desk.transfer();
    const total = desk.movesAt(cursor).reduce((sum, { amount }) => sum + amount, 0);
    return {
      sql: `delete from ledger_transfer where region = 'CN-SX' and cursor = ${cursor}`,
      says: [
        ['move-orphaned', `moves at ${cursor}`, total],
        ['journal-gap', transferRow(desk.transferAt(cursor + 1)), 1],
      ],
    };
  },
  'the last transfer removed': (desk) => {
    const { end } = desk.books;
    const total = desk.movesAt(end).reduce((sum, { amount }) => sum + amount, 0);
    return {
      sql: `delete from ledger_transfer where region = 'CN-SX' and cursor = ${end}`,
      says: [
        ['move-orphaned', `moves at ${end}`, total],
        ['journal-end', 'journal end of CN-SX', 1],
      ],
    };
  },
  'a moment changed by a millisecond': (desk) => desk.sealed(desk.transfer(), 'at = at + 1'),
  'a kind changed': (desk) => desk.sealed(desk.transfer(), `kind = 'fee'`),
  'a story changed': (desk) => desk.sealed(desk.transfer(), `about = '{"payment":"another"}'`),
  'a story taken away': (desk) => {
    const told = desk.books.transfers.find(({ id }) => id === idOf('transfer told'));
    if (!told) throw new Error('no transfer has a story');
    return desk.sealed(told, 'about = null');
  },
  'an id changed': (desk) => {
    const transfer = desk.transfer();
    return { ...desk.sealed({ ...transfer, id: FORGED }, `id = '${FORGED}'`) };
  },
  'a seal exchanged': (desk) => desk.sealed(desk.transfer(), `seal = decode(repeat('00', 32), 'hex')`),
  'a taking back of what never was': (desk) => {
    const transfer = desk.transfer();
    return desk.sealed(transfer, `reverses = '${FORGED}'`, [['reversal', transferRow(transfer), 0]]);
  },
  'a taking back made a plain transfer': (desk) =>
    desk.sealed(desk.chance.one(desk.books.transfers.filter(({ reverses }) => reverses !== null)), 'reverses = null'),
  'the end of the journal moved on': (desk) => ({
    sql: `update ledger_journal_end set cursor = cursor + 2 where region = 'CN-SX'`,
    says: [['journal-end', `journal end of CN-SX`, 2], ...desk.ahead(desk.books.end + 2)],
  }),
  'the end of the journal moved back': (desk) => ({
    sql: `update ledger_journal_end set cursor = cursor - 1 where region = 'CN-SX'`,
    says: [['journal-end', `journal end of CN-SX`, -1], ...desk.ahead(desk.books.end - 1)],
  }),
  'the end of the journal removed': (desk) => ({
    sql: `delete from ledger_journal_end where region = 'CN-SX'`,
    says: [['journal-end', `journal end of CN-SX`, -desk.books.end], ...desk.ahead(0)],
  }),
  'a follower ahead of the journal': (desk) => ({
    sql: `insert into ledger_follower values ('CN-SX', 'forged', ${desk.books.end + 3})`,
    says: [['follower', 'follower forged', 3]],
  }),
};

const UNLOCK = ['ledger_transfer', 'ledger_move'].map((table) => `alter table ${table} disable trigger user`);
const TABLES = ['ledger_journal_end', 'ledger_account', 'ledger_transfer', 'ledger_move', 'ledger_follower'];

async function readBooks(database: Database): Promise<Books> {
  const rows = <Row>(sql: string) => database.query<Row>(sql);
  const kept = await rows<AccountRow>(`select * from ledger_account where region = 'CN-SX'`);
  const moves = await rows<MoveRow>(`select * from ledger_move where region = 'CN-SX' order by cursor, line`);
  const transfers = await rows<TransferRow>(`select * from ledger_transfer where region = 'CN-SX' order by cursor`);
  const followers = await rows<{ name: string; cursor: number }>(
    `select * from ledger_follower where region = 'CN-SX'`,
  );
  // In the order in which they were opened, so that the same rows are chosen in every run, whatever their ids.
  const opened = [...new Set(moves.flatMap(({ debit, credit }) => [debit, credit]))];
  const accounts = kept.sort((left, right) => opened.indexOf(left.id) - opened.indexOf(right.id));
  return { accounts, moves, transfers, followers, end: transfers.at(-1)?.cursor ?? 0 };
}

const sorted = (findings: readonly Named[]) => findings.map((one) => one.join(' ')).sort();

eachDatabase('the books', (open) => {
  let market: Market;
  let database: Database;
  let desk: Desk;
  let named = 0;
  let putRight: () => Promise<void>;

  beforeAll(async () => {
    database = await open();
    market = await openMarket(database);
    await liveThrough(market);
    expect(await auditLedger(database)).toMatchObject({ regions: 2, findings: [] });
    desk = new Desk(await readBooks(database), chanceOf(17));
    for (const statement of UNLOCK) await database.query(statement);
    // A hand that changes rows takes away what would hinder it.
    await database.query('alter table ledger_account drop constraint ledger_account_floor');
    putRight = await keepTables(database, TABLES);
  });
  afterAll(async () => {
    report(`F17 a row tampered with, ${database.kind}`, Object.keys(TAMPERED).length, { named, falseAlarms: 0 });
    await market?.close();
  });
  afterEach(async () => {
    await putRight();
    expect((await auditLedger(database)).findings, 'nothing is said of books put right again').toEqual([]);
  });

  test.each(Object.keys(TAMPERED))('%s', async (what) => {
    const { sql, says } = TAMPERED[what]?.(desk) ?? { sql: '', says: [] };
    await database.query(sql);
    const { findings } = await auditLedger(database);
    expect(findings.every(({ region }) => region === SHANXI)).toBe(true);
    expect(sorted(findings.map(({ check, row, off }) => [check, row, off]))).toEqual(sorted(says));
    named += 1;
  });
});
