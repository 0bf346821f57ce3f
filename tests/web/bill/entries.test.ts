/** The list of bills: facts of the server, and before them what only this phone knows. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Bill } from '#shared/api/bill.ts';
import { instant } from '#shared/base/time.ts';
import { entryById, recentEntries } from '#web/bill/entries.ts';
import { pillOf, readOverview } from '#web/bill/overview.ts';
import { keepBills } from '#web/vault/bills.ts';
import type { AllowanceRow, PaymentRow, ReceivedRow } from '#web/vault/rows.ts';
import { openVault, type Vault } from '#web/vault/vault.ts';

const NOON = Date.UTC(2026, 10, 23, 12);
const MINUTE = 60_000;
let vault: Vault;

beforeEach(() => {
  vault = openVault(`entries-${crypto.randomUUID()}`);
});
afterEach(async () => {
  vault.close();
  indexedDB.deleteDatabase(vault.name);
});

function bill(sequence: number, minutesAgo: number, more: Partial<Bill> = {}): Bill {
  return {
    ...{ id: `bill-${sequence}`, sequence, kind: 'payment', direction: 'out', state: 'settled' },
    ...{ amount: 100 * sequence, currency: 'CNY', region: 'CN-SX', times: { signed: NOON - minutesAgo * MINUTE } },
    ...more,
  } as Bill;
}

function payment(id: string, minutesAgo: number, more: Partial<PaymentRow> = {}): PaymentRow {
  const signedAt = NOON - minutesAgo * MINUTE;
  return {
    ...{ id, invoice: `invoice of ${id}`, allowance: 'a', number: minutesAgo, amount: 2_600, cumulative: 2_600 },
    ...{ currency: 'CNY', payee: { id: 'p', name: 'Tea house', region: 'CN-SX' }, match: '', core: {} },
    ...{ state: 'handed', reservedAt: signedAt, signedAt, handedAt: signedAt + 3_000 },
    ...{ invoiceBytes: new Uint8Array(), certificateBytes: new Uint8Array() },
    ...more,
  } as PaymentRow;
}

function received(id: string, minutesAgo: number): ReceivedRow {
  const at = NOON - minutesAgo * MINUTE;
  return {
    ...{ id, invoice: 'i', allowance: 'b', number: 1, amount: 500, cumulative: 500, currency: 'CNY', region: 'CN-BJ' },
    ...{
      payee: 'me',
      bytes: new Uint8Array(),
      allowanceBytes: new Uint8Array(),
      state: 'kept',
      signedAt: at,
      keptAt: at,
    },
  } as ReceivedRow;
}

test('what only phones know stands among the bills by its time, until a bill tells of it', async () => {
  await keepBills(vault, [bill(1, 30), bill(2, 10)], 2);
  await vault.payments.add(payment('unsent', 20));
  await vault.received.add(received('taken', 5));
  const before = await recentEntries(vault, 10);
  expect(before.map(({ id, state }) => `${id} ${state}`)).toEqual([
    'taken waiting',
    'bill-2 settled',
    'unsent waiting',
    'bill-1 settled',
  ]);
  await keepBills(vault, [bill(3, 20, { payment: 'unsent' })], 3);
  const after = await recentEntries(vault, 3);
  expect(after.map(({ id }) => id)).toEqual(['taken', 'bill-2', 'bill-3']);
});

test('a bill is found by its own id and by its payment, with the life both sides know', async () => {
  const at = NOON - 20 * MINUTE;
  await vault.payments.add(payment('paid', 20, { state: 'settled' }));
  await keepBills(
    vault,
    [bill(7, 20, { payment: 'paid', times: { signed: at, uploaded: at + 9_000, posted: at + 9_500 } })],
    7,
  );
  for (const id of ['bill-7', 'paid']) {
    expect((await entryById(vault, id))?.times).toEqual({
      signed: at,
      handed: at + 3_000,
      uploaded: at + 9_000,
      posted: at + 9_500,
    });
  }
  expect(await entryById(vault, 'nothing')).toBeUndefined();
});

test('the first screen sums what live allowances hold, and says what a thief could spend', async () => {
  const allowance = {
    ...{ id: 'a', bytes: new Uint8Array(), serial: 's', region: 'CN-SX', key: 'k', state: 'live', currency: 'CNY' },
    ...{ total: 50_000, most: 10, spent: 8_000, count: 3, previous: new Uint8Array(), notBeforeSeconds: 0 },
    ...{ expiresSeconds: NOON / 1000 + 5 * 3600 + 60, keptAt: NOON },
  } as AllowanceRow;
  await vault.keys.add({ id: 'k', use: 'allowance', public: new Uint8Array(), madeAt: NOON });
  await vault.allowances.bulkAdd([
    allowance,
    { ...allowance, id: 'old', expiresSeconds: NOON / 1000 - 1 },
    { ...allowance, id: 'for one payee', payee: 'p' },
  ]);
  const { meter } = await readOverview(vault, instant(NOON));
  expect(meter).toEqual({ left: 42_000, total: 50_000, countLeft: 7, hoursLeft: 5, worst: 42_000, locked: false });
});

test.each([
  ['online', undefined, { state: 'online' }],
  ['weak', undefined, { state: 'weak' }],
  ['unknown', undefined, { state: 'unknown' }],
  ['offline', { left: 100, countLeft: 2 }, { state: 'offline' }],
  ['offline', { left: 0, countLeft: 2 }, { state: 'stopped', obstacle: 'spent' }],
  ['offline', { left: 100, countLeft: 0 }, { state: 'stopped', obstacle: 'no-count' }],
  ['offline', undefined, { state: 'stopped', obstacle: 'no-allowance' }],
] as const)('on the road %s with %o the pill says %o', (road, meter, pill) => {
  const whole = meter && { ...meter, total: 100, hoursLeft: 1, worst: 0, locked: true };
  expect(pillOf(road, whole)).toEqual(pill);
});
