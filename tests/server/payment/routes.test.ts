/** Who may ask about payments, cases and bills, and what a stranger hears: nothing. */
import { brotliDecompressSync } from 'node:zlib';
import type { FastifyRequest } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { billRoutes } from '#server/bill/routes.ts';
import type { Identity } from '#server/identity/identity.ts';
import { paymentRoutes } from '#server/payment/routes.ts';
import { readConfig } from '#server/platform/config.ts';
import type { Database } from '#server/platform/database.ts';
import { createHttp, type Http } from '#server/platform/http.ts';
import type { BillPage } from '#shared/api/bill.ts';
import type { Id } from '#shared/base/id.ts';
import { refuse } from '#shared/base/result.ts';
import { openMemory } from '#tests/kit/embedded.ts';
import { type Market, openMarket, type Paid, type Trader } from '#tests/kit/market.ts';

let database: Database;
let here: Market;
let app: Http;
let people: Record<'ming' | 'hua' | 'lan' | 'stranger', Trader>;
let paid: { first: Paid; fork: Paid };

beforeAll(async () => {
  database = await openMemory();
  here = await openMarket(database);
  const [ming, hua, lan] = [await here.person('小明'), await here.person('小华'), await here.person('阿兰')];
  people = { ming, hua, lan, stranger: await here.person('路人') };
  await here.topUp(ming, 100_00);
  const purse = await here.purse(ming, 100_00);
  const copy = purse.clone();
  paid = { first: await purse.pay(hua, 80_00), fork: await copy.pay(lan, 70_00) };
  await here.upload(hua, paid.first);
  await here.upload(lan, paid.fork);
  app = await createHttp(readConfig({ LOG_LEVEL: 'silent' }), { database });
  // Session and phone are the wallet named in a header: what identity really does has tests of its own.
  const ownerOf = (wallet: string) => {
    const region = Object.values(people).find((one) => one.wallet === wallet)?.region ?? 'CN-SX';
    return { region, wallet: wallet as Id };
  };
  const requireSession = async (request: FastifyRequest) => {
    const wallet = request.headers['x-wallet'];
    return typeof wallet === 'string' ? { ok: true, value: ownerOf(wallet) } : refuse({ code: 'session.none' });
  };
  const identity = {
    askerOf: async (request) => {
      const wallet = request.headers.authorization?.slice('Device '.length);
      if (wallet === undefined) return requireSession(request);
      const isRevoked = wallet === people.stranger.wallet;
      return isRevoked ? refuse({ code: 'device.revoked' }) : { ok: true, value: ownerOf(wallet) };
    },
    requireSession,
  } as Pick<Identity, 'requireSession' | 'askerOf'>;
  paymentRoutes(app, here.payments, identity);
  billRoutes(app, here.bills, identity);
});
afterAll(async () => {
  await app.close();
  await here.close();
  await database.close();
});

async function ask(
  path: string,
  who?: keyof typeof people,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const headers = who === undefined ? {} : { 'x-wallet': people[who].wallet };
  const reply = await app.inject({ method: 'GET', url: path, headers });
  return { status: reply.statusCode, body: reply.json() };
}

test.each([
  ['a payment', () => `/payments/${paid.first.name}`],
  ['the cases', () => '/cases'],
  ['the bills', () => '/bills'],
])('%s: without a session there is no answer', async (_name, path) => {
  expect((await ask(path())).status).toBe(401);
});

test.each([
  ['ming', 200],
  ['hua', 200],
  ['lan', 404],
  ['stranger', 404],
] as const)('the payment of 小明 to 小华, asked by %s: %i', async (who, status) => {
  expect((await ask(`/payments/${paid.first.name}`, who)).status).toBe(status);
});

test.each([
  ['hua', 'the payee', 200],
  ['lan', 'of somebody else, as if there were no such payment', 404],
  ['stranger', 'that was revoked', 403],
] as const)('signed by the phone of %s, %s, and no session: %i', async (who, _whose, status) => {
  const headers = { authorization: `Device ${people[who].wallet}` };
  const asked = (id: string) => app.inject({ method: 'GET', url: `/payments/${id}?finality=true`, headers });
  const [known, unknown] = [await asked(paid.first.name), await asked('A'.repeat(43))];
  expect(known.statusCode).toBe(status);
  if (status === 200) expect(known.json()).toMatchObject({ role: 'payee', finality: expect.any(String) });
  else expect(known.json()).toEqual(unknown.json());
});

test('the payee reads state and figures, and the finality receipt when it is asked for', async () => {
  const plain = await ask(`/payments/${paid.first.name}`, 'hua');
  expect(plain.body).toMatchObject({
    role: 'payee',
    state: 'settled',
    amount: 80_00,
    guaranteed: 0,
    peer: { name: '小明' },
  });
  expect(plain.body.finality).toBeUndefined();
  expect((await ask(`/payments/${paid.first.name}?finality=true`, 'hua')).body.finality).toEqual(expect.any(String));
  const coming = await ask(`/payments/${paid.fork.name}?finality=true`, 'lan');
  expect(coming.body).toMatchObject({ state: 'arriving', guaranteed: 50_00, spendableAt: expect.any(Number) });
  expect(coming.body.finality).toBeUndefined();
});

test('anybody who has the number of a receipt hears whether it stands, and nothing else', async () => {
  const known = async (paid: Paid) => (await ask(`/receipts/${paid.name}`)).body;
  expect(await known(paid.first)).toEqual({ state: 'settled' });
  expect(await known(paid.fork)).toEqual({ state: 'arriving' });
  expect((await ask(`/receipts/${'A'.repeat(43)}`)).status).toBe(404);
  expect((await ask('/receipts/short')).status).toBe(400);
});

test('payer and both payees find the case and read it; a stranger finds none', async () => {
  for (const who of ['ming', 'hua', 'lan'] as const) {
    const { body } = await ask('/cases', who);
    const [found] = body.cases as { id: string }[];
    expect((await ask(`/cases/${found?.id}`, who)).body).toMatchObject({
      kind: 'fork',
      role: who === 'ming' ? 'payer' : 'payee',
    });
    expect((await ask(`/cases/${found?.id}`, 'stranger')).status).toBe(404);
  }
  expect((await ask('/cases', 'stranger')).body).toEqual({ cases: [] });
});

test.each([
  '/payments/short',
  '/payments/%00',
  '/cases/1',
  '/bills?limit=0',
  '/bills?after=-1',
  '/bills?limit=1e9',
  '/bills?last=0',
  '/bills?last=501',
])('a malformed question %s is a 4xx', async (path) => {
  const { status } = await ask(path, 'ming');
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(500);
});

test('everybody reads their own bills', async () => {
  expect((await ask('/bills', 'hua')).body).toMatchObject({ cursor: 1, more: false, bills: [{ direction: 'in' }] });
  expect((await ask('/bills', 'stranger')).body).toEqual({ bills: [], cursor: 0, more: false });
});

test('many bills come packed, and page after page from where the one before ended none is missing or twice', async () => {
  const [payer, payee] = [await here.person('大客'), await here.person('大店')];
  await here.topUp(payer, 1_000_00);
  const purse = await here.purse(payer, 1_000_00);
  const many: Paid[] = [];
  for (let at = 0; at < 120; at += 1) many.push(await purse.pay(payee, 1_00 + at));
  await here.upload(payee, ...many);
  const headers = { 'x-wallet': payee.wallet };
  const plain = await app.inject({ url: '/bills?limit=500', headers });
  const packed = await app.inject({ url: '/bills?limit=500', headers: { ...headers, 'accept-encoding': 'br' } });
  expect(packed.headers['content-encoding']).toBe('br');
  expect(JSON.parse(brotliDecompressSync(packed.rawPayload).toString())).toEqual(plain.json());
  expect(packed.rawPayload.length).toBeLessThan(plain.rawPayload.length / 2);
  const read: string[] = [];
  for (let after = 0, more = true; more; ) {
    const page = (await app.inject({ url: `/bills?limit=50&after=${after}`, headers })).json<BillPage>();
    read.push(...page.bills.map(({ id }) => id));
    ({ cursor: after, more } = page);
  }
  expect(read.toSorted()).toEqual(many.map(({ name }) => name).toSorted());
  // A new phone wants the newest before its whole past: the same bills, in the same order.
  const newest = (await app.inject({ url: '/bills?last=30', headers })).json<BillPage>();
  expect(newest).toMatchObject({ cursor: 120, more: false });
  expect(newest.bills.map(({ id }) => id)).toEqual(read.slice(-30));
});
