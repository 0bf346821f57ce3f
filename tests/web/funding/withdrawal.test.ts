/** Withdrawing on the phone: nothing goes without the person, one act is one id, and what is not known is said to be so. */
import { beforeEach, expect, test } from 'vitest';
import type { Withdrawal } from '#shared/api/funding.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import { ok, refuse } from '#shared/base/result.ts';
import { after, duration } from '#shared/base/time.ts';
import { type ActStage, openActStage } from '#tests/web/funding/server.ts';
import { dropAct } from '#web/funding/act.ts';
import {
  beginWithdrawal,
  followWithdrawal,
  lookAtWithdrawals,
  openWithdrawals,
  readWithdrawalTerms,
  sendWithdrawal,
} from '#web/funding/withdrawal.ts';
import type { Vault } from '#web/vault/vault.ts';

const CARD = { id: '01900000-0000-7000-8000-0000000000d1', bank: 'icbc', last4: '6783' };
const WISH = { amount: 150_00, currency: 'CNY', card: CARD } as const;
const PROOF = { by: 'password', password: '730291' } as const;

let stage: ActStage<Withdrawal>;
let vault: Vault;

beforeEach(() => {
  stage = openActStage<Withdrawal>({
    path: '/withdrawals',
    terms: { currency: 'CNY', least: 100 },
    take: (body) => {
      const { id, card, amount, proof } = body as { id: string; card: string; amount: number; proof?: object };
      if (!proof) return refuse({ code: 'money.proof' });
      return ok({
        ...{ id, reference: id, card: { ...CARD, id: card }, amount, fee: 25, currency: 'CNY' },
        ...{ state: 'started', startedAt: 1, changedAt: 1 },
      });
    },
    follow: followWithdrawal,
    reasonOf: (state) => (state === 'declined' || state === 'returned' ? 'AC04' : undefined),
  });
  ({ vault } = stage.needs);
});

test.each<[what: string, words: Withdrawal['state'][], told: string[]]>([
  ['it arrives', ['asked', 'pending', 'settled'], ['asked', 'pending', 'settled']],
  ['the bank rejects it', ['pending', 'declined'], ['pending', 'declined']],
  ['the bank does not answer for a while', ['unknown', 'unknown', 'settled'], ['unknown', 'unknown', 'settled']],
])(
  '%s: sent once with its proof, followed to the last word, and the wallet is brought down twice',
  async (_what, said, told) => {
    const row = await beginWithdrawal(stage.needs, WISH);
    expect([stage.asked, await stage.stateOf(row.id)]).toEqual([[], 'kept']);
    expect(await sendWithdrawal(stage.needs, row, PROOF)).toMatchObject({ ok: true, value: { state: 'started' } });
    stage.words = said;
    expect(await stage.follow(row.id)).toEqual(told);
    expect(stage.asked.filter((one) => one.startsWith('POST'))).toHaveLength(1);
    expect(stage.synced).toBe(2);
    expect(await openWithdrawals(vault)).toEqual([]);
    expect(await vault.topUps.get(row.id)).toMatchObject({ channel: 'payout', detail: { card: CARD, fee: 25 } });
  },
);

// how the house tells of it when the list is opened again | how often the balance was brought down for it
test.each<[Withdrawal['state'], number]>([
  ['pending', 0],
  ['settled', 1],
  ['returned', 1],
])(
  'an open withdrawal that is %s by now says so when the list is opened, and nothing is sent',
  async (state, syncs) => {
    const row = await beginWithdrawal(stage.needs, WISH);
    await sendWithdrawal(stage.needs, row, PROOF);
    stage.now = after(stage.now, duration(1, 's'));
    const kept = await beginWithdrawal(stage.needs, WISH);
    [stage.asked.length, stage.synced, stage.words] = [0, 0, [state]];
    expect((await lookAtWithdrawals(stage.needs)).map((one) => [one.id, one.state])).toEqual([
      [kept.id, 'kept'],
      [row.id, state],
    ]);
    expect([stage.asked, stage.synced]).toEqual([['GET /withdrawals/:id'], syncs]);
    expect(await stage.stateOf(row.id)).toBe(state);
    stage.road = 'cut';
    expect((await lookAtWithdrawals(stage.needs)).map(({ id }) => id)).toEqual(
      state === 'pending' ? [kept.id, row.id] : [kept.id],
    );
  },
);

test('what was kept and never sent stays with the person: no step of the phone sends it', async () => {
  const row = await beginWithdrawal(stage.needs, WISH);
  expect(await stage.follow(row.id, 3)).toEqual(['kept', 'kept', 'kept']);
  expect([stage.held.size, stage.asked.filter((one) => one.startsWith('POST'))]).toEqual([0, []]);
  stage.now = after(stage.now, duration(16, 'min'));
  expect(await stage.follow(row.id)).toEqual(['dropped']);
});

test('an answer that is lost: the same id is sent again, or found by looking; one withdrawal', async () => {
  const row = await beginWithdrawal(stage.needs, WISH);
  stage.road = 'deaf';
  expect(await sendWithdrawal(stage.needs, row, PROOF)).toMatchObject({
    ok: false,
    error: { code: 'house.unreachable' },
  });
  expect((await openWithdrawals(vault)).map(({ id }) => id)).toEqual([row.id]);
  expect(await stage.follow(row.id, 2)).toEqual(['house.unreachable', 'house.unreachable']);
  stage.road = 'open';
  expect((await sendWithdrawal(stage.needs, row, PROOF)).ok).toBe(true);
  stage.words = ['settled'];
  expect(await stage.follow(row.id)).toEqual(['settled']);
  expect([...stage.held.keys()]).toEqual([row.id]);
});

test.each<[Refusal, string]>([
  [{ code: 'password.wrong', detail: { left: 4 } }, 'kept'],
  [{ code: 'money.proof' }, 'kept'],
  [{ code: 'session.none' }, 'kept'],
  [{ code: 'wallet.frozen' }, 'kept'],
  [{ code: 'funding.withdrawal-off' }, 'kept'],
  [{ code: 'house.busy' }, 'kept'],
  [{ code: 'ledger.insufficient' }, 'refused'],
  [{ code: 'funding.above-day', detail: { left: 100 } }, 'refused'],
  [{ code: 'card.not-found' }, 'refused'],
  [{ code: 'card.kind' }, 'refused'],
])('a refusal %o leaves it %s', async (no, state) => {
  stage.refusal = no;
  const row = await beginWithdrawal(stage.needs, WISH);
  const sent = await sendWithdrawal(stage.needs, row, PROOF);
  expect([sent.ok, await stage.stateOf(row.id), stage.synced]).toEqual([state === 'refused', state, 0]);
  if (state === 'refused')
    expect((await vault.topUps.get(row.id))?.detail).toMatchObject({ code: no.code, card: CARD });
});

test('a withdrawal that had arrived and was sent back the next day is told when one looks again', async () => {
  const row = await beginWithdrawal(stage.needs, WISH);
  await sendWithdrawal(stage.needs, row, PROOF);
  stage.words = ['settled'];
  await stage.follow(row.id);
  stage.words = ['returned'];
  expect(await stage.follow(row.id)).toEqual(['returned']);
  expect(await vault.topUps.get(row.id)).toMatchObject({ state: 'returned', detail: { reason: 'AC04' } });
  stage.road = 'cut';
  expect(await stage.follow(row.id)).toEqual(['returned']);
});

test('what the person let go is let go, unless it had arrived after all', async () => {
  const never = await beginWithdrawal(stage.needs, WISH);
  await dropAct(stage.needs, never.id);
  expect([await stage.follow(never.id), await stage.stateOf(never.id)]).toEqual([['dropped'], 'dropped']);
  const late = await beginWithdrawal(stage.needs, WISH);
  stage.road = 'deaf';
  await sendWithdrawal(stage.needs, late, PROOF);
  await dropAct(stage.needs, late.id);
  stage.road = 'open';
  stage.words = ['settled'];
  expect(await stage.follow(late.id)).toEqual(['settled']);
  await dropAct(stage.needs, late.id);
  expect(await stage.stateOf(late.id)).toBe('settled');
});

test('the terms of the last connection are shown when there is none', async () => {
  stage.road = 'cut';
  expect(await readWithdrawalTerms(stage.needs, 'CNY')).toMatchObject({ terms: undefined, fresh: false });
  stage.road = 'open';
  const read = await readWithdrawalTerms(stage.needs, 'CNY');
  assert(read.terms !== undefined, 'there are terms');
  stage.road = 'cut';
  expect(await readWithdrawalTerms(stage.needs, 'CNY')).toMatchObject({
    terms: read.terms,
    fresh: false,
    refusal: { code: 'house.unreachable' },
  });
  expect((await readWithdrawalTerms(stage.needs, 'USD')).terms).toBeUndefined();
});
