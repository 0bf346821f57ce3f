/** The outside world: what the bank and the text messages do, also after a crash, and who may press the buttons. */
import { createPublicKey, verify } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nextBankDay } from '#server/sandbox/bank.ts';
import { openSandbox } from '#server/sandbox/sandbox.ts';
import { openStore, SLOW_PACES } from '#server/sandbox/store.ts';
import { STORIES } from '#server/sandbox/story.ts';
import { type BankNotice, type BankReport, noticeBytes } from '#shared/api/bank.ts';
import { newId } from '#shared/base/id.ts';
import { instant } from '#shared/base/time.ts';

const PACE_MS = 4;
let folder: string;
let app: FastifyInstance;
let notices: BankNotice[];
let receiverIsDown: boolean;
let receiverTakesMs: number;
let deliveries: number;
/** Deliveries under way, and the most there were at once. */
let carried: { now: number; most: number };

/** How far the sandbox's day is from today. */
let ahead = 0;
/** The moment at which its clock stands; it goes when there is none. */
let standing: number | undefined;
const clock = () => instant(standing ?? Date.now() + ahead);
/** Does something at one moment: on a busy machine more than a pace goes by until an answer is heard. */
async function atOneMoment<Answer>(act: () => Promise<Answer>): Promise<Answer> {
  standing = Date.now();
  return await act().finally(() => {
    standing = undefined;
  });
}
const open = () =>
  openSandbox({
    folder,
    clock,
    paceMs: PACE_MS,
    deliver: async (_url, notice) => {
      deliveries += 1;
      carried.now += 1;
      carried.most = Math.max(carried.most, carried.now);
      if (receiverTakesMs > 0) await new Promise((resolve) => setTimeout(resolve, receiverTakesMs));
      carried.now -= 1;
      if (receiverIsDown) return false;
      notices.push(notice);
      return true;
    },
  });

beforeEach(() => {
  ahead = 0;
  standing = undefined;
  folder = mkdtempSync(join(tmpdir(), 'sandbox-test-'));
  notices = [];
  receiverIsDown = false;
  receiverTakesMs = 0;
  deliveries = 0;
  carried = { now: 0, most: 0 };
  app = open();
});
afterEach(async () => {
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});

const order = (amount: number, id = newId(clock())) => ({
  id,
  amount,
  currency: 'CNY',
  notify: 'http://127.0.0.1:1/x',
});
const post = (url: string, payload: object, headers: Record<string, string> = {}) =>
  app.inject({ method: 'POST', url, payload, headers: { host: 'localhost', ...headers } });
const get = (url: string) => app.inject({ url, headers: { host: 'localhost' } });
const words = () => notices.map((notice) => JSON.parse(notice.message) as BankReport);
const pause = (paces: number) => new Promise((resolve) => setTimeout(resolve, paces * PACE_MS + 40));

test.each([
  // amount, status in the answer, status when asked later, statuses in the notices
  [100_00, 'PDNG', 'ACSC', ['ACSC']],
  [100_77, 'PDNG', 'ACSC', ['ACSC']],
  [100_01, 'ACSC', 'ACSC', ['ACSC']],
  [100_04, 'RJCT AM04', 'RJCT AM04', ['RJCT AM04']],
  [100_05, 'PDNG', 'RJCT AC04', ['RJCT AC04']],
  [100_06, 'PDNG', 'RJCT AC06', []],
  [100_21, 'PDNG', 'ACSC', ['ACSC', 'ACSC', 'ACSC', 'ACSC']],
  [100_22, 'PDNG', 'ACSC', ['ACSC']],
  [100_23, 'PDNG', 'ACSC', []],
  [100_24, 'PDNG', 'ACSC', ['ACSC']],
  [100_26, 'PDNG', 'ACSC', ['ACSC', 'PDNG']],
  [100_31, 'PDNG', 'PDNG', []],
])('an order of %i fen: answer %s, later %s', async (amount, answered, later, told) => {
  const say = (report: BankReport) => [report.status, report.reason].filter(Boolean).join(' ');
  const asked = order(amount);
  expect(say((await atOneMoment(() => post('/bank/orders', asked))).json())).toBe(answered);
  await pause(32);
  expect(say((await get(`/bank/orders/${asked.id}`)).json())).toBe(later);
  await expect.poll(() => words().map(say), { timeout: 5_000 }).toEqual(told);
  expect(new Set(notices.map((notice) => notice.id)).size).toBeLessThanOrEqual(1);
});

test('an order that is swallowed is unknown to a query, and taken when it is asked again', async () => {
  const asked = order(100_41);
  expect((await post('/bank/orders', asked)).statusCode).toBe(503);
  expect((await get(`/bank/orders/${asked.id}`)).statusCode).toBe(404);
  expect((await post('/bank/orders', asked)).statusCode).toBe(503);
  expect((await post('/bank/orders', asked)).statusCode).toBe(200);
});

test('the same id is the same order, another sum under it is refused', async () => {
  const asked = order(100_01);
  const first = (await post('/bank/orders', asked)).json();
  expect((await post('/bank/orders', asked)).json()).toEqual(first);
  expect((await post('/bank/orders', { ...asked, amount: 200_01 })).statusCode).toBe(409);
  await pause(2);
  expect(notices).toHaveLength(1);
});

test('a notice carries a signature over its exact bytes; the forged one does not verify', async () => {
  await post('/bank/orders', order(100_25));
  await pause(3);
  const { key } = (await get('/bank/key')).json<{ key: string }>();
  const publicKey = createPublicKey({ key: Buffer.from(key, 'base64url'), type: 'spki', format: 'der' });
  const genuine = (notice: BankNotice) =>
    verify(
      'sha256',
      noticeBytes(notice),
      { key: publicKey, dsaEncoding: 'ieee-p1363' },
      Buffer.from(notice.signature, 'base64url'),
    );
  expect(notices.map(genuine)).toEqual([false, true]);
  expect(genuine({ ...(notices[1] as BankNotice), at: 1 })).toBe(false);
});

test('orders, texts, the key and notices on their way outlive a crash with half a line written', async () => {
  receiverIsDown = true;
  const asked = order(100_00);
  await post('/bank/orders', asked);
  await post('/sms', { id: newId(clock()), to: '+8613800001234', text: 'code 123456' });
  const key = (await get('/bank/key')).body;
  await pause(2);
  await app.close();
  appendFileSync(join(folder, 'sandbox.jsonl'), '["order",{"id":"half');
  receiverIsDown = false;
  app = open();
  await pause(20);
  expect((await get(`/bank/orders/${asked.id}`)).json().status).toBe('ACSC');
  expect((await get('/sms?to=%2B8613800001234')).json()).toHaveLength(1);
  expect((await get('/bank/key')).body).toBe(key);
  expect(words().map((word) => word.status)).toEqual(['ACSC']);
  expect(statSync(join(folder, 'bank-key.pem')).mode & 0o077).toBe(0);
});

test('killed after any of its writes, a provider brings an order that is asked for again to its end', async () => {
  const asked = order(100_00);
  const file = join(folder, 'sandbox.jsonl');
  await post('/bank/orders', asked);
  await pause(2);
  await app.close();
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  expect(lines.length).toBeGreaterThan(1);
  for (const written of lines.keys()) {
    writeFileSync(file, `${lines.slice(0, written).join('\n')}\n`);
    app = open();
    await post('/bank/orders', asked);
    await pause(2);
    const { status } = (await get(`/bank/orders/${asked.id}`)).json<BankReport>();
    expect({ written, status }).toEqual({ written, status: 'ACSC' });
    await app.close();
  }
});

test('a house that is slow to take a notice gets each one once, and none waits for another', async () => {
  receiverTakesMs = 150;
  for (let count = 0; count < 8; count += 1) {
    await post('/bank/orders', order(100_01));
    await pause(1);
  }
  await expect.poll(() => notices.length, { timeout: 10_000 }).toBe(8);
  expect(carried.most).toBeGreaterThan(1);
  await pause(10);
  expect([deliveries, new Set(notices.map(({ id }) => id)).size]).toEqual([8, 8]);
});

test('a notice nobody takes is tried eight times, and then the receiver has to ask', async () => {
  receiverIsDown = true;
  const asked = order(100_01);
  await post('/bank/orders', asked);
  await expect.poll(() => deliveries, { timeout: 10_000 }).toBe(8);
  await pause(2 ** 9);
  expect(deliveries).toBe(8);
  expect((await get(`/bank/orders/${asked.id}`)).json().status).toBe('ACSC');
});

test.each([
  // switch of the notices, statuses in the notices of one settled order
  ['sent', ['ACSC']],
  ['lost', []],
  ['twice', ['ACSC', 'ACSC']],
  ['late', ['ACSC']],
  ['disordered', ['ACSC', 'PDNG']],
])('notices are %s: %o', async (notices_, told) => {
  await app.inject({
    method: 'PUT',
    url: '/control/switches',
    payload: { notices: notices_ },
    headers: { host: 'localhost' },
  });
  await post('/bank/orders', order(100_00));
  await pause(35);
  expect(words().map(({ status }) => status)).toEqual(told);
});

describe('over a port', () => {
  let origin: string;
  beforeEach(async () => {
    origin = await app.listen({ port: 0, host: '127.0.0.1' });
  });
  const ask = async (asked: object) => {
    const answer = await fetch(`${origin}/bank/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(asked),
    });
    return ((await answer.json()) as BankReport).status;
  };

  test.each([
    // amount, what the ask hears: the outside world restarts once it has taken the order
    [100_42, 'a dead line'],
    [100_00, 'PDNG'],
  ])('an order of %i fen: the ask hears %s, and the order is known and told of once', async (amount, heard) => {
    const asked = order(amount);
    expect(await atOneMoment(() => ask(asked)).catch(() => 'a dead line')).toBe(heard);
    expect(await ask(asked).catch(() => 'a dead line')).not.toBe('a dead line');
    await expect.poll(() => words().map(({ status }) => status), { timeout: 5_000 }).toEqual(['ACSC']);
    await pause(5);
    expect(words()).toHaveLength(1);
  });

  test('a tester restarts it: lines go dead, what was answered and what is on its way outlives it', async () => {
    receiverIsDown = true;
    const silent = fetch(`${origin}/bank/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(order(100_11)),
    }).then(
      () => 'answered',
      () => 'a dead line',
    );
    await ask(order(100_00));
    expect((await fetch(`${origin}/control/restart`, { method: 'POST' })).status).toBe(200);
    expect(await silent).toBe('a dead line');
    receiverIsDown = false;
    await expect.poll(() => words().map(({ status }) => status), { timeout: 5_000 }).toEqual(['ACSC', 'ACSC']);
  });
});

test.each([
  ['accept', undefined, 'ACSC'],
  ['decline', 'AC06', 'RJCT'],
])('a tester decides an order that waits: %s', async (press, reason, status) => {
  const asked = order(100_31);
  await post('/bank/orders', asked);
  expect((await post(`/control/orders/${asked.id}`, { press, ...(reason ? { reason } : {}) })).statusCode).toBe(200);
  expect((await post(`/control/orders/${asked.id}`, { press: 'accept' })).statusCode).toBe(409);
  await pause(1);
  expect((await get(`/bank/orders/${asked.id}`)).json()).toMatchObject({ status, ...(reason ? { reason } : {}) });
  await post(`/control/orders/${asked.id}`, { press: 'repeat' });
  await pause(1);
  expect(words().map((word) => word.status)).toEqual([status, status]);
});

test.each([
  // a moment in Beijing, nine in the morning of the bank's next day
  ['2026-11-26T10:00', '2026-11-27T09:00'],
  ['2026-11-26T23:59', '2026-11-27T09:00'],
  ['2026-11-27T00:00', '2026-11-30T09:00'],
  ['2026-11-28T12:00', '2026-11-30T09:00'],
  ['2026-11-29T23:59', '2026-11-30T09:00'],
  ['2026-12-31T08:00', '2027-01-01T09:00'],
])('the bank day after %s begins %s', (moment, next) => {
  expect(nextBankDay(Date.parse(`${moment}+08:00`))).toBe(Date.parse(`${next}+08:00`));
});

test('a payout of Friday is sent back on Monday when the switch says so, and its notice comes then', async () => {
  await app.close();
  const card = { id: newId(clock()), holder: 'x', back: 'http://127.0.0.1:1/', at: 0, until: 0, tries: 0 };
  openStore(folder).put('binding', { ...card, state: 'bound', token: 'card-1' });
  app = open();
  const isAt = (moment: string) => {
    ahead = Date.parse(`${moment}+08:00`) - Date.now();
  };
  isAt('2026-11-27T16:00');
  await app.inject({
    method: 'PUT',
    url: '/control/switches',
    payload: { returns: 'next-day' },
    headers: { host: 'localhost' },
  });
  const asked = { ...order(100_51), card: 'card-1' };
  await post('/payout/orders', asked);
  await pause(20);
  const status = async () => (await get(`/payout/orders/${asked.id}`)).json<BankReport>().status;
  expect(await status()).toBe('ACSC');
  isAt('2026-11-30T08:59');
  expect(await status()).toBe('ACSC');
  await app.close();
  isAt('2026-11-30T09:00');
  app = open();
  await pause(2);
  expect(await status()).toBe('RTRN');
  expect(words().map(({ status: told, reason }) => [told, reason])).toEqual([
    ['ACSC', undefined],
    ['RTRN', 'AC04'],
  ]);
});

test.each([
  // switch of the answers, answered at once, answered in the end
  ['prompt', true, true],
  ['slow', false, true],
  ['silent', false, false],
] as const)('answers are %s, and the work is done meanwhile', async (answers, atOnce, later) => {
  const payload = { answers, paceMs: 60 };
  await app.inject({ method: 'PUT', url: '/control/switches', payload, headers: { host: 'localhost' } });
  const origin = await app.listen({ port: 0, host: '127.0.0.1' });
  const asked = order(100_00);
  let isAnswered = false;
  const hangUp = new AbortController();
  void fetch(`${origin}/bank/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(asked),
    signal: hangUp.signal,
  }).then(
    () => (isAnswered = true),
    () => undefined,
  );
  await expect.poll(() => words().map(({ status }) => status), { timeout: 5_000 }).toEqual(['ACSC']);
  if (!atOnce) expect(isAnswered).toBe(false);
  await new Promise((resolve) => setTimeout(resolve, SLOW_PACES * payload.paceMs + 100));
  await expect.poll(() => isAnswered, { timeout: 5_000 }).toBe(later);
  hangUp.abort();
});

test('switches: a closed bank is busy, lost notices never come, orders by hand wait', async () => {
  const turn = (payload: object) =>
    app.inject({ method: 'PUT', url: '/control/switches', payload, headers: { host: 'localhost' } });
  await turn({ bank: 'closed' });
  expect((await post('/bank/orders', order(100_00))).statusCode).toBe(503);
  await turn({ bank: 'open', notices: 'lost' });
  await post('/bank/orders', order(100_00));
  await pause(3);
  expect(notices).toEqual([]);
  await turn({ orders: 'by-hand' });
  const asked = order(100_01);
  expect((await post('/bank/orders', asked)).json().status).toBe('PDNG');
  expect((await turn({ bank: 'ajar' })).statusCode).toBe(400);
});

test.each([
  // number, second text within a minute, texts readable at once, readable after 20 paces
  ['+8613800009999', 202, 2, 2],
  ['+8613800000001', 202, 0, 2],
  ['+8613800000002', 202, 0, 0],
  ['+8613800000003', 429, 1, 1],
])('texts to %s', async (to, second, sooner, later) => {
  const send = (text: string) => post('/sms', { id: newId(clock()), to, text });
  const inbox = async () => (await get(`/sms?to=${encodeURIComponent(to)}`)).json<{ text: string }[]>();
  standing = Date.now();
  expect((await send('one')).statusCode).toBe(202);
  expect((await send('two')).statusCode).toBe(second);
  expect(await inbox()).toHaveLength(sooner);
  standing += 20 * PACE_MS;
  const texts = await inbox();
  expect(texts).toHaveLength(later);
  if (later === 2) expect(texts[0]?.text).toBe('two');
});

test('the same text sent twice is one text; another under its id is refused', async () => {
  const text = { id: newId(clock()), to: '+8613800005555', text: 'code 111111' };
  for (const expected of [202, 202]) expect((await post('/sms', text)).statusCode).toBe(expected);
  expect((await post('/sms', { ...text, text: 'other' })).statusCode).toBe(409);
  expect((await get('/sms?to=%2B8613800005555')).json()).toHaveLength(1);
});

test.each([
  // address, second mail within a minute, readable at once, readable after 20 paces
  ['anna@example.org', 202, 2, 2],
  ['late@example.org', 202, 0, 2],
  ['lost@example.org', 202, 0, 0],
  ['throttled@example.org', 429, 1, 1],
])('mail to %s', async (to, second, sooner, later) => {
  const send = (text: string) => post('/mail', { id: newId(clock()), to, subject: 'Your code', text });
  const inbox = async () => (await get(`/mail?to=${encodeURIComponent(to)}`)).json<{ text: string }[]>();
  standing = Date.now();
  expect((await send('one')).statusCode).toBe(202);
  expect((await send('two')).statusCode).toBe(second);
  expect(await inbox()).toHaveLength(sooner);
  standing += 20 * PACE_MS;
  const letters = await inbox();
  expect(letters).toHaveLength(later);
  if (later === 2) expect(letters[0]).toMatchObject({ to, subject: 'Your code', text: 'two' });
});

test('the same mail sent twice is one mail; another subject under its id is refused', async () => {
  const letter = { id: newId(clock()), to: 'anna@example.org', subject: 'Your code', text: '111111' };
  for (const expected of [202, 202]) expect((await post('/mail', letter)).statusCode).toBe(expected);
  expect((await post('/mail', { ...letter, subject: 'Another' })).statusCode).toBe(409);
  expect((await get('/mail?to=anna%40example.org')).json()).toHaveLength(1);
});

test.each(['zh', 'en'])('the page (%s) shows every story and texts as text, and its buttons press', async (lang) => {
  await post('/sms', { id: newId(clock()), to: '+8613800005555', text: '<script>alert(1)</script>' });
  const asked = order(100_31);
  await post('/bank/orders', asked);
  const page = await get(`/?lang=${lang}`);
  expect(page.body).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(page.body).not.toContain('<script');
  for (const story of STORIES) expect(page.body).toContain(`.${String(story.digits).padStart(2, '0')}`);
  const form = { method: 'POST', url: '/control/form', payload: `order=${asked.id}&act=block&lang=${lang}` } as const;
  const headers = { host: 'localhost', 'content-type': 'application/x-www-form-urlencoded' };
  expect((await app.inject({ ...form, headers })).statusCode).toBe(303);
  expect((await get(`/bank/orders/${asked.id}`)).json()).toMatchObject({ status: 'RJCT', reason: 'AC06' });
});

test('the page a card number is typed on runs its own script alone, and that knows the rule the bank goes by', async () => {
  const id = newId(clock());
  await post('/card/bindings', { id, holder: '王小明', back: 'http://localhost/cards' });
  const page = await get(`/card/bind/${id}`);
  expect(page.headers['content-security-policy']).toMatch(/default-src 'none';.* script-src 'self';/);
  expect(page.body.match(/<script[^>]*>/g)).toEqual(['<script type="module" src="/card-form.js">']);
  expect((await get('/')).headers['content-security-policy']).not.toContain('script-src');
  const [form, rule] = [await get('/card-form.js'), await get('/card-number.js')];
  for (const { headers } of [form, rule]) expect(headers['content-type']).toMatch(/^text\/javascript/);
  expect(form.body).toContain("from '/card-number.js'");
  const { readCardNumber } = (await import(`data:text/javascript,${encodeURIComponent(rule.body)}`)) as {
    readCardNumber: (text: string) => unknown;
  };
  expect(['6225880123456783', '6225880123456784', '4111111111111111'].map((one) => typeof readCardNumber(one))).toEqual(
    ['object', 'string', 'string'],
  );
});

test('nobody from elsewhere presses: another host name, another site', async () => {
  const asked = order(100_31);
  await post('/bank/orders', asked);
  const press = { press: 'accept' };
  expect((await post(`/control/orders/${asked.id}`, press, { host: 'evil.example' })).statusCode).toBe(403);
  expect((await post(`/control/orders/${asked.id}`, press, { 'sec-fetch-site': 'cross-site' })).statusCode).toBe(403);
});

test.each([
  ['no amount', { id: '01934567-89ab-7def-8123-456789abcdef', currency: 'CNY', notify: 'http://127.0.0.1/' }],
  ['amount 0', { ...order(0) }],
  ['half a fen', { ...order(0.5) }],
  ['an id that is none', { ...order(1), id: '../../x' }],
  ['an address that is none', { ...order(1), notify: 'file:///etc/passwd' }],
])('an order with %s is refused', async (_what, payload) => {
  expect((await post('/bank/orders', payload)).statusCode).toBe(400);
});
