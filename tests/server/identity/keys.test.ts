/** Passkeys and devices: adding, naming, stopping, and requests that speak for a device. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { toBase64url } from '#shared/base/bytes.ts';
import { newId } from '#shared/base/id.ts';
import { duration } from '#shared/base/time.ts';
import { type SoftAuthenticator, softAuthenticator } from '#tests/kit/authenticator.ts';
import { deviceHeader, good, type Member, newDevice, openBrowser, openMember } from '#tests/kit/member.ts';
import { ORIGIN, openPlace } from '#tests/server/identity/place.ts';

let place: Awaited<ReturnType<typeof openPlace>>;
let ming: Member;
let line = 13_900_301_000;
beforeAll(async () => {
  place = await openPlace();
});
afterAll(() => place.close());
beforeEach(async () => {
  line += 1;
  ming = await openMember(place, { phone: String(line) });
});

async function add(member: Member, authenticator: SoftAuthenticator, name = '钥匙圈') {
  const { options } = await good(member.ask('POST', '/passkeys/options'));
  return await member.ask('POST', '/passkeys', { name, answer: authenticator.create(options) });
}

const idOf = (authenticator: SoftAuthenticator) => toBase64url(authenticator.passkeys[0]?.id ?? new Uint8Array());

test('a second passkey is added, named, used to sign in, and removed', async () => {
  const ring = softAuthenticator(ORIGIN, { synced: false });
  place.pass(duration(1, 's'));
  expect((await add(ming, ring)).body).toMatchObject({ name: '钥匙圈', offline: true, synced: false, current: false });
  await good(ming.ask('PATCH', `/passkeys/${idOf(ring)}`, { name: '蓝色钥匙' }));
  const list = await good<{ rpId: string; user: string; passkeys: { name: string }[] }>(ming.ask('GET', '/passkeys'));
  expect(list.passkeys.map(({ name }) => name)).toEqual(['我的手机', '蓝色钥匙']);
  const browser = openBrowser(place);
  const { options } = await good(browser.ask('POST', '/sign-in/options'));
  await good(browser.ask('POST', '/sign-in', { answer: ring.get(options) }));
  const left = await good<{ passkeys: unknown[] }>(ming.ask('DELETE', `/passkeys/${idOf(ring)}`));
  expect(left.passkeys).toHaveLength(1);
  expect((await browser.ask('GET', '/session')).status, 'its sessions end with it').toBe(401);
  const again = await good(browser.ask('POST', '/sign-in/options'));
  expect((await browser.ask('POST', '/sign-in', { answer: ring.get(again.options) })).body).toMatchObject({
    code: 'passkey.unknown',
  });
});

test('the last passkey stays, also when two are removed at the same moment', async () => {
  expect((await ming.ask('DELETE', `/passkeys/${idOf(ming.authenticator)}`)).body).toMatchObject({
    code: 'passkey.last',
  });
  const ring = softAuthenticator(ORIGIN);
  await add(ming, ring);
  const replies = await Promise.all(
    [idOf(ming.authenticator), idOf(ring)].map((id) => ming.ask('DELETE', `/passkeys/${id}`)),
  );
  expect(replies.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
  expect(await place.identity.passkeysOf(ming.wallet)).toHaveLength(1);
});

test('the options name the passkeys there are, so that none is made twice', async () => {
  const { options } = await good<{ options: { excludeCredentials: { id: string }[] } }>(
    ming.ask('POST', '/passkeys/options'),
  );
  expect(options.excludeCredentials.map(({ id }) => id)).toEqual([idOf(ming.authenticator)]);
});

test('there is an end to passkeys', async () => {
  for (let made = 1; made < 10; made += 1) expect((await add(ming, softAuthenticator(ORIGIN))).status).toBe(200);
  expect((await add(ming, softAuthenticator(ORIGIN))).body).toMatchObject({ code: 'passkey.limit', most: 10 });
});

test("another person's passkeys and devices can be neither named nor stopped", async () => {
  line += 1;
  const hong = await openMember(place, { phone: String(line), name: '小红' });
  await add(ming, softAuthenticator(ORIGIN));
  const passkey = idOf(ming.authenticator);
  for (const method of ['PATCH', 'DELETE'] as const) {
    const body = method === 'PATCH' ? { name: 'x' } : undefined;
    expect((await hong.ask(method, `/passkeys/${passkey}`, body)).body).toMatchObject({ code: 'passkey.not-found' });
    expect((await hong.ask(method, `/devices/${ming.device.id}`, body)).body).toMatchObject({
      code: 'device.not-found',
    });
  }
  expect((await ming.device.ask('POST', '/who', {})).body).toMatchObject({ device: ming.device.id });
});

test('enrolling the same device again is the same act; its id with another key is refused', async () => {
  const { id, key } = ming.device;
  await good(ming.ask('POST', '/devices', { id, key, name: '手机' }));
  expect(await place.identity.devicesOf(ming.wallet)).toHaveLength(1);
  const other = newDevice(place);
  expect((await ming.ask('POST', '/devices', { id, key: other.key, name: 'x' })).body).toMatchObject({
    code: 'device.id-reused',
  });
  line += 1;
  const hong = await openMember(place, { phone: String(line), region: 'CN-BJ' });
  expect((await hong.ask('POST', '/devices', { id, key, name: 'x' })).body).toMatchObject({ code: 'device.id-reused' });
});

test('a key that is no point of the curve is no device key', async () => {
  const beyond = new Uint8Array(33).fill(255);
  beyond[0] = 2;
  const bad = [toBase64url(beyond), toBase64url(new Uint8Array(33).fill(4))];
  for (const one of bad) {
    const reply = await ming.ask('POST', '/devices', { id: newId(place.clock()), key: one, name: 'x' });
    expect(reply.body).toMatchObject({ code: 'device.key' });
  }
});

test('there is an end to devices, and a stopped one makes room', async () => {
  const enrol = () => {
    const { id, key } = newDevice(place);
    return ming.ask('POST', '/devices', { id, key, name: 'x' });
  };
  for (let made = 1; made < 8; made += 1) expect((await enrol()).status).toBe(200);
  expect((await enrol()).body).toMatchObject({ code: 'device.limit', most: 8 });
  await good(ming.ask('DELETE', `/devices/${ming.device.id}`));
  expect((await enrol()).status).toBe(200);
});

test('a stopped device is refused at its next request, and what hangs on it stops in the same moment', async () => {
  const heard: string[] = [];
  place.identity.onDeviceRevoked(async (tx, device) => {
    const [row] = await tx.query<{ revoked_at: number | null }>(
      'select revoked_at from identity_device where id = $1',
      [device.id],
    );
    heard.push(`${device.id} ${row?.revoked_at !== null}`);
  });
  expect((await ming.device.ask('POST', '/who', {})).body).toMatchObject({ wallet: ming.wallet });
  await good(ming.ask('DELETE', `/devices/${ming.device.id}`));
  await good(ming.ask('DELETE', `/devices/${ming.device.id}`));
  expect(heard).toEqual([`${ming.device.id} true`]);
  expect((await ming.device.ask('POST', '/who', {})).body).toMatchObject({ refused: { code: 'device.revoked' } });
  const { id, key } = ming.device;
  expect((await ming.ask('POST', '/devices', { id, key, name: 'x' })).body).toMatchObject({ code: 'device.revoked' });
});

test('when what hangs on a device cannot stop, the device is not stopped either', async () => {
  const fail = await openPlace();
  try {
    const member = await openMember(fail, { phone: '13900391001' });
    fail.identity.onDeviceRevoked(async () => {
      throw new Error('a hook failed');
    });
    expect((await member.ask('DELETE', `/devices/${member.device.id}`)).status).toBe(500);
    expect((await member.device.ask('POST', '/who', {})).body).toMatchObject({ device: member.device.id });
  } finally {
    await fail.close();
  }
});

test.each([
  ['enrolling', 'POST', '/devices'],
  ['stopping', 'DELETE', '/devices/'],
  ['adding a passkey', 'POST', '/passkeys/options'],
  ['removing a passkey', 'DELETE', '/passkeys/'],
] as const)('%s wants a fresh passkey touch', async (_what, method, path) => {
  place.pass(duration(6, 'min'));
  const other = newDevice(place);
  const body = path === '/devices' ? { id: other.id, key: other.key, name: 'x' } : undefined;
  const target =
    path === '/devices/' ? `${path}${ming.device.id}` : path === '/passkeys/' ? path + idOf(ming.authenticator) : path;
  expect((await ming.ask(method, target, body)).body).toMatchObject({ code: 'session.step-up' });
  expect((await openBrowser(place).ask(method, target, body)).body).toMatchObject({ code: 'session.none' });
});

/** Sends `body` to /who under the header made for `said`. */
async function speak(said: { method?: string; path?: string; body?: unknown; at?: number; key?: Member['device'] }) {
  const key = said.key ?? ming.device;
  const header = deviceHeader(
    { id: ming.device.id, privateKey: key.privateKey },
    said.method ?? 'POST',
    said.path ?? '/who',
    said.body ?? { a: 1 },
    said.at ?? place.clock(),
  );
  const reply = await place.app.inject({
    method: 'POST',
    url: '/who',
    headers: { authorization: header, 'content-type': 'application/json' },
    payload: '{"a":1}',
  });
  return reply.json();
}

test('a request signed by the device speaks for it', async () => {
  expect(await speak({})).toEqual({ device: ming.device.id, wallet: ming.wallet });
  const [device] = await place.identity.devicesOf(ming.wallet);
  expect(device?.seenAt).toBe(place.clock());
});

test.each<[string, () => Parameters<typeof speak>[0], string]>([
  ['another method', () => ({ method: 'PUT' }), 'device.signature'],
  ['another path', () => ({ path: '/who?x=1' }), 'device.signature'],
  ['another body', () => ({ body: { a: 2 } }), 'device.signature'],
  ["another device's key", () => ({ key: newDevice(place) }), 'device.signature'],
  ['a clock five minutes slow', () => ({ at: place.clock() - 300_001 }), 'device.clock-skew'],
  ['a clock five minutes fast', () => ({ at: place.clock() + 300_001 }), 'device.clock-skew'],
])('refused: signed for %s', async (_what, said, code) =>
  expect(await speak(said())).toMatchObject({ refused: { code } }),
);

test('a clock that is off is told the right time', async () => {
  expect(await speak({ at: 0 })).toMatchObject({ refused: { detail: { serverTime: place.clock() } } });
});

test.each(['', 'Device', 'Device x:1:y', `Device ${'0'.repeat(36)}:1:${'A'.repeat(86)}`, 'Bearer x'])(
  'the header %j is no signature',
  async (authorization) => {
    const reply = await place.app.inject({
      method: 'POST',
      url: '/who',
      headers: { authorization, origin: ORIGIN, 'content-type': 'application/json' },
      payload: '{}',
    });
    expect(reply.json()).toMatchObject({ refused: { code: 'device.signature' } });
  },
);

test('a device nobody enrolled is unknown', async () => {
  expect((await newDevice(place).ask('POST', '/who', {})).body).toMatchObject({ refused: { code: 'device.unknown' } });
});
