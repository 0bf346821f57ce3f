/**
 * `npm run attack`: two scanners that others wrote go at a running house of ours, on each database: wapiti at the pages and
 * every address that is read, sqlmap at every parameter of every route of the contract, both signed in. A word after it
 * chooses routes whose name contains it. Ends with 1 when a scanner finds something of medium weight or more, or the house
 * answers with a fault of its own.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { instant } from '#shared/base/time.ts';
import { type Contract, type Route, routesOf, type Schema } from '#tests/attack/stage.ts';
import { runCommand } from '#tests/kit/command.ts';
import { whileStopped } from '#tests/kit/fault-house.ts';
import { type House, startHouse } from '#tests/kit/house.ts';
import { deviceHeader, type Member, openMember, stepUp } from '#tests/kit/member.ts';
import { overHttp } from '#tests/kit/over-http.ts';

const run = promisify(execFile);
const SCANNERS = ['wapiti', 'sqlmap'];
/** What would ask machines outside (nikto, wapp, ssrf, xxe), or looks for a form to sign in that is not there. */
const LEFT_OUT = new Set(['nikto', 'wapp', 'ssrf', 'xxe', 'brute_login_form', 'buster']);
/** wapiti's own scale: 1 low, 2 medium, 3 high, 4 critical. */
const MEDIUM = 2;
const SEED = 20_261_129;
const folder = mkdtempSync(join(tmpdir(), 'piaohao-attack-'));
const clock = () => instant(Date.now());

ensureScanners();
const [, , only = ''] = process.argv;
let findings = 0;
for (const database of ['pglite', 'postgres'] as const) findings += await attack(database);
rmSync(folder, { recursive: true });
console.log(findings === 0 ? 'Nothing was found.' : `${findings} findings.`);
process.exit(findings === 0 ? 0 : 1);

function ensureScanners(): void {
  const missing = SCANNERS.filter((name) => spawnSync(name, ['--version']).error);
  if (missing.length === 0) return;
  const words = ['install', '-q', '-y', '--no-install-recommends', ...missing];
  if (process.getuid?.() === 0 && spawnSync('apt-get', words, { stdio: 'inherit' }).status === 0) return;
  console.error(`The scanners are missing. Install them first, on Debian by\n  sudo apt-get ${words.join(' ')}`);
  process.exit(2);
}

async function attack(database: 'pglite' | 'postgres'): Promise<number> {
  // One address for each question, so that the house does not count them as one caller's.
  const environment = { TRUST_PROXY: '127.0.0.1', LOG_LEVEL: 'error' };
  const house = await startHouse({ database, build: true, paceMs: 10, environment });
  const guise = await openGuise(house);
  const routes = routesOf((await (await fetch(`${guise.url}/openapi.json`)).json()) as Contract);
  console.log(`${database}: ${routes.length} routes`);
  const found = [...(only ? [] : await crawl(guise, routes, database)), ...(await inject(guise, routes, database))];
  for (const line of found) console.log(`${database}: ${line}`);
  for (const line of guise.faults) console.log(`${database}: a fault of the house at ${line}`);
  console.log(`${database}: answers by status ${JSON.stringify(guise.statuses)}`);
  const count = found.length + guise.faults.size;
  guise.close();
  await house.stop().catch((error: unknown) => console.log(`${database}: ${String(error)}`));
  return count;
}

/** A door in front of the house: whatever comes through it is signed in, and from our own page. */
interface Guise {
  readonly url: string;
  /** Where the house answered with 500. */
  readonly faults: Set<string>;
  readonly statuses: Record<string, number>;
  /** Asks as the member in a browser (their session, anew when it was ended), or as their phone. */
  readonly be: (who: 'member' | 'device') => Promise<void>;
  readonly close: () => void;
}

async function openGuise(house: House): Promise<Guise> {
  const place = { app: overHttp(house.origin), origin: house.origin, clock, codeFor: house.smsCode };
  const { port } = new URL(house.origin);
  let [members, callers] = [0, 0];
  let who: 'member' | 'device' = 'member';
  let member = await arrive();
  const faults = new Set<string>();
  const statuses: Record<string, number> = {};

  /** Somebody who works at the desk as well, so that its routes are tried and not only its door. */
  async function arrive(): Promise<Member> {
    members += 1;
    const one = await openMember(place, { phone: String(13_800_138_000 + members) });
    await whileStopped(house, (database) =>
      database.query(`update identity_wallet set tier = 'real-name' where id = $1`, [one.wallet]),
    );
    const words = ['grant', one.wallet, `agent${members}`, 'cases,recovery', '--who', 'Wang', '--why', 'works there'];
    await runCommand(house.environment, 'agent', 'CN-SX', ...words);
    return one;
  }

  function headersOf(asked: IncomingMessage, body: string): Record<string, string> {
    callers += 1;
    const { method = '', url = '' } = asked;
    const headers: Record<string, string> = {
      origin: house.origin,
      host: `localhost:${port}`,
      'x-forwarded-for': `10.${(callers >> 16) & 255}.${(callers >> 8) & 255}.${callers & 255}`,
    };
    for (const name of ['accept', 'content-type', 'user-agent', 'referer'] as const) {
      const said = asked.headers[name];
      if (said) headers[name] = said;
    }
    if (body) headers['content-length'] = String(Buffer.byteLength(body));
    if (who === 'device') {
      const parsed = body ? parse(body) : undefined;
      headers.authorization = deviceHeader(member.device, method, url, parsed, Date.now());
    } else headers.cookie = [...member.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    return headers;
  }

  const server = createServer(async (asked, answer) => {
    const body = await text(asked);
    const onward = request(
      { host: '127.0.0.1', port, method: asked.method, path: asked.url, headers: headersOf(asked, body) },
      (given) => {
        const status = given.statusCode ?? 0;
        statuses[status] = (statuses[status] ?? 0) + 1;
        if (status === 500) faults.add(`${asked.method} ${asked.url?.split('?')[0]}`);
        for (const line of given.headers['set-cookie'] ?? []) {
          const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
          if (value) member.cookies.set(name, value);
        }
        answer.writeHead(status, given.headers);
        given.pipe(answer);
      },
    );
    onward.on('error', () => answer.destroy());
    onward.end(body);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    statuses,
    be: async (one) => {
      if ((await member.ask('GET', '/session')).status !== 200) member = await arrive();
      if (one === 'member') await stepUp(member).catch(() => undefined);
      who = one;
    },
    close: () => void server.close(),
  };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

/** wapiti at the pages and at every address that is read. */
async function crawl(guise: Guise, routes: readonly Route[], database: string): Promise<string[]> {
  await guise.be('member');
  const { stdout: list } = await run('wapiti', ['--list-modules']);
  const modules = [...list.matchAll(/^\t(\w+)/gm)].map(([, name = '']) => name).filter((name) => !LEFT_OUT.has(name));
  const starts = routes.filter(({ method }) => method === 'GET').map((route) => `${guise.url}${addressOf(route, '')}`);
  const file = join(folder, `wapiti-${database}.json`);
  await run(
    'wapiti',
    [
      ...['-u', `${guise.url}/`, '--scope', 'domain', '--flush-session', '--no-bugreport', '-v', '0'],
      ...['-m', modules.join(','), '-f', 'json', '-o', file, '--store-session', folder],
      ...starts.flatMap((start) => ['-s', start]),
    ],
    { maxBuffer: 1e9 },
  );
  const told = JSON.parse(readFileSync(file, 'utf8')) as {
    vulnerabilities: Record<string, { level: number; method: string; path: string; info: string }[]>;
  };
  const all = Object.entries(told.vulnerabilities).flatMap(([kind, list]) => list.map((one) => ({ kind, ...one })));
  console.log(`${database}: wapiti, ${modules.length} modules, ${starts.length} addresses: ${all.length} remarks`);
  for (const { kind, level, method, path, info } of all) console.log(`  ${level} ${kind}: ${method} ${path} ${info}`);
  return all.filter(({ level }) => level >= MEDIUM).map(({ kind, path, info }) => `wapiti, ${kind}: ${path} ${info}`);
}

/** sqlmap at every parameter of every route that has one. */
async function inject(guise: Guise, routes: readonly Route[], database: string): Promise<string[]> {
  const found: string[] = [];
  let [tried, places] = [0, 0];
  for (const route of routes) {
    const name = `${route.method} ${route.path}`;
    const hasPlace = route.body !== undefined || route.parameters.some((one) => one.in !== 'header');
    if (!hasPlace || !name.includes(only)) continue;
    const body = route.body && JSON.stringify(exampleOf(route.body));
    const url = `${guise.url}${addressOf(route, '*')}`;
    await guise.be('member');
    const asMember = await fetch(`${guise.url}${addressOf(route, '')}`, { method: route.method, ...sent(body) });
    if (asMember.status === 401) await guise.be('device');
    const words = [
      ...['--batch', '--flush-session', '--dbms=PostgreSQL', '--ignore-code=*', '--disable-coloring', '--time-sec=2'],
      ...['-u', url, `--method=${route.method}`, `--output-dir=${folder}`],
      ...(body ? ['--data', body, '--headers=content-type: application/json'] : []),
    ];
    const { stdout } = await run('sqlmap', words, { maxBuffer: 1e9 }).catch((error) => error as { stdout: string });
    tried += 1;
    places += new Set(stdout.match(/testing for SQL injection on .*/g) ?? []).size;
    const hits = stdout.match(/identified the following injection point|is vulnerable\b/g);
    if (hits) found.push(`sqlmap, ${name}: ${/Parameter: .*/.exec(stdout)?.[0] ?? ''}`);
    else if (!/tested parameters do not appear|no parameter\(s\) found/.test(stdout))
      found.push(`sqlmap was not done with ${name}: ${stdout.trim().split('\n').slice(-4).join(' / ')}`);
  }
  console.log(`${database}: sqlmap, ${tried} routes, ${places} parameters`);
  return found;
}

function sent(body: string | undefined): RequestInit {
  return body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } };
}

/** The address of a route with a good value in each place, and `mark` behind it. */
function addressOf({ path, parameters }: Route, mark: string): string {
  const value = (name: string) => {
    const found = parameters.find((one) => one.name === name);
    return `${encodeURIComponent(String(exampleOf(found?.schema ?? { type: 'string' })))}${mark}`;
  };
  const query = parameters.filter((one) => one.in === 'query').map(({ name }) => `${name}=${value(name)}`);
  return path.replace(/\{(\w+)\}/g, (_, name: string) => value(name)) + (query.length > 0 ? `?${query.join('&')}` : '');
}

/** A value `schema` allows, the same one every time, with all its members. */
function exampleOf(schema: Schema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return exampleOf(schema.anyOf[0] ?? {});
  if (schema.type === 'object')
    return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, one]) => [name, exampleOf(one)]));
  if (schema.type === 'array') return [exampleOf(schema.items ?? {})];
  if (schema.type === 'integer' || schema.type === 'number') return Math.max(1, schema.minimum ?? 1);
  if (schema.type === 'boolean') return true;
  if (schema.pattern === undefined) return 'a'.repeat(Math.max(3, schema.minLength ?? 0));
  const { pattern, maxLength = 200 } = schema;
  return fc.sample(fc.stringMatching(new RegExp(pattern), { maxLength: Math.min(maxLength, 200) }), {
    seed: SEED,
    numRuns: 1,
  })[0];
}
