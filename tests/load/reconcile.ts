/**
 * How many uploaded payments a second become durable postings with their bills: bytes in, answers out, device-signed,
 * allowance known; beside what node:crypto alone verifies on the same cores in the same run.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { auditLedger } from '#server/ledger/audit.ts';
import { openSignatures } from '#server/payment/signatures.ts';
import { type Database, openDatabase } from '#server/platform/database.ts';
import { auditPayments } from '#server/proof/proof.ts';
import type { Id } from '#shared/base/id.ts';
import { startPostgres } from '#tests/kit/databases.ts';
import { type Market, openMarket, type Trader } from '#tests/kit/market.ts';

/** Phones of one round: so many that its beginning and end, when not all parts have something to do, count for little. */
const PAYERS = 2_500;
/** Rounds that count, of which the middle one is told; one more warms up, so that what the engine still compiles is not counted. */
const ROUNDS = 3;
/** Payments of one phone: one upload. */
const PER_PAYER = 20;
/** What each payment moves: small, for the guarantee fund has a cap and all these allowances stand at once. */
const EACH = 1_00;
const PAYEES = 100;
/** Phones that upload at once: the next one comes when one is answered, so that the figure is of a steady stream. */
const AT_ONCE = 200;
/** Entries that stand in the book before the first payment: `--rows=1000000`. */
const ROWS = Number(process.argv.find((one) => one.startsWith('--rows='))?.slice(7) ?? 0);
/** An index over ten million rows takes its time. */
const PATIENCE_MS = 3_600_000;
const VERIFY_MS = 3_000;
/** Bare verification before and after what is compared with it, for the speed of a shared machine swings within a minute. */
const BESIDE_MS = 1_500;

/** ES256 verifications a second of node:crypto with known keys, one thread for each core. */
async function verifyRaw(): Promise<void> {
  const { rate, micros } = await verifyFor(VERIFY_MS);
  const threads = availableParallelism();
  const value = Math.round(rate);
  console.log(
    JSON.stringify({ name: 'verify.raw', value, unit: 'verifications/s', threads, cpuMicros: round(micros) }),
  );
}

/** Bare verification on every core for `ms`: how many a second, and the CPU each takes. */
async function verifyFor(ms: number): Promise<{ rate: number; micros: number }> {
  const all = await Promise.all(Array.from({ length: availableParallelism() }, () => verifyInThread(ms)));
  const count = all.reduce((sum, one) => sum + one.count, 0);
  return { rate: (count * 1000) / ms, micros: all.reduce((sum, one) => sum + one.micros, 0) / count };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function verifyInThread(ms: number): Promise<{ count: number; micros: number }> {
  const program = `
    const { generateKeyPairSync, sign, verify } = require('node:crypto');
    const { parentPort } = require('node:worker_threads');
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const known = { key: publicKey, dsaEncoding: 'ieee-p1363' };
    const messages = Array.from({ length: 64 }, (_, at) => Buffer.alloc(180, at));
    const signatures = messages.map((one) => sign('sha256', one, { key: privateKey, dsaEncoding: 'ieee-p1363' }));
    let count = 0;
    const began = process.threadCpuUsage();
    for (const end = performance.now() + ${ms}; performance.now() < end; count += 1) {
      if (!verify('sha256', messages[count % 64], known, signatures[count % 64])) throw new Error('a good signature is good');
    }
    const { user, system } = process.threadCpuUsage(began);
    parentPort.postMessage({ count, micros: user + system });`;
  return new Promise((resolve, reject) => {
    const worker = new Worker(program, { eval: true, execArgv: [] });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

/** On PGlite in a folder, each batch on the disk before it is answered. */
async function reconcilePglite(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'piaohao-load-'));
  try {
    await measure('reconcile.pglite', await openDatabase({ dataDir, statementTimeoutMs: PATIENCE_MS }));
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** On a PostgreSQL server of our own, with fsync. */
async function reconcilePostgres(name = 'reconcile.postgres', payees = PAYEES, uploads = inOneUpload): Promise<void> {
  const server = await startPostgres({ durable: true });
  try {
    const databaseUrl = await server.fresh();
    const database = await openDatabase({ dataDir: 'memory', databaseUrl, statementTimeoutMs: PATIENCE_MS });
    await measure(name, database, server.cpuSeconds, payees, uploads);
  } finally {
    await server.stop();
  }
}

/** The benchmarks of this file, by the name they print. */
export const benches = {
  'verify.raw': verifyRaw,
  'reconcile.pglite': reconcilePglite,
  'reconcile.postgres, audit.ledger, audit.payments': () => reconcilePostgres(),
  /** One merchant takes everything. */
  'reconcile.hot.postgres': () => reconcilePostgres('reconcile.hot.postgres', 1),
  /** No payment comes beside the one that names it, so each is verified by its own signature. */
  'reconcile.apart.postgres': () => reconcilePostgres('reconcile.apart.postgres', PAYEES, inTwoUploads),
};

/** How the payments of a phone come: a list for each upload. */
type Uploads = (payments: readonly Uint8Array[]) => (readonly Uint8Array[])[];

/** As a phone brings what it has paid. */
function inOneUpload(payments: readonly Uint8Array[]): (readonly Uint8Array[])[] {
  return [payments];
}

/** Every other one, then those between: as if each came from its payee. */
function inTwoUploads(payments: readonly Uint8Array[]): (readonly Uint8Array[])[] {
  return [0, 1].map((odd) => payments.filter((_, at) => at % 2 === odd));
}

async function measure(
  name: string,
  database: Database,
  databaseSeconds = () => 0,
  payeeCount = PAYEES,
  uploads: Uploads = inOneUpload,
): Promise<void> {
  const market = await openMarket(database, { signatures: openSignatures() });
  const payees: Trader[] = [];
  for (let at = 0; at < payeeCount; at += 1) payees.push(await market.person(`摊主${at}`));
  const phones: Phone[] = [];
  for (let at = 0; at < PAYERS * (0.5 + ROUNDS); at += 1) phones.push(await shopping(market, at, payees));
  await market.bills.catchUp();
  await fill(database);
  await run(market, phones.splice(0, PAYERS / 2), uploads);
  const rounds: Round[] = [];
  while (phones.length > 0) {
    rounds.push(await countedRound(market, phones.splice(0, PAYERS), databaseSeconds, uploads));
  }
  const [lowest, middle, highest] = rounds.toSorted((left, right) => left.ofVerifyRaw - right.ofVerifyRaw);
  const spread = { lowest: lowest?.ofVerifyRaw, highest: highest?.ofVerifyRaw };
  const rows = ROWS > 0 ? { rowsBefore: ROWS } : {};
  console.log(JSON.stringify({ name, ...middle, ...spread, ...rows }));
  const faults = await market.faults();
  if (faults.length > 0) throw new Error(faults.join('; '));
  if (name === 'reconcile.postgres') await audit(market);
  await market.close();
  await database.close();
}

/** What one round says; ratios are of bare verification right before and right after it. */
interface Round {
  readonly value: number;
  readonly unit: 'payments/s';
  readonly payments: number;
  readonly ms: number;
  /** Of a hundred turns of the loop all but one take no longer: how soon somebody else is heard meanwhile. */
  readonly loopP99Ms: number;
  readonly cpuMicros: Readonly<Record<string, number>>;
  readonly ofVerifyRaw: number;
  /** What the other would be if nobody else used the cores, and none of them ever waited. */
  readonly ofVerifyRawByCpu: number;
}

async function countedRound(
  market: Market,
  phones: readonly Phone[],
  databaseSeconds: () => number,
  uploads: Uploads,
): Promise<Round> {
  const payments = phones.length * PER_PAYER;
  const before = await verifyFor(BESIDE_MS);
  const turns = monitorEventLoopDelay({ resolution: 1 });
  turns.enable();
  const cpu = startCpu(databaseSeconds);
  const began = performance.now();
  await run(market, phones, uploads);
  const ms = Math.round(performance.now() - began);
  const cpuMicros = cpu(payments);
  turns.disable();
  const after = await verifyFor(BESIDE_MS);
  const value = Math.round((payments * 1000) / ms);
  const all = Object.values(cpuMicros).reduce((sum, one) => sum + one, 0);
  return {
    ...{ value, unit: 'payments/s', payments, ms, loopP99Ms: round(turns.percentile(99) / 1e6), cpuMicros },
    ofVerifyRaw: round((2 * value) / (before.rate + after.rate)),
    ofVerifyRawByCpu: round((before.micros + after.micros) / 2 / all),
  };
}

/**
 * What it takes afterwards to recompute the ledger from its moves, and to prove each of these payments with its allowance,
 * its postings and its two bills.
 */
async function audit({ database, clock, regions }: Market): Promise<void> {
  const began = performance.now();
  const ledger = await auditLedger(database);
  const between = performance.now();
  const book = await auditPayments(database, clock(), regions.root);
  const tell = (name: string, unit: string, count: number, ms: number) =>
    console.log(JSON.stringify({ name, value: Math.round((count * 1000) / ms), unit: `${unit}/s`, [unit]: count }));
  tell('audit.ledger', 'transfers', ledger.transfers, between - began);
  tell('audit.payments', 'payments', book.payments, performance.now() - between);
  const findings = ledger.findings.length + book.findings.length;
  if (findings > 0) throw new Error(`${findings} findings`);
}

/** CPU for each of `count` things since the call, in microseconds: this loop, the other threads here, the server. */
function startCpu(databaseSeconds: () => number): (count: number) => Record<string, number> {
  const [loop, all, database] = [process.threadCpuUsage(), process.cpuUsage(), databaseSeconds()];
  return (count) => {
    const mine = process.threadCpuUsage(loop);
    const ours = process.cpuUsage(all);
    const onLoop = mine.user + mine.system;
    const each = (micros: number) => Math.round(micros / count);
    return {
      loop: each(onLoop),
      threads: each(ours.user + ours.system - onLoop),
      database: each((databaseSeconds() - database) * 1e6),
    };
  };
}

/**
 * A phone with payments to upload: as one run of bytes, as they come by the network. What phones remember of their
 * payments is not the house's to keep, and the collector would look through it again and again.
 */
interface Phone {
  readonly wallet: Id;
  readonly packed: Buffer;
  readonly lengths: readonly number[];
}

async function shopping(market: Market, at: number, payees: readonly Trader[]): Promise<Phone> {
  const payer = await market.person(`买家${at}`);
  await market.topUp(payer, PER_PAYER * EACH);
  const purse = await market.purse(payer, PER_PAYER * EACH);
  const paid: Uint8Array[] = [];
  for (let step = 0; step < PER_PAYER; step += 1) {
    const payee = payees[(at * 7 + step * 13) % payees.length];
    if (payee) paid.push((await purse.pay(payee, EACH)).bytes);
  }
  return { wallet: payer.wallet, packed: Buffer.concat(paid), lengths: paid.map((one) => one.length) };
}

/** The payments of a phone, taken apart. */
function paymentsOf({ packed, lengths }: Phone): Uint8Array[] {
  let at = 0;
  return lengths.map((length) => {
    at += length;
    return packed.subarray(at - length, at);
  });
}

/** {@link AT_ONCE} phones at any time; an upload is done, as in a sync, when its bills are written. */
async function run(market: Market, phones: readonly Phone[], uploads: Uploads): Promise<void> {
  const waiting = [...phones];
  const sync = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      for (const payments of uploads(paymentsOf(next))) {
        const answers = await market.payments.reconcile(next.wallet, payments);
        if (!answers.every((one) => one.outcome === 'settled')) throw new Error('a payment was not settled');
        await market.bills.catchUp();
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sync));
}

/**
 * Old entries of a region nobody pays in now, in the tables and indexes that payments are written to. The indexes are
 * taken off before and built again after, as whoever restores a large book does: minutes instead of hours.
 */
async function fill(database: Database): Promise<void> {
  if (ROWS === 0) return;
  await database.transaction(async (tx) => {
    await tx.query("set local maintenance_work_mem = '512MB'");
    const indexes = await tx.query<Index>(INDEXES, [FILLED]);
    for (const { drop } of indexes) await tx.query(drop);
    const step = 500_000;
    for (let first = 0; first < ROWS; first += step) {
      const last = Math.min(first + step, ROWS);
      for (const statement of OLD_ENTRIES) await tx.query(statement, [first + 1, last]);
    }
    for (const { make } of indexes) await tx.query(make);
  });
  // As autovacuum has done long ago where a book has grown in its time.
  await database.query('analyze');
}

/** How an index goes and how it comes back. */
interface Index {
  readonly drop: string;
  readonly make: string;
}

const FILLED = ['payment', 'ledger_transfer', 'ledger_move', 'bill'];

const INDEXES = `
select case when c.oid is null then 'drop index ' || i.indexrelid::regclass
    else format('alter table %s drop constraint %I', i.indrelid::regclass, c.conname) end as drop,
  case when c.oid is null then pg_get_indexdef(i.indexrelid)
    else format('alter table %s add constraint %I %s', i.indrelid::regclass, c.conname, pg_get_constraintdef(c.oid)) end as make
from pg_index i left join pg_constraint c on c.conindid = i.indexrelid and c.contype in ('p', 'u')
where i.indrelid::regclass::text = any($1::text[])`;

const OLD_ENTRIES = [
  `insert into payment (region, id, allowance, number, amount, total, currency, previous, invoice, payer, payee_id,
     payee, payee_region, signed_at, uploaded_at, uploaded_by, state, held, guaranteed, late, bytes)
   select 'CN-OLD', sha256(n::text::bytea), md5((n / 20)::text)::uuid, n % 20 + 1, 500, 500, 'CNY', '\\x00', '\\x00', w, w, w,
     'CN-OLD', 0, 0, w, 'settled', 500, 0, 0, sha256(n::text::bytea) || sha256(n::text::bytea)
   from (select n, md5((n % 100000)::text)::uuid as w from generate_series($1::bigint, $2::bigint) as n) as old`,
  `insert into ledger_transfer (region, id, cursor, kind, at, about, seal)
   select 'CN-OLD', md5(n::text)::uuid, n, 'claim', 0, jsonb_build_object('payment', n::text), sha256(n::text::bytea)
   from generate_series($1::bigint, $2::bigint) as n`,
  `insert into ledger_move (region, cursor, line, debit, credit, amount, currency)
   select 'CN-OLD', n, 0, 'hold/' || n / 20, 'available/' || n % 100000, 500, 'CNY'
   from generate_series($1::bigint, $2::bigint) as n`,
  `insert into bill (region, wallet, sequence, id, kind, direction, state, amount, currency, payment)
   select 'CN-OLD', md5((n % 100000)::text)::uuid, n * 2 + side, n::text, 'payment', 'in', 'settled', 500, 'CNY',
     sha256(n::text::bytea) from generate_series($1::bigint, $2::bigint) as n, generate_series(0, 1) as side`,
];
