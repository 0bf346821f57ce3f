/**
 * A person against the server's own front, without a browser: signs up by text and passkey, keeps cookies, signs as a
 * device. Everything goes through the real routes; the text network is the real sandbox on a port of its own.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InjectOptions } from 'fastify';
import type { Http } from '#server/platform/http.ts';
import { openSandbox } from '#server/sandbox/sandbox.ts';
import { fromBase64url, joinBytes, toBase64url, utf8 } from '#shared/base/bytes.ts';
import { type Id, newId } from '#shared/base/id.ts';
import type { Clock } from '#shared/base/time.ts';
import { type SoftAuthenticator, softAuthenticator } from '#tests/kit/authenticator.ts';
import { textsTo } from '#tests/kit/house.ts';
import { keepSecret, keepTyped } from '#tests/kit/overheard.ts';

/** An answer of the server. */
export interface Answer<Body = Record<string, unknown>> {
  readonly status: number;
  readonly body: Body;
  readonly headers: Readonly<Record<string, unknown>>;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A browser with its cookies. */
export interface Browser {
  readonly cookies: Map<string, string>;
  readonly ask: <Body = Record<string, unknown>>(method: Method, path: string, body?: unknown) => Promise<Answer<Body>>;
}

/** A device key and requests signed by it. */
export interface SoftDevice {
  readonly id: Id;
  /** 33 bytes, base64url. */
  readonly key: string;
  readonly privateKey: KeyObject;
  readonly ask: <Body = Record<string, unknown>>(method: Method, path: string, body?: unknown) => Promise<Answer<Body>>;
}

/** A person with a wallet, one passkey and one enrolled device. */
export interface Member extends Browser {
  readonly wallet: Id;
  readonly phone: string;
  readonly authenticator: SoftAuthenticator;
  readonly device: SoftDevice;
}

/** Where the server under test stands. */
export interface Place {
  readonly app: Http;
  readonly origin: string;
  readonly clock: Clock;
  /** The six digits of the newest text to `phone`. */
  readonly codeFor: (phone: string) => Promise<string>;
}

/** The sandbox on a free port; `codeFor` reads the newest code from its inbox. */
export async function openTexts(clock: Clock): Promise<{
  url: string;
  codeFor: Place['codeFor'];
  texts: (phone: string) => Promise<{ text: string }[]>;
  close: () => Promise<void>;
}> {
  const folder = mkdtempSync(join(tmpdir(), 'piaohao-texts-'));
  const sandbox = openSandbox({ folder, clock, deliver: async () => true, paceMs: 1 });
  const url = await sandbox.listen({ port: 0, host: '127.0.0.1' });
  const texts = (phone: string) => textsTo(url, phone);
  return {
    url,
    texts,
    codeFor: async (phone) => {
      const code = /\b\d{6}\b/.exec((await texts(phone))[0]?.text ?? '')?.[0];
      if (!code) throw new Error(`no code came to ${phone}`);
      keepSecret('a texted code', code);
      return code;
    },
    close: async () => {
      await sandbox.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A browser with no cookies, at `address`. */
export function openBrowser({ app, origin }: Pick<Place, 'app' | 'origin'>, address = '127.0.0.1'): Browser {
  const cookies = new Map<string, string>();
  return {
    cookies,
    ask: async (method, path, body) => {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const answer = await send(app, method, path, body, { origin, ...(cookie ? { cookie } : {}) }, address);
      for (const line of [answer.headers['set-cookie'] ?? []].flat() as string[]) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        if (value === '') cookies.delete(name);
        else {
          cookies.set(name, value);
          keepSecret('the value of a cookie', value);
        }
      }
      return answer as never;
    },
  };
}

/** A new P-256 device key, not yet enrolled. */
export function newDevice({ app, clock }: Pick<Place, 'app' | 'clock'>): SoftDevice {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const [across, up] = [fromBase64url(x), fromBase64url(y)];
  if (!across || !up) throw new Error('no point');
  const id = newId(clock(), randomBytes(10));
  return {
    id,
    key: toBase64url(joinBytes(Uint8Array.of(2 + ((up[31] ?? 0) & 1)), across)),
    privateKey,
    ask: async (method, path, body) =>
      (await send(app, method, path, body, {
        authorization: deviceHeader({ id, privateKey }, method, path, body, clock()),
      })) as never,
  };
}

/** The header by which a device speaks: see server/identity/device.ts. */
export function deviceHeader(
  device: { id: string; privateKey: KeyObject },
  method: string,
  path: string,
  body: unknown,
  at: number,
): string {
  const bytes = body === undefined ? new Uint8Array() : utf8(JSON.stringify(body));
  const digest = toBase64url(createHash('sha256').update(bytes).digest());
  const words = utf8(['piaohao-device-v1', method, path, String(at), digest].join('\n'));
  const signature = sign('sha256', words, { key: device.privateKey, dsaEncoding: 'ieee-p1363' });
  return `Device ${device.id}:${at}:${toBase64url(signature)}`;
}

/** Signs a person up through every step and enrols one device; throws with the answer when a step is refused. */
export async function openMember(
  place: Place,
  who: { name?: string; phone: string; region?: string; synced?: boolean },
): Promise<Member> {
  const browser = openBrowser(place);
  const authenticator = softAuthenticator(place.origin, who.synced === undefined ? {} : { synced: who.synced });
  const wallet = newId(place.clock(), randomBytes(10));
  const { name = '小明', phone, region = 'CN-SX' } = who;
  await good(browser.ask('POST', '/signups', { id: wallet, region, name, phone, language: 'zh' }));
  await good(browser.ask('POST', `/signups/${wallet}/code`, { code: await place.codeFor(`+86${phone}`) }));
  const { options } = await good(browser.ask('POST', `/signups/${wallet}/passkey-options`));
  const answer = authenticator.create(options);
  await good(browser.ask('POST', `/signups/${wallet}/passkey`, { name: '我的手机', answer }));
  const device = newDevice(place);
  await good(browser.ask('POST', '/devices', { id: device.id, key: device.key, name: '手机' }));
  return { ...browser, wallet, phone, authenticator, device };
}

/** Touches the passkey once more: what asks for a fresh touch is let through for a while, and one act of money. */
export async function stepUp(who: Pick<Member, 'ask' | 'authenticator'>): Promise<void> {
  const { options } = await good(who.ask('POST', '/step-up/options'));
  await good(who.ask('POST', '/step-up', { answer: who.authenticator.get(options) }));
}

/** The body of a good answer. */
export async function good<Body>(asked: Promise<Answer<Body>>): Promise<Body> {
  const answer = await asked;
  if (answer.status >= 300) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

async function send(
  app: Http,
  method: Method,
  path: string,
  body: unknown,
  headers: Record<string, string>,
  remoteAddress = '127.0.0.1',
): Promise<Answer<unknown>> {
  keepTyped(body);
  const options: InjectOptions = {
    method,
    url: path,
    remoteAddress,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  };
  const reply = await app.inject(options);
  return {
    status: reply.statusCode,
    body: reply.body === '' ? undefined : JSON.parse(reply.body),
    headers: reply.headers,
  };
}
