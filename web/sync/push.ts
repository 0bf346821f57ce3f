/** Puts together what the phone says in one sync: the outbox, what it holds already, and what it wants. */
import type { SyncRequest } from '#shared/api/sync.ts';
import type { UploadedNote } from '#shared/api/transfer.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import { type SpareKey, spareAllowanceKey } from '#web/vault/allowance-key.ts';
import { openAllowance } from '#web/vault/allowances.ts';
import { ready } from '#web/vault/outbox.ts';
import type { OutboxRow } from '#web/vault/rows.ts';
import { readSetting } from '#web/vault/settings.ts';
import { heldLists } from '#web/vault/trust.ts';
import type { Vault } from '#web/vault/vault.ts';

/** The contract's own bounds for one request (shared/api/sync.ts). */
const LIMITS = { payment: 100, receipt: 100, closing: 8, fork: 8, note: 100 } as const;

/** A one-off allowance for one payee, for an online payment above the open allowance. */
export interface WantForPayee {
  readonly payee: Id;
  readonly total: number;
  readonly currency: Currency;
}

/** The request, and the outbox rows it carries. */
export interface Pushed {
  readonly request: SyncRequest;
  readonly rows: readonly OutboxRow[];
}

/** What this phone has to say now. */
export async function composeRequest(vault: Vault, now: Instant, wanted?: WantForPayee): Promise<Pushed> {
  const rows = await ready(vault, LIMITS);
  const lists = await heldLists(vault);
  const want = wanted ? await wantForPayee(vault, now, wanted) : await wantOpen(vault, now);
  const texts = (kind: OutboxRow['kind']) =>
    rows.filter((row) => row.kind === kind).map((row) => toBase64url(row.bytes ?? new Uint8Array()));
  const notes = await notesIn(vault, rows);
  return {
    rows,
    request: {
      cursor: (await readSetting(vault, 'cursor')) ?? 0,
      payments: texts('payment'),
      closings: texts('closing'),
      receipts: texts('receipt'),
      forks: texts('fork'),
      ...(notes.length > 0 ? { notes } : {}),
      ...(want ? { want } : {}),
      have: {
        status: Object.fromEntries([...lists.statuses].map(([region, { list }]) => [region, list.epoch])),
        ...(lists.keySet ? { keySet: lists.keySet.message.epoch } : {}),
        ...(lists.certificate ? { certificateUntil: Math.floor(lists.certificate.message.expires / 1000) } : {}),
      },
    },
  };
}

/** The notes in `rows`, each saying whether it went to a code: all phones of the wallet share the cap of a day. */
async function notesIn(vault: Vault, rows: readonly OutboxRow[]): Promise<UploadedNote[]> {
  const notes = rows.filter((row) => row.kind === 'note');
  const paid = await vault.payments.bulkGet(notes.map((row) => row.id));
  return notes.map(({ id, bytes = new Uint8Array() }, at) => ({
    ...{ payment: id, note: toBase64url(bytes) },
    ...(paid[at]?.unasked === 'code' ? { toCode: true } : {}),
  }));
}

/** An open allowance is asked for when there is none left to spend; the person may have said how much, or nothing. */
async function wantOpen(vault: Vault, now: Instant): Promise<SyncRequest['want'] | undefined> {
  if (await openAllowance(vault, now)) return undefined;
  const total = await readSetting(vault, 'offlineTotal');
  const count = await readSetting(vault, 'offlineCount');
  if (total === 0 || (await readSetting(vault, 'offlineRests'))) return undefined;
  const key = await spareAllowanceKey(vault, now);
  return {
    ...wantOn(key),
    currency: 'CNY',
    ...(total === undefined ? {} : { total }),
    ...(count === undefined ? {} : { count }),
  };
}

async function wantForPayee(vault: Vault, now: Instant, wanted: WantForPayee): Promise<SyncRequest['want']> {
  const key = await spareAllowanceKey(vault, now, wanted.payee);
  return { ...wantOn(key), currency: wanted.currency, total: wanted.total, payee: wanted.payee };
}

/** What the house must know of the key an allowance is asked for. */
function wantOn({ id, wrapped, passkey }: SpareKey) {
  return { key: id, wrapped, ...(passkey === undefined ? {} : { passkey }) };
}
