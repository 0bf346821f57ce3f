/**
 * The life of a payment where this phone did not see it all: when the payee took it, and whose phone brought it in.
 * Asked for when somebody looks at the bill, kept with it, and asked again when the bill has changed.
 */
import type { PaymentView } from '#shared/api/payment.ts';
import type { Entry } from '#web/bill/entries.ts';
import type { SyncNeeds } from '#web/sync/sync.ts';

/** Whether the house knows more of this entry's way than the phone. */
export function lacksLife(entry: Entry): boolean {
  return (
    entry.kind === 'payment' &&
    entry.payment !== undefined &&
    entry.life === undefined &&
    entry.times.uploaded !== undefined
  );
}

/** Asks the house and keeps what it says. Without a road the bill stands as it is. */
export async function fetchLife({ vault, ask }: Pick<SyncNeeds, 'vault' | 'ask'>, payment: string): Promise<void> {
  const answer = await ask<PaymentView>({ method: 'GET', path: `/payments/${payment}`, signed: true });
  if (!answer.ok) return;
  const { handedAt, uploadedBy, spendableAt } = answer.value;
  const life = {
    uploadedBy,
    ...(handedAt === undefined ? {} : { handed: handedAt }),
    ...(spendableAt === undefined ? {} : { spendable: spendableAt }),
  };
  await vault.bills.where('payment').equals(payment).modify({ life });
}
