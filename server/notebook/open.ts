/**
 * A notebook open to all of this machine: the CouchDB protocol whole, with databases made and dropped, any documents,
 * attachments and design documents. For PouchDB's own tests and for trying things out; the house never opens it.
 */
import { createHash, randomUUID } from 'node:crypto';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { BookParts } from '#server/notebook/book.ts';
import { type Bell, openBell } from '#server/notebook/changes.ts';
import { judgeByDesigns } from '#server/notebook/design.ts';
import { FAULTS, Fault } from '#server/notebook/fault.ts';
import { type Answer, answerDatabase, type Call } from '#server/notebook/open-database.ts';
import { bookNames } from '#server/notebook/store.ts';
import type { Database } from '#server/platform/database.ts';

/** An open notebook. */
export interface OpenNotebook {
  readonly app: FastifyInstance;
}

const REGION = 'open';
const BODY_LIMIT_BYTES = 256 * 1024 * 1024;
const UNBOUND = Number.MAX_SAFE_INTEGER;

/** What the protocol's rooms are made of. */
export interface Room {
  readonly parts: BookParts;
  readonly bell: Bell;
  readonly region: string;
}

/** Opens the whole protocol over a migrated database. */
export function openToAll(database: Database): OpenNotebook {
  const bell = openBell(database, UNBOUND);
  const rules = {
    revisionsMost: 1_000,
    keepsOld: true,
    documentBytes: UNBOUND,
    bookBytes: UNBOUND,
    treeMost: UNBOUND,
    linesMost: UNBOUND,
    localsMost: UNBOUND,
    localBytes: UNBOUND,
    localsApart: false,
    judgeBy: judgeByDesigns,
  };
  const room: Room = { parts: { database, rules, changed: bell.ring }, bell, region: REGION };
  const uuid = randomUUID().replaceAll('-', '');
  const app = Fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 8_192 },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.addHook('onRequest', async (request, reply) => allowPages(request, reply));
  app.addHook('preClose', async () => bell.close());
  app.setErrorHandler((error, _request, reply) => {
    const status = (error as { statusCode?: number }).statusCode ?? 500;
    return reply.code(status).send({ error: status === 413 ? 'too_large' : 'internal_error', reason: String(error) });
  });
  app.all('/*', async (request, reply) => {
    const call = callOf(request, reply);
    const answer = call instanceof Fault ? call : await answerCall(room, uuid, call);
    if (answer === undefined) return reply;
    return send(request, reply, answer);
  });
  app.all('/', async (request, reply) => send(request, reply, { body: welcome(uuid) }));
  return { app };
}

function welcome(uuid: string): object {
  return { couchdb: 'Welcome', version: '3.3.3', uuid, features: [], vendor: { name: 'Piaohao' } };
}

/** Pages of any origin may ask, as CouchDB allows when it is told to (CORS). */
function allowPages(request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
  const { origin } = request.headers;
  if (origin !== undefined) {
    reply.headers({
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'content-type, cache-control, accept-ranges, etag, server, x-couch-request-id',
      vary: 'origin',
    });
  }
  if (request.method !== 'OPTIONS') return undefined;
  reply.headers({
    'access-control-allow-methods': 'GET, HEAD, POST, PUT, DELETE, COPY, OPTIONS',
    'access-control-allow-headers':
      request.headers['access-control-request-headers'] ??
      'accept, authorization, content-type, origin, referer, if-match',
    'access-control-max-age': '600',
  });
  return reply.code(204).send();
}

function callOf(request: FastifyRequest, reply: FastifyReply): Call | Fault {
  const [path = '', query = ''] = (request.raw.url ?? '/').split(/\?(.*)/s);
  const left = new AbortController();
  reply.raw.once('close', () => left.abort());
  try {
    return {
      method: request.method,
      path: path.split('/').slice(1).map(decodeURIComponent),
      query: new URLSearchParams(query),
      headers: request.headers,
      body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
      left: left.signal,
      stream: () => {
        const headers = reply.getHeaders() as Record<string, string>;
        reply.hijack();
        reply.raw.writeHead(200, { ...headers, 'content-type': 'application/json' });
        return reply.raw;
      },
    };
  } catch {
    return new Fault(400, 'bad_request', 'The address is not well encoded.');
  }
}

async function answerCall(room: Room, uuid: string, call: Call): Promise<Answer | Fault | undefined> {
  const [first = '', ...rest] = call.path;
  if (!first.startsWith('_')) return await answerDatabase(room, first, { ...call, path: withoutEnd(rest) });
  return await answerServer(room, uuid, call, first);
}

/** `/db/` is `/db`. */
function withoutEnd(path: readonly string[]): string[] {
  return path.at(-1) === '' ? path.slice(0, -1) : [...path];
}

async function answerServer({ parts, region }: Room, uuid: string, call: Call, name: string): Promise<Answer | Fault> {
  const userCtx = { name: null, roles: ['_admin'] };
  switch (name) {
    case '_all_dbs':
      return { body: await bookNames(parts.database, region) };
    case '_session':
      return { body: { ok: true, userCtx, info: { authentication_handlers: [], authenticated: 'default' } } };
    case '_uuids': {
      const count = Math.min(Number(call.query.get('count') ?? 1) || 1, 1_000);
      return { body: { uuids: Array.from({ length: count }, () => randomUUID().replaceAll('-', '')) } };
    }
    case '_up':
      return { body: { status: 'ok' } };
    case '_active_tasks':
      return { body: [] };
    case '_membership':
      return { body: { all_nodes: [uuid], cluster_nodes: [uuid] } };
    default:
      return FAULTS.noBook;
  }
}

function send(request: FastifyRequest, reply: FastifyReply, answer: Answer | Fault): FastifyReply {
  reply.headers({ server: 'Piaohao notebook', 'cache-control': 'must-revalidate' });
  if (answer instanceof Fault) {
    const { status, error, reason } = answer;
    return reply.code(status).type('application/json').send(JSON.stringify({ error, reason }));
  }
  reply.headers(answer.headers ?? {});
  if (answer.bytes) return reply.code(answer.status ?? 200).send(Buffer.from(answer.bytes));
  const json = JSON.stringify(answer.body);
  if (request.method === 'GET' && !reply.hasHeader('etag')) {
    reply.header('etag', `"${createHash('md5').update(json).digest('base64url')}"`);
  }
  return reply
    .code(answer.status ?? 200)
    .type('application/json')
    .send(`${json}\n`);
}
