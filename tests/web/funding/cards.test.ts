/** Bank cards on the phone: a binding is one id until the bank has decided, and what was last told is there without a network. */
import { beforeEach, expect, test } from 'vitest';
import type { Card } from '#shared/api/funding.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { instant } from '#shared/base/time.ts';
import { bindCard, bindingPage, cardOf, lookAtCard, readCards, unbindCard } from '#web/funding/cards.ts';
import type { IdentityNeeds } from '#web/identity/person.ts';
import type { Asked } from '#web/sync/client.ts';
import { readSetting } from '#web/vault/settings.ts';
import { openVault } from '#web/vault/vault.ts';

const PAGE = 'http://127.0.0.1:4801/card/bind/1';
let held: Map<string, Card>;
let road: 'open' | 'cut' | 'deaf';
let refusal: Refusal | undefined;
let needs: IdentityNeeds;

function serve({ method, path, body }: Asked): Result<unknown, Refusal> {
  if (refusal) return refuse(refusal);
  if (method === 'POST') {
    const { id } = body as { id: string };
    if (!held.has(id)) held.set(id, { id, state: 'binding', isDefault: false, page: PAGE, startedAt: 1 });
    return ok(held.get(id));
  }
  if (path === '/cards') return ok({ cards: [...held.values()].filter(({ state }) => /^b/.test(state)) });
  const card = held.get(path.split('/')[2] ?? '');
  if (!card) return refuse({ code: 'card.not-found' });
  if (method === 'DELETE') held.set(card.id, { ...card, state: 'unbound' });
  return ok(held.get(card.id));
}

beforeEach(() => {
  held = new Map();
  road = 'open';
  refusal = undefined;
  needs = {
    vault: openVault(`cards-${crypto.randomUUID()}`),
    clock: () => instant(Date.UTC(2026, 10, 23, 12)),
    ask: async <Answer>(request: Asked) => {
      if (road === 'cut') return refuse({ code: 'house.unreachable' } as const);
      const answer = serve(request);
      return (road === 'deaf' ? refuse({ code: 'house.unreachable' }) : answer) as Result<Answer, Refusal>;
    },
  };
});

const idOf = (result: Result<Card, Refusal>) => (result.ok ? result.value.id : result.error.code);
const decide = (id: string, state: Card['state']) => held.set(id, { ...(held.get(id) as Card), state });

test('a binding whose answer was lost, or whose page was left, is taken up again under its id', async () => {
  road = 'deaf';
  expect(idOf(await bindCard(needs))).toBe('house.unreachable');
  road = 'open';
  const first = idOf(await bindCard(needs));
  expect([idOf(await bindCard(needs)), held.size]).toEqual([first, 1]);
});

test.each(['bound', 'refused', 'unbound'] as const)('one that is %s makes room for another', async (end) => {
  const first = idOf(await bindCard(needs));
  decide(first, end);
  const second = await bindCard(needs);
  expect([idOf(second) === first, held.size]).toEqual([false, 2]);
  expect(second).toMatchObject({ ok: true, value: { state: 'binding' } });
});

test('the phone forgets a binding once it knows its end, by looking or by giving it up', async () => {
  const first = idOf(await bindCard(needs));
  await lookAtCard(needs, first);
  expect(await readSetting(needs.vault, 'cardBinding')).toBe(first);
  decide(first, 'bound');
  await lookAtCard(needs, first);
  expect(await readSetting(needs.vault, 'cardBinding')).toBeUndefined();
  const second = idOf(await bindCard(needs));
  expect(await unbindCard(needs, second)).toMatchObject({ ok: true, value: { state: 'unbound' } });
  expect(await readSetting(needs.vault, 'cardBinding')).toBeUndefined();
});

test('a refusal keeps the id of the binding, but for an id that is somebody else’s', async () => {
  refusal = { code: 'funding.tier' };
  expect(idOf(await bindCard(needs))).toBe('funding.tier');
  const kept = await readSetting(needs.vault, 'cardBinding');
  expect(kept).toBeDefined();
  refusal = { code: 'funding.id-reused' };
  expect(idOf(await bindCard(needs))).toBe('funding.id-reused');
  expect(await readSetting(needs.vault, 'cardBinding')).toBeUndefined();
});

test('the cards last told are there without a network, and said to be old', async () => {
  road = 'cut';
  expect(await readCards(needs)).toEqual({ cards: undefined, fresh: false, refusal: { code: 'house.unreachable' } });
  road = 'open';
  const card = idOf(await bindCard(needs));
  expect(await readCards(needs)).toMatchObject({ cards: [{ id: card }], fresh: true });
  road = 'cut';
  expect(await readCards(needs)).toMatchObject({ cards: [{ id: card }], fresh: false });
});

test('a list that was empty when last told does not say that there are none now', async () => {
  expect(await readCards(needs)).toEqual({ cards: [], fresh: true });
  road = 'cut';
  expect(await readCards(needs)).toEqual({ cards: undefined, fresh: false, refusal: { code: 'house.unreachable' } });
});

test.each([
  // state, page, where one goes
  ['binding', PAGE, PAGE],
  ['binding', 'javascript:alert(1)', undefined],
  ['binding', undefined, undefined],
  ['bound', PAGE, undefined],
] as const)('a card that is %s with the page %s leads to %s', (state, page, leads) => {
  expect(bindingPage({ state, ...(page ? { page } : {}) })).toBe(leads);
});

test.each([
  [{ card: { id: 'a', bank: 'icbc', last4: '6783' } }, { id: 'a', bank: 'icbc', last4: '6783' }],
  [{ card: { id: 'a', bank: 'icbc' } }, undefined],
  [{ card: 'icbc' }, undefined],
  [{}, undefined],
])('of %o the card is %o', (detail, card) => {
  expect(cardOf({ detail })).toEqual(card);
});
