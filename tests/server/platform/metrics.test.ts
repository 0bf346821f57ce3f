/** What an operator can read of the house, who may read it, and how one act keeps its name across servers. */
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '#server/platform/config.ts';
import { createHttp, type Http } from '#server/platform/http.ts';
import { type Metrics, openMetrics, serveMetrics } from '#server/platform/metrics.ts';
import { callOutside } from '#server/platform/outside.ts';
import { readTraceparent, traceRequests } from '#server/platform/trace.ts';
import type { SyncAnswer } from '#shared/api/sync.ts';
import { EMPTY_SYNC, openPurse } from '#tests/attack/stage.ts';
import { clock, openTroubled, type Troubled } from '#tests/kit/fault-house.ts';
import { freePort, type House, startHouse } from '#tests/kit/house.ts';
import { good, type Member, openMember } from '#tests/kit/member.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

describe('the figures of a running house', () => {
  let house: House;
  let url: string;
  beforeAll(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}/metrics`;
    house = await startHouse({ environment: { METRICS_PORT: String(port) } });
  }, 90_000);
  afterAll(() => house?.stop());

  test.each([
    [/^piaohao_fund_exposure_minor\{region="CN-SX"\} 0$/m],
    [/^piaohao_fund_cap_minor\{region="CN-BJ"\} 100000000$/m],
    [/^piaohao_queue_length 0$/m],
    [/^piaohao_disk_free_bytes [1-9]/m],
    [/^nodejs_eventloop_lag_p99_seconds [\d.e-]+$/m],
    [/^piaohao_switch\{region="CN-SX",switch="issuing"\} 1$/m],
    [/^# TYPE piaohao_unsettled gauge$/m],
    [/^# TYPE piaohao_unsettled_oldest_seconds gauge$/m],
    [/^# TYPE piaohao_cases gauge$/m],
    [/^# TYPE piaohao_sync_payments_total counter$/m],
  ])('%s', async (line) => {
    expect(await (await fetch(url)).text()).toMatch(line);
  });

  test('requests are counted by the pattern of their route, whatever was asked for', async () => {
    await fetch(`${house.origin}/payments/somebody-elses`);
    await fetch(`${house.origin}/network`);
    const text = await (await fetch(url)).text();
    expect(text).toMatch(/piaohao_request_seconds_count\{method="GET",route="\/network",status="200"\} 1/);
    expect(text).not.toContain('somebody-elses');
  });

  test('visitors of the house do not find them', async () => {
    expect((await fetch(`${house.origin}/metrics`)).headers.get('content-type')).not.toContain('text/plain');
  });
});

describe('the figures an operator is woken by', () => {
  const PAID = 100_00;
  const port = freePort();
  let troubled: Troubled;
  beforeAll(async () => {
    const environment = { METRICS_PORT: String(await port) };
    troubled = await openTroubled({ minor: 200_00, environment });
  }, 180_000);
  afterAll(() => troubled?.house.stop());

  /** The value of one line, as it stands now. */
  const figure = async (line: string): Promise<number | undefined> => {
    const text = await (await fetch(`http://127.0.0.1:${await port}/metrics`)).text();
    const found = text.split('\n').find((one) => one.startsWith(`${line} `));
    return found === undefined ? undefined : Number(found.slice(line.length + 1));
  };
  /** Figures out of the database are read at most every five seconds. */
  const soon = (line: string) => expect.poll(() => figure(line), { timeout: 15_000, interval: 250 });

  test('one number signed twice raises them all: what is promised, what waits and since when, the case, and what is owed', async () => {
    const { place, payer, payee } = troubled;
    for (const line of ['cases{region="CN-SX",kind="fork"}', 'unsettled{region="CN-SX",what="arriving"}']) {
      expect((await figure(`piaohao_${line}`)) ?? 0).toBe(0);
    }
    await soon('piaohao_fund_exposure_minor{region="CN-SX"}').toBe(0);
    await soon('piaohao_fund_owed_minor{region="CN-SX"}').toBeOneOf([0, undefined]);

    const purse = await openPurse(payer, { ...place, clock }, PAID);
    await soon('piaohao_fund_exposure_minor{region="CN-SX"}').toBeGreaterThanOrEqual(PAID);

    const other = await openMember(place, { phone: '13800138001' });
    await good(other.device.ask('POST', '/sync', EMPTY_SYNC));
    const once = await purse.pay(payee, PAID);
    const twice = await purse.pay(other, PAID, { fork: true });
    const bring = async (by: Member, { bytes }: { bytes: string }) =>
      (await good(by.device.ask<SyncAnswer>('POST', '/sync', { ...EMPTY_SYNC, payments: [bytes] }))).answers[0]
        ?.outcome;
    expect([await bring(payee, once), await bring(other, twice)]).toEqual(['settled', 'arriving']);

    await soon('piaohao_cases{region="CN-SX",kind="fork"}').toBe(1);
    await soon('piaohao_unsettled{region="CN-SX",what="arriving"}').toBe(1);
    await soon('piaohao_unsettled_oldest_seconds{region="CN-SX",what="arriving"}').toBeGreaterThan(1);
    await soon('piaohao_fund_owed_minor{region="CN-SX"}').toBe(PAID);
    const waited = (await figure('piaohao_unsettled_oldest_seconds{region="CN-SX",what="arriving"}')) ?? 0;
    await soon('piaohao_unsettled_oldest_seconds{region="CN-SX",what="arriving"}').toBeGreaterThan(waited);
  }, 120_000);
});

describe('the door', () => {
  const token = 'a'.repeat(32);
  test.each([
    ['with the token', `Bearer ${token}`, '/metrics', 200],
    ['with another token', `Bearer ${'b'.repeat(32)}`, '/metrics', 401],
    ['with no token', undefined, '/metrics', 401],
    ['at another address', `Bearer ${token}`, '/', 404],
  ])('%s: %s %s %i', async (_what, authorization, path, status) => {
    const server = await serveMetrics({ host: '127.0.0.1', port: 0, token }, async () => 'ok 1\n');
    const { port } = server.address() as AddressInfo;
    const headers = authorization === undefined ? {} : { authorization };
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
    expect(answer.status).toBe(status);
    server.close();
  });

  test.each([
    [{}, undefined],
    [{ METRICS_PORT: '9464' }, { host: '127.0.0.1', port: 9464, token: undefined }],
    [
      { METRICS_PORT: '9464', METRICS_HOST: '0.0.0.0', METRICS_TOKEN: token },
      { host: '0.0.0.0', port: 9464, token },
    ],
  ])('%j opens %j', (env, door) => {
    expect(readConfig(env).metrics).toEqual(door);
  });

  test.each([
    [{ METRICS_PORT: '9464', METRICS_HOST: '0.0.0.0' }, 'needs a METRICS_TOKEN'],
    [{ METRICS_PORT: '9464', METRICS_TOKEN: 'short' }, 'at least 32'],
    [{ METRICS_PORT: 'many' }, 'METRICS_PORT'],
  ])('%j is no door: %s', (env, says) => {
    expect(() => readConfig(env)).toThrow(says);
  });

  test('figures that cannot be read are left out, and the others stay', async () => {
    const metrics: Metrics = openMetrics('/');
    metrics.figures([{ name: 'broken', help: 'h', labels: ['region'] }], () =>
      Promise.reject(new Error('no database')),
    );
    metrics.figures([{ name: 'whole', help: 'h', labels: ['region'] }], async () => ({
      whole: [{ labels: { region: 'CN-SX' }, value: 7 }],
    }));
    const text = await metrics.text();
    expect(text).toMatch(/^whole\{region="CN-SX"\} 7$/m);
    expect(text).not.toMatch(/^broken(?:\{.*\})? \d/m);
  });
});

describe('a trace', () => {
  test.each([
    ['the standard example', `00-${TRACE}-${SPAN}-01`, { trace: TRACE, span: SPAN, sampled: true }],
    ['not sampled', `00-${TRACE}-${SPAN}-00`, { trace: TRACE, span: SPAN, sampled: false }],
    ['a later version with more', `01-${TRACE}-${SPAN}-01-more`, { trace: TRACE, span: SPAN, sampled: true }],
    ['more in version 00', `00-${TRACE}-${SPAN}-01-more`, undefined],
    ['the version that is none', `ff-${TRACE}-${SPAN}-01`, undefined],
    ['a trace of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`, undefined],
    ['a span of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`, undefined],
    ['capitals', `00-${TRACE.toUpperCase()}-${SPAN}-01`, undefined],
    ['nothing', undefined, undefined],
  ])('%s', (_what, header, read) => {
    expect(readTraceparent(header)).toEqual(read);
  });

  test('comes in with a request and goes out with every call made for it, under a step of our own', async () => {
    const heard: (string | undefined)[] = [];
    const config = readConfig({ LOG_LEVEL: 'silent' });
    const other: Http = await createHttp(config);
    other.get('/asked', async (request) => {
      heard.push(request.headers.traceparent as string | undefined);
      return {};
    });
    const there = await other.listen({ port: 0, host: '127.0.0.1' });
    const ours: Http = await createHttp(config);
    traceRequests(ours);
    ours.get('/ask', async () => {
      await callOutside(`${there}/asked`, { method: 'GET', timeoutMs: 2_000 });
      return {};
    });
    await ours.inject({ url: '/ask', headers: { traceparent: `00-${TRACE}-${SPAN}-01` } });
    await ours.inject({ url: '/ask' });
    await callOutside(`${there}/asked`, { method: 'GET', timeoutMs: 2_000 });
    const [handed, begun, outside] = heard;
    expect(handed).toMatch(new RegExp(`^00-${TRACE}-(?!${SPAN})[0-9a-f]{16}-01$`));
    expect(begun).toMatch(new RegExp(`^00-(?!${TRACE})[0-9a-f]{32}-[0-9a-f]{16}-00$`));
    expect(outside).toBeUndefined();
    await ours.close();
    await other.close();
  });
});
