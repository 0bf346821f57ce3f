/** The house over HTTP as a phone meets it: the network, the probe, a sync signed by the device, the person's limits. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildHouse, type House } from '#server/app.ts';
import { available, outside } from '#server/ledger/chart.ts';
import { openLedger } from '#server/ledger/ledger.ts';
import type { AllowanceSettingsView } from '#shared/api/allowance.ts';
import type { NetworkView, ProbeView } from '#shared/api/region.ts';
import type { SyncAnswer } from '#shared/api/sync.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import { newId } from '#shared/base/id.ts';
import { type Duration, duration, instant } from '#shared/base/time.ts';
import { money } from '#shared/money/money.ts';
import { allowanceMessage } from '#shared/protocol/allowance.ts';
import { verifyAsync, webVerifier } from '#shared/protocol/signature.ts';
import { epochChecks, keySetChecks } from '#shared/protocol/trust.ts';
import { freshSigner } from '#tests/kit/market.ts';
import { good, type Member, openBrowser, openMember, openTexts, type Place } from '#tests/kit/member.ts';
import { MEMORY_ORIGIN, memoryHouse } from '#tests/kit/memory-house.ts';

const EMPTY = { cursor: 0, payments: [], closings: [], receipts: [], forks: [], have: {} };

let now = 1_790_000_000_000;
const clock = () => instant(now);
let memory: ReturnType<typeof memoryHouse>;
let house: House;
let texts: Awaited<ReturnType<typeof openTexts>>;
let place: Place;
let ming: Member;

beforeAll(async () => {
  texts = await openTexts(clock);
  memory = memoryHouse(texts.url);
  house = await buildHouse(memory.config, { clock, logTo: memory.logTo });
  place = { app: house.app, origin: MEMORY_ORIGIN, clock, codeFor: texts.codeFor };
  ming = await openMember(place, { phone: '13912345678' });
  await openLedger({ database: house.database }).post([
    {
      region: 'CN-SX',
      id: newId(clock()),
      kind: 'top-up',
      at: clock(),
      moves: [
        {
          debit: outside('CN-SX', 'bank', 'CNY'),
          credit: available('CN-SX', ming.wallet, 'CNY'),
          amount: money(800_00, 'CNY'),
        },
      ],
    },
  ]);
});
afterAll(async () => {
  await house.app.close();
  await house.close();
  await texts.close();
  memory.remove();
});

const pass = (length: Duration) => {
  now += length;
};
const stranger = () => openBrowser(place);
const bytes = (text: string) => fromBase64url(text) ?? new Uint8Array();

async function keySetOf(network: NetworkView) {
  const context = { now: clock(), floor: clock() };
  const checked = await verifyAsync(keySetChecks(bytes(network.keySet), bytes(network.root), context), webVerifier());
  if (!checked.ok) throw new Error(checked.error.code);
  return checked.value.message;
}

test('a stranger learns the network: its root, its regions, and the key set its root signed', async () => {
  const network = await good(stranger().ask<NetworkView>('GET', '/network'));
  expect(network).toMatchObject({ rpId: 'localhost', origins: [MEMORY_ORIGIN] });
  expect(network.regions.map((one) => one.names.zh)).toEqual(['北京', '山西']);
  const keySet = await keySetOf(network);
  expect(new Set(keySet.issuers.map((one) => one.region))).toEqual(new Set(['CN-BJ', 'CN-SX']));
});

test('a probe is answered with the nonce and the signed time of the asked region, at most five seconds old', async () => {
  const keySet = await keySetOf(await good(stranger().ask<NetworkView>('GET', '/network')));
  for (const region of ['CN-SX', 'CN-BJ']) {
    const nonce = toBase64url(crypto.getRandomValues(new Uint8Array(16)));
    const answer = await stranger().ask<ProbeView>('GET', `/probe?nonce=${nonce}&region=${region}`);
    expect(answer.status).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.body.nonce).toBe(nonce);
    const epoch = await verifyAsync(epochChecks(bytes(answer.body.epoch), keySet), webVerifier());
    expect(epoch.ok && epoch.value.message.region).toBe(region);
    expect(epoch.ok && Math.abs(now - epoch.value.message.time)).toBeLessThanOrEqual(5_999);
  }
  const table: [string, number, string][] = [
    ['/probe', 400, 'request.malformed'],
    ['/probe?nonce=short', 400, 'request.malformed'],
    ['/probe?nonce=AAAAAAAAAAAA&region=Beijing', 400, 'request.malformed'],
    ['/probe?nonce=AAAAAAAAAAAA&region=CN-XX', 404, 'request.not-found'],
  ];
  for (const [path, status, code] of table) {
    const { status: got, body } = await stranger().ask('GET', path);
    expect(`${path} ${got} ${body.code}`).toBe(`${path} ${status} ${code}`);
  }
});

test('a phone whose session is gone still syncs and gets its allowance; another signature does not', async () => {
  ming.cookies.clear();
  const signer = freshSigner();
  const want = { key: toBase64url(signer.key), currency: 'CNY', wrapped: true };
  const answer = await good(ming.device.ask<SyncAnswer>('POST', '/sync', { ...EMPTY, want }));
  const read = allowanceMessage.read(bytes(answer.allowance ?? ''));
  expect(read.ok && read.value.message.total).toBe(200_00);
  expect(read.ok && read.value.message.passkey?.key.length).toBe(33);
  expect(answer.balances).toMatchObject([{ available: 600_00, setAside: 200_00 }]);
  const unsigned = await openBrowser(place).ask('POST', '/sync', EMPTY);
  expect([unsigned.status, unsigned.body.code]).toEqual([401, 'device.signature']);
});

test('what is no sync request is refused before anything is touched', async () => {
  const table: [string, object][] = [
    ['nothing', {}],
    ['a negative cursor', { ...EMPTY, cursor: -1 }],
    ['a hundred and one payments', { ...EMPTY, payments: Array.from({ length: 101 }, () => 'AAAA') }],
    ['payments that are no base64url', { ...EMPTY, payments: ['?'] }],
    ['an empty payment', { ...EMPTY, payments: [''] }],
    ['a short key', { ...EMPTY, want: { key: 'AAAA', currency: 'CNY', wrapped: true } }],
    ['half a fen', { ...EMPTY, want: { key: 'A'.repeat(44), currency: 'CNY', wrapped: true, total: 0.5 } }],
  ];
  for (const [name, body] of table) {
    const answer = await ming.device.ask('POST', '/sync', body);
    expect(`${name}: ${answer.status} ${answer.body.code}`).toBe(`${name}: 400 request.malformed`);
  }
});

test('the person sets cap and count with a fresh passkey, and reads them back', async () => {
  const hua = await openMember(place, { name: '小华', phone: '13912345679' });
  const before = await good(hua.ask<AllowanceSettingsView>('GET', '/allowance/settings'));
  expect(before).toEqual({
    currency: 'CNY',
    cap: null,
    count: null,
    most: { total: 200_00, count: 5, perPayment: 100_00, perDay: 1000_00 },
  });
  const set = (body: object) => hua.ask('PUT', '/allowance/settings', body);
  expect((await set({ cap: 50_00, count: 2 })).body).toMatchObject({ cap: 50_00, count: 2 });
  expect((await set({ cap: 200_01, count: null })).body).toMatchObject({ code: 'allowance.cap-high', most: 200_00 });
  expect((await set({ cap: -1, count: null })).status).toBe(400);
  expect((await set({ cap: 1 })).status).toBe(400);
  pass(duration(6, 'min'));
  expect((await set({ cap: null, count: null })).body.code).toBe('session.step-up');
  expect(await good(hua.ask('GET', '/allowance/settings'))).toMatchObject({ cap: 50_00, count: 2 });
  expect((await stranger().ask('GET', '/allowance/settings')).body.code).toBe('session.none');
});

test('a revoked phone may not sync any more, and its allowance is stopped', async () => {
  const lan = await openMember(place, { name: '阿兰', phone: '13912345680' });
  expect((await lan.device.ask('POST', '/sync', EMPTY)).status).toBe(200);
  const revoked = await lan.ask('DELETE', `/devices/${lan.device.id}`);
  expect(revoked.status).toBeLessThan(300);
  expect((await lan.device.ask('POST', '/sync', EMPTY)).body.code).toBe('device.revoked');
  const rows = await house.database.query('select reason from allowance_stopped_device where device = $1', [
    lan.device.id,
  ]);
  expect(rows).toEqual([{ reason: 'device-revoked' }]);
});

test('a hundred probes inside five seconds get one card', async () => {
  const seen = new Set<string>();
  const started = performance.now();
  for (let at = 0; at < 100; at += 1) {
    const answer = await openBrowser(place, `10.0.${at % 50}.1`).ask<ProbeView>('GET', `/probe?nonce=AAAAAAAA${at}`);
    seen.add(answer.body.epoch);
  }
  console.log(`probe: ${((performance.now() - started) / 100).toFixed(2)} ms each`);
  expect(seen.size).toBe(1);
});
