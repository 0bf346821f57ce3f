/**
 * The whole house in this process, for those who mean it ill: every route it tells of, people with money and secrets,
 * and requests in which every byte and header is the attacker's.
 */
import { createHash, randomBytes, sign } from 'node:crypto';
import type { InjectOptions } from 'fastify';
import { Compile } from 'typebox/schema';
import { buildHouse, type House } from '#server/app.ts';
import { available, outside } from '#server/ledger/chart.ts';
import { openLedger } from '#server/ledger/ledger.ts';
import type { Config } from '#server/platform/config.ts';
import { REFUSALS, type RefusalCode } from '#shared/api/refusal.ts';
import type { SyncAnswer, SyncRequest } from '#shared/api/sync.ts';
import { fromBase64url, toBase64url, utf8 } from '#shared/base/bytes.ts';
import { newId } from '#shared/base/id.ts';
import { type Clock, instant } from '#shared/base/time.ts';
import { money } from '#shared/money/money.ts';
import { referenceOf } from '#shared/protocol/message.ts';
import { type PaymentCore, paymentIdOf, signPayment } from '#shared/protocol/payment.ts';
import type { Signer } from '#shared/protocol/signature.ts';
import { knownAllowance } from '#shared/protocol/trust.ts';
import { freshSigner, signClosing } from '#tests/kit/market.ts';
import { good, type Member, openTexts, type Place } from '#tests/kit/member.ts';
import { MEMORY_ORIGIN, memoryHouse } from '#tests/kit/memory-house.ts';

/** A sync that brings nothing. */
export const EMPTY_SYNC: SyncRequest = { cursor: 0, payments: [], closings: [], receipts: [], forks: [], have: {} };

/** A JSON Schema as the contract holds it; only what our schemas use. */
export interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header' | 'cookie';
  readonly required?: boolean;
  readonly schema: Schema;
}

/** One route as the contract tells of it. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With its parameters as `{id}`. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly body: Schema | undefined;
  /** By status (`200`, `4XX`), which of its answers are allowed; an answer the contract does not tell of has none. */
  readonly answers: Readonly<Record<string, (body: unknown) => boolean>>;
}

/** The house and its people's way in. */
export interface Stage {
  readonly house: House;
  readonly place: Place;
  /** The text network beside it, and what it has carried to a phone, the newest first. */
  readonly texts: Pick<Awaited<ReturnType<typeof openTexts>>, 'url' | 'texts'>;
  /** Every route of `/openapi.json`. */
  readonly routes: readonly Route[];
  readonly close: () => Promise<void>;
}

/** Opens a house that forgets, with no limits on how often one may knock. */
export async function openStage(
  config: Partial<Config> = {},
  clock: Clock = () => instant(Date.now()),
): Promise<Stage> {
  const texts = await openTexts(clock);
  const memory = memoryHouse(texts.url);
  const often = 1_000_000;
  const house = await buildHouse(
    { ...memory.config, ...config },
    {
      clock,
      logTo: memory.logTo,
      identityLimits: {
        ceremoniesPerMinute: often,
        registrationsPerHour: often,
        textsPerCallerHour: often,
        textsPerPhoneHour: often,
      },
    },
  );
  const contract = (await house.app.inject('/openapi.json')).json() as Contract;
  return {
    house,
    place: { app: house.app, origin: config.origin ?? MEMORY_ORIGIN, clock, codeFor: texts.codeFor },
    texts,
    routes: routesOf(contract),
    async close() {
      await house.app.close();
      await house.close();
      await texts.close();
      memory.remove();
    },
  };
}

/** What `/openapi.json` says, as far as it is read here. */
export interface Contract {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          {
            readonly parameters?: readonly Parameter[];
            readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
            readonly responses: Readonly<
              Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>
            >;
          }
        >
      >
    >
  >;
}

/** Every route the contract tells of. */
export function routesOf({ paths }: Contract): Route[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase() as Route['method'],
      path,
      parameters: operation.parameters ?? [],
      body: operation.requestBody?.content['application/json']?.schema,
      answers: Object.fromEntries(
        Object.entries(operation.responses).map(([status, { content }]) => {
          const schema = content?.['application/json']?.schema;
          // Something else than JSON has no shape to hold it against.
          if (content && !schema) return [status, () => true];
          if (!schema) return [status, (body: unknown) => body === undefined];
          const reader = Compile(schema as Parameters<typeof Compile>[0]);
          return [status, (body: unknown) => reader.Check(body)];
        }),
      ),
    })),
  );
}

/** The route of the contract that `method url` reaches; a word in an address goes before a parameter. */
export function routeOf(routes: readonly Route[], method: string, url: string): Route | undefined {
  const [path = ''] = url.split('?');
  const here = routes.filter((one) => one.method === method);
  return (
    here.find((one) => one.path === path) ??
    here.find((one) => new RegExp(`^${one.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path))
  );
}

/** What the contract says against this answer; undefined when it allows it, or tells of no such address. */
export function againstContract(
  routes: readonly Route[],
  asked: { readonly method: string; readonly url: string },
  { status, type, text }: Pick<Given, 'status' | 'type' | 'text'>,
): string | undefined {
  const route = routeOf(routes, asked.method, asked.url);
  const allows = route?.answers[String(status)] ?? route?.answers[`${Math.floor(status / 100)}XX`];
  if (!route) return undefined;
  if (!allows) return `${route.method} ${route.path} answers ${status}, of which the contract does not tell`;
  const isJson = /json\b/.test(type);
  if (allows(text === '' ? undefined : isJson ? JSON.parse(text) : text)) return undefined;
  return `${route.method} ${route.path} answers ${status} in another shape than the contract's: ${text.slice(0, 300)}`;
}

/** Every route Fastify itself answers, as `GET /path/{id}`, whether or not the contract tells of it; HEAD goes with GET. */
export function ownRoutes({ app }: Pick<House, 'app'>): string[] {
  const above: string[] = [];
  return app
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .flatMap((line) => {
      const [, indent = '', part = '', methods] = /^([│ ]*)[├└]── (\S+)(?: \(([A-Z, ]+)\))?/.exec(line) ?? [];
      if (part === '') return [];
      above.length = indent.length / 4;
      above.push(part);
      const path = above.join('').replaceAll(/:(\w+)/g, '{$1}');
      return (methods?.split(', ') ?? []).flatMap((method) => (method === 'HEAD' ? [] : [`${method} ${path}`]));
    });
}

let callers = 0;

/** Another caller each time, so that it is the answer that is tried and not the limit on how often one may ask. */
export function anotherCaller(): string {
  callers += 1;
  return `10.${(callers >> 16) & 255}.${(callers >> 8) & 255}.${callers & 255}`;
}

/** An answer, and what the contract says against it. */
export interface Given {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly breach: string | undefined;
}

/** Longest any request may be without an answer. */
const DEADLINE_MS = 10_000;

/** Sends exactly this; rejects when there is no answer in time. */
export async function knock(
  { house, routes }: Pick<Stage, 'house' | 'routes'>,
  request: InjectOptions,
): Promise<Given> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer to ${request.method} ${String(request.url)}`)), DEADLINE_MS);
  });
  const answer = await Promise.race([house.app.inject({ remoteAddress: anotherCaller(), ...request }), late]);
  clearTimeout(timer);
  const asked = { method: request.method ?? 'GET', url: String(request.url) };
  const given = {
    status: answer.statusCode,
    type: String(answer.headers['content-type'] ?? ''),
    text: answer.body,
  };
  return { ...given, headers: answer.headers, breach: againstContract(routes, asked, given) };
}

/** What is wrong with an answer, whatever was asked; undefined when it is a good one or a refusal of the one table. */
export function faultOf({ status, type, text, breach }: Given): string | undefined {
  if (status >= 500) return `${status} ${text.slice(0, 200)}`;
  if (breach) return breach;
  if (status < 400)
    return status === 204 || /^application\/(?:json|zip)\b/.test(type) ? undefined : `${status} as ${type}`;
  if (!type.startsWith('application/problem+json')) return `a refusal as ${type}`;
  const problem = JSON.parse(text) as { code?: string; status?: number; remedy?: string };
  const known = Object.hasOwn(REFUSALS, problem.code ?? '') ? REFUSALS[problem.code as RefusalCode] : undefined;
  if (!known) return `${problem.code} is not in the table`;
  const [expected, remedy] = known;
  if (expected !== status || problem.status !== status || problem.remedy !== remedy)
    return `${problem.code} came as ${status} ${problem.status} ${problem.remedy}`;
  if (/\bat .*\.(?:ts|js):\d+|select .* from|node_modules/.test(text)) return `it tells of our insides: ${text}`;
  return undefined;
}

/** The cookies of a browser as it sends them. */
export function cookieOf({ cookies }: Pick<Member, 'cookies'>): Record<string, string> {
  return { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
}

/** The header by which `by`'s device speaks for exactly these bytes (see server/identity/device.ts). */
export function deviceWord(
  by: Pick<Member, 'device'>,
  method: string,
  path: string,
  bytes: Uint8Array = new Uint8Array(),
): string {
  const at = Date.now();
  const digest = toBase64url(createHash('sha256').update(bytes).digest());
  const words = utf8(['piaohao-device-v1', method, path, String(at), digest].join('\n'));
  const signature = sign('sha256', words, { key: by.device.privateKey, dsaEncoding: 'ieee-p1363' });
  return `Device ${by.device.id}:${at}:${toBase64url(signature)}`;
}

/** Puts `minor` fen into a wallet of CN-SX. */
export async function fund({ house, place }: Stage, { wallet }: Pick<Member, 'wallet'>, minor: number): Promise<void> {
  const posted = await openLedger({ database: house.database }).post([
    {
      region: 'CN-SX',
      id: newId(place.clock(), randomBytes(10)),
      kind: 'top-up',
      at: place.clock(),
      moves: [
        {
          debit: outside('CN-SX', 'bank', 'CNY'),
          credit: available('CN-SX', wallet, 'CNY'),
          amount: money(minor, 'CNY'),
        },
      ],
    },
  ]);
  if (!posted.ok) throw new Error(posted.error.code);
}

/** Asks for a fresh allowance of `payer` (of `total` fen when said), to sign payments over. */
export async function openPurse(payer: Pick<Member, 'device'>, { clock }: Pick<Place, 'clock'>, total?: number) {
  const signer = freshSigner();
  const answer = await good(
    payer.device.ask<SyncAnswer>('POST', '/sync', { ...EMPTY_SYNC, want: wantOn(signer, total) }),
  );
  const purse = purseIn(answer, signer, clock);
  return {
    ...purse,
    /** Gives back what is left: nothing more is paid on this allowance, and the payer may have the next one. */
    async giveBack(): Promise<void> {
      const closings = [await purse.closing()];
      const { closed } = await good(payer.device.ask<SyncAnswer>('POST', '/sync', { ...EMPTY_SYNC, closings }));
      if (closed.length !== 1) throw new Error('the allowance was not closed');
    },
  };
}

/** How a phone asks for an allowance on the key of `signer`, of `total` fen when said. */
export function wantOn({ key }: Signer, total?: number): NonNullable<SyncRequest['want']> {
  return { key: toBase64url(key), currency: 'CNY', wrapped: true, ...(total === undefined ? {} : { total }) };
}

/** Signs payments over the allowance that `answer` brought, each the next of its chain unless it is a fork. */
export function purseIn(answer: Pick<SyncAnswer, 'allowance' | 'allowanceRefused'>, signer: Signer, clock: Clock) {
  const read = knownAllowance(fromBase64url(answer.allowance ?? '') ?? new Uint8Array());
  if (!read.ok) throw new Error(`no allowance: ${answer.allowanceRefused ?? read.error.code}`);
  const allowance = read.value;
  let last: { core: PaymentCore; id: Uint8Array } | undefined;
  return {
    allowance,
    signer,
    async pay(
      payee: Pick<Member, 'device'>,
      amount: number,
      { fork = false, invoice = Uint8Array.from(randomBytes(16)) } = {},
    ) {
      const before = fork ? undefined : last;
      const core: PaymentCore = {
        allowance: referenceOf(allowance.id),
        number: (before?.core.number ?? 0) + 1,
        amount,
        total: (before?.core.total ?? 0) + amount,
        payee: payee.device.id,
        previous: before ? referenceOf(before.id) : allowance.message.anchor,
        invoice,
        time: instant(Math.floor(clock() / 1000) * 1000),
        epoch: 1,
      };
      const id = paymentIdOf(core);
      if (!fork) last = { core, id };
      return { id: toBase64url(id), bytes: toBase64url(await signPayment(core, signer)) };
    },
    /** The word that nothing more is paid on this allowance. */
    closing: async (): Promise<string> => toBase64url(await signClosing(allowance, signer, last)),
  };
}
