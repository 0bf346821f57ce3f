/**
 * The two cookies: `__Host-sid` carries the session, `__Host-bid` ties a ceremony to the browser that began it.
 * Both are Secure, HttpOnly, SameSite=Strict and bound to this host by their prefix (RFC 6265bis section 4.1.3).
 */
import { randomBytes } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Visitor } from '#server/identity/parts.ts';
import { sha256 } from '#server/identity/secret.ts';
import { type FoundSession, SESSION_LIFE, type Sessions } from '#server/identity/session.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import { duration } from '#shared/base/time.ts';

const SESSION_COOKIE = '__Host-sid';
const BROWSER_COOKIE = '__Host-bid';
const BROWSER_LIFE = duration(1, 'd');

/** Carries sessions between a request's cookie and its answer's. */
export interface Carried {
  /** The session of `request`, looked up once a request. */
  readonly find: (request: FastifyRequest) => Promise<FoundSession | undefined>;
  /** The token `request` came with. */
  readonly tokenOf: (request: FastifyRequest) => string | undefined;
  /** The answer to `request` will bring `token` to the browser, or take its token away. */
  readonly give: (request: FastifyRequest, token: string | undefined) => void;
  /** Writes what there is to write into the answer; called once for each answer. */
  readonly write: (request: FastifyRequest, reply: FastifyReply) => void;
  /** Who asks before anybody is signed in; a browser without its cookie gets one with this answer. */
  readonly visitor: (request: FastifyRequest, reply: FastifyReply) => Visitor;
}

/** A carrier over `sessions`. */
export function openCarrier(sessions: Sessions): Carried {
  const found = new WeakMap<FastifyRequest, Promise<FoundSession | undefined>>();
  const given = new WeakMap<FastifyRequest, { token: string | undefined }>();
  const tokenOf = (request: FastifyRequest) => readCookie(request, SESSION_COOKIE);
  const lookUp = async (request: FastifyRequest): Promise<FoundSession | undefined> => {
    const token = tokenOf(request);
    const one = token === undefined ? undefined : await sessions.find(token);
    if (one?.token !== undefined && !given.has(request)) given.set(request, { token: one.token });
    return one;
  };
  return {
    find: (request) => {
      const known = found.get(request) ?? lookUp(request);
      found.set(request, known);
      return known;
    },
    tokenOf: (request) => given.get(request)?.token ?? tokenOf(request),
    give: (request, token) => {
      given.set(request, { token });
    },
    write: (request, reply) => {
      const gift = given.get(request);
      if (gift) setCookie(reply, SESSION_COOKIE, gift.token ?? '', gift.token === undefined ? 0 : SESSION_LIFE / 1000);
    },
    visitor: (request, reply) => {
      const kept = fromBase64url(readCookie(request, BROWSER_COOKIE) ?? '');
      const secret = kept?.length === 32 ? kept : randomBytes(32);
      if (secret !== kept) setCookie(reply, BROWSER_COOKIE, toBase64url(secret), BROWSER_LIFE / 1000);
      return { browser: sha256(secret), caller: request.ip };
    },
  };
}

function readCookie(request: FastifyRequest, name: string): string | undefined {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [key = '', ...value] = pair.split('=');
    if (key.trim() === name) return value.join('=').trim();
  }
  return undefined;
}

function setCookie(reply: FastifyReply, name: string, value: string, seconds: number): void {
  reply.header('set-cookie', `${name}=${value}; Path=/; Max-Age=${seconds}; Secure; HttpOnly; SameSite=Strict`);
}
