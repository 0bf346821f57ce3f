/**
 * What every answer says to the browser about who may do what with it: the documents, the files, the interface and the
 * refusals of a house under https, and the score the Mozilla Observatory would give.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHttp, type Http } from '#server/platform/http.ts';
import { serveApp } from '#server/platform/static.ts';
import { EMPTY_SYNC, openStage, type Stage } from '#tests/attack/stage.ts';
import { buildApp } from '#tests/kit/house.ts';
import { openMember } from '#tests/kit/member.ts';

const ORIGIN = 'https://wallet.example';
const BUILD = join(import.meta.dirname, '../../build');
const SHELL =
  '<!doctype html><link rel="stylesheet" href="/_app/immutable/a.css"><script>import("/_app/immutable/a.js")</script>';

let stage: Stage;
let front: Http;
let folder: string;
let cookies: string[] = [];

beforeAll(async () => {
  stage = await openStage({ origin: ORIGIN, rpId: 'wallet.example' });
  folder = mkdtempSync(join(tmpdir(), 'piaohao-headers-'));
  mkdirSync(join(folder, '_app/immutable/workers'), { recursive: true });
  const files = {
    'app-shell.html': SHELL,
    '_app/immutable/a.js': 'export {};',
    '_app/immutable/a.css': 'p{}',
    'service-worker.js': 'self.x = 1;',
    '_app/immutable/workers/decoder.js': 'self.y = 1;',
    'manifest.webmanifest': '{}',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  front = await createHttp({ origin: ORIGIN, logLevel: 'silent', trustProxy: [] });
  await serveApp(front, folder);
  const member = await openMember(stage.place, { phone: '13800138000' });
  const ended = await member.ask('DELETE', '/session');
  const begun = await stage.house.app.inject({ method: 'POST', url: '/sign-in/options', headers: { origin: ORIGIN } });
  cookies = [ended.headers['set-cookie'] ?? [], begun.headers['set-cookie'] ?? []].flat() as string[];
});
afterAll(async () => {
  await front?.close();
  await stage?.close();
  rmSync(folder, { recursive: true, force: true });
});

const DOCUMENT = { 'sec-fetch-mode': 'navigate', accept: 'text/html' };
const ANSWERS: readonly (readonly [what: string, where: 'front' | 'house', request: InjectOptions, status: number])[] =
  [
    ['the first screen', 'front', { url: '/', headers: DOCUMENT }, 200],
    ['a deep link', 'front', { url: '/pay/x', headers: DOCUMENT }, 200],
    ['a script', 'front', { url: '/_app/immutable/a.js' }, 200],
    ['a style', 'front', { url: '/_app/immutable/a.css' }, 200],
    ['the worker', 'front', { url: '/service-worker.js' }, 200],
    ['the decoder of codes', 'front', { url: '/_app/immutable/workers/decoder.js' }, 200],
    ['the manifest', 'front', { url: '/manifest.webmanifest' }, 200],
    ['a file that is none', 'front', { url: '/_app/immutable/none.js' }, 404],
    ['an answer', 'house', { url: '/network' }, 200],
    ['the contract', 'house', { url: '/openapi.json' }, 200],
    ['the health', 'house', { url: '/livez' }, 200],
    ['a refusal', 'house', { url: '/session' }, 401],
    [
      'a refused body',
      'house',
      { method: 'POST', url: '/signups', headers: { origin: ORIGIN }, payload: { no: 1 } },
      400,
    ],
    [
      'a foreign page',
      'house',
      { method: 'POST', url: '/sync', headers: { origin: 'https://evil.example' }, payload: EMPTY_SYNC },
      403,
    ],
    ['no such address', 'house', { url: '/nowhere' }, 404],
    ['a broken address', 'house', { url: '/%zz' }, 400],
  ];

async function headersOf(where: 'front' | 'house', request: InjectOptions): Promise<[number, Record<string, string>]> {
  const answer = await (where === 'front' ? front : stage.house.app).inject(request);
  return [answer.statusCode, answer.headers as Record<string, string>];
}

const policyOf = (headers: Readonly<Record<string, string>>) =>
  new Map(
    (headers['content-security-policy'] ?? '').split(';').map((one) => {
      const [name = '', ...sources] = one.trim().split(/\s+/);
      return [name, sources] as const;
    }),
  );

/**
 * The Observatory's scale (mdn/mdn-http-observatory, src/grader/charts.js, SCORE_TABLE): from 100, each finding takes or
 * gives; what gives counts only from 90 on. Redirection and SRI stand outside of what one answer says and count 0 here.
 */
function observatory(headers: Readonly<Record<string, string>>, given: readonly string[]): number {
  const policy = policyOf(headers);
  const scripts = [...(policy.get('script-src') ?? policy.get('default-src') ?? [])];
  const styles = policy.get('style-src') ?? policy.get('default-src') ?? [];
  const isUnsafe = (sources: readonly string[]) =>
    sources.some((one) => /^('unsafe-inline'|data:|https?:|\*)$/.test(one));
  const age = Number(/max-age=(\d+)/.exec(headers['strict-transport-security'] ?? '')?.[1] ?? -1);
  const scale: readonly (readonly [finding: boolean, score: number])[] = [
    [policy.get('default-src') === undefined && scripts.length === 0, -25],
    [isUnsafe(scripts), -20],
    [scripts.includes("'unsafe-eval'"), -10],
    [
      policy.get('default-src')?.join() === "'none'" &&
        policy.get('form-action')?.join() === "'none'" &&
        !isUnsafe([...scripts, ...styles]) &&
        !scripts.includes("'unsafe-eval'"),
      10,
    ],
    [age < 0, -20],
    [age >= 0 && age < 15_768_000, -10],
    [headers['x-content-type-options'] !== 'nosniff', -5],
    [headers['referrer-policy'] === 'no-referrer', 5],
    [policy.has('frame-ancestors'), 5],
    [!policy.has('frame-ancestors') && headers['x-frame-options'] === undefined, -20],
    [headers['cross-origin-resource-policy'] === 'same-origin', 10],
    [headers['access-control-allow-credentials'] === 'true', -50],
    [given.some((one) => !/; *Secure/i.test(one)), -40],
    [given.some((one) => !/; *HttpOnly/i.test(one)), -30],
    [given.length > 0 && given.every((one) => /; *SameSite=(Strict|Lax)/i.test(one)), 5],
  ];
  const found = scale.filter(([finding]) => finding).map(([, score]) => score);
  const taken = found.filter((score) => score < 0).reduce((sum, score) => sum + score, 100);
  const extra = found.filter((score) => score > 0).reduce((sum, score) => sum + score, 0);
  return Math.max(0, taken >= 90 ? taken + extra : taken);
}

describe('every answer', () => {
  test.each(ANSWERS)('%s', async (_what, where, request, status) => {
    const [got, headers] = await headersOf(where, request);
    expect(got).toBe(status);
    expect(headers).toMatchObject({
      'strict-transport-security': expect.stringMatching(/^max-age=63072000; includeSubDomains$/),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
      'permissions-policy': expect.stringContaining('camera=(self)'),
    });
    expect(headers['permissions-policy']).toMatch(/geolocation=\(\).*microphone=\(\).*payment=\(\)/);
    const policy = policyOf(headers);
    for (const name of ['default-src', 'base-uri', 'form-action', 'frame-ancestors']) {
      expect(policy.get(name), name).toEqual(["'none'"]);
    }
    expect(
      [...policy.values()]
        .flat()
        .filter((one) => /unsafe-inline|unsafe-eval|^data:|^\*|^https?:/.test(one) && one !== "'wasm-unsafe-eval'"),
    ).toEqual([]);
    expect(Object.keys(headers).filter((name) => /^access-control-|^server$|^x-powered-by$|^via$/.test(name))).toEqual(
      [],
    );
    expect(observatory(headers, [])).toBeGreaterThanOrEqual(130);
  });
});

test('a document runs its own scripts by their hashes, and makes no script of a text', async () => {
  const [, headers] = await headersOf('front', { url: '/', headers: DOCUMENT });
  const policy = policyOf(headers);
  expect(policy.get('script-src')).toEqual([
    "'self'",
    "'wasm-unsafe-eval'",
    expect.stringMatching(/^'sha256-[A-Za-z0-9+/]{43}='$/),
  ]);
  expect(policy.get('require-trusted-types-for')).toEqual(["'script'"]);
  expect(policy.get('object-src')).toEqual(["'none'"]);
  expect(policy.get('connect-src')).toEqual(["'self'"]);
});

test.each(['/service-worker.js', '/_app/immutable/workers/decoder.js'])(
  'the worker %s runs our own files and WebAssembly alone',
  async (url) => {
    const [, headers] = await headersOf('front', { url });
    const policy = policyOf(headers);
    expect(policy.get('script-src')).toEqual(["'self'", "'wasm-unsafe-eval'"]);
    expect(policy.get('connect-src')).toEqual(["'self'"]);
  },
);

test('the cookies cannot be read by a script, sent from elsewhere or set by a neighbour', () => {
  expect(cookies.length).toBeGreaterThanOrEqual(2);
  for (const cookie of cookies) {
    expect(cookie).toMatch(
      /^__Host-(?:sid|bid)=[A-Za-z0-9_-]*; Path=\/; Max-Age=\d+; Secure; HttpOnly; SameSite=Strict$/,
    );
  }
});

test('with its cookies the house scores 135 at the Observatory', async () => {
  const [, headers] = await headersOf('house', { url: '/network' });
  expect(observatory(headers, cookies)).toBe(135);
});

describe('the app as it is built', () => {
  let built: Http;
  beforeAll(async () => {
    buildApp();
    built = await createHttp({ origin: ORIGIN, logLevel: 'silent', trustProxy: [] });
    await serveApp(built, BUILD);
  }, 480_000);
  afterAll(() => built?.close());
  const FILES = ['/app-shell.html', '/service-worker.js', '/manifest.webmanifest'];

  test('every screen, the worker and the manifest score 130 at the Observatory, and with the cookies 135', async () => {
    for (const url of ['/', '/pay/x', ...FILES]) {
      const headers = FILES.includes(url) ? {} : DOCUMENT;
      const answer = await built.inject({ url, headers });
      expect([url, answer.statusCode]).toEqual([url, 200]);
      const said = answer.headers as Record<string, string>;
      expect([url, observatory(said, []), observatory(said, cookies)]).toEqual([url, 130, 135]);
    }
  });

  test('the policy names the scripts of the page itself, every one, and nothing else that could run', async () => {
    const answer = await built.inject({ url: '/', headers: DOCUMENT });
    expect(answer.body).toBe(readFileSync(join(BUILD, 'app-shell.html'), 'utf8'));
    const inside = [...answer.body.matchAll(/<script\b([^>]*)>([\s\S]*?)<\/script>/g)].filter(([, , code]) => code);
    const hashes = inside.map(([, , code = '']) => `'sha256-${createHash('sha256').update(code).digest('base64')}'`);
    expect(hashes.length).toBeGreaterThan(0);
    expect(policyOf(answer.headers as Record<string, string>).get('script-src')).toEqual([
      "'self'",
      "'wasm-unsafe-eval'",
      ...hashes,
    ]);
    expect(answer.body).not.toMatch(/<[^>]+\son\w+=|javascript:|<base\b|src="(?:https?:)?\/\//i);
  });
});

describe('the scale itself', () => {
  test.each([
    ['a bare server', {}, [], 30],
    ['no hash but anything', { 'content-security-policy': "default-src 'none'; script-src 'unsafe-inline'" }, [], 35],
    ['a session for scripts', {}, ['sid=1; Secure'], 0],
  ])('%s scores %o %o %i', (_what, headers, given, score) => expect(observatory(headers, given)).toBe(score));
});

describe('other origins get no permission', () => {
  test.each(['/session', '/sync', '/network', '/openapi.json'])('%s', async (url) => {
    const asked = {
      origin: 'https://evil.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    };
    for (const method of ['OPTIONS', 'GET', 'POST'] as const) {
      const answer = await stage.house.app.inject({ method, url, headers: asked });
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
      if (method === 'POST') expect(answer.statusCode).toBeGreaterThanOrEqual(400);
    }
  });

  test.each([
    ['no origin at all', {}],
    ['an opaque origin', { origin: 'null' }],
    ['a subdomain', { origin: 'https://a.wallet.example' }],
    ['another port', { origin: 'https://wallet.example:8443' }],
    ['no TLS', { origin: 'http://wallet.example' }],
    ['an origin that begins like ours', { origin: 'https://wallet.example.evil.example' }],
    ['our origin, sent across sites', { origin: ORIGIN, 'sec-fetch-site': 'cross-site' }],
    ['our origin, from a neighbour', { origin: ORIGIN, 'sec-fetch-site': 'same-site' }],
  ])('an unsafe request with %s', async (_what, headers) => {
    for (const route of stage.routes.filter((one) => one.method !== 'GET' && one.path !== '/callbacks/{channel}')) {
      const url = route.path.replace(/\{\w+\}/g, '-');
      const answer = await stage.house.app.inject({ method: route.method, url, headers });
      expect([route.path, answer.statusCode, answer.json().code]).toEqual([route.path, 403, 'request.origin']);
    }
  });
});
