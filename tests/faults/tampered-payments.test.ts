/**
 * Somebody with the database in hand changes one row of allowances, payments or bills and leaves the ledger alone: the
 * auditor of payments names that row, says by how much, and says nothing else.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { auditLedger } from '#server/ledger/audit.ts';
import type { Database } from '#server/platform/database.ts';
import { auditPayments, type Finding } from '#server/proof/proof.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import { allowanceMessage } from '#shared/protocol/allowance.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { report } from '#tests/kit/fault-report.ts';
import { keepTables } from '#tests/kit/kept-tables.ts';
import { idOf } from '#tests/kit/ledger.ts';
import { freshSigner, type Market, openMarket } from '#tests/kit/market.ts';
import { liveThrough } from '#tests/kit/market-day.ts';

/** What the auditor says to one change: the check, the row, and by how much. */
type Named = readonly [check: Finding['check'], row: string, off: number];

/** How one row is changed, and everything the auditor has to say to it. */
interface Tampering {
  readonly sql: string;
  readonly says: readonly Named[];
}

interface PaymentRow {
  readonly id: Uint8Array;
  readonly allowance: string;
  readonly amount: number;
  readonly held: number;
  readonly state: string;
}
interface AllowanceRow {
  readonly id: string;
  readonly total: number;
  readonly claimed: number;
  readonly hour: number;
}
interface BillRow {
  readonly wallet: string;
  readonly sequence: number;
  readonly payment: Uint8Array | null;
}

const FORGED = idOf('forged');
const TABLES = [
  'allowance',
  'allowance_outstanding',
  'payment',
  'payment_case',
  'payment_proof',
  'payment_receipt',
  'payment_fund',
  'payment_claim',
  'payment_claim_root',
  'bill',
  'bill_head',
];

/** Chooses the rows that are changed. */
class Desk {
  readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  async one<Row>(sql: string): Promise<Row> {
    const [row] = await this.database.query<Row>(sql);
    if (row === undefined) throw new Error(`the day had none of: ${sql}`);
    return row;
  }

  payment(where: string): Promise<PaymentRow> {
    return this.one(
      `select id, allowance, amount, held, state from payment where ${where} order by number, id limit 1`,
    );
  }

  allowance(where: string): Promise<AllowanceRow> {
    return this.one(
      `select id, total, claimed, claim_until_at / 3600000 + 1 as hour from allowance where ${where} order by id limit 1`,
    );
  }

  bill(where: string): Promise<BillRow> {
    return this.one(`select wallet, sequence, payment from bill where ${where} order by wallet, sequence limit 1`);
  }
}

const nameOf = ({ id }: PaymentRow): string => `payment ${toBase64url(id)}`;
const hexOf = (id: Uint8Array): string => `'\\x${Buffer.from(id).toString('hex')}'::bytea`;
const change = (row: PaymentRow, set: string): string => `update payment set ${set} where id = ${hexOf(row.id)}`;
/** What a message ends with is its signature. */
const BENT_SIGNATURE = 'bytes = set_byte(bytes, length(bytes) - 1, get_byte(bytes, length(bytes) - 1) # 1)';
const PLAIN = "state = 'settled' and held > 0 and guaranteed = 0 and region = payee_region and payer <> payee";

/** A payment's field changed that the bytes it was signed with say as well. */
const unlikeSigned =
  (set: string) =>
  async (desk: Desk): Promise<Tampering> => {
    const row = await desk.payment(PLAIN);
    return { sql: change(row, set), says: [['payment-message', nameOf(row), 0]] };
  };

/** An allowance's field changed that the bytes it was issued with say as well. */
const unlikeIssued =
  (set: string) =>
  async (desk: Desk): Promise<Tampering> => {
    const { id } = await desk.allowance("state = 'released'");
    return {
      sql: `update allowance set ${set} where id = '${id}'`,
      says: [['allowance-message', `allowance ${id}`, 0]],
    };
  };

/** A bill changed so that it no longer says what happened. */
const untrue =
  (where: string, set: string) =>
  async (desk: Desk): Promise<Tampering> => {
    const { wallet, sequence } = await desk.bill(where);
    return {
      sql: `update bill set ${set} where wallet = '${wallet}' and sequence = ${sequence}`,
      says: [['bill', `bill ${wallet}/${sequence}`, 0]],
    };
  };

/** A payment moved on to a state in which other transfers would stand: the claim, the maturing or the return is missing. */
const inState =
  (where: string, set: string) =>
  async (desk: Desk): Promise<Tampering> => {
    const row = await desk.payment(where);
    return { sql: change(row, set), says: [['payment-posting', nameOf(row), row.amount]] };
  };

const TAMPERED: Readonly<Record<string, (desk: Desk) => Promise<Tampering>>> = {
  'the number of a payment': unlikeSigned('number = number + 40'),
  'the total of a payment': unlikeSigned('total = total + 1'),
  'the invoice of a payment': unlikeSigned("invoice = decode(repeat('00', 16), 'hex')"),
  'the payment before': unlikeSigned("previous = decode(repeat('00', 16), 'hex')"),
  'when a payment was signed': unlikeSigned('signed_at = signed_at + 1000'),
  'the bytes of a payment cut off': unlikeSigned('bytes = substr(bytes, 1, length(bytes) - 1)'),
  'the device of a payee': async (desk) => {
    const row = await desk.payment(PLAIN);
    const says = [
      ['payment-message', nameOf(row), 0],
      ['payment-parties', nameOf(row), 0],
    ] as const;
    return { sql: change(row, `payee_id = '${FORGED}'`), says };
  },
  'one bit of a signature': async (desk) => {
    // None behind it signs for it.
    const row = await desk.payment(
      'not exists (select 1 from payment q where q.allowance = payment.allowance and q.number = payment.number + 1)',
    );
    const sql = change(row, BENT_SIGNATURE);
    return { sql, says: [['payment-signature', nameOf(row), row.amount]] };
  },
  'one bit of an issuer’s signature': async (desk) => {
    const { id, total } = await desk.allowance('claimed > 0');
    const sql = `update allowance set ${BENT_SIGNATURE} where id = '${id}'`;
    return { sql, says: [['allowance-signature', `allowance ${id}`, total]] };
  },
  'an allowance signed by a key that is no issuer’s': async (desk) => {
    const { id, total } = await desk.allowance('claimed > 0');
    const row = await desk.one<{ bytes: Uint8Array }>(`select bytes from allowance where id = '${id}'`);
    const read = allowanceMessage.read(row.bytes);
    if (!read.ok) throw new Error(read.error.code);
    const forged = await allowanceMessage.sign(read.value.message, freshSigner());
    const sql = `update allowance set bytes = ${hexOf(forged)} where id = '${id}'`;
    return { sql, says: [['allowance-signature', `allowance ${id}`, total]] };
  },
  'an allowance given to another key': async (desk) => {
    const { id } = await desk.allowance("claimed > 0 and state = 'stopped'");
    return {
      sql: `update allowance set device_key = set_byte(device_key, 32, get_byte(device_key, 32) # 1) where id = '${id}'`,
      says: [
        ['allowance-message', `allowance ${id}`, 0],
        ...(await desk.database.query<PaymentRow>(`select * from payment where allowance = '${id}'`)).map(
          (row): Named => ['payment-signature', nameOf(row), row.amount],
        ),
      ],
    };
  },
  'a larger amount': async (desk) => {
    const row = await desk.payment(PLAIN);
    const side = await desk.database.query<BillRow>(`select * from bill where payment = ${hexOf(row.id)}`);
    return {
      sql: change(row, 'amount = amount + 7, held = held + 7'),
      says: [
        ['payment-message', nameOf(row), 7],
        ['payment-posting', nameOf(row), row.amount + 7],
        ['allowance-claimed', `allowance ${row.allowance}`, -7],
        ...side.map(({ wallet, sequence }): Named => ['bill', `bill ${wallet}/${sequence}`, 0]),
      ],
    };
  },
  'paid by the guarantee instead of the hold': async (desk) => {
    const row = await desk.payment(PLAIN);
    return {
      sql: change(row, 'late = held, held = 0'),
      says: [
        ['payment-posting', nameOf(row), row.amount],
        ['allowance-claimed', `allowance ${row.allowance}`, row.held],
      ],
    };
  },
  'another payee': async (desk) => {
    const row = await desk.payment(PLAIN);
    const told = await desk.database.query<BillRow>(`select * from bill where payment = ${hexOf(row.id)}`);
    return {
      sql: change(row, `payee = '${FORGED}'`),
      says: [
        ['payment-parties', nameOf(row), 0],
        ['payment-posting', nameOf(row), row.amount],
        // Both sides' bills name somebody who has nothing to do with it any more.
        ...told.map(({ wallet, sequence }): Named => ['bill', `bill ${wallet}/${sequence}`, 0]),
      ],
    };
  },
  'settled before its window was over': inState("state = 'arriving'", "state = 'settled'"),
  'taken back with nothing given back': async (desk) => {
    const row = await desk.payment(PLAIN);
    const says = [
      ['payment-posting', nameOf(row), row.amount],
      ['payment-void', nameOf(row), row.amount],
    ] as const;
    return { sql: change(row, "state = 'reversed'"), says };
  },
  'a payment to oneself taken back': async (desk) => {
    const row = await desk.payment("state = 'settled' and payer = payee");
    return { sql: change(row, "state = 'reversed'"), says: [['payment-void', nameOf(row), row.amount]] };
  },
  'the word of a payee taken away': async (desk) => {
    const row = await desk.payment("state = 'reversed'");
    const sql = `delete from payment_receipt where payment = ${hexOf(row.id)}`;
    return { sql, says: [['payment-void', nameOf(row), row.amount]] };
  },
  'given back and called settled': async (desk) => {
    const row = await desk.payment("state = 'reversed'");
    const told = await desk.database.query<BillRow>(
      `select * from bill where payment = ${hexOf(row.id)} and state = 'reversed'`,
    );
    return {
      sql: change(row, "state = 'settled'"),
      says: [
        ['payment-posting', nameOf(row), row.amount],
        ...told.map(({ wallet, sequence }): Named => ['bill', `bill ${wallet}/${sequence}`, 0]),
      ],
    };
  },
  'settled without a posting': async (desk) => {
    const row = await desk.payment("state = 'disputed'");
    const told = await desk.database.query<BillRow>(`select * from bill where payment = ${hexOf(row.id)}`);
    return {
      sql: change(row, `state = 'settled', late = amount`),
      says: [
        ['payment-posting', nameOf(row), row.amount],
        ...told.map(({ wallet, sequence }): Named => ['bill', `bill ${wallet}/${sequence}`, 0]),
      ],
    };
  },
  'the name payments know an allowance by': async (desk) => {
    const row = await desk.payment('late > 0');
    return {
      sql: `update allowance set reference = decode(repeat('00', 16), 'hex') where id = '${row.allowance}'`,
      says: [
        ['allowance-message', `allowance ${row.allowance}`, 0],
        ['payment-message', nameOf(row), 0],
      ],
    };
  },
  'the place of an allowance in the status list': unlikeIssued('status_index = status_index + 1'),
  'the end of an allowance': unlikeIssued('expires_at = expires_at + 1000'),
  'the claim window of an allowance': unlikeIssued('claim_until_at = claim_until_at + 1000'),
  'an allowance locked to a payee': unlikeIssued(`payee = '${FORGED}'`),
  'an allowance the fund stands behind no more': unlikeIssued('guaranteed = not guaranteed'),
  'the bytes of an allowance cut off': unlikeIssued('bytes = substr(bytes, 1, length(bytes) - 1)'),
  'a larger allowance': async (desk) => {
    const { id, hour } = await desk.allowance("state = 'live'");
    return {
      sql: `update allowance set total = total + 5 where id = '${id}'`,
      says: [
        ['allowance-message', `allowance ${id}`, 0],
        ['allowance-issue', `allowance ${id}`, 5],
        ['allowance-hold', `allowance ${id}`, 5],
        ['outstanding', `outstanding ${hour}`, -5],
      ],
    };
  },
  'less taken out of an allowance': async (desk) => {
    const { id } = await desk.allowance("claimed > 1 and state = 'stopped'");
    return {
      sql: `update allowance set claimed = claimed - 1 where id = '${id}'`,
      says: [
        ['allowance-claimed', `allowance ${id}`, -1],
        ['allowance-hold', `allowance ${id}`, 1],
      ],
    };
  },
  'a stopped allowance alive again': async (desk) => {
    const { id } = await desk.allowance("state = 'stopped'");
    const sql = `update allowance set state = 'live' where id = '${id}'`;
    return { sql, says: [['allowance-state', `allowance ${id}`, 0]] };
  },
  'a released allowance alive again': async (desk) => {
    const { id } = await desk.allowance("state = 'released'");
    const sql = `update allowance set state = 'live' where id = '${id}'`;
    return { sql, says: [['allowance-state', `allowance ${id}`, 0]] };
  },
  'a live allowance said to be closed': async (desk) => {
    const { id } = await desk.allowance("state = 'live'");
    const sql = `update allowance set state = 'closed' where id = '${id}'`;
    return { sql, says: [['allowance-state', `allowance ${id}`, 0]] };
  },
  'a promise forgotten': async (desk) => {
    const { hour, total } = await desk.allowance("state = 'live'");
    const sql = `update allowance_outstanding set total = total - ${total} where ends_hour = ${hour}`;
    return { sql, says: [['outstanding', `outstanding ${hour}`, -total]] };
  },
  'a payment removed': async (desk) => {
    const row = await desk.payment(
      `${PLAIN} and not exists (select 1 from payment_proof f where payment.id in (f.payment, f.other))`,
    );
    const told = await desk.database.query<BillRow>(`select * from bill where payment = ${hexOf(row.id)}`);
    const { id, cursor } = await desk.one<{ id: string; cursor: number }>(
      `select id, cursor from ledger_transfer where about->>'payment' = '${toBase64url(row.id)}'`,
    );
    const { place } = await desk.one<{ place: number }>(
      `select place from payment_claim where payment = ${hexOf(row.id)}`,
    );
    return {
      sql: `delete from payment where id = ${hexOf(row.id)}`,
      says: [
        ['posting-orphaned', `transfer ${id} at ${cursor}`, 0],
        ['allowance-claimed', `allowance ${row.allowance}`, row.held],
        ['claim-place', `claim ${place}`, 0],
        ...told.map(({ wallet, sequence }): Named => ['bill', `bill ${wallet}/${sequence}`, 0]),
      ],
    };
  },
  'a case removed': async (desk) => {
    const row = await desk.payment('guaranteed > 0');
    const { guaranteed } = await desk.one<{ guaranteed: number }>(
      `select guaranteed from payment where id = ${hexOf(row.id)}`,
    );
    return {
      sql: `delete from payment_case where allowance = '${row.allowance}'`,
      says: [
        ['case', nameOf(row), guaranteed],
        ...(await desk.database.query(`select 1 from payment_proof where allowance = '${row.allowance}'`)).map(
          (): Named => ['case', `proof against ${row.allowance}`, 0],
        ),
      ],
    };
  },
  'what the fund is owed': async () => ({
    sql: `update payment_fund set owed = owed - 3 where region = 'CN-SX' and currency = 'CNY'`,
    says: [['fund', 'fund in CNY', -3]],
  }),
  'a place among the settled claims taken away': async (desk) => {
    const { place } = await desk.one<{ place: number }>(
      `select max(place) as place from payment_claim where region = 'CN-SX'`,
    );
    const sql = `delete from payment_claim where region = 'CN-SX' and place = ${place}`;
    return { sql, says: [['claim-place', 'claims', -1]] };
  },
  'the amount of a bill': untrue("kind = 'payment'", 'amount = amount + 1'),
  'the amount of a top-up in the bills': untrue("kind = 'top-up'", 'amount = amount + 1'),
  'the direction of a bill': untrue("direction = 'out'", "direction = 'in'"),
  'the other side of a bill': untrue('peer is not null', `peer = '${FORGED}'`),
  'the payment of a bill': untrue('payment is not null', "payment = decode(repeat('00', 32), 'hex')"),
  'a dispute called settled': untrue("state = 'disputed'", "state = 'settled'"),
  'a settled bill called disputed': untrue("state = 'settled' and kind = 'payment'", "state = 'disputed'"),
  'what arrives called settled': untrue("state = 'arriving'", "state = 'settled'"),
  'a bill removed': async (desk) => {
    const { wallet, sequence } = await desk.bill(
      'sequence > 1 and sequence < (select sequence from bill_head h where h.wallet = bill.wallet)',
    );
    return {
      sql: `delete from bill where wallet = '${wallet}' and sequence = ${sequence}`,
      says: [['bill-gap', `bill ${wallet}/${sequence + 1}`, 1]],
    };
  },
  'the last bill removed': async (desk) => {
    const { wallet, sequence } = await desk.bill(
      'sequence > 1 and sequence = (select sequence from bill_head h where h.wallet = bill.wallet)',
    );
    return {
      sql: `delete from bill where wallet = '${wallet}' and sequence = ${sequence}`,
      says: [['bill-gap', `bills of ${wallet}`, 1]],
    };
  },
};

const sorted = (findings: readonly Named[]) => findings.map((one) => one.join(' ')).sort();

eachDatabase('payments in the books', (open) => {
  let market: Market;
  let database: Database;
  let named = 0;
  let putRight: () => Promise<void>;
  const audit = () => auditPayments(database, market.clock(), market.regions.root);
  const findings = async () => (await audit()).findings;

  beforeAll(async () => {
    database = await open();
    market = await openMarket(database);
    await liveThrough(market);
    // A payer who pays himself with what is not there any more: the guarantee pays nothing, and it stays a dispute.
    const cheat = await market.person('阿伪');
    await market.topUp(cheat, 50_00);
    const purse = await market.purse(cheat, 20_00);
    const copy = purse.clone();
    await market.upload(cheat, await purse.pay(cheat, 20_00));
    const [dispute] = await market.upload(cheat, await copy.pay(cheat, 15_00));
    expect(dispute).toMatchObject({ outcome: 'disputed' });
    await market.payments.recoverDebts();
    await market.payments.sealClaims();
    await market.bills.catchUp();
    const seen = await audit();
    expect(seen.findings, 'nothing is said of true books').toEqual([]);
    expect(seen).toMatchObject({ allowances: 4, payments: 8, bills: expect.any(Number) });
    expect(seen.bills).toBeGreaterThan(10);
    putRight = await keepTables(database, TABLES);
  });
  afterAll(async () => {
    report(`F17 a payment tampered with, ${database.kind}`, Object.keys(TAMPERED).length, { named, falseAlarms: 0 });
    await market?.close();
  });
  afterEach(async () => {
    await putRight();
    expect(await findings(), 'nothing is said of books put right again').toEqual([]);
  });

  test('a true book of payments has no findings', async () => {
    expect(await audit()).toMatchObject({ allowances: 4, payments: 8, findings: [] });
  });

  test.each(Object.keys(TAMPERED))('%s', async (what) => {
    const tampering = await TAMPERED[what]?.(new Desk(database));
    await database.query(tampering?.sql ?? '');
    const said = await findings();
    expect(sorted(said.map(({ check, row, off }) => [check, row, off]))).toEqual(sorted(tampering?.says ?? []));
    expect((await auditLedger(database)).findings, 'the ledger itself was left alone').toEqual([]);
    named += 1;
  });
});
