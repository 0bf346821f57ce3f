/**
 * Hands out the built app: every file from memory by its exact path, one shell for every screen, and the policy that
 * lets the browser run nothing but our own files.
 * Invariant: no path of a request ever reaches the disk; what is served is what was there at the start.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

interface Served {
  readonly type: string;
  readonly cache: string;
  readonly tag: string;
  readonly policy: string | undefined;
  readonly plain: Buffer;
  readonly packed: { br?: Buffer; gzip?: Buffer };
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
};
const SHELL = '/app-shell.html';
/** What the house answers to whoever looks, a person with a browser as well. */
const HEALTH: ReadonlySet<string> = new Set(['/livez', '/readyz']);
const NAMED_BY_CONTENT = '/_app/immutable/';
/** The hidden live region in which Kit tells screen readers about a new page has this one style attribute. */
const KIT_ANNOUNCER = 'sha256-S8qMpvofolR8Mpjy4kQvEm7m1q8clzU4dfDH0AmvZjo=';

/** Reads the built app in `folder` and adds its paths. Routes of the API stand before it. Fails when there is no build. */
export async function serveApp(app: FastifyInstance, folder: string): Promise<void> {
  const files = readFiles(folder);
  const shell = files.get(SHELL);
  if (!shell) throw new Error(`no built app in ${folder}: run npm run build`);
  const answer = (request: FastifyRequest, reply: FastifyReply) => {
    const path = request.url.split('?', 1)[0] ?? '/';
    const file = files.get(path) ?? (isScreen(request, path) ? shell : undefined);
    if (!file) return reply.callNotFound();
    return send(request, reply, file);
  };
  // Some screens have the address of what the API answers (`/bills`): who opens an address means the screen.
  app.addHook('onRequest', async (request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '/';
    const opened = request.method === 'GET' && request.headers['sec-fetch-mode'] === 'navigate';
    if (opened && isScreen(request, path) && !HEALTH.has(path)) return send(request, reply, shell);
  });
  // A handler for each file would not see a screen's deep link; the exact map behind one wildcard sees both.
  app.get('/*', { schema: { hide: true }, logLevel: 'warn' }, answer);
}

/** A person opening a screen: the browser navigates, or asks for a document; never a missing file. */
function isScreen(request: FastifyRequest, path: string): boolean {
  if (extname(path) !== '') return false;
  const mode = request.headers['sec-fetch-mode'];
  return mode === 'navigate' || (mode === undefined && (request.headers.accept ?? '').includes('text/html'));
}

function send(request: FastifyRequest, reply: FastifyReply, file: Served): FastifyReply {
  reply.headers({ 'cache-control': file.cache, etag: file.tag, vary: 'accept-encoding' }).type(file.type);
  if (file.policy) reply.header('content-security-policy', file.policy);
  if (request.headers['if-none-match'] === file.tag) return reply.code(304).send();
  const accepted = request.headers['accept-encoding'] ?? '';
  for (const encoding of ['br', 'gzip'] as const) {
    const packed = file.packed[encoding];
    if (packed && new RegExp(`\\b${encoding}\\b(?!\\s*;\\s*q=0(?:\\.0*)?(?:,|$))`).test(String(accepted))) {
      return reply.header('content-encoding', encoding).send(packed);
    }
  }
  // Named, so that a packer further out leaves it as it is: its tag belongs to these bytes.
  return reply.header('content-encoding', 'identity').send(file.plain);
}

function readFiles(folder: string): Map<string, Served> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const known = new Set(paths);
  const files = new Map<string, Served>();
  for (const path of paths) {
    const type = TYPES[extname(path)];
    if (!type) continue;
    const url = `/${relative(folder, path).split(sep).join('/')}`;
    const plain = readFileSync(path);
    const packed: Served['packed'] = {};
    if (known.has(`${path}.br`)) packed.br = readFileSync(`${path}.br`);
    if (known.has(`${path}.gz`)) packed.gzip = readFileSync(`${path}.gz`);
    files.set(url, {
      type,
      cache: url.startsWith(NAMED_BY_CONTENT) ? 'public, max-age=31536000, immutable' : 'no-cache',
      tag: `"${createHash('sha256').update(plain).digest('base64url')}"`,
      policy: policyOf(url, plain),
      plain,
      packed,
    });
  }
  return files;
}

/** The service worker, and the decoder of codes. */
const WORKER = /^\/(?:service-worker|_app\/immutable\/workers\/[^/]+)\.js$/;

/** A document may run what it names, a worker what it fetches; every other file needs only the house's default. */
function policyOf(url: string, bytes: Buffer): string | undefined {
  if (url.endsWith('.html')) return contentPolicy(inlineScriptHashes(bytes.toString('utf8')));
  return WORKER.test(url) ? contentPolicy([]) : undefined;
}

/** The hashes of the scripts that stand inside `html`, as a content security policy names them. */
export function inlineScriptHashes(html: string): string[] {
  return [...html.matchAll(/<script(?:\s[^>]*)?>([\s\S]*?)<\/script>/g)]
    .map((match) => match[1] ?? '')
    .filter((code) => code !== '')
    .map((code) => `sha256-${createHash('sha256').update(code).digest('base64')}`);
}

/** The policy of a document whose inline scripts have these `hashes`: own files only, no markup from strings. */
export function contentPolicy(hashes: readonly string[]): string {
  return [
    "default-src 'none'",
    // The scanner's decoder is WebAssembly; it is the only thing compiled at run time.
    ["script-src 'self' 'wasm-unsafe-eval'", ...hashes.map((hash) => `'${hash}'`)].join(' '),
    "style-src 'self'",
    `style-src-attr 'unsafe-hashes' '${KIT_ANNOUNCER}'`,
    "img-src 'self' blob:",
    "media-src 'self' blob:",
    "connect-src 'self'",
    "manifest-src 'self'",
    "worker-src 'self'",
    "font-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    'trusted-types svelte-trusted-html sveltekit-trusted-url piaohao-worker piaohao-decoder piaohao-feed default',
  ].join('; ');
}
