/** A whole card number has no way into the house: no screen asks for one, no route takes one, and nothing here reads one but the bank's page. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '#shared/base/id.ts';
import { openStage, type Schema, type Stage } from '#tests/attack/stage.ts';
import { CREDIT_CARD } from '#tests/kit/funding.ts';
import { type Member, openMember } from '#tests/kit/member.ts';
import { sourcesIn } from '#tests/kit/sources.ts';

/** What one reads on a card, as people and programs call it. */
const ON_A_CARD = /card.?number|\bpan\b|cvv|cvc|security.?code|expiry|卡号|安全码|有效期至/i;

let stage: Stage;
let member: Member;
beforeAll(async () => {
  stage = await openStage();
  member = await openMember(stage.place, { phone: '13800138000' });
});
afterAll(() => stage?.close());

test('no screen of the app has a field for what stands on a card', () => {
  const messages = sourcesIn('web/messages', /\.(?:zh|en)\.json$/).map(
    ({ text }) => JSON.parse(text) as Record<string, unknown>,
  );
  const fields = sourcesIn('web', /\.svelte$/).flatMap(({ path, text }) =>
    [...text.matchAll(/\blabel=\{m\.(\w+)\(/g)].map(([, key = '']) => ({ path, key })),
  );
  expect(fields.length).toBeGreaterThan(40);
  const called = fields.flatMap(({ path, key }) => messages.map((words) => [path, String(words[key] ?? '')] as const));
  expect(called.filter(([, words]) => ON_A_CARD.test(words))).toEqual([]);
  // Nor one that a browser would fill in with a card by itself.
  const filled = sourcesIn('web', /\.(?:svelte|html)$/).filter(({ text }) => /autocomplete=\S*cc-/.test(text));
  expect(filled.map(({ path }) => path)).toEqual([]);
});

/** Every name a body may hold, however deep. */
function namesIn({ properties = {}, items, anyOf = [] }: Schema): string[] {
  const inner = [...Object.values(properties), ...anyOf, ...(items ? [items] : [])];
  return [...Object.keys(properties), ...inner.flatMap(namesIn)];
}

test('no route has a place for one', () => {
  const names = stage.routes.flatMap(({ path, body }) => (body ? namesIn(body).map((name) => `${path} ${name}`) : []));
  expect(names).toContain('/top-ups card');
  expect(names.filter((name) => ON_A_CARD.test(name))).toEqual([]);
});

const money = (id: string) => ({ id, amount: 100_00, currency: 'CNY', card: CREDIT_CARD });

test.each<[path: string, body: (id: string) => object]>([
  ['/cards', (id) => ({ id, number: CREDIT_CARD })],
  ['/cards', () => ({ id: CREDIT_CARD })],
  ['/top-ups', (id) => ({ ...money(id), channel: 'credit-card' })],
  ['/withdrawals', (id) => ({ ...money(id), proof: { by: 'passkey' } })],
])('POST %s with one is refused, and nothing of it is kept or told', async (path, body) => {
  const answer = await member.ask('POST', path, body(newId(stage.place.clock())));
  expect([answer.status, answer.body]).toMatchObject([400, { code: 'request.malformed' }]);
  expect(JSON.stringify(answer.body)).not.toContain(CREDIT_CARD);
  expect(await stage.house.database.query('select 1 from funding_card')).toEqual([]);
});

test('only the bank’s page reads one', () => {
  const readers = [...sourcesIn('web', /\.(?:ts|svelte)$/), ...sourcesIn('server', /\.ts$/)]
    .filter(({ text }) => text.includes('readCardNumber'))
    .map(({ path }) => path);
  expect(readers.length).toBeGreaterThan(0);
  expect(readers.filter((path) => !path.startsWith('server/sandbox/'))).toEqual([]);
});
