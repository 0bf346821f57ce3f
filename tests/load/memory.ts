/**
 * Whether the house stays as small as it began: a million payments, or `--payments=N`, go through one process, and at
 * each step the memory that is left after a collection is printed. A thousand people fetch a new allowance every day.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { openSignatures } from '#server/payment/signatures.ts';
import { openDatabase } from '#server/platform/database.ts';
import { duration } from '#shared/base/time.ts';
import { startPostgres } from '#tests/kit/databases.ts';
import { type Market, openMarket, type Paid, type Trader } from '#tests/kit/market.ts';

const PAYMENTS = Number(process.argv.find((one) => one.startsWith('--payments='))?.slice(11) ?? 1_000_000);
const PAYERS = 1_000;
const PER_PAYER = 20;
const PAYEES = 100;
/** Payers who are at the counter or upload at once. */
const AT_ONCE = 25;
const STEP = 100_000;

/** The benchmarks of this file, by the name they print. */
export const benches = { 'memory.postgres': memoryPostgres };

async function memoryPostgres(): Promise<void> {
  const server = await startPostgres({ durable: true });
  try {
    const database = await openDatabase({ dataDir: 'memory', databaseUrl: await server.fresh() });
    const market = await openMarket(database, { signatures: openSignatures() });
    const payees: Trader[] = [];
    for (let at = 0; at < PAYEES; at += 1) payees.push(await market.person(`摊主${at}`));
    const payers: Trader[] = [];
    for (let at = 0; at < PAYERS; at += 1) payers.push(await market.person(`买家${at}`));
    let done = 0;
    while (done < PAYMENTS) {
      const before = done;
      done += await day(market, payers, payees);
      if (Math.floor(done / STEP) > Math.floor(before / STEP)) report(done);
      market.pass(duration(1, 'd'));
    }
    await market.close();
    await database.close();
  } finally {
    await server.stop();
  }
}

/** One day of everybody; answers how many payments it had. */
async function day(market: Market, payers: readonly Trader[], payees: readonly Trader[]): Promise<number> {
  const waiting = payers.entries();
  let count = 0;
  const counter = async () => {
    for (const [at, payer] of waiting) {
      await market.topUp(payer, 100_00);
      const purse = await market.purse(payer, 100_00);
      const paid: Paid[] = [];
      for (let step = 0; step < PER_PAYER; step += 1) {
        const payee = payees[(at * 7 + step * 13) % payees.length];
        if (payee) paid.push(await purse.pay(payee, 5_00));
      }
      const answers = await market.upload(payer, ...paid);
      if (!answers.every((one) => one.outcome === 'settled')) throw new Error('a payment was not settled');
      await market.bills.catchUp();
      count += paid.length;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, counter));
  return count;
}

function report(payments: number): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external, rss } = process.memoryUsage();
  const megabytes = (bytes: number) => Math.round(bytes / 2 ** 20);
  console.log(
    JSON.stringify({
      name: 'memory.postgres',
      payments,
      heapMB: megabytes(heapUsed),
      outsideMB: megabytes(external),
      rssMB: megabytes(rss),
    }),
  );
}
