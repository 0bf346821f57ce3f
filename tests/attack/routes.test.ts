/**
 * Every route of the contract under fire: bodies made from its own schemas and bent, hostile JSON, broken HTTP; as
 * nobody, as a member, as a device, as an agent. Whatever comes, the answer comes in time, and it is a good one or a refusal of the table.
 */
import { type AddressInfo, connect } from 'node:net';
import fc from 'fast-check';
import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Desk } from '#server/platform/command.ts';
import { agentCommand } from '#server/support/support.ts';
import {
  againstContract,
  anotherCaller,
  cookieOf,
  deviceWord,
  EMPTY_SYNC,
  faultOf,
  type Given,
  knock,
  openStage,
  type Route,
  type Schema,
  type Stage,
} from '#tests/attack/stage.ts';
import { type Member, openMember, stepUp } from '#tests/kit/member.ts';

/** The same seed tries the same bodies; a run of a night gives another one. */
const SEED = Number(process.env.ATTACK_SEED ?? 20_260_105);
const BODIES_PER_ROUTE = Number(process.env.ATTACK_RUNS ?? 60);

let stage: Stage;
let member: Member;
/** Works at the desk. */
let agent: Member;
beforeAll(async () => {
  stage = await openStage();
  member = await openMember(stage.place, { phone: '13800138000' });
  agent = await openMember(stage.place, { phone: '13800138001' });
  const { database } = stage.house;
  await database.query(`update identity_wallet set tier = 'real-name' where id = $1`, [agent.wallet]);
  const desk = { database, say: async () => {} } as unknown as Desk;
  const words = ['CN-SX', 'grant', agent.wallet, 'liu', 'cases,recovery', '--who', 'Wang', '--why', 'works there'];
  await agentCommand.run(desk, words);
});
afterAll(() => stage?.close());

const WHO = ['nobody', 'member', 'device', 'agent'] as const;
type Who = (typeof WHO)[number];

/** Ends a session: as a member it is tried by itself, last. */
const ENDS_SESSION = new Set(['DELETE /session', 'DELETE /sessions']);
const nameOf = ({ method, path }: Pick<Route, 'method' | 'path'>) => `${method} ${path}`;

/** Whose cookies go with what is asked as `who`; nobody's when it is no person in a browser. */
function personOf(who: Who): Member | undefined {
  if (who === 'agent') return agent;
  return who === 'member' ? member : undefined;
}

/** Asks as `who`: with the member's cookies, signed by the member's device, or as a page of ours without either. */
async function ask(who: Who, method: Route['method'], url: string, payload?: Buffer, type?: string): Promise<Given> {
  const headers: Record<string, string> = { origin: stage.place.origin, ...(type ? { 'content-type': type } : {}) };
  const person = personOf(who);
  if (person) Object.assign(headers, cookieOf(person));
  if (who === 'device') headers.authorization = deviceWord(member, method, url, payload);
  const request: InjectOptions = { method, url, headers, remoteAddress: anotherCaller() };
  const given = await knock(stage, payload === undefined ? request : { ...request, payload });
  if (person) keepCookies(given, person);
  return given;
}

function keepCookies({ headers }: Given, person: Member): void {
  for (const line of [headers['set-cookie'] ?? []].flat() as string[]) {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (value !== '') person.cookies.set(name, value);
  }
}

/** Fills in what the contract says is in the path and the query. */
function addressOf(route: Route, values: Readonly<Record<string, unknown>>): string {
  const text = (name: string) => encodeURIComponent(textOf(values[name]).toWellFormed());
  const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) => text(name) || '-');
  const query = route.parameters
    .filter((one) => one.in === 'query' && values[one.name] !== undefined)
    .map((one) => `${one.name}=${text(one.name)}`);
  return query.length === 0 ? path : `${path}?${query.join('&')}`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

// What the schemas allow, and what they do not

const HOSTILE_TEXT = [
  '',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\udfff\ud800',
  '\u202eevil',
  "' or 1=1 --",
  '../../etc/passwd',
  '__proto__',
  'constructor',
  'x'.repeat(5_000),
  '票'.repeat(40),
  '👩‍👩‍👧‍👦'.repeat(8),
  '\r\nset-cookie: a=b',
];
const HOSTILE_NUMBER = [
  -1,
  0,
  0.5,
  -0,
  1e21,
  1e300,
  Number.MAX_SAFE_INTEGER,
  Number.MAX_SAFE_INTEGER + 2,
  2 ** 63,
  2_147_483_648,
  5e-324,
];
const hostile = fc.constantFrom<unknown>(
  ...HOSTILE_TEXT,
  ...HOSTILE_NUMBER,
  null,
  true,
  [],
  {},
  [[]],
  { toString: 1 },
  { length: 1e9 },
  { constructor: { prototype: { admin: true } } },
);

/** Values of `schema`, from its own words; a schema that says nothing allows anything. */
function valuesOf(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(valuesOf));
  if (schema.type === 'object') return objectsOf(schema);
  if (schema.type === 'array') {
    const { minItems: minLength = 0, maxItems = 4 } = schema;
    return fc.array(valuesOf(schema.items ?? {}), { minLength, maxLength: Math.max(minLength, Math.min(maxItems, 4)) });
  }
  if (schema.type === 'string') return textsOf(schema);
  if (schema.type === 'integer' || schema.type === 'number') {
    const { minimum: min = -1000, maximum: max = Number.MAX_SAFE_INTEGER } = schema;
    return fc.oneof(
      fc.integer({ min, max: Math.min(max, min + 1000) }),
      fc.maxSafeInteger().filter((one) => one >= min && one <= max),
    );
  }
  if (schema.type === 'boolean') return fc.boolean();
  return fc.jsonValue();
}

function objectsOf({ properties = {}, required = [] }: Schema): fc.Arbitrary<unknown> {
  const members = Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, valuesOf(one)]));
  return fc.record(members, { requiredKeys: [...required] });
}

function textsOf({ pattern, minLength = 0, maxLength = 200 }: Schema): fc.Arbitrary<string> {
  if (pattern === undefined) {
    return fc.oneof(
      fc.string({ minLength, maxLength: Math.min(maxLength, 200), unit: 'binary' }),
      fc.constantFrom(...HOSTILE_TEXT.filter((one) => one.length >= minLength && one.length <= maxLength)),
    );
  }
  return fc.stringMatching(new RegExp(pattern), { maxLength: Math.min(maxLength, 200) });
}

/** A valid value, or one with a hostile value, a missing or a foreign member somewhere inside. */
function nearly(schema: Schema): fc.Arbitrary<unknown> {
  const bend = fc.record({ at: fc.nat(), what: hostile, how: fc.constantFrom('replace', 'drop', 'add') });
  return fc
    .tuple(valuesOf(schema), fc.option(bend, { freq: 3 }))
    .map(([value, bent]) => (bent ? bendValue(structuredClone(value), bent.at, bent.what, bent.how) : value));
}

function bendValue(value: unknown, at: number, what: unknown, how: string): unknown {
  const places: [holder: Record<string, unknown>, key: string][] = [];
  const visit = (holder: unknown): void => {
    if (typeof holder !== 'object' || holder === null) return;
    for (const key of Object.keys(holder)) {
      places.push([holder as Record<string, unknown>, key]);
      visit((holder as Record<string, unknown>)[key]);
    }
  };
  visit(value);
  const place = places[at % (places.length + 1)];
  if (!place) return what;
  const [holder, key] = place;
  if (how === 'replace') holder[key] = what;
  else if (how === 'drop') delete holder[key];
  else holder[`${key}2`] = what;
  return value;
}

describe('an answer the contract does not tell of', () => {
  const good = { alive: true };
  test.each([
    ['as it is told', 'GET', '/livez', 200, JSON.stringify(good), undefined],
    ['without a member', 'GET', '/livez', 200, '{}', /another shape/],
    ['with a member of another kind', 'GET', '/livez', 200, '{"alive":"yes"}', /another shape/],
    ['with a status of its own', 'GET', '/livez', 206, JSON.stringify(good), /does not tell/],
    ['where nothing should be', 'DELETE', '/session', 204, '{}', /another shape/],
    ['with a refusal that has no code', 'GET', '/bills?after=0', 401, '{"status":401}', /another shape/],
    ['at an address with a parameter', 'GET', '/top-ups/x', 200, '{}', /^GET \/top-ups\/\{id\} .*another shape/],
    ['at a word beside a parameter', 'GET', '/top-ups/terms', 200, '{}', /^GET \/top-ups\/terms .*another shape/],
  ] as const)('%s', (_what, method, url, status, text, breach) => {
    const said = againstContract(stage.routes, { method, url }, { status, type: 'application/json', text });
    if (breach) expect(said).toMatch(breach);
    else expect(said).toBeUndefined();
  });
});

test('the contract tells of every kind of route, and of bodies', () => {
  expect(stage.routes.length).toBeGreaterThan(25);
  expect(stage.routes.filter((route) => route.body).length).toBeGreaterThan(8);
});

test('bodies, paths and queries from the contract, valid and bent, as anybody', async () => {
  for (const route of stage.routes) {
    // What an agent looks up takes a fresh touch, without which the desk's own words would not be tried.
    if (route.path.startsWith('/desk')) await stepUp(agent);
    const parameters = fc.record(
      Object.fromEntries(
        route.parameters.map((one) => [
          one.name,
          one.required ? nearly(one.schema) : fc.option(nearly(one.schema), { nil: undefined }),
        ]),
      ),
    );
    const body = route.body ? nearly(route.body) : fc.constant(undefined);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...WHO), parameters, body, async (who, values, value) => {
        if (personOf(who) && ENDS_SESSION.has(nameOf(route))) return;
        const payload = value === undefined ? undefined : Buffer.from(JSON.stringify(value));
        const given = await ask(who, route.method, addressOf(route, values), payload, payload && 'application/json');
        expect(faultOf(given), `${who} ${nameOf(route)}`).toBeUndefined();
      }),
      { seed: SEED, numRuns: BODIES_PER_ROUTE },
    );
  }
  expect((await ask('member', 'GET', '/session')).status, 'the member was still signed in at the end').toBe(200);
  expect((await ask('agent', 'GET', '/desk')).status, 'the agent still worked there').toBe(200);
  expect(
    (await ask('device', 'POST', '/sync', Buffer.from(JSON.stringify(EMPTY_SYNC)), 'application/json')).status,
  ).toBe(200);
  // So many routes times so many bodies, some of them hashed at a cost: a busy machine takes minutes.
}, 240_000);

/** After JSONTestSuite (RFC 8259): what parsers disagree on, and what makes them fall over. `%` stands for a member that is fine. */
const HOSTILE_BODIES: readonly (readonly [string, string | Buffer])[] = [
  ['nothing', ''],
  ['blanks', ' \n\t '],
  ['a NUL', '\u0000'],
  ['half an object', '{'],
  ['a comma too many', '{"name":"a",}'],
  ['rubbish behind', '{"name":"a"} x'],
  ['two values', '{"name":"a"}{"name":"b"}'],
  ['a comment', '{"name":"a"/* b */}'],
  ['single quotes', "{'name':'a'}"],
  ['no quotes', '{name:"a"}'],
  ['a bare text', '"name"'],
  ['a bare number', '1'],
  ['null', 'null'],
  ['an empty list', '[]'],
  ['NaN', '{"name":NaN}'],
  ['a number too large for any', '{"name":1e999999}'],
  ['a number of 100,000 digits', `{"cursor":${'9'.repeat(100_000)}}`],
  ['a leading zero', '{"name":01}'],
  ['a hexadecimal number', '{"name":0x10}'],
  ['a raw newline in a text', '{"name":"a\nb"}'],
  ['a NUL in a text', '{"name":"a\\u0000b"}'],
  ['a lone high surrogate', '{"name":"\\ud800"}'],
  ['a lone low surrogate', '{"name":"\\udc00\\ud800"}'],
  ['an escape that is none', '{"name":"\\x41"}'],
  ['a key twice', '{"name":"a","name":"b"}'],
  ['a key twice in other letters', '{"name":"a","n\\u0061me":"b"}'],
  ['a key twice deep inside', '{"answer":{"id":"a","id":"b"}}'],
  ['a prototype', '{"__proto__":{"admin":true}}'],
  ['a prototype in other letters', '{"\\u005f\\u005fproto__":{"admin":true}}'],
  ['a constructor', '{"constructor":{"prototype":{"admin":true}}}'],
  ['100,000 lists in each other', '['.repeat(100_000)],
  ['100,000 closed lists in each other', '['.repeat(100_000) + ']'.repeat(100_000)],
  ['50,000 objects in each other', `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`],
  ['100,000 members', `{${Array.from({ length: 40_000 }, (_, at) => `"${at}":0`).join(',')}}`],
  ['a byte order mark', Buffer.from('\ufeff{"name":"a"}')],
  ['UTF-16', Buffer.from('{"name":"a"}', 'utf16le')],
  ['bytes that are no UTF-8', Buffer.from([...Buffer.from('{"name":"'), 0xff, 0xfe, ...Buffer.from('"}')])],
  ['an overlong slash', Buffer.from([...Buffer.from('{"name":"'), 0xc0, 0xaf, ...Buffer.from('"}')])],
  ['half a character', Buffer.from([...Buffer.from('{"name":"'), 0xe7, 0xa5, ...Buffer.from('"}')])],
  ['more than a house reads', `{"name":"${'a'.repeat(600_000)}"}`],
];

/** What must not be read at all, though a lenient reader could. */
const NEVER_READ = new Set(
  HOSTILE_BODIES.map(([what]) => what).filter((what) =>
    /twice|no UTF-8|overlong|half a char|UTF-16|prototype|behind/.test(what),
  ),
);

describe('hostile JSON', () => {
  test.each(HOSTILE_BODIES)('%s', async (what, text) => {
    const payload = Buffer.from(text);
    for (const route of stage.routes.filter((one) => one.body)) {
      for (const who of WHO) {
        const given = await ask(
          who,
          route.method,
          addressOf(route, { id: '-', region: 'CN-SX' }),
          payload,
          'application/json',
        );
        expect(faultOf(given), `${who} ${nameOf(route)}`).toBeUndefined();
        expect(given.status, `${who} ${nameOf(route)}`).toBeGreaterThanOrEqual(400);
      }
    }
    // A body that breaks nothing but its own form, on a route that would take it.
    if (!NEVER_READ.has(what)) return;
    const spoiled = Buffer.concat([
      Buffer.from('{"x":'),
      payload,
      Buffer.from(`,${JSON.stringify(EMPTY_SYNC).slice(1)}`),
    ]);
    const given = await ask('device', 'POST', '/sync', spoiled, 'application/json');
    expect([given.status, JSON.parse(given.text).code]).toEqual([400, 'request.malformed']);
  });
});

describe('what is said of a body', () => {
  const body = Buffer.from(JSON.stringify(EMPTY_SYNC));
  test.each([
    ['text/plain', 415],
    ['application/json5', 415],
    ['application/jsonx', 415],
    ['multipart/form-data; boundary=x', 415],
    ['application/x-www-form-urlencoded', 415],
    ['text/html, application/json', 415],
    ['APPLICATION/JSON', 200],
    ['application/json; charset=utf-8', 200],
    ['application/json\t; a=b', 200],
    ['application/json ;charset=utf-16', 200],
    ['application/json; charset=iso-8859-1', 200],
  ])('%s: %i', async (type, status) => {
    const given = await ask('device', 'POST', '/sync', body, type);
    expect(faultOf(given)).toBeUndefined();
    expect(given.status).toBe(status);
  });
});

describe('strange methods and addresses', () => {
  const addresses = [
    '/',
    '//',
    '/%00',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/sync%20',
    '/SYNC',
    '/bills/',
    '/bills%3Fafter=0',
    '/bills?after=0&after=1',
    '/bills?after[]=1',
    '/bills?__proto__[x]=1',
    `/${'a'.repeat(8_000)}`,
    `/payments/${'A'.repeat(600)}`,
    '/payments/%F0%28%8C%28',
    '/problems/x',
  ];
  test.each(addresses)('%s', async (url) => {
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE', 'PROPFIND'] as const) {
      const given = await knock(stage, {
        method: method as 'GET',
        url,
        headers: { origin: stage.place.origin, ...cookieOf(member) },
      });
      if (method === 'HEAD') expect(given.status).toBeLessThan(500);
      else expect(faultOf(given), method).toBeUndefined();
    }
  });
});

describe('broken HTTP on the wire', () => {
  let port = 0;
  beforeAll(async () => {
    await stage.house.app.listen({ host: '127.0.0.1', port: 0 });
    port = (stage.house.app.server.address() as AddressInfo).port;
  });

  /** Sends bytes and answers everything that comes until the house hangs up or `ms` are over. */
  function wire(text: string, ms = 3_000): Promise<string> {
    return new Promise((resolve) => {
      let heard = '';
      const socket = connect(port, '127.0.0.1', () => socket.write(text));
      socket.on('data', (part) => {
        heard += part.toString('latin1');
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(heard));
      socket.setTimeout(ms, () => socket.destroy());
    });
  }
  const host = 'host: localhost\r\n';
  const post = `POST /sync HTTP/1.1\r\n${host}content-type: application/json\r\n`;
  test.each([
    ['no HTTP at all', 'hello\r\n\r\n', 400],
    ['TLS spoken to a plain door', '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n', 400],
    ['HTTP of another age', `GET /livez HTTP/9.9\r\n${host}\r\n`, 400],
    ['no host', 'GET /livez HTTP/1.1\r\n\r\n', 400],
    ['two hosts', `GET /livez HTTP/1.1\r\n${host}host: elsewhere\r\n\r\n`, 400],
    ['an expectation nobody can meet', `${post}content-length: 2\r\nexpect: 200-ok\r\n\r\n{}`, 400],
    ['a space before a colon', `GET /livez HTTP/1.1\r\n${host}x : y\r\n\r\n`, 400],
    ['a header without a name', `GET /livez HTTP/1.1\r\n${host}: y\r\n\r\n`, 400],
    ['headers without an end', `GET /livez HTTP/1.1\r\n${host}x: ${'y'.repeat(40_000)}\r\n\r\n`, 400],
    ['two lengths', `${post}content-length: 2\r\ncontent-length: 40\r\n\r\n{}`, 400],
    [
      'a length and chunks, to smuggle',
      `${post}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /session HTTP/1.1\r\n\r\n`,
      400,
    ],
    ['chunks named twice', `${post}transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n`, 400],
    ['chunks in disguise', `${post}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n`, 400],
    ['a chunk of a size that is none', `${post}transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`, 400],
    ['a length that is none', `${post}content-length: -1\r\n\r\n`, 400],
    [
      'a longer length than a house reads',
      `${post}content-length: 99999999\r\norigin: http://localhost:4800\r\n\r\n{}`,
      413,
    ],
  ])('%s', async (_what, text, status) => {
    const heard = await wire(text);
    expect(heard).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(heard).toContain('application/problem+json');
    expect(heard.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect((await knock(stage, { url: '/livez' })).status).toBe(200);
  });

  test('two hundred callers who never end their sentence keep nobody else from being answered', async () => {
    const slow = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const socket = connect(port, '127.0.0.1');
        socket.on('error', () => undefined);
        await new Promise((resolve) => socket.once('connect', resolve));
        await new Promise((resolve) => socket.write(`${post}content-length: 100\r\n\r\n{`, resolve));
        return socket;
      }),
    );
    for (let at = 0; at < 20; at += 1) expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(200);
    for (const socket of slow) socket.destroy();
  });
});

test('a session is ended by its owner, whoever bends the request', async () => {
  const payload = Buffer.from('{"__proto__":{}}');
  expect(faultOf(await ask('member', 'DELETE', '/session', payload, 'application/json'))).toBeUndefined();
  expect((await ask('member', 'DELETE', '/session')).status).toBe(204);
  expect((await ask('member', 'GET', '/session')).status).toBe(401);
});
