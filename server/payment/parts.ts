/** What payments are built on. */
import type { Allowances } from '#server/allowance/allowance.ts';
import type { Ledger } from '#server/ledger/ledger.ts';
import type { Signatures } from '#server/payment/signatures.ts';
import type { PaymentRow } from '#server/payment/store.ts';
import type { Database, Sql } from '#server/platform/database.ts';
import type { Regions } from '#server/region/region.ts';
import type { Clock, Duration } from '#shared/base/time.ts';

/** Is told in `tx` of payments for which nothing is posted. */
export type DisputeHook = (tx: Sql, rows: readonly PaymentRow[]) => Promise<void>;

/** What payments stand on. */
export interface PaymentParts {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly regions: Pick<Regions, 'list' | 'keySet' | 'epoch' | 'sign' | 'nameClaims'>;
  readonly allowances: Pick<Allowances, 'lockMany' | 'readMany' | 'claim' | 'holdIssuing' | 'stop' | 'payees'>;
  readonly signatures: Signatures;
  /** How old a payee's epoch card may have been for the guarantee of this region, as its policy says. */
  readonly epochAge: (region: string) => Duration;
  /** So many bytes nobody can guess. */
  readonly random: (length: number) => Uint8Array;
  readonly disputed: DisputeHook;
}
