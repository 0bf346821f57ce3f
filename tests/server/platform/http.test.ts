/** The front: every refusal is a problem of the one table, foreign pages are turned away, nothing personal is logged. */
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { InjectOptions } from 'fastify';
import Type from 'typebox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readConfig } from '#server/platform/config.ts';
import { type Database, Unavailable } from '#server/platform/database.ts';
import { createHttp, type Http, rawBodyOf, refused } from '#server/platform/http.ts';
import { migrate } from '#server/platform/migrate.ts';
import { openMemory } from '#tests/kit/embedded.ts';

const ORIGIN = 'https://wallet.example';
const OURS = { origin: ORIGIN, 'sec-fetch-site': 'same-origin' };
const JSON_TYPE = { 'content-type': 'application/json' };

let app: Http;
let database: Database;
let healthy = true;
const logged: string[] = [];

beforeAll(async () => {
  database = await openMemory();
  await migrate(database, []);
  const checks = { signer: () => (healthy ? Promise.resolve() : Promise.reject(new Error('no key'))) };
  const logTo = { write: (line: string) => void logged.push(line) };
  app = await createHttp({ origin: ORIGIN, logLevel: 'info', trustProxy: [] }, { database, checks, logTo });
  const body = Type.Object({ sum: Type.Integer({ minimum: 1 }) }, { additionalProperties: false });
  app.post('/pay', { schema: { body } }, async (request) => ({ sum: request.body.sum }));
  app.post('/raw', async (request) => ({ length: rawBodyOf(request).length }));
  app.post('/notice', { config: { machine: true } }, async () => ({ heard: true }));
  app.get(
    '/page',
    { schema: { querystring: Type.Object({ after: Type.Integer() }) } },
    async (request) => request.query,
  );
  app.get('/poor', async (_request, reply) => refused(reply, { code: 'ledger.insufficient', detail: { balance: 7 } }));
  app.get('/fault', async () => {
    throw new Error('phone 13800138000 of 11010519491231002X');
  });
  app.get('/full', async () => {
    throw new Unavailable('house.disk-full', 'full');
  });
  app.get('/seldom', { config: { rateLimit: { max: 1, timeWindow: 60_000 } } }, async () => ({}));
  app.get('/long', async () => ({ text: 'word '.repeat(2_000) }));
});

afterAll(async () => {
  await app.close();
  await database.close();
});

const REFUSALS: readonly (readonly [string, InjectOptions, number, string])[] = [
  ['an address that is none', { method: 'GET', url: '/nowhere' }, 404, 'request.not-found'],
  ['a broken address', { method: 'GET', url: '/%zz' }, 400, 'request.malformed'],
  [
    'a body that breaks the contract',
    { method: 'POST', url: '/pay', headers: OURS, payload: { sum: 0 } },
    400,
    'request.malformed',
  ],
  [
    'a number sent as text',
    { method: 'POST', url: '/pay', headers: OURS, payload: { sum: '5' } },
    400,
    'request.malformed',
  ],
  [
    'a member nobody asked for',
    { method: 'POST', url: '/pay', headers: OURS, payload: { sum: 5, admin: true } },
    400,
    'request.malformed',
  ],
  [
    'what is not JSON',
    { method: 'POST', url: '/pay', headers: { ...OURS, ...JSON_TYPE }, payload: '{"sum":' },
    400,
    'request.malformed',
  ],
  [
    'a prototype in JSON',
    { method: 'POST', url: '/pay', headers: { ...OURS, ...JSON_TYPE }, payload: '{"sum":1,"__proto__":{}}' },
    400,
    'request.malformed',
  ],
  [
    'another language than JSON',
    { method: 'POST', url: '/pay', headers: { ...OURS, 'content-type': 'text/plain' }, payload: 'sum=1' },
    415,
    'request.media-type',
  ],
  [
    'a form',
    {
      method: 'POST',
      url: '/pay',
      headers: { ...OURS, 'content-type': 'application/x-www-form-urlencoded' },
      payload: 'sum=1',
    },
    415,
    'request.media-type',
  ],
  [
    'too much',
    { method: 'POST', url: '/pay', headers: { ...OURS, ...JSON_TYPE }, payload: `{"sum":${' '.repeat(600_000)}1}` },
    413,
    'request.too-large',
  ],
  [
    'a page elsewhere',
    { method: 'POST', url: '/pay', headers: { origin: 'https://evil.example' }, payload: { sum: 1 } },
    403,
    'request.origin',
  ],
  [
    'a page elsewhere in another dress',
    { method: 'POST', url: '/pay', headers: { ...OURS, 'sec-fetch-site': 'cross-site' }, payload: { sum: 1 } },
    403,
    'request.origin',
  ],
  ['nobody in particular', { method: 'POST', url: '/pay', payload: { sum: 1 } }, 403, 'request.origin'],
  [
    'a device speaking from a page elsewhere',
    {
      method: 'POST',
      url: '/pay',
      headers: { origin: 'https://evil.example', authorization: 'Device x' },
      payload: { sum: 1 },
    },
    403,
    'request.origin',
  ],
  ['a refusal of a door', { method: 'GET', url: '/poor' }, 409, 'ledger.insufficient'],
  ['a fault of ours', { method: 'GET', url: '/fault' }, 500, 'house.fault'],
  ['a full disk', { method: 'GET', url: '/full' }, 507, 'house.disk-full'],
  ['a question that is wrong', { method: 'GET', url: '/page?after=x' }, 400, 'request.malformed'],
];

test.each(REFUSALS)('%s is a problem', async (_what, request, status, code) => {
  const reply = await app.inject(request);
  expect([reply.statusCode, reply.headers['content-type'], reply.json().code]).toEqual([
    status,
    'application/problem+json',
    code,
  ]);
  expect(reply.json()).toMatchObject({
    status,
    type: `/problems/${code}`,
    title: expect.any(String),
    remedy: expect.any(String),
  });
});

test('a problem says its figures, and where the input is wrong but not what it was', async () => {
  expect((await app.inject('/poor')).json()).toMatchObject({ balance: 7 });
  const reply = await app.inject({ method: 'POST', url: '/pay', headers: OURS, payload: { sum: 'secret' } });
  expect(reply.json().wrong).toContain('/sum');
  expect(reply.body).not.toContain('secret');
});

test.each([
  ['our own page', { method: 'POST', url: '/pay', headers: OURS, payload: { sum: 1 } }],
  [
    'a device that signs',
    { method: 'POST', url: '/pay', headers: { authorization: 'Device a:1:b' }, payload: { sum: 1 } },
  ],
  ["another company's server at its door", { method: 'POST', url: '/notice', payload: {} }],
  ['a question with a number', { method: 'GET', url: '/page?after=5' }],
] as const)('%s is heard', async (_what, request) => {
  expect((await app.inject(request)).statusCode).toBe(200);
});

test('a signature can be checked over the bytes that came', async () => {
  const payload = '{ "a" :  1 }';
  const reply = await app.inject({ method: 'POST', url: '/raw', headers: { ...OURS, ...JSON_TYPE }, payload });
  expect(reply.json()).toEqual({ length: payload.length });
});

test('too often is told to wait', async () => {
  expect((await app.inject('/seldom')).statusCode).toBe(200);
  const second = await app.inject('/seldom');
  expect([second.statusCode, second.json().code]).toEqual([429, 'request.too-many']);
  expect(Number(second.headers['retry-after'])).toBeGreaterThan(0);
});

test('every answer carries the headers that keep others out, and an id of our own making', async () => {
  const { headers } = await app.inject({
    url: '/livez',
    headers: { 'x-request-id': 'theirs', 'request-id': 'theirs' },
  });
  expect(headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'strict-transport-security': 'max-age=63072000; includeSubDomains',
    'cache-control': 'no-store',
    'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
  expect(headers['content-security-policy']).toContain("default-src 'none'");
});

test('long answers are compressed', async () => {
  const reply = await app.inject({ url: '/long', headers: { 'accept-encoding': 'br' } });
  expect(reply.headers['content-encoding']).toBe('br');
  expect(reply.rawPayload.length).toBeLessThan(500);
});

test('the contract is OpenAPI 3.1 and knows each route with its problems', async () => {
  const contract = (await app.inject('/openapi.json')).json();
  expect(contract.openapi).toBe('3.1.0');
  expect(contract.paths['/pay'].post.requestBody.content['application/json'].schema.required).toEqual(['sum']);
  expect(Object.keys(contract.paths['/pay'].post.responses)).toEqual(expect.arrayContaining(['4XX', '5XX']));
});

test('ready while all holds, not ready with the name of what fails', async () => {
  expect((await app.inject('/readyz')).json()).toEqual({ ready: true });
  healthy = false;
  const reply = await app.inject('/readyz');
  healthy = true;
  expect([reply.statusCode, reply.json().failed]).toEqual([503, 'signer']);
});

test('the log says what happened and not to whom', async () => {
  await app.inject('/fault?phone=13800138000');
  app.log.info({ phone: '13800138000', person: { name: 'Ai', cookie: 'x=secret' } }, 'card 6222020000000000000 seen');
  const all = logged.join('');
  expect(all).toContain('"route":"/fault"');
  expect(all).not.toMatch(/13800138000|11010519491231002|6222020000000000000|secret|"Ai"|\?phone/);
});

test('who waits too long for an answer is told to come again, a body or none; one that has begun goes on', async () => {
  const failed: string[] = [];
  const logTo = { write: (line: string) => void (line.includes('"level":50') && failed.push(line)) };
  const slow = await createHttp({ origin: ORIGIN, logLevel: 'warn', trustProxy: [] }, { logTo, answerWithinMs: 200 });
  const late = Promise.withResolvers<void>();
  slow.get('/still', () => late.promise.then(() => ({})));
  slow.post('/still', () => late.promise.then(() => ({})));
  slow.addHook('preHandler', async (request) => (request.url === '/guarded' ? late.promise : undefined));
  slow.post('/guarded', async () => ({}));
  slow.get('/tale', async (_request, reply) => {
    const tale = Readable.from(
      (async function* () {
        yield 'once upon a time ';
        await pause(600);
        yield 'the end';
      })(),
    );
    return reply.type('text/plain').send(tale);
  });
  const at = await slow.listen({ port: 0, host: '127.0.0.1' });
  const post = { method: 'POST', headers: { ...OURS, ...JSON_TYPE }, body: '{"sum":1}' };
  const [got, told, guarded, tale] = await Promise.all([
    fetch(`${at}/still`),
    fetch(`${at}/still`, post),
    fetch(`${at}/guarded`, post),
    fetch(`${at}/tale`).then((reply) => reply.text()),
  ]);
  for (const reply of [got, told, guarded]) {
    expect([reply.status, reply.headers.get('retry-after'), await reply.json()]).toMatchObject([
      503,
      '2',
      { code: 'house.busy' },
    ]);
  }
  expect(tale).toBe('once upon a time the end');
  // What comes too late is nobody's answer, and no fault.
  late.resolve();
  await pause(50);
  expect((await fetch(`${at}/still`)).status).toBe(200);
  expect(failed.map((line) => JSON.parse(line).msg)).toEqual(Array(3).fill('a request failed'));
  await slow.close();
});

test('a stop in which somebody waits eleven seconds for an answer gives it and ends well', async () => {
  const app = await createHttp(readConfig({ LOG_LEVEL: 'silent', DRAIN_MS: '0' }));
  const taken = Promise.withResolvers<void>();
  app.get('/slow', async () => {
    taken.resolve();
    await pause(11_000);
    return {};
  });
  const asked = fetch(`${await app.listen({ port: 0, host: '127.0.0.1' })}/slow`);
  await taken.promise;
  await app.close();
  expect((await asked).status).toBe(200);
}, 120_000);
