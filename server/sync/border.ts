/** The border between regions: while a region has it closed, what crosses it waits in the outbox and is settled later. */
import type { Allowances } from '#server/allowance/allowance.ts';
import type { Database } from '#server/platform/database.ts';
import type { Regions } from '#server/region/region.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import { readPayment } from '#shared/protocol/payment.ts';

/** What tells which way a payment goes. */
export interface Border {
  readonly database: Database;
  readonly regions: Pick<Regions, 'find' | 'list'>;
  readonly allowances: Pick<Allowances, 'lockMany' | 'payees'>;
}

/**
 * Those of `payments` that may be settled now. The others get no answer, so the phone keeps them; none is lost, and
 * none is refused, for whoever accepted one while offline could not have known. `home` is the uploader's region.
 */
export async function passable(border: Border, home: string, payments: readonly Uint8Array[]): Promise<Uint8Array[]> {
  await border.regions.find(home);
  const closed = new Set(border.regions.list().flatMap((one) => (one.crossRegion ? [] : [one.region])));
  if (closed.size === 0) return [...payments];
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
  return payments.filter((_, at) => {
    const one = read[at];
    if (!one?.ok) return true;
    const from = allowances.get(toBase64url(one.value.message.allowance))?.region;
    const into = payees.get(one.value.message.payee)?.region;
    return from === undefined || into === undefined || from === into || !(closed.has(from) || closed.has(into));
  });
}
