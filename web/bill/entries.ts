/**
 * What happened to this person's money, as one list: bills the server made, and before them the payments this phone
 * has signed or taken that the server has not told of yet. A promise is never left out because there was no signal.
 */

import type { Static } from 'typebox';
import type { BillTimes } from '#shared/api/bill.ts';
import type { BillRow, Origin, PaymentRow, ReceivedRow } from '#web/vault/rows.ts';
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
  /** The payer named payee and sum: nobody had asked for it. */
  readonly unasked?: true;
  /** Base64url of the payment id. */
  readonly payment?: string;
  /** A refusal's code, when something went wrong. */
  readonly reason?: string;
  /** The wallet it was brought in from; absent for everything of the house's own. */
  readonly origin?: Origin;
  readonly at: number;
  readonly times: Static<typeof BillTimes>;
  /** What the house told of its way, once it was asked. */
  readonly life?: BillRow['life'];
}

/** The newest `most` entries of the house, for a first look. */
export async function recentEntries(vault: Vault, most: number): Promise<Entry[]> {
  const [bills, early] = await Promise.all([vault.bills.orderBy('at').reverse().limit(most).toArray(), untold(vault)]);
  return [...bills.map(entryOfBill), ...early].sort((left, right) => right.at - left.at).slice(0, most);
}

/** One entry by the id of its bill or of its payment. */
export async function entryById(vault: Vault, id: string): Promise<Entry | undefined> {
  const bill = (await vault.bills.get(id)) ?? (await vault.bills.where('payment').equals(id).first());
  const brought = bill ? undefined : await vault.brought.get(id);
  if (brought) return { ...entryOfBill(brought), origin: brought.origin };
  const payment = await vault.payments.get(bill?.payment ?? id);
  const received = payment ? undefined : await vault.received.get(bill?.payment ?? id);
  const own = payment ? entryOfPayment(payment) : received ? entryOfReceived(received) : undefined;
  if (!bill) return own;
  const entry = entryOfBill(bill);
  // The phone knows the first part of a payment's life, the server the rest.
  const { life } = bill;
  const handed = life?.handed === undefined ? {} : { handed: life.handed };
  return { ...entry, ...(life ? { life } : {}), times: { ...handed, ...own?.times, ...entry.times } };
}

/** Payments on this phone that no bill tells of yet. */
export async function untold(vault: Vault): Promise<Entry[]> {
  const [payments, received] = await Promise.all([
    vault.payments.where('state').noneOf(['settled', 'arriving']).toArray(),
    vault.received.where('state').notEqual('settled').toArray(),
  ]);
  const entries = [...payments.map(entryOfPayment), ...received.map(entryOfReceived)];
  if (entries.length === 0) return [];
  const told = await vault.bills
    .where('payment')
    .anyOf(entries.map((entry) => entry.id))
    .toArray();
  const known = new Set(told.map((bill) => bill.payment));
  return entries.filter((entry) => !known.has(entry.id));
}

/** A bill as an entry of the list. */
export function entryOfBill(bill: BillRow): Entry {
  const { id, kind, direction, state, amount, currency, region, at, times } = bill;
  return {
    ...{ id, kind, direction, state, amount, currency, region, at, times },
    ...(bill.peer ? { peer: bill.peer } : {}),
    ...(bill.memo ? { memo: bill.memo } : {}),
    ...(bill.unasked ? { unasked: true } : {}),
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
