/** The whole house as processes: top-ups by HTTP, the server killed at random moments, and what strangers may not do. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { available } from '#server/ledger/chart.ts';
import { openLedger } from '#server/ledger/ledger.ts';
import { openDatabase } from '#server/platform/database.ts';
import { isFinal, type TopUp } from '#shared/api/funding.ts';
import { type Id, newId } from '#shared/base/id.ts';
import { instant } from '#shared/base/time.ts';
import { type House, startHouse } from '#tests/kit/house.ts';
import { type Member, openBrowser, openMember, type Place } from '#tests/kit/member.ts';
import { overHttp } from '#tests/kit/over-http.ts';

const clock = () => instant(Date.now());
let house: House;
let place: Place;
let member: Member;

beforeAll(async () => {
  house = await startHouse({ paceMs: 60 });
  place = { app: overHttp(house.origin), origin: house.origin, clock, codeFor: house.smsCode };
  member = await openMember(place, { phone: '13800138000' });
});
afterAll(() => house?.stop());

const want = (amount: number, id: Id = newId(clock())) => ({ id, channel: 'bank-transfer', amount, currency: 'CNY' });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends until answered, then looks until the last word, as the phone does, whatever happens to the server meanwhile. */
async function lastWord(request: ReturnType<typeof want>): Promise<TopUp> {
  let kept = false;
  for (const until = Date.now() + 90_000; Date.now() < until; await pause(kept ? 60 : 300)) {
    const asked = kept ? member.ask('GET', `/top-ups/${request.id}`) : member.ask('POST', '/top-ups', request);
    const answer = await asked.catch(() => undefined);
    if (answer?.status !== 200 && answer?.status !== 202) continue;
    kept = true;
    const topUp = answer.body as unknown as TopUp;
    if (isFinal(topUp.state)) return topUp;
  }
  throw new Error(`no last word about ${request.amount}:\n${house.log().slice(-2000)}`);
}

test.each([
  // amount, last word
  [50_00, 'settled', undefined],
  [50_01, 'settled', undefined],
  [50_04, 'declined', 'AM04'],
  [50_05, 'declined', 'AC04'],
  [50_23, 'settled', undefined],
])('%i fen by HTTP: %s', async (amount, state, reason) => {
  const topUp = await lastWord(want(amount));
  expect([topUp.state, topUp.reason]).toEqual([state, reason]);
});

test.each([
  ['nobody is signed in', 401, 'session.none', 'GET', '/top-ups', undefined],
  ['nobody is signed in', 401, 'session.none', 'POST', '/top-ups', want(100_00)],
  ['nobody is signed in', 401, 'session.none', 'GET', '/top-ups/terms', undefined],
])('%s: %i %s', async (_what, status, code, method, path, body) => {
  const answer = await openBrowser(place).ask(method as 'GET', path, body);
  expect(answer.status).toBe(status);
  expect(answer.body).toMatchObject({ code });
});

test.each([
  ['half a fen', 400, 'request.malformed', { ...want(1), amount: 0.5 }],
  ['a negative sum', 400, 'request.malformed', { ...want(1), amount: -100 }],
  ['a sum as text', 400, 'request.malformed', { ...want(1), amount: '100' }],
  ['an unknown channel', 400, 'request.malformed', { ...want(100_00), channel: 'cash' }],
  ['an id that is none', 400, 'request.malformed', { ...want(100_00), id: 'x' }],
  ['more than it asks for', 400, 'request.malformed', { ...want(100_00), wallet: 'x' }],
  ['too little', 409, 'funding.below-least', want(1)],
  ['too much', 409, 'funding.above-most', want(1_000_01)],
])('%s is refused: %i %s', async (_what, status, code, body) => {
  const answer = await member.ask('POST', '/top-ups', body);
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(answer.body).toMatchObject({ code });
});

test('another person sees nothing of it', async () => {
  const topUp = await lastWord(want(10_01));
  const stranger = await openMember(place, { phone: '13800138009' });
  expect((await stranger.ask('GET', `/top-ups/${topUp.id}`)).status).toBe(404);
  expect((await stranger.ask('GET', '/top-ups')).body).toEqual({ topUps: [] });
  expect((await stranger.ask('POST', '/top-ups', want(10_01, topUp.id as Id))).body).toMatchObject({
    code: 'funding.id-reused',
  });
});

test('a notice nobody signed is refused, and needs no Origin to be so', async () => {
  const topUp = await lastWord(want(10_01));
  const message = JSON.stringify({ id: topUp.reference, status: 'RJCT', amount: 10_01, currency: 'CNY' });
  const answer = await fetch(`${house.origin.replace('localhost', '127.0.0.1')}/callbacks/bank-transfer?region=CN-SX`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: newId(clock()), at: Math.floor(clock() / 1000), message, signature: 'A'.repeat(86) }),
  });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ code: 'funding.notice-forged' });
});

test('the server killed three times in the middle of thirty top-ups: each is settled once', async () => {
  const digits = [0, 1, 11, 12, 13, 21, 22, 23, 24, 41];
  const before = (await member.ask<{ topUps: TopUp[] }>('GET', '/top-ups')).body.topUps;
  const words: Promise<TopUp>[] = [];
  for (const moment of [25, 60, 120]) {
    words.push(...digits.map((digit) => lastWord(want(2_00 + digit))));
    await pause(moment);
    await house.kill('server');
    await house.restart('server');
  }
  expect((await Promise.all(words)).map((one) => one.state)).toEqual(words.map(() => 'settled'));
  // The late and repeated notices that are still on their way must change nothing.
  await pause(60 * 32);
  const { topUps } = (await member.ask<{ topUps: TopUp[] }>('GET', '/top-ups')).body;
  expect(topUps).toHaveLength(before.length + words.length);
  const settled = topUps.filter((one) => one.state === 'settled').reduce((sum, one) => sum + one.amount, 0);

  await house.kill('server');
  const database = await openDatabase({ dataDir: house.dataDir });
  const [balance] = await openLedger({ database }).balances('CN-SX', [available('CN-SX', member.wallet, 'CNY')]);
  await database.close();
  expect(balance).toBe(settled);
}, 240_000);
