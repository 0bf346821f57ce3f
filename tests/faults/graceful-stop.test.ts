/** Asked to stop while it is busy, the server answers everything it has taken, says so to balancers, and ends by itself. */
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Client, endingsOf, type Letter, openClient, type Reply } from '#tests/kit/crowd.ts';
import { report } from '#tests/kit/fault-report.ts';
import { type House, startHouse } from '#tests/kit/house.ts';

const IN_FLIGHT = 1_000;

let house: House;
let port: number;

beforeAll(async () => {
  house = await startHouse({ paceMs: 10, environment: { TRUST_PROXY: '127.0.0.1', LOG_LEVEL: 'error' } });
  port = Number(new URL(house.origin).port);
});
afterAll(() => house?.stop());
beforeEach(() => house.restart('server'));

/** Everybody comes from elsewhere, so that nobody is told to come less often. */
const question = (at: number): Letter => ({
  method: 'GET',
  path: '/network',
  headers: { 'x-forwarded-for': `10.9.${at >> 8}.${at & 255}` },
});

async function crowd(size: number): Promise<Client[]> {
  const clients = Array.from({ length: size }, () => openClient(port));
  const first = await Promise.all(clients.map((client, at) => client.ask(question(at))));
  expect(endingsOf(first)).toEqual({ 'answered 200': size });
  return clients;
}

test('a thousand requests under way on kept connections: all are answered, each connection is ended politely', async () => {
  const clients = await crowd(IN_FLIGHT);
  const asking = clients.map((client, at) => client.ask(question(at)));
  const stopped = house.end('server', 'SIGTERM');
  const replies = await Promise.all(asking);
  expect(endingsOf(replies)).toEqual({ 'answered 200': IN_FLIGHT });
  const began = performance.now();
  expect(await stopped).toEqual({ code: 0 });
  expect(performance.now() - began).toBeLessThan(30_000);
  report('graceful stop, kept connections', 1, { inFlight: IN_FLIGHT, failed: 0 });
});

test('a thousand new connections while it stops: each is answered or was never taken', async () => {
  const asking: Promise<Reply>[] = [];
  for (let at = 0; at < IN_FLIGHT; at += 1) asking.push(openClient(port).ask(question(at)));
  await pause(20);
  const stopped = house.end('server', 'SIGTERM');
  const endings = endingsOf(await Promise.all(asking));
  const { 'answered 200': answered = 0, 'never taken': refused = 0 } = endings;
  expect({ endings, all: answered + refused }).toEqual({ endings, all: IN_FLIGHT });
  expect(answered).toBeGreaterThan(0);
  expect(await stopped).toEqual({ code: 0 });
  report('graceful stop, new connections', 1, { asked: IN_FLIGHT, answered, neverTaken: refused, cut: 0 });
});

/**
 * A connection whose handshake ends in the very moment the door shuts is reset by the kernel before the server has seen
 * it; of clients that knock without pause a few meet that moment. Which is why balancers read /readyz and stay away.
 */
const MET_THE_SHUTTING_DOOR = 10;

test('clients that ask and ask again: each is refused in the end, and but for the shutting door none loses a question', async () => {
  const clients = await crowd(200);
  const loops = clients.map(async (client, at) => {
    const replies: Reply[] = [];
    for (let asked = 0; ; asked += 1) {
      const reply = await client.ask(question((at * 200 + asked) & 65_535));
      replies.push(reply);
      if (!reply.ending.startsWith('answered')) return replies;
    }
  });
  await pause(100);
  const stopped = house.end('server', 'SIGTERM');
  const endings = endingsOf((await Promise.all(loops)).flat());
  const { 'answered 200': answered = 0, 'never taken': refused = 0, 'cut ECONNRESET': cut = 0, ...other } = endings;
  expect({ other, ended: refused + cut }).toEqual({ other: {}, ended: 200 });
  expect(cut).toBeLessThanOrEqual(MET_THE_SHUTTING_DOOR);
  expect(await stopped).toEqual({ code: 0 });
  report('graceful stop, closed loop', 1, { clients: 200, answered, cut });
});

test('while it drains a balancer hears 503 and the living hear that it lives; a silent connection does not hold it up', async () => {
  const silent = connect(port, '127.0.0.1');
  silent.on('error', () => undefined);
  const half = connect(port, '127.0.0.1');
  half.on('error', () => undefined);
  half.write('GET /network HTTP/1.1\r\nhost: local');
  const [asker] = await crowd(1);
  const began = performance.now();
  const stopped = house.end('server', 'SIGTERM');
  await pause(50);
  const [ready, live] = await Promise.all(
    ['/readyz', '/livez'].map((path) => openClient(port).ask({ method: 'GET', path })),
  );
  expect(ready).toMatchObject({ ending: 'answered 503', body: expect.stringContaining('draining') });
  expect(live).toMatchObject({ ending: 'answered 200' });
  expect(await asker?.ask(question(1))).toMatchObject({
    ending: 'answered 200',
    head: expect.stringMatching(/connection: close/i),
  });
  expect(await stopped).toEqual({ code: 0 });
  expect(performance.now() - began).toBeLessThan(20_000);
  silent.destroy();
  half.destroy();
});

test('told twice to stop, as a terminal and npm both do, it still ends well', async () => {
  const stopped = house.end('server', 'SIGINT');
  await pause(30);
  house.signal('server', 'SIGINT');
  expect(await stopped).toEqual({ code: 0 });
});
