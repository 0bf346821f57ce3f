/**
 * Posts bytes to an address somebody gave us: never to one inside, whatever its name stands for at the moment of the call.
 * Invariant: the address that was looked at is the address that is connected to; nothing is followed and no answer kept.
 */
import { lookup } from 'node:dns';
import { request as plainRequest } from 'node:http';
import { request } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { ok, type Result, refuse } from '#shared/base/result.ts';

/** What is posted. */
export interface StrangerPost {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly timeoutMs: number;
}

/** What came back: a status, and how many seconds to wait when it says so. */
export interface StrangerAnswer {
  readonly status: number;
  readonly retryAfter: number | undefined;
}

/** Why nothing came back; `forbidden`: the address leads inside, or is none we may call. */
export type StrangerFailure = 'timeout' | 'lost' | 'forbidden';

/** Posts to `url`. */
export type PostToStranger = (url: string, post: StrangerPost) => Promise<Result<StrangerAnswer, StrangerFailure>>;

/** Which addresses may be called: all of the open network, and beside it those `inside` names (`host:port`). */
export interface Reach {
  readonly inside: readonly string[];
}

/** Addresses that lead to machines of ours or to nobody: IANA's registries of special purposes (RFC 6890 and later). */
const CLOSED = new BlockList();
for (const [net, bits] of [
  ...([
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
  ] as const),
  ...([
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.88.99.0', 24],
    ['192.168.0.0', 16],
  ] as const),
  ...([
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['224.0.0.0', 3],
  ] as const),
] as const)
  CLOSED.addSubnet(net, bits, 'ipv4');
/** The only IPv6 addresses given out to the open network; everything else is closed. */
const OPEN_SIX = new BlockList();
OPEN_SIX.addSubnet('2000::', 3, 'ipv6');
/** Inside that: Teredo and 6to4, which carry an IPv4 address along, documentation and benchmarks. */
for (const [net, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  CLOSED.addSubnet(net, bits, 'ipv6');

/** Whether `address` (an IP) belongs to the open network. */
export function isOpenAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !CLOSED.check(address, 'ipv4');
  return family === 6 && OPEN_SIX.check(address, 'ipv6') && !CLOSED.check(address, 'ipv6');
}

/** Whether an address may be kept to be called later: https by name or by an open address, or one named in `reach`. */
export function mayCall(text: string, reach: Reach): boolean {
  const url = URL.parse(text);
  if (url?.username !== '' || url.password !== '' || url.hash !== '') return false;
  if (reach.inside.includes(url.host)) return url.protocol === 'https:' || url.protocol === 'http:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (url.protocol !== 'https:') return false;
  return isIP(host) === 0 ? /\.[a-z][a-z0-9-]*$/i.test(host) && !isLocalName(host) : isOpenAddress(host);
}

const isLocalName = (host: string): boolean => /\.(?:local|localhost|internal|home\.arpa|lan|test)$/i.test(host);

/** Lets a connection go only to open addresses: of a name that has others as well, none is taken. */
function openLookup(resolve: typeof lookup): LookupFunction {
  return (host, options, done) => {
    resolve(host, { ...options, all: true }, (error, found) => {
      const [first] = found ?? [];
      if (error || !first) return done(error ?? new Error('no address'), '', 0);
      if (!found.every(({ address }) => isOpenAddress(address))) return done(new Forbidden(), '', 0);
      if (options.all) return done(null, found);
      done(null, first.address, first.family);
    });
  };
}

class Forbidden extends Error {}

/** The way out to addresses of others, as `reach` allows; `resolve` is asked what names stand for. Never throws for what the other side does. */
export function openStrangers(reach: Reach, resolve: typeof lookup = lookup): PostToStranger {
  const outward = { lookup: openLookup(resolve) };
  return async (url, { headers, body, timeoutMs }) => {
    if (!mayCall(url, reach)) return refuse('forbidden');
    const to = new URL(url);
    const isInside = reach.inside.includes(to.host);
    const signal = AbortSignal.timeout(timeoutMs);
    return await new Promise((answer) => {
      const call = to.protocol === 'https:' ? request : plainRequest;
      const asked = call(to, {
        method: 'POST',
        signal,
        // No socket is kept: the address is looked at anew each time.
        agent: false,
        headers: { ...headers, 'content-length': String(body.length) },
        ...(isInside ? {} : outward),
      });
      asked.on('response', (response) => {
        const seconds = Number(response.headers['retry-after']);
        answer(
          ok({
            status: response.statusCode ?? 0,
            retryAfter: Number.isFinite(seconds) && seconds >= 0 ? Math.ceil(seconds) : undefined,
          }),
        );
        response.destroy();
      });
      asked.on('error', (error) => {
        answer(refuse(error instanceof Forbidden ? 'forbidden' : signal.aborted ? 'timeout' : 'lost'));
      });
      asked.end(body);
    });
  };
}
