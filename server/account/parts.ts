/** What every file of account works with, handed in once when the house is built. */
import type { Owner } from '#server/account/store.ts';
import type { Identity } from '#server/identity/identity.ts';
import type { Ledger } from '#server/ledger/ledger.ts';
import type { Database } from '#server/platform/database.ts';
import type { Clock } from '#shared/base/time.ts';

/** How many acts of a wallet have not had their last word. */
export type Unfinished = (owner: Owner) => Promise<number>;

/** What every file of account works with. */
export interface AccountParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly identity: Pick<
    Identity,
    'authorise' | 'beforeMoney' | 'closeWallet' | 'forgetWallet' | 'isFrozen' | 'note' | 'onOpened' | 'tell'
  >;
  readonly ledger: Pick<Ledger, 'walletAccounts'>;
  readonly unfinished: Unfinished;
  /** Regions whose people this house looks after. */
  readonly regions: () => readonly string[];
}
