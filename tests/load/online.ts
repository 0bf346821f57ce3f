/**
 * Payments one by one over HTTP, each on a connection that is kept: how long an answer takes with 200 connections, and
 * what becomes of five times as many when the house takes on 300. The clients share the cores with the house; who sends
 * is not asked, for devices' signatures are measured elsewhere.
 */
import type { AddressInfo } from 'node:net';
import Type from 'typebox';
import { openSignatures } from '#server/payment/signatures.ts';
import { USUAL_ADMISSION } from '#server/platform/admission.ts';
import { openDatabase } from '#server/platform/database.ts';
import { createHttp, type Http } from '#server/platform/http.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import { openClient } from '#tests/kit/crowd.ts';
import { startPostgres } from '#tests/kit/databases.ts';
import { type Market, openMarket, type Paid, type Trader } from '#tests/kit/market.ts';

const ORIGIN = 'http://127.0.0.1';
const PAYERS = 1_000;
const PER_PAYER = 20;
const PAYEES = 100;
const CONNECTIONS = 200;
const TAKEN_ON = 300;

interface Purchase {
  readonly payer: Trader;
  readonly paid: Paid;
}

async function online(): Promise<void> {
  const server = await startPostgres({ durable: true });
  try {
    const database = await openDatabase({ dataDir: 'memory', databaseUrl: await server.fresh() });
    const market = await openMarket(database, { signatures: openSignatures() });
    const bought = await shopping(market);
    await market.bills.catchUp();
    const warm = await openDoor(market, bought, 2_000);
    await measure(warm, bought.splice(0, 2_000), CONNECTIONS);
    report('online.200', await measure(warm, bought.splice(0, 8_000), CONNECTIONS));
    await warm.close();
    const narrow = await openDoor(market, bought, TAKEN_ON);
    report('online.overload', await measure(narrow, bought, CONNECTIONS * 5));
    await narrow.close();
    const faults = await market.faults();
    if (faults.length > 0) throw new Error(faults.join('; '));
    await market.close();
    await database.close();
  } finally {
    await server.stop();
  }
}

/** The benchmarks of this file, by what starts them. */
export const benches = { online };

async function shopping(market: Market): Promise<Purchase[]> {
  const payees: Trader[] = [];
  for (let at = 0; at < PAYEES; at += 1) payees.push(await market.person(`摊主${at}`));
  const bought: Purchase[] = [];
  for (let at = 0; at < PAYERS; at += 1) {
    const payer = await market.person(`买家${at}`);
    await market.topUp(payer, 100_00);
    const purse = await market.purse(payer, 100_00);
    for (let step = 0; step < PER_PAYER; step += 1) {
      const payee = payees[(at * 7 + step * 13) % PAYEES];
      if (payee) bought.push({ payer, paid: await purse.pay(payee, 5_00) });
    }
  }
  return bought;
}

async function openDoor(market: Market, bought: readonly Purchase[], requests: number): Promise<Http> {
  const payers = new Map(bought.map(({ payer, paid }) => [toBase64url(paid.bytes), payer]));
  const app = await createHttp(
    { origin: ORIGIN, logLevel: 'silent', trustProxy: [] },
    { admission: { ...USUAL_ADMISSION, requests } },
  );
  app.post('/pay', { schema: { body: Type.Object({ payment: Type.String() }) } }, async (request) => {
    const { payment } = request.body;
    const [bytes, payer] = [fromBase64url(payment), payers.get(payment)];
    if (!bytes || !payer) throw new Error('a payment nobody made');
    const answers = await market.payments.reconcile(payer.wallet, [bytes]);
    await market.bills.catchUp();
    return { answers };
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  return app;
}

interface Measured {
  readonly ms: number;
  /** How long each answered and each turned away request took, sorted. */
  readonly answered: readonly number[];
  readonly turnedAway: readonly number[];
}

async function measure(app: Http, bought: readonly Purchase[], connections: number): Promise<Measured> {
  const waiting = [...bought];
  const answered: number[] = [];
  const turnedAway: number[] = [];
  const { port } = app.server.address() as AddressInfo;
  const began = performance.now();
  const visit = async () => {
    const client = openClient(port);
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const asked = performance.now();
      const body = JSON.stringify({ payment: toBase64url(next.paid.bytes) });
      const { ending } = await client.ask({ method: 'POST', path: '/pay', headers: { origin: ORIGIN }, body });
      if (ending === 'answered 200') answered.push(performance.now() - asked);
      else if (ending === 'answered 503') turnedAway.push(performance.now() - asked);
      else throw new Error(ending);
    }
    client.close();
  };
  await Promise.all(Array.from({ length: connections }, visit));
  const sorted = (list: number[]) => list.sort((left, right) => left - right);
  return { ms: performance.now() - began, answered: sorted(answered), turnedAway: sorted(turnedAway) };
}

function report(name: string, { ms, answered, turnedAway }: Measured): void {
  const at = (list: readonly number[], share: number) => Math.round(list[Math.floor((list.length - 1) * share)] ?? 0);
  const value = Math.round((answered.length * 1000) / ms);
  const taken = { p50: at(answered, 0.5), p99: at(answered, 0.99) };
  const away = { turnedAway: turnedAway.length, turnedAwayP99: at(turnedAway, 0.99) };
  const rssMb = Math.round(process.memoryUsage().rss / 2 ** 20);
  console.log(JSON.stringify({ name, value, unit: 'payments/s', answered: answered.length, ...taken, ...away, rssMb }));
}
