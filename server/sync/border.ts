/**
 * The border between regions: while a region has it closed, what crosses it is kept here and settled when it is open
 * again. Nothing is refused, for whoever accepted a payment while offline could not have known; and because the house
 * keeps it, the payee is paid even when no phone ever brings it again.
 */
import type { Allowances } from '#server/allowance/allowance.ts';
import type { Payments } from '#server/payment/payment.ts';
import type { Database } from '#server/platform/database.ts';
import { isBorderOpen, type Regions } from '#server/region/region.ts';
import * as store from '#server/sync/store.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';
import { readPayment } from '#shared/protocol/payment.ts';

/** What tells which way a payment goes. */
export interface Border {
  readonly database: Database;
  readonly regions: Pick<Regions, 'all'>;
  readonly allowances: Pick<Allowances, 'lockMany' | 'payees'>;
}

/** Payments kept at once: as many as one upload may carry, ten times over. */
const WAITING_AT_ONCE = 500;

/**
 * Those of `payments` that may be settled now; `uploader` of `home` brings them. The others are kept and get no answer,
 * so the phone keeps them as well.
 */
export async function passable(
  border: Border,
  from: { readonly home: string; readonly uploader: Id; readonly at: Instant },
  payments: readonly Uint8Array[],
): Promise<Uint8Array[]> {
  const passes = await passing(border, payments);
  const kept = payments.flatMap((bytes, at): store.WaitingRow[] => {
    const read = passes[at] ? undefined : readPayment(bytes);
    if (!read?.ok) return [];
    return [{ region: from.home, payment: read.value.id, uploader: from.uploader, bytes, came_at: from.at }];
  });
  if (kept.length > 0) await store.keepWaiting(border.database, kept);
  return payments.filter((_, at) => passes[at]);
}

/** Settles what waited and may pass now; periodic work. Answers how many there were. */
export async function settleWaiting(border: Border, payments: Pick<Payments, 'reconcile'>): Promise<number> {
  let settled = 0;
  let last: Pick<store.WaitingRow, 'came_at' | 'payment'> = { came_at: 0 as Instant, payment: new Uint8Array() };
  for (;;) {
    const page = await store.readWaiting(border.database, last, WAITING_AT_ONCE);
    for (const [uploader, own] of Map.groupBy(page, (row) => row.uploader)) {
      const passes = await passing(
        border,
        own.map((row) => row.bytes),
      );
      const now = own.filter((_, at) => passes[at]);
      if (now.length === 0) continue;
      await payments.reconcile(
        uploader,
        now.map((row) => row.bytes),
      );
      await store.forgetWaiting(
        border.database,
        now.map((row) => row.payment),
      );
      settled += now.length;
    }
    const end = page.at(-1);
    if (end === undefined || page.length < WAITING_AT_ONCE) return settled;
    last = end;
  }
}

/** Whether each of `payments` crosses no closed border. */
async function passing(border: Border, payments: readonly Uint8Array[]): Promise<boolean[]> {
  const regions = await border.regions.all();
  if (regions.every((one) => one.crossRegion)) return payments.map(() => true);
  const read = payments.map((bytes) => readPayment(bytes));
  const cores = read.flatMap((one) => (one.ok ? [one.value.message] : []));
  const [allowances, payees] = await border.database.transaction(async (tx) => [
    await border.allowances.lockMany(
      tx,
      cores.map((core) => core.allowance),
    ),
    await border.allowances.payees(
      tx,
      cores.map((core) => core.payee),
    ),
  ]);
  return read.map((one) => {
    if (!one.ok) return true;
    const from = allowances.get(toBase64url(one.value.message.allowance))?.region;
    const into = payees.get(one.value.message.payee)?.region;
    return from === undefined || into === undefined || isBorderOpen(regions, from, into);
  });
}
