/** What a bill does to a person's sums. Pure, so that a phone's totals and the ledger cannot come to different ends. */

/** Which column of a month a bill stands in. */
export type Flow = 'in' | 'out' | 'neutral';

/** What of a bill is looked at. */
export interface Moved {
  readonly kind: 'payment' | 'top-up' | 'withdrawal' | 'fee' | 'refund' | 'debt';
  readonly direction: Flow;
  readonly state: string;
}

/** States in which money has moved; a guaranteed payment counts from its guarantee on. */
const COUNTED: ReadonlySet<string> = new Set(['settled', 'arriving']);

/** Whether the bill counts at all: a dispute, a refusal and what was taken back have moved nothing. */
export function isCounted({ state }: Pick<Moved, 'state'>): boolean {
  return COUNTED.has(state);
}

/**
 * The column a bill stands in. Only payments earn and spend: a top-up and a withdrawal with its fee move own money between own places,
 * a refund takes a payment back, and a debt was spent by the payment that made it.
 */
export function flowOf({ kind, direction }: Pick<Moved, 'kind' | 'direction'>): Flow {
  return kind === 'payment' ? direction : 'neutral';
}

/** What a counted bill did to everything the wallet has, debts taken off: 1, -1, or 0 when it only moved within. */
export function signOf({ kind, direction }: Pick<Moved, 'kind' | 'direction'>): 1 | -1 | 0 {
  if (kind === 'top-up') return 1;
  if (kind === 'withdrawal' || kind === 'fee') return -1;
  if (kind === 'debt' || direction === 'neutral') return 0;
  return direction === 'in' ? 1 : -1;
}
