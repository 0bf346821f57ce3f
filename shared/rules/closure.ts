/** Closing a wallet: what stands in the way, and for how long it can be taken back. */

/** What keeps a wallet from being closed; each is a message `closing_<name>` and leads to where it can be put right. */
export type Blocker = 'money' | 'offline' | 'arriving' | 'held' | 'owed' | 'under-way' | 'frozen';

/** What is known of a wallet that wants to leave: sums in minor units over all its accounts, and what is unfinished. */
export interface Standing {
  readonly available: number;
  /** Held for offline allowances that are not at their end. */
  readonly hold: number;
  readonly arriving: number;
  readonly frozen: number;
  readonly owed: number;
  /** Top-ups, withdrawals, transfers and claims without their last word. */
  readonly underWay: number;
  readonly isFrozen: boolean;
}

/** Where each blocker is put right. */
export const WAY_OUT: Readonly<Record<Blocker, string>> = {
  money: '/withdraw',
  offline: '/me/allowance',
  arriving: '/bills',
  held: '/bills',
  owed: '/top-up',
  'under-way': '/bills',
  frozen: '/me/freeze',
};

/** Everything that stands in the way, in the order in which it is best put right. Empty: nothing does. */
export function blockersOf(standing: Standing): Blocker[] {
  const stands: readonly (readonly [Blocker, boolean])[] = [
    ['frozen', standing.isFrozen],
    ['owed', standing.owed > 0],
    ['under-way', standing.underWay > 0],
    ['offline', standing.hold > 0],
    ['arriving', standing.arriving > 0],
    ['held', standing.frozen > 0],
    ['money', standing.available > 0],
  ];
  return stands.flatMap(([blocker, isThere]) => (isThere ? [blocker] : []));
}
