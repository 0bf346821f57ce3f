/** Which bills there is a receipt for; apart from the receipt itself, so that a bill does not load what proves it. */
import type { Entry } from '#web/bill/entries.ts';

/** Whether there is a receipt for an entry: a payment that counts, settled or still on its way. */
export function hasReceipt(entry: Entry): boolean {
  return (
    entry.origin === undefined && entry.kind === 'payment' && ['settled', 'arriving', 'waiting'].includes(entry.state)
  );
}
