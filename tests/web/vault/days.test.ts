/** Who watches a page of bills hears of what belongs on it, and of nothing else that is written. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeBill } from '#tests/kit/bills.ts';
import type { Wish } from '#web/bill/list.ts';
import { openReader } from '#web/bill/reader.ts';
import { keepBills, keepBrought } from '#web/vault/bills.ts';
import { billsOfMonth } from '#web/vault/days.ts';
import { followVault } from '#web/vault/follow.ts';
import type { BroughtRow } from '#web/vault/rows.ts';
import { monthOf } from '#web/vault/tally.ts';
import { openVault, type Vault } from '#web/vault/vault.ts';

const NOON = Date.UTC(2026, 10, 23, 12);
const DAY = 86_400_000;
const TEA = { id: 'tea', name: '茶馆' };
const ALL: Wish = { sources: ['house', 'brought'] };
let vault: Vault;
let stop: (() => void) | undefined;
beforeEach(async () => {
  vault = openVault(`days-${crypto.randomUUID()}`);
  // One bill a day, the newest first: pages of twenty end twenty days ago and forty days ago.
  await keep(...Array.from({ length: 60 }, (_, at) => at));
});
afterEach(() => {
  stop?.();
  vault.close();
  indexedDB.deleteDatabase(vault.name);
});

let sequence = 0;
async function keep(...daysAgo: readonly number[]): Promise<void> {
  const bills = daysAgo.map((days, at) => makeBill(sequence + at + 1, NOON - days * DAY - at, { peer: TEA }));
  sequence += bills.length;
  await keepBills(vault, bills, sequence);
}

/** Follows a reading; answers how often it was answered, once it was for the first time. */
async function follow(reading: () => Promise<unknown>): Promise<() => number> {
  let answers = 0;
  const fault = (found: unknown) => expect.unreachable(String(found));
  stop = followVault(reading, { next: () => (answers += 1), error: fault });
  await expect.poll(() => answers).toBe(1);
  return () => answers;
}

/** A page of the list as its screen reads it: the second from the top, or the first. */
async function followPage(place: 'first' | 'second', text = ''): Promise<() => number> {
  const reader = openReader(vault, ALL, text, 20);
  const { next = '' } = await reader.read(reader.first);
  const key = place === 'first' ? reader.first : next;
  const end = (await reader.read(key)).next;
  return await follow(() => reader.read(key, end));
}

async function brought(): Promise<void> {
  const at = NOON - 30 * DAY;
  const row = {
    ...makeBill(0, at, { id: 'wechat:1', peer: TEA }),
    at,
    month: monthOf(at),
    origin: 'wechat',
    broughtAt: NOON,
  };
  await keepBrought(vault, [row as BroughtRow]);
}

const noted = () =>
  vault.opinions.put({ id: 'note:1', type: 'note', bill: 'bill-1', opinion: {}, disputed: 0 } as never).then(() => {});
const signed = () =>
  vault.payments.put({ id: 'early', state: 'signed', signedAt: NOON, payee: {} } as never).then(() => {});

describe.each(['', '茶'])('a page from twenty to forty days ago (searched for "%s")', (text) => {
  test.each([
    ['a bill of its days', () => keep(30)],
    ['a bill of the day it ends on', () => keep(39)],
    ['many bills of its days', () => keep(...Array.from({ length: 200 }, (_, at) => 30 + at / 200))],
    ['a bill another wallet knew', brought],
    ['a payment only this phone knows', signed],
    [
      'a bill that has changed',
      () => keepBills(vault, [makeBill(999, NOON - 30 * DAY, { id: 'bill-31', peer: TEA })], 999),
    ],
  ])('hears of %s', async (_, write) => {
    const count = await followPage('second', text);
    await write();
    await expect.poll(count).toBe(2);
  });

  test('hears nothing of bills above and below it, however many', async () => {
    const count = await followPage('second', text);
    await keep(1);
    await keep(...Array.from({ length: 500 }, (_, at) => 200 + at));
    // What comes at last is heard, and only that.
    await keep(30);
    await expect.poll(count).toBe(2);
    await new Promise((done) => setTimeout(done, 200));
    expect(count()).toBe(2);
  });
});

test('a search hears of a note, and a list of all bills does not', async () => {
  const count = await followPage('first', '茶');
  await noted();
  await expect.poll(count).toBe(2);
  stop?.();
  const plain = await followPage('first');
  await vault.opinions.clear();
  await keep(0);
  await expect.poll(plain).toBe(2);
});

test('the first page hears of what is newer than all', async () => {
  const count = await followPage('first');
  await keep(-3);
  await expect.poll(count).toBe(2);
});

test('a month hears of its own bills', async () => {
  const count = await follow(() => billsOfMonth(vault, '2026-10', ['house']));
  await keep(5, 100);
  await keep(25, 31);
  await expect.poll(count).toBe(2);
  expect(await billsOfMonth(vault, '2026-10', ['house'])).toHaveLength(33);
});
