/** What a collector of OpenTelemetry hears of the house: the steps of an act with their parents, and nothing of whom it was for. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { readConfig } from '#server/platform/config.ts';
import { createHttp } from '#server/platform/http.ts';
import { type CollectorPlace, type Exporter, openExporter, traceBody } from '#server/platform/otlp.ts';
import { callOutside } from '#server/platform/outside.ts';
import { type Step, traceAct, traceDatabase, traceRequests } from '#server/platform/trace.ts';
import { openMemory } from '#tests/kit/embedded.ts';

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { key: string; value: { stringValue?: string; intValue?: string } }[];
  readonly status: { code?: number };
}

interface Told {
  readonly resourceSpans: readonly [
    { readonly resource: unknown; readonly scopeSpans: readonly [{ readonly spans: readonly Span[] }] },
  ];
}

/** A collector that answers with the next of `answers`, the last one for ever. */
async function openCollectorAt(...answers: { status: number; body?: unknown }[]) {
  const heard: { url: string | undefined; key: string | undefined; type: string | undefined; told: Told }[] = [];
  const server: Server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const { url, headers } = request;
    const told = JSON.parse(Buffer.concat(parts).toString()) as Told;
    heard.push({ url, key: headers['x-key'] as string | undefined, type: headers['content-type'], told });
    const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? { status: 200 };
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer.body ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const spans = () => heard.flatMap(({ told }) => told.resourceSpans[0].scopeSpans[0].spans);
  return { url, heard, spans };
}

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

const counted = { sent: 0, dropped: 0 };
function exporter(url: string, more: Partial<CollectorPlace> = {}): Exporter {
  Object.assign(counted, { sent: 0, dropped: 0 });
  return openExporter({
    place: { url: `${url}/v1/traces`, headers: { 'x-key': 'k' }, service: 'a house', share: 1, ...more },
    call: callOutside,
    count: (fate, steps) => {
      counted[fate] += steps;
    },
    everyMs: 20,
    retryMs: 5,
  });
}

const STEP: Step = {
  trace: '5b8efff798038103d269b633813fc60c',
  span: 'eee19b7ec3c1b174',
  parent: 'eee19b7ec3c1b173',
  name: 'GET /bills/:id',
  kind: 'server',
  began: 1_544_712_660_000,
  took: 1000,
  says: { 'http.route': '/bills/:id', 'http.response.status_code': 200 },
  failed: false,
};

test('a step has the form of the published example (opentelemetry-proto, examples/trace.json)', () => {
  expect(traceBody('my.service', [STEP])).toEqual({
    resourceSpans: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'my.service' } }] },
        scopeSpans: [
          {
            scope: { name: 'piaohao' },
            spans: [
              {
                traceId: '5b8efff798038103d269b633813fc60c',
                spanId: 'eee19b7ec3c1b174',
                parentSpanId: 'eee19b7ec3c1b173',
                name: 'GET /bills/:id',
                kind: 2,
                startTimeUnixNano: '1544712660000000000',
                endTimeUnixNano: '1544712661000000000',
                attributes: [
                  { key: 'http.route', value: { stringValue: '/bills/:id' } },
                  { key: 'http.response.status_code', value: { intValue: '200' } },
                ],
                status: {},
              },
            ],
          },
        ],
      },
    ],
  });
});

test('a request, what it asked of the database and whom it called are one act, told without saying for whom', async () => {
  const collector = await openCollectorAt();
  const steps = exporter(collector.url);
  const bank = await openCollectorAt({ status: 503 });
  const database = traceDatabase(await openMemory());
  const app = await createHttp(readConfig({ LOG_LEVEL: 'silent' }));
  traceRequests(app, steps);
  app.get('/wallets/:id', async () => {
    await database.transaction((tx) => tx.query('select $1::text as who', ['13800138000']));
    await callOutside(`${bank.url}/payers/13800138000`, { method: 'POST', body: {}, timeoutMs: 2_000 });
    return {};
  });
  const caller = { trace: '4bf92f3577b34da6a3ce929d0e0e4736', span: '00f067aa0ba902b7' };
  const headers = { traceparent: `00-${caller.trace}-${caller.span}-00` };
  await app.inject({ url: '/wallets/13800138000?phone=13800138000', headers });
  await app.close();
  await steps.close();
  await database.close();

  const spans = collector.spans();
  const named = (name: string) => spans.find((span) => span.name === name);
  const [request, transaction, select, call] = ['GET /wallets/:id', 'transaction', 'SELECT', 'POST'].map(named);
  expect(spans).toHaveLength(4);
  expect(request).toMatchObject({ traceId: caller.trace, parentSpanId: caller.span, kind: 2, status: {} });
  expect(transaction).toMatchObject({ traceId: caller.trace, parentSpanId: request?.spanId, kind: 1 });
  expect(select).toMatchObject({ traceId: caller.trace, parentSpanId: transaction?.spanId, kind: 3 });
  expect(call).toMatchObject({ traceId: caller.trace, parentSpanId: request?.spanId, kind: 3, status: { code: 2 } });
  expect(BigInt(select?.endTimeUnixNano ?? 0)).toBeLessThanOrEqual(BigInt(request?.endTimeUnixNano ?? 0));
  expect(JSON.stringify(collector.heard)).not.toContain('13800138000');
  expect(collector.heard[0]).toMatchObject({ url: '/v1/traces', key: 'k', type: 'application/json' });
  expect(counted).toEqual({ sent: 4, dropped: 0 });
});

test('a round of periodic work is an act of its own, and failed when it throws', async () => {
  const collector = await openCollectorAt();
  const steps = exporter(collector.url);
  const round = traceAct(steps, 'a round', async () => {
    throw new Error('no');
  });
  await expect(round).rejects.toThrow('no');
  await steps.close();
  expect(collector.spans()).toMatchObject([{ name: 'a round', kind: 1, status: { code: 2 } }]);
  expect(collector.spans()[0]).not.toHaveProperty('parentSpanId');
});

test.each([
  ['busy, then there', [{ status: 503 }, { status: 429 }, { status: 200 }], { sent: 2, dropped: 0 }, 3],
  ['busy for ever', [{ status: 503 }], { sent: 0, dropped: 2 }, 4],
  ['refused', [{ status: 400 }], { sent: 0, dropped: 2 }, 1],
  ['taken in part', [{ status: 200, body: { partialSuccess: { rejectedSpans: '1' } } }], { sent: 1, dropped: 1 }, 1],
])('a collector that is %s', async (_what, answers, fate, asked) => {
  const collector = await openCollectorAt(...answers);
  const steps = exporter(collector.url);
  steps.take(STEP);
  steps.take(STEP);
  await vi.waitFor(() => expect(counted).toEqual(fate));
  expect(collector.heard).toHaveLength(asked);
  await steps.close();
});

test('a collector that is away costs room for 2,048 steps and no more, and nobody waits for it at the end', async () => {
  const steps = exporter('http://127.0.0.1:1');
  for (let at = 0; at < 5_000; at += 1) steps.take(STEP);
  expect(counted.dropped).toBe(5_000 - 2_048);
  const began = performance.now();
  await steps.close();
  expect(performance.now() - began).toBeLessThan(3_000);
  expect(counted).toEqual({ sent: 0, dropped: 5_000 });
});

test('of all acts the wanted share is told, chosen by their names', () => {
  const tenth = exporter('http://127.0.0.1:1', { share: 0.1 });
  const names = Array.from({ length: 4_000 }, (_, at) => (at * 0x9e3779b1 * 0x1000).toString(16).padStart(32, '7'));
  const wanted = names.filter(tenth.wants).length;
  expect(wanted).toBeGreaterThan(300);
  expect(wanted).toBeLessThan(500);
  expect(names.filter(exporter('http://127.0.0.1:1', { share: 0 }).wants)).toEqual([]);
  expect(names.filter(exporter('http://127.0.0.1:1').wants)).toEqual(names);
});

describe('where it is said', () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://otel.example/' };
  const place = { url: 'https://otel.example/v1/traces', headers: {}, service: 'piaohao', share: 1 };
  test.each([
    ['nowhere', {}, undefined],
    ['in the log alone', { TRACING: 'on' }, { collector: undefined }],
    ['to a collector', endpoint, { collector: place }],
    [
      'to a collector that wants a key',
      { ...endpoint, OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b, x=y=z', OTEL_TRACES_SAMPLER_ARG: '0.25' },
      { collector: { ...place, headers: { 'api-key': 'a b', x: 'y=z' }, share: 0.25 } },
    ],
  ])('%s', (_what, env, tracing) => {
    expect(readConfig(env).tracing).toEqual(tracing);
  });
  test.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'otel:4318' }, /OTEL_EXPORTER_OTLP_ENDPOINT/],
    [{ ...endpoint, OTEL_EXPORTER_OTLP_HEADERS: 'key' }, /OTEL_EXPORTER_OTLP_HEADERS/],
    [{ ...endpoint, OTEL_EXPORTER_OTLP_HEADERS: 'key=%zz' }, /OTEL_EXPORTER_OTLP_HEADERS/],
    [{ ...endpoint, OTEL_TRACES_SAMPLER_ARG: '2' }, /OTEL_TRACES_SAMPLER_ARG/],
  ])('nonsense is refused by name: %o', (env, says) => {
    expect(() => readConfig(env)).toThrow(says);
  });
});
