/** The built app as it is handed out: every screen is the shell, nothing else is on the way, and the browser may run only ours. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { contentPolicy, inlineScriptHashes, serveApp } from '#server/platform/static.ts';

const SCRIPT = '\n  import("/_app/immutable/entry/start.js");\n';
const SHELL = `<!doctype html><link href="/a.css"><script>${SCRIPT}</script><script src="/x.js"></script>`;
const CODE = 'export const one = 1;\n'.repeat(200);
let folder: string;
let app: FastifyInstance;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'piaohao-static-'));
  mkdirSync(join(folder, '_app/immutable'), { recursive: true });
  const files: Record<string, string | Buffer> = {
    'app-shell.html': SHELL,
    '_app/immutable/a.js': CODE,
    '_app/immutable/a.js.br': brotliCompressSync(CODE),
    '_app/immutable/a.js.gz': gzipSync(CODE),
    'service-worker.js': 'self.x = 1;',
    'secret.env': 'no',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  app = Fastify();
  app.get('/bills', async () => ({ api: true }));
  await serveApp(app, folder);
});
afterAll(async () => {
  await app.close();
  rmSync(folder, { recursive: true });
});

const navigate = { 'sec-fetch-mode': 'navigate', accept: 'text/html' };

test.each([
  // path, headers, status, beginning of the content type
  ['/', navigate, 200, 'text/html'],
  ['/me/allowance', navigate, 200, 'text/html'],
  ['/bills/x?y=/a.js', navigate, 200, 'text/html'],
  ['/anything', { accept: 'text/html' }, 200, 'text/html'],
  // Its address is the API's as well: who opens it sees the screen, who asks is answered.
  ['/bills', navigate, 200, 'text/html'],
  ['/bills', {}, 200, 'application/json'],
  ['/bills', { 'sec-fetch-mode': 'cors' }, 200, 'application/json'],
  ['/_app/immutable/a.js', {}, 200, 'text/javascript'],
  ['/_app/immutable/gone.js', navigate, 404, 'application/json'],
  ['/unknown', { 'sec-fetch-mode': 'cors', accept: 'application/json' }, 404, 'application/json'],
  ['/unknown', {}, 404, 'application/json'],
  ['/../package.json', navigate, 404, 'application/json'],
  ['/%2e%2e/package.json', navigate, 404, 'application/json'],
  ['/..%2fpackage.json', navigate, 404, 'application/json'],
  ['/secret.env', {}, 404, 'application/json'],
])('GET %s with %o answers %i %s', async (path, headers, status, type) => {
  const answer = await app.inject({ url: path, headers });
  expect(answer.statusCode).toBe(status);
  expect(answer.headers['content-type']).toContain(type);
});

test('what is named by its content is kept for ever, the shell is asked for each time', async () => {
  const code = await app.inject({ url: '/_app/immutable/a.js' });
  const shell = await app.inject({ url: '/', headers: navigate });
  expect(code.headers['cache-control']).toBe('public, max-age=31536000, immutable');
  expect(shell.headers['cache-control']).toBe('no-cache');
  const again = await app.inject({ url: '/', headers: { ...navigate, 'if-none-match': String(shell.headers.etag) } });
  expect([again.statusCode, again.body]).toEqual([304, '']);
});

test.each([
  ['br, gzip', 'br'],
  ['gzip', 'gzip'],
  ['gzip;q=0, br;q=0', 'identity'],
  ['', 'identity'],
])('to a browser that takes "%s" the file goes as %s', async (accepted, encoding) => {
  const answer = await app.inject({ url: '/_app/immutable/a.js', headers: { 'accept-encoding': accepted } });
  expect(answer.headers['content-encoding']).toBe(encoding);
  const unpack = { br: brotliDecompressSync, gzip: gunzipSync, identity: (bytes: Buffer) => bytes };
  expect(unpack[encoding as keyof typeof unpack](answer.rawPayload).toString()).toBe(CODE);
});

test('the policy names the hash of each script that stands in the document, and of no other', async () => {
  const hash = `sha256-${createHash('sha256').update(SCRIPT).digest('base64')}`;
  expect(inlineScriptHashes(SHELL)).toEqual([hash]);
  const answer = await app.inject({ url: '/', headers: navigate });
  expect(answer.headers['content-security-policy']).toBe(contentPolicy([hash]));
});

test.each([
  ["default-src 'none'", true],
  ["frame-ancestors 'none'", true],
  ["require-trusted-types-for 'script'", true],
  ["'unsafe-inline'", false],
  ["'unsafe-eval'", false],
  ['http:', false],
  ['*', false],
])('the policy has %s: %s', (part, there) => {
  expect(contentPolicy([]).includes(part)).toBe(there);
});

test('a folder without a built app is refused at the start', async () => {
  await expect(serveApp(Fastify(), join(folder, '_app'))).rejects.toThrow('npm run build');
});
