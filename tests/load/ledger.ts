/** How many postings a second the ledger takes on each database: one client, batches of a thousand, durable. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ledger, openLedger, type Transfer } from '#server/ledger/ledger.ts';
import { type Database, openDatabase } from '#server/platform/database.ts';
import { migrate } from '#server/platform/migrate.ts';
import { newId } from '#shared/base/id.ts';
import { instant } from '#shared/base/time.ts';
import { postgresProgram, startPostgres } from '#tests/kit/databases.ts';
import { bank, LEDGER_SCHEMA, transfer, walletOf } from '#tests/kit/ledger.ts';

const BATCH = 1_000;
const BATCHES = 30;
const WARM_UP = 3;
const WALLETS = 500;
const PLAIN_MS = 5_000;

/** Postings a second on PGlite in a folder, each batch on the disk before it is answered. */
async function postPglite(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'piaohao-load-'));
  try {
    await measure('post.pglite', await openDatabase({ dataDir }));
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Postings a second on a PostgreSQL server of our own, with fsync. */
async function postPostgres(): Promise<void> {
  const server = await startPostgres({ durable: true });
  try {
    await measure('post.postgres', await openDatabase({ dataDir: 'memory', databaseUrl: await server.fresh() }));
  } finally {
    await server.stop();
  }
}

/**
 * What the database itself does the plain way, as pgbench would: one transaction a transfer, its two entries and two
 * balances, on twenty connections; the peer beside which batches stand.
 */
async function plainDoubleEntry(): Promise<void> {
  const server = await startPostgres({ durable: true });
  try {
    const database = await openDatabase({ dataDir: 'memory', databaseUrl: await server.fresh(), connections: 20 });
    await createPlain(database);
    let count = 0;
    const end = performance.now() + PLAIN_MS;
    const client = async () => {
      for (; performance.now() < end; count += 1) {
        const [from, to] = [Math.random(), Math.random()].map((one) => Math.floor(one * WALLETS)).sort((a, b) => a - b);
        const move = [newId(instant(Date.now())), from, to === from ? WALLETS : to];
        await database.transaction(async (tx) => {
          await tx.query('insert into entry values ($1::uuid, $2::int, -1), ($1::uuid, $3::int, 1)', move);
          await tx.query('update account set balance = balance - 1 where id = $1::int', [move[1]]);
          await tx.query('update account set balance = balance + 1 where id = $1::int', [move[2]]);
        });
      }
    };
    await Promise.all(Array.from({ length: 20 }, client));
    const value = Math.round((count * 1000) / PLAIN_MS);
    console.log(JSON.stringify({ name: 'post.plain.postgres', value, unit: 'postings/s', connections: 20 }));
    await database.close();
  } finally {
    await server.stop();
  }
}

/** The same by PostgreSQL's own pgbench, which speaks to the server without Node between them. */
const PGBENCH_SCRIPT = `
\\set one random(1, ${WALLETS})
\\set other (:one + random(0, ${WALLETS - 2})) % ${WALLETS} + 1
begin;
insert into entry values (gen_random_uuid(), :one, -1), (gen_random_uuid(), :other, 1);
update account set balance = balance - 1 where id = least(:one::int, :other::int);
update account set balance = balance + 1 where id = greatest(:one::int, :other::int);
commit;
`;

async function pgbenchDoubleEntry(): Promise<void> {
  const server = await startPostgres({ durable: true });
  const folder = mkdtempSync(join(tmpdir(), 'piaohao-load-'));
  try {
    const url = await server.fresh();
    const database = await openDatabase({ dataDir: 'memory', databaseUrl: url });
    await createPlain(database);
    await database.close();
    const script = join(folder, 'transfer.sql');
    writeFileSync(script, PGBENCH_SCRIPT);
    const settings = ['-n', '-M', 'prepared', '-c', '20', '-j', '2', '-T', String(PLAIN_MS / 1000), '-f', script, url];
    const said = execFileSync(postgresProgram('pgbench'), settings, { encoding: 'utf8' });
    const value = Math.round(Number(/tps = ([\d.]+) \(without/.exec(said)?.[1]));
    console.log(JSON.stringify({ name: 'post.pgbench.postgres', value, unit: 'postings/s', connections: 20 }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await server.stop();
  }
}

async function createPlain(database: Database): Promise<void> {
  await database.query('create table account (id int primary key, balance bigint not null) with (fillfactor = 60)');
  await database.query(
    'create table entry (transfer uuid, account int, amount bigint, primary key (transfer, account))',
  );
  await database.query('insert into account select n, 0 from generate_series(0, $1::int) as n', [WALLETS]);
}

/** The benchmarks of this file, by the name they print. */
export const benches = {
  'post.plain.postgres': plainDoubleEntry,
  'post.pgbench.postgres': pgbenchDoubleEntry,
  'post.pglite': postPglite,
  'post.postgres': postPostgres,
};

async function measure(name: string, database: Database): Promise<void> {
  await migrate(database, [LEDGER_SCHEMA]);
  const ledger = openLedger({ database });
  for (let at = 0; at < WARM_UP; at += 1) await postAll(ledger, draw());
  const batches = Array.from({ length: BATCHES }, draw);
  const lengths: number[] = [];
  for (const batch of batches) {
    const began = performance.now();
    await postAll(ledger, batch);
    lengths.push(performance.now() - began);
  }
  const total = lengths.reduce((sum, one) => sum + one, 0);
  const median = lengths.sort((left, right) => left - right)[Math.floor(lengths.length / 2)] ?? 0;
  const value = Math.round((BATCH * BATCHES * 1000) / total);
  console.log(
    JSON.stringify({ name, value, unit: 'postings/s', batch: BATCH, medianBatchMs: Math.round(median * 10) / 10 }),
  );
  await database.close();
}

function draw(): Transfer[] {
  return Array.from({ length: BATCH }, () => {
    const wallet = walletOf(`wallet ${Math.floor(Math.random() * WALLETS)}`);
    return {
      ...transfer('drawn', bank(), wallet, 1 + Math.floor(Math.random() * 100_00)),
      id: newId(instant(1_700_000_000_000)),
    };
  });
}

async function postAll(ledger: Ledger, batch: readonly Transfer[]): Promise<void> {
  const answers = await Promise.all(batch.map((one) => ledger.post([one])));
  if (!answers.every((answer) => answer.ok)) throw new Error('a posting was refused');
}
