/**
 * A push service on a port of its own, and browsers that subscribe to it: it believes only who signs by the key the
 * browser subscribed with (RFC 8292), and what it takes each browser really decrypts (RFC 8291).
 */
import { createDecipheriv, createECDH, createPublicKey, hkdfSync, randomBytes, verify } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { NoticeRequest, NoticeText } from '#shared/api/notice.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';

/** A browser's own secrets. */
export interface BrowserKeys {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly secret: Uint8Array;
}

/** One browser at the service. */
export interface Subscriber {
  readonly endpoint: string;
  /** What it hands in to a house whose key is `houseKey`. */
  readonly request: (houseKey: string, details?: boolean) => NoticeRequest;
  /** What it has been told, decrypted, in order. */
  readonly heard: NoticeText[];
  /** How often it was called, whatever was answered. */
  readonly calls: () => number;
  /** From now on the service answers this instead of taking the message. */
  readonly answer: (status: number, headers?: Readonly<Record<string, string>>) => void;
}

/** The service. */
export interface PushService {
  /** `host:port`. */
  readonly host: string;
  readonly subscriber: () => Subscriber;
  /** What it held against whoever called. */
  readonly complaints: readonly string[];
  readonly close: () => Promise<void>;
}

/** What `body` says to the browser with `keys`; throws when it is for another. */
export function decrypt({ privateKey, publicKey, secret }: BrowserKeys, body: Uint8Array): Buffer {
  const [salt, sender] = [body.subarray(0, 16), body.subarray(21, 21 + (body[20] ?? 0))];
  const half = createECDH('prime256v1');
  half.setPrivateKey(privateKey);
  const derive = (key: Uint8Array, from: Uint8Array, info: Uint8Array | string, bytes: number) =>
    Buffer.from(hkdfSync('sha256', key, from, info, bytes));
  const about = Buffer.concat([Buffer.from('WebPush: info\0'), publicKey, sender]);
  const agreed = derive(half.computeSecret(sender), secret, about, 32);
  const record = body.subarray(21 + sender.length);
  const key = derive(agreed, salt, 'Content-Encoding: aes128gcm\0', 16);
  const cipher = createDecipheriv('aes-128-gcm', key, derive(agreed, salt, 'Content-Encoding: nonce\0', 12));
  cipher.setAuthTag(record.subarray(-16));
  const text = Buffer.concat([cipher.update(record.subarray(0, -16)), cipher.final()]);
  if (text.at(-1) !== 2) throw new Error('not the last record');
  return text.subarray(0, -1);
}

/** Why the word of a caller is not believed; undefined when it is. */
export function wordFault(
  word: string | undefined,
  houseKey: string,
  origin: string,
  nowMs: number,
): string | undefined {
  const [, head = '', claims = '', signature = '', key] =
    /^vapid t=([^.]+)\.([^.]+)\.([^,]+), k=(.+)$/.exec(word ?? '') ?? [];
  if (key !== houseKey) return `another key: ${key}`;
  const [x, y] = [Buffer.from(key, 'base64url').subarray(1, 33), Buffer.from(key, 'base64url').subarray(33)];
  const jwk = { kty: 'EC', crv: 'P-256', x: toBase64url(x), y: toBase64url(y) };
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
  const said = Buffer.from(`${head}.${claims}`);
  const signed = Buffer.from(signature, 'base64url');
  if (!verify('sha256', said, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signed)) return 'a false signature';
  const { aud, exp, sub } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>;
  if (aud !== origin) return `for another service: ${aud}`;
  // RFC 8292: no longer than a day.
  if (typeof exp !== 'number' || exp * 1_000 < nowMs || exp * 1_000 > nowMs + 86_400_000) return `good until ${exp}`;
  return /^(?:mailto:|https?:)/.test(String(sub)) ? undefined : `nobody to ask: ${sub}`;
}

interface Place extends BrowserKeys {
  readonly heard: NoticeText[];
  houseKey: string;
  calls: number;
  instead: { status: number; headers: Readonly<Record<string, string>> } | undefined;
}

/** Opens a push service; `clock` is what it holds the ends of words against. */
export async function openPushService(clock: () => number = Date.now): Promise<PushService> {
  const places = new Map<string, Place>();
  const complaints: string[] = [];
  const take = (path: string, headers: IncomingHttpHeaders, body: Buffer) => {
    const place = places.get(path);
    if (!place) return { status: 404, headers: {} };
    place.calls += 1;
    if (place.instead) return place.instead;
    const fault = wordFault(headers.authorization, place.houseKey, `http://${headers.host}`, clock());
    const isSaid = headers['content-encoding'] === 'aes128gcm' && Number(headers.ttl) > 0;
    if (fault !== undefined || !isSaid) {
      complaints.push(fault ?? JSON.stringify(headers));
      return { status: 403, headers: {} };
    }
    place.heard.push(JSON.parse(decrypt(place, body).toString()) as NoticeText);
    return { status: 201, headers: {} };
  };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { status, headers } = take(request.url ?? '', request.headers, Buffer.concat(parts));
      response.writeHead(status, headers).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    complaints,
    subscriber() {
      const half = createECDH('prime256v1');
      half.generateKeys();
      const path = `/push/${randomBytes(24).toString('base64url')}`;
      const keys = { privateKey: half.getPrivateKey(), publicKey: half.getPublicKey(), secret: randomBytes(16) };
      const place: Place = { ...keys, heard: [], houseKey: '', calls: 0, instead: undefined };
      places.set(path, place);
      return {
        endpoint: `http://${host}${path}`,
        heard: place.heard,
        request(houseKey, details = false) {
          place.houseKey = houseKey;
          const [publicKey, secret] = [toBase64url(keys.publicKey), toBase64url(keys.secret)];
          return { endpoint: `http://${host}${path}`, publicKey, secret, houseKey, details };
        },
        calls: () => place.calls,
        answer: (status, headers = {}) => {
          place.instead = status === 201 ? undefined : { status, headers };
        },
      };
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Bytes of a vector. */
export function bytes(text: string): Uint8Array {
  const found = fromBase64url(text);
  if (!found) throw new Error(`no base64url: ${text}`);
  return found;
}
