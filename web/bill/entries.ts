/**
 * What happened to this person's money, as one list: bills the server made, and before them the payments this phone
 * has signed or taken that the server has not told of yet. A promise is never left out because there was no signal.
 */

import type { Static } from 'typebox';
import type { BillTimes } from '#shared/api/bill.ts';
import { billsBefore } from '#web/vault/bills.ts';
import type { BillRow, PaymentRow, ReceivedRow } from '#web/vault/rows.ts';
import type { Vault } from '#web/vault/vault.ts';

/** How far an entry has come; `waiting` means that only phones know of it. */
export type EntryState =
  | 'unsigned'
  | 'waiting'
  | 'arriving'
  | 'settled'
  | 'disputed'
  | 'refused'
  | 'declined'
  | 'reversed';

/** One line of the list. Sums are minor units, moments milliseconds. */
export interface Entry {
  /** Id of the bill, or of the payment while there is no bill. */
  readonly id: string;
  readonly kind: BillRow['kind'];
  readonly direction: BillRow['direction'];
  readonly state: EntryState;
  readonly amount: number;
  readonly currency: string;
  readonly region: string;
  readonly peer?: { readonly id: string; readonly name: string; readonly region?: string };
  readonly memo?: string;
  /** Base64url of the payment id. */
  readonly payment?: string;
  /** A refusal's code, when something went wrong. */
  readonly reason?: string;
  readonly at: number;
  readonly times: Static<typeof BillTimes>;
}

/** A page of the list, and where the next one begins; undefined when there is none. */
export interface Page {
  readonly entries: readonly Entry[];
  readonly next: number | undefined;
}

/** The newest `most` entries older than `before` (milliseconds, not included). */
export async function entriesBefore(vault: Vault, before: number, most: number): Promise<Page> {
  const bills = await billsBefore(vault, before, most);
  const full = bills.length === most;
  const oldest = full ? (bills.at(-1)?.at ?? 0) : 0;
  // The next page begins before this moment, so every bill of the moment itself belongs to this one.
  const shown = new Set(bills.map((bill) => bill.id));
  const twins = full ? await vault.bills.where('at').equals(oldest).toArray() : [];
  bills.push(...twins.filter((bill) => !shown.has(bill.id)));
  const early = (await untold(vault)).filter((entry) => entry.at < before && entry.at >= oldest);
  const entries = [...bills.map(entryOfBill), ...early].sort((left, right) => right.at - left.at);
  return { entries, next: full ? oldest : undefined };
}

/** One entry by the id of its bill or of its payment. */
export async function entryById(vault: Vault, id: string): Promise<Entry | undefined> {
  const bill = (await vault.bills.get(id)) ?? (await vault.bills.where('payment').equals(id).first());
  const payment = await vault.payments.get(bill?.payment ?? id);
  const received = payment ? undefined : await vault.received.get(bill?.payment ?? id);
  const own = payment ? entryOfPayment(payment) : received ? entryOfReceived(received) : undefined;
  if (!bill) return own;
  const entry = entryOfBill(bill);
  // The phone knows the first part of a payment's life, the server the rest.
  return own ? { ...entry, times: { ...own.times, ...entry.times } } : entry;
}

/** Payments on this phone that no bill tells of yet. */
async function untold(vault: Vault): Promise<Entry[]> {
  const [payments, received] = await Promise.all([
    vault.payments.where('state').noneOf(['settled', 'arriving']).toArray(),
    vault.received.filter((row) => row.state !== 'settled').toArray(),
  ]);
  const entries = [...payments.map(entryOfPayment), ...received.map(entryOfReceived)];
  const told = await vault.bills
    .where('payment')
    .anyOf(entries.map((entry) => entry.id))
    .toArray();
  const known = new Set(told.map((bill) => bill.payment));
  return entries.filter((entry) => !known.has(entry.id));
}

function entryOfBill(bill: BillRow): Entry {
  const { id, kind, direction, state, amount, currency, region, at, times } = bill;
  return {
    ...{ id, kind, direction, state, amount, currency, region, at, times },
    ...(bill.peer ? { peer: bill.peer } : {}),
    ...(bill.memo ? { memo: bill.memo } : {}),
    ...(bill.payment ? { payment: bill.payment } : {}),
    ...(bill.reason ? { reason: bill.reason } : {}),
  };
}

const STATE_OF_PAYMENT = {
  reserved: 'unsigned',
  signed: 'waiting',
  handed: 'waiting',
  arriving: 'arriving',
  settled: 'settled',
  disputed: 'disputed',
  refused: 'refused',
} as const;

function entryOfPayment(row: PaymentRow): Entry {
  return {
    id: row.id,
    payment: row.id,
    kind: 'payment',
    direction: 'out',
    state: STATE_OF_PAYMENT[row.state],
    amount: row.amount,
    currency: row.currency,
    region: row.payee.region,
    peer: row.payee,
    at: row.signedAt ?? row.reservedAt,
    times: times(row.signedAt, row.handedAt, row.uploadedAt, row.settledAt),
    ...(row.memo ? { memo: row.memo } : {}),
    ...(row.code ? { reason: row.code } : {}),
  };
}

const STATE_OF_RECEIVED = {
  kept: 'waiting',
  uploaded: 'waiting',
  arriving: 'arriving',
  settled: 'settled',
  disputed: 'disputed',
  refused: 'refused',
} as const;

function entryOfReceived(row: ReceivedRow): Entry {
  return {
    id: row.id,
    payment: row.id,
    kind: 'payment',
    direction: 'in',
    state: STATE_OF_RECEIVED[row.state],
    amount: row.amount,
    currency: row.currency,
    region: row.region,
    at: row.signedAt,
    times: times(row.signedAt, row.keptAt, row.uploadedAt, row.settledAt),
    ...(row.memo ? { memo: row.memo } : {}),
    ...(row.code ? { reason: row.code } : {}),
  };
}

function times(signed?: number, handed?: number, uploaded?: number, reconciled?: number): Entry['times'] {
  return {
    ...(signed === undefined ? {} : { signed }),
    ...(handed === undefined ? {} : { handed }),
    ...(uploaded === undefined ? {} : { uploaded }),
    ...(reconciled === undefined ? {} : { reconciled }),
  };
}
