/** What allowances are built on. */
import type { Identity } from '#server/identity/identity.ts';
import type { Ledger } from '#server/ledger/ledger.ts';
import type { Database, Sql } from '#server/platform/database.ts';
import type { Regions } from '#server/region/region.ts';
import type { Clock } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';

/** What allowances stand on. */
export interface AllowanceParts {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly regions: Regions;
  /** What payers owe the guarantee fund of a region; it is handed in, for payments stand above. */
  readonly fundOwed: (tx: Sql, region: string, currency: Currency) => Promise<number>;
  readonly identity: Pick<
    Identity,
    | 'person'
    | 'passkeysOf'
    | 'onDeviceRevoked'
    | 'onPasskeyRevoked'
    | 'onFrozen'
    | 'onEased'
    | 'moneyStop'
    | 'limitShare'
    | 'freeSet'
  > & { readonly watch: Pick<Identity['watch'], 'weigh' | 'onAlarm'> };
}
