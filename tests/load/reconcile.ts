/**
 * How many uploaded payments a second become durable postings with their bills: bytes in, answers out, device-signed,
 * allowance known; beside what node:crypto alone verifies on the same cores in the same run.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { openSignatures } from '#server/payment/signatures.ts';
import { type Database, openDatabase } from '#server/platform/database.ts';
import { startPostgres } from '#tests/kit/databases.ts';
import { type Market, openMarket, type Paid, type Trader } from '#tests/kit/market.ts';

const PAYERS = 400;
const PER_PAYER = 20;
const PAYEES = 100;
/** Payments of one upload, as a phone sends them, and uploads under way at once. */
const UPLOAD = 20;
const VERIFY_MS = 3_000;

/** ES256 verifications a second of node:crypto with known keys, one thread for each core. */
async function verifyRaw(): Promise<void> {
  const threads = availableParallelism();
  const counts = await Promise.all(Array.from({ length: threads }, verifyInThread));
  const value = Math.round((counts.reduce((sum, one) => sum + one, 0) * 1000) / VERIFY_MS);
  console.log(JSON.stringify({ name: 'verify.raw', value, unit: 'verifications/s', threads }));
}

function verifyInThread(): Promise<number> {
  const program = `
    const { generateKeyPairSync, sign, verify } = require('node:crypto');
    const { parentPort } = require('node:worker_threads');
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const known = { key: publicKey, dsaEncoding: 'ieee-p1363' };
    const messages = Array.from({ length: 64 }, (_, at) => Buffer.alloc(180, at));
    const signatures = messages.map((one) => sign('sha256', one, { key: privateKey, dsaEncoding: 'ieee-p1363' }));
    let count = 0;
    for (const end = performance.now() + ${VERIFY_MS}; performance.now() < end; count += 1) {
      if (!verify('sha256', messages[count % 64], known, signatures[count % 64])) throw new Error('a good signature is good');
    }
    parentPort.postMessage(count);`;
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
    await measure('reconcile.pglite', await openDatabase({ dataDir }));
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** On a PostgreSQL server of our own, with fsync. */
async function reconcilePostgres(): Promise<void> {
  const server = await startPostgres({ durable: true });
  try {
    const database = await openDatabase({ dataDir: 'memory', databaseUrl: await server.fresh() });
    await measure('reconcile.postgres', database, server.cpuSeconds);
  } finally {
    await server.stop();
  }
}

/** The benchmarks of this file, by the name they print. */
export const benches = {
  'verify.raw': verifyRaw,
  'reconcile.pglite': reconcilePglite,
  'reconcile.postgres': reconcilePostgres,
};

async function measure(name: string, database: Database, databaseSeconds = () => 0): Promise<void> {
  const market = await openMarket(database, { signatures: openSignatures() });
  const payees: Trader[] = [];
  for (let at = 0; at < PAYEES; at += 1) payees.push(await market.person(`摊主${at}`));
  const uploads: { payer: Trader; paid: Paid[] }[] = [];
  for (let at = 0; at < PAYERS; at += 1) uploads.push(await shopping(market, at, payees));
  await market.bills.catchUp();
  // The first fifth warms up: the engine's plans, the threads, the allowances known.
  const warm = uploads.slice(0, PAYERS / 5);
  await run(market, warm);
  const rest = uploads.slice(PAYERS / 5);
  const count = rest.reduce((sum, one) => sum + one.paid.length, 0);
  const cpu = startCpu(databaseSeconds);
  const began = performance.now();
  await run(market, rest);
  const length = performance.now() - began;
  const value = Math.round((count * 1000) / length);
  const ms = Math.round(length);
  console.log(JSON.stringify({ name, value, unit: 'payments/s', payments: count, ms, cpuMicros: cpu(count) }));
  const faults = await market.faults();
  if (faults.length > 0) throw new Error(faults.join('; '));
  await market.close();
  await database.close();
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

async function shopping(
  market: Market,
  at: number,
  payees: readonly Trader[],
): Promise<{ payer: Trader; paid: Paid[] }> {
  const payer = await market.person(`买家${at}`);
  await market.topUp(payer, 1000_00);
  const purse = await market.purse(payer, 1000_00);
  const paid: Paid[] = [];
  for (let step = 0; step < PER_PAYER; step += 1) {
    const payee = payees[(at * 7 + step * 13) % payees.length];
    if (payee) paid.push(await purse.pay(payee, 10_00));
  }
  return { payer, paid };
}

/** Everybody at once, as after a long cut; an upload is done, as in a sync, when its bills are written. */
async function run(market: Market, uploads: readonly { payer: Trader; paid: Paid[] }[]): Promise<void> {
  await Promise.all(
    uploads.flatMap(({ payer, paid }) =>
      Array.from({ length: Math.ceil(paid.length / UPLOAD) }, async (_, part) => {
        const answers = await market.upload(payer, ...paid.slice(part * UPLOAD, (part + 1) * UPLOAD));
        if (!answers.every((one) => one.outcome === 'settled')) throw new Error('a payment was not settled');
        await market.bills.catchUp();
      }),
    ),
  );
}
