/** Topping up on the phone against a server that is lost, deaf, refusing or slow: one act is one id, and the last word is kept. */
import { beforeEach, expect, test } from 'vitest';
import type { TopUp } from '#shared/api/funding.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { ok } from '#shared/base/result.ts';
import { after, duration } from '#shared/base/time.ts';
import { type ActStage, openActStage } from '#tests/web/funding/server.ts';
import {
  beginTopUp,
  errandOf,
  followTopUp,
  lookAtTopUps,
  openTopUps,
  readTerms,
  stepTopUp,
} from '#web/funding/top-up.ts';
import type { Vault } from '#web/vault/vault.ts';

const WISH = { channel: 'bank-transfer', amount: 200_00, currency: 'CNY' } as const;

let stage: ActStage<TopUp>;
let vault: Vault;

beforeEach(() => {
  stage = openActStage<TopUp>({
    path: '/top-ups',
    terms: { channel: 'bank-transfer', currency: 'CNY' },
    take: (body) => {
      const { id, channel, amount, currency } = body as TopUp;
      const wish = { id, reference: id, channel, amount, currency };
      return ok({ ...wish, fee: 0, state: 'started', startedAt: 1, changedAt: 1 });
    },
    follow: followTopUp,
    reasonOf: (state) => (state === 'declined' ? 'AM04' : undefined),
  });
  ({ vault } = stage.needs);
});

test('nothing is sent before it is kept', async () => {
  const row = await beginTopUp(stage.needs, WISH);
  expect(stage.asked).toEqual([]);
  expect(await vault.topUps.get(row.id)).toMatchObject({ ...WISH, state: 'kept' });
});

test.each<[what: string, words: TopUp['state'][], told: string[], synced: number]>([
  ['settled', ['asked', 'pending', 'settled'], ['started', 'asked', 'pending', 'settled'], 1],
  ['declined', ['pending', 'declined'], ['started', 'pending', 'declined'], 0],
  ['an unanswering bank', ['unknown', 'unknown', 'settled'], ['started', 'unknown', 'unknown', 'settled'], 1],
])('%s is followed to the last word, and the money is brought down', async (_what, said, told, syncs) => {
  stage.words = said;
  const row = await beginTopUp(stage.needs, WISH);
  expect(await stage.follow(row.id)).toEqual(told);
  expect(stage.synced).toBe(syncs);
  expect(await stage.stateOf(row.id)).toBe(told.at(-1));
  expect(await openTopUps(vault)).toEqual([]);
  expect(stage.asked.filter((one) => one.startsWith('POST'))).toHaveLength(1);
});

test('an open top-up that has settled by now says so when the list is opened', async () => {
  const row = await beginTopUp(stage.needs, WISH);
  await stepTopUp(stage.needs, row.id);
  stage.words = ['settled'];
  expect(await lookAtTopUps(stage.needs)).toMatchObject([{ id: row.id, state: 'settled' }]);
  expect([await openTopUps(vault), stage.synced]).toEqual([[], 1]);
});

test('an answer that is lost leads to the same id being sent again: one top-up', async () => {
  const row = await beginTopUp(stage.needs, WISH);
  stage.road = 'deaf';
  for (let times = 0; times < 3; times += 1) await stepTopUp(stage.needs, row.id);
  expect(await stage.stateOf(row.id)).toBe('kept');
  stage.road = 'open';
  stage.words = ['settled'];
  expect(await stage.follow(row.id)).toEqual(['started', 'settled']);
  expect([...stage.held.keys()]).toEqual([row.id]);
});

test('with no road it stays kept, is listed as open after a reload, and goes when the road is back', async () => {
  const row = await beginTopUp(stage.needs, WISH);
  stage.road = 'cut';
  expect((await stepTopUp(stage.needs, row.id)).ok).toBe(false);
  expect((await openTopUps(vault)).map((one) => one.id)).toEqual([row.id]);
  stage.road = 'open';
  stage.words = ['settled'];
  expect((await stage.follow(row.id)).at(-1)).toBe('settled');
});

test('what never reached the server is not sent by itself a quarter of an hour later', async () => {
  const row = await beginTopUp(stage.needs, WISH);
  stage.road = 'cut';
  await stepTopUp(stage.needs, row.id);
  stage.road = 'open';
  stage.now = after(stage.now, duration(16, 'min'));
  expect(await stage.follow(row.id)).toEqual(['dropped']);
  expect(stage.held.size).toBe(0);
});

test('what did reach the server is found however late one looks', async () => {
  const row = await beginTopUp(stage.needs, WISH);
  stage.road = 'deaf';
  await stepTopUp(stage.needs, row.id);
  stage.road = 'open';
  stage.now = after(stage.now, duration(16, 'min'));
  stage.words = ['settled'];
  expect(await stage.follow(row.id)).toEqual(['settled']);
});

test.each<[Refusal, string]>([
  [{ code: 'funding.above-day', detail: { left: 100 } }, 'refused'],
  [{ code: 'funding.id-reused' }, 'refused'],
  [{ code: 'request.malformed' }, 'refused'],
  [{ code: 'session.none' }, 'kept'],
  [{ code: 'request.too-many' }, 'kept'],
  [{ code: 'house.busy' }, 'kept'],
])('a refusal %o leaves it %s', async (no, state) => {
  stage.refusal = no;
  const row = await beginTopUp(stage.needs, WISH);
  await stepTopUp(stage.needs, row.id);
  expect(await stage.stateOf(row.id)).toBe(state);
  if (state === 'refused') expect((await vault.topUps.get(row.id))?.detail).toMatchObject({ code: no.code });
});

test('a link to a top-up begun on another device is read from the server; to none, is not found', async () => {
  const row = await beginTopUp(stage.needs, WISH);
  await stepTopUp(stage.needs, row.id);
  await vault.topUps.clear();
  expect(await stepTopUp(stage.needs, row.id)).toMatchObject({ ok: true, value: { id: row.id, state: 'started' } });
  expect(await stage.follow('01934567-89ab-7def-8123-456789abcdef')).toEqual(['request.not-found']);
});

test('the terms of the last connection are shown when there is none', async () => {
  stage.road = 'cut';
  expect(await readTerms(stage.needs)).toMatchObject({ terms: [], fresh: false });
  stage.road = 'open';
  expect(await readTerms(stage.needs)).toMatchObject({ fresh: true });
  stage.road = 'cut';
  expect(await readTerms(stage.needs)).toMatchObject({
    terms: [{ channel: 'bank-transfer' }],
    fresh: false,
    refusal: { code: 'house.unreachable' },
  });
});

test.each([
  // state, what the server told, what the person has to do
  ['pending', { page: 'http://127.0.0.1:4801/pay/1' }, { page: 'http://127.0.0.1:4801/pay/1' }],
  ['pending', { code: '123456789012', until: 7 }, { code: '123456789012', until: 7 }],
  ['pending', { page: 'javascript:alert(1)' }, {}],
  ['pending', { page: 7, code: {}, until: 'x' }, {}],
  ['pending', undefined, {}],
  ['settled', { page: 'http://127.0.0.1:4801/pay/1', code: '123456789012' }, {}],
])('%s with %o waits for %o', (state, detail, errand) => {
  expect(errandOf({ state, ...(detail ? { detail } : {}) })).toEqual(errand);
});
