/** Withdrawing on the phone: nothing goes without the person, one act is one id, and what is not known is said to be so. */
import { beforeEach, expect, test } from 'vitest';
import type { Withdrawal } from '#shared/api/funding.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { after, duration, type Instant, instant } from '#shared/base/time.ts';
import { type ActNeeds, dropAct } from '#web/funding/act.ts';
import {
  beginWithdrawal,
  followWithdrawal,
  openWithdrawals,
  readWithdrawalTerms,
  sendWithdrawal,
} from '#web/funding/withdrawal.ts';
import type { Asked } from '#web/sync/client.ts';
import { openVault, type Vault } from '#web/vault/vault.ts';

const CARD = { id: '01900000-0000-7000-8000-0000000000d1', bank: 'icbc', last4: '6783' };
const WISH = { amount: 150_00, currency: 'CNY', card: CARD } as const;
const PROOF = { by: 'password', password: '730291' } as const;

/** A server that keeps withdrawals; `road` says what becomes of a request: it passes, is lost, or only its answer is. */
let held: Map<string, Withdrawal>;
let road: 'open' | 'cut' | 'deaf';
let refusal: Refusal | undefined;
let words: Withdrawal['state'][];
let asked: string[];
let synced: number;
let now: Instant;
let vault: Vault;
let needs: ActNeeds;

function serve({ method, path, body }: Asked): Result<unknown, Refusal> {
  if (path === '/withdrawals/terms') return ok({ terms: [{ currency: 'CNY', least: 100 }] });
  if (method === 'POST') {
    if (refusal) return refuse(refusal);
    const { id, card, amount, proof } = body as { id: string; card: string; amount: number; proof?: object };
    if (!held.has(id) && !proof) return refuse({ code: 'money.proof' });
    const fresh: Withdrawal = {
      ...{ id, reference: id, card: { ...CARD, id: card }, amount, fee: 25, currency: 'CNY' },
      ...{ state: 'started', startedAt: 1, changedAt: 1 },
    };
    if (!held.has(id)) held.set(id, fresh);
    return ok(held.get(id));
  }
  const known = held.get(path.split('/')[2] ?? '');
  if (!known) return refuse({ code: 'request.not-found' });
  const state = words.shift() ?? known.state;
  held.set(
    known.id,
    state === 'declined' || state === 'returned' ? { ...known, state, reason: 'AC04' } : { ...known, state },
  );
  return ok(held.get(known.id));
}

beforeEach(() => {
  vault = openVault(`withdrawal-${crypto.randomUUID()}`);
  held = new Map();
  road = 'open';
  refusal = undefined;
  words = [];
  asked = [];
  synced = 0;
  now = instant(Date.UTC(2026, 10, 23, 12));
  needs = {
    vault,
    clock: () => now,
    ask: async <Answer>(request: Asked) => {
      asked.push(`${request.method} ${request.path.replace(/[0-9a-f-]{36}/, ':id')}`);
      if (road === 'cut') return refuse({ code: 'house.unreachable' } as const);
      const answer = serve(request);
      return (road === 'deaf' ? refuse({ code: 'house.unreachable' }) : answer) as Result<Answer, Refusal>;
    },
    sync: async () => {
      synced += 1;
    },
    pause: async () => undefined,
  };
});

const stateOf = async (id: string) => (await vault.topUps.get(id))?.state;
/** What the page is told until the last word, or until it has seen `looks` of them. */
async function follow(id: string, looks = 20): Promise<string[]> {
  const told: string[] = [];
  await followWithdrawal(
    needs,
    id,
    (step) => told.push(step.ok ? step.value.state : step.error.code),
    () => told.length >= looks,
  );
  return told;
}

test.each<[what: string, words: Withdrawal['state'][], told: string[]]>([
  ['it arrives', ['asked', 'pending', 'settled'], ['asked', 'pending', 'settled']],
  ['the bank rejects it', ['pending', 'declined'], ['pending', 'declined']],
  ['the bank does not answer for a while', ['unknown', 'unknown', 'settled'], ['unknown', 'unknown', 'settled']],
])(
  '%s: sent once with its proof, followed to the last word, and the wallet is brought down twice',
  async (_what, said, told) => {
    const row = await beginWithdrawal(needs, WISH);
    expect([asked, await stateOf(row.id)]).toEqual([[], 'kept']);
    expect(await sendWithdrawal(needs, row, PROOF)).toMatchObject({ ok: true, value: { state: 'started' } });
    words = said;
    expect(await follow(row.id)).toEqual(told);
    expect(asked.filter((one) => one.startsWith('POST'))).toHaveLength(1);
    expect(synced).toBe(2);
    expect(await openWithdrawals(vault)).toEqual([]);
    expect(await vault.topUps.get(row.id)).toMatchObject({ channel: 'payout', detail: { card: CARD, fee: 25 } });
  },
);

test('what was kept and never sent stays with the person: no step of the phone sends it', async () => {
  const row = await beginWithdrawal(needs, WISH);
  expect(await follow(row.id, 3)).toEqual(['kept', 'kept', 'kept']);
  expect([held.size, asked.filter((one) => one.startsWith('POST'))]).toEqual([0, []]);
  now = after(now, duration(16, 'min'));
  expect(await follow(row.id)).toEqual(['dropped']);
});

test('an answer that is lost: the same id is sent again, or found by looking; one withdrawal', async () => {
  const row = await beginWithdrawal(needs, WISH);
  road = 'deaf';
  expect(await sendWithdrawal(needs, row, PROOF)).toMatchObject({ ok: false, error: { code: 'house.unreachable' } });
  expect((await openWithdrawals(vault)).map(({ id }) => id)).toEqual([row.id]);
  expect(await follow(row.id, 2)).toEqual(['house.unreachable', 'house.unreachable']);
  road = 'open';
  expect((await sendWithdrawal(needs, row, PROOF)).ok).toBe(true);
  words = ['settled'];
  expect(await follow(row.id)).toEqual(['settled']);
  expect([...held.keys()]).toEqual([row.id]);
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
  refusal = no;
  const row = await beginWithdrawal(needs, WISH);
  const sent = await sendWithdrawal(needs, row, PROOF);
  expect([sent.ok, await stateOf(row.id), synced]).toEqual([state === 'refused', state, 0]);
  if (state === 'refused')
    expect((await vault.topUps.get(row.id))?.detail).toMatchObject({ code: no.code, card: CARD });
});

test('a withdrawal that had arrived and was sent back the next day is told when one looks again', async () => {
  const row = await beginWithdrawal(needs, WISH);
  await sendWithdrawal(needs, row, PROOF);
  words = ['settled'];
  await follow(row.id);
  words = ['returned'];
  expect(await follow(row.id)).toEqual(['returned']);
  expect(await vault.topUps.get(row.id)).toMatchObject({ state: 'returned', detail: { reason: 'AC04' } });
  road = 'cut';
  expect(await follow(row.id)).toEqual(['returned']);
});

test('what the person let go is let go, unless it had arrived after all', async () => {
  const never = await beginWithdrawal(needs, WISH);
  await dropAct(needs, never.id);
  expect([await follow(never.id), await stateOf(never.id)]).toEqual([['dropped'], 'dropped']);
  const late = await beginWithdrawal(needs, WISH);
  road = 'deaf';
  await sendWithdrawal(needs, late, PROOF);
  await dropAct(needs, late.id);
  road = 'open';
  words = ['settled'];
  expect(await follow(late.id)).toEqual(['settled']);
  await dropAct(needs, late.id);
  expect(await stateOf(late.id)).toBe('settled');
});

test('the terms of the last connection are shown when there is none', async () => {
  road = 'cut';
  expect(await readWithdrawalTerms(needs, 'CNY')).toMatchObject({ terms: undefined, fresh: false });
  road = 'open';
  const read = await readWithdrawalTerms(needs, 'CNY');
  assert(read.terms !== undefined, 'there are terms');
  road = 'cut';
  expect(await readWithdrawalTerms(needs, 'CNY')).toMatchObject({
    terms: read.terms,
    fresh: false,
    refusal: { code: 'house.unreachable' },
  });
  expect((await readWithdrawalTerms(needs, 'USD')).terms).toBeUndefined();
});
