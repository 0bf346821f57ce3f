/** What screens read of the notebook: what stands on a bill, where it is filed, and what two phones disagree on. */
import { expect, test } from 'vitest';
import type { Opinion } from '#shared/api/notebook.ts';
import {
  categoryOf,
  disputed,
  filer,
  noteOf,
  notesOf,
  type OnBill,
  ofType,
  ownCategories,
  writtenOn,
} from '#web/vault/opinions.ts';
import { openVault, type Vault } from '#web/vault/vault.ts';

const ID = '01926f5e-0000-7000-8000-00000000000';
const BILL = {
  id: 'b1',
  kind: 'payment',
  direction: 'out',
  amount: 5_00,
  currency: 'CNY',
  peer: { name: '老王' },
} as const;

async function held(
  ...opinions: readonly (Opinion & { readonly disputed?: true; readonly revision?: string })[]
): Promise<Vault> {
  const vault = openVault(`vault-${crypto.randomUUID()}`);
  await vault.opinions.bulkPut(
    opinions.map(({ disputed: apart, revision, ...opinion }) => ({
      id: opinion._id,
      type: opinion.type,
      ...('bill' in opinion ? { bill: opinion.bill } : {}),
      opinion: opinion as Opinion,
      ...(revision === undefined ? {} : { revision }),
      disputed: apart ? 1 : 0,
    })),
  );
  return vault;
}

test('what stands on a bill is read by its parts, together or for many', async () => {
  const vault = await held(
    { _id: 'note:b1', type: 'note', bill: 'b1', text: '茶', at: 1, disputed: true, revision: '2-a' },
    { _id: 'tags:b1', type: 'tags', bill: 'b1', tags: ['work'], at: 1 },
    { _id: 'filing:b2', type: 'filing', bill: 'b2', category: 'fun', at: 1 },
  );
  const first: OnBill = {
    text: '茶',
    tags: ['work'],
    category: undefined,
    disputed: ['note'],
    seen: { 'note:b1': '2-a' },
  };
  expect(await noteOf(vault, 'b1')).toEqual(first);
  expect(await noteOf(vault, 'b3')).toEqual({ text: '', tags: [], category: undefined, disputed: [], seen: {} });
  expect(await notesOf(vault, ['b1', 'b2', 'b3'])).toEqual(
    new Map<string, OnBill>([
      ['b1', first],
      ['b2', { text: '', tags: [], category: 'fun', disputed: [], seen: {} }],
    ]),
  );
  expect(await writtenOn(vault)).toEqual([
    { bill: 'b1', words: '茶' },
    { bill: 'b1', words: 'work' },
  ]);
  expect((await disputed(vault)).map(({ id }) => id)).toEqual(['note:b1']);
});

test('a rule files old bills, by hand stands above it, and the oldest rule counts', async () => {
  const vault = await held(
    { _id: `rule:${ID}2`, type: 'rule', when: { peer: '老' }, category: 'fun', at: 2 },
    { _id: `rule:${ID}1`, type: 'rule', when: { peer: '老王' }, category: 'food', at: 1 },
    { _id: `category:${ID}3`, type: 'category', category: `${ID}3`, name: '喝茶', at: 1 },
    { _id: 'filing:b2', type: 'filing', bill: 'b2', category: `${ID}3`, at: 1 },
  );
  expect(await categoryOf(vault, BILL)).toBe('food');
  const file = await filer(vault);
  expect(file({ ...BILL, id: 'b2' })).toBe(`${ID}3`);
  expect(file({ ...BILL, peer: { name: '老李' } })).toBe('fun');
  expect((await ownCategories(vault)).get(`${ID}3`)?.name).toBe('喝茶');
  expect((await ofType(vault, 'rule')).map(({ category }) => category)).toEqual(['food', 'fun']);
});
