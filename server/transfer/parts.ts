/** What money between people stands on. */
import type { Allowances } from '#server/allowance/allowance.ts';
import type { Identity } from '#server/identity/identity.ts';
import type { Ledger } from '#server/ledger/ledger.ts';
import type { Payments } from '#server/payment/payment.ts';
import type { Database } from '#server/platform/database.ts';
import type { Regions } from '#server/region/region.ts';
import type { Terms } from '#server/transfer/store.ts';
import type { Id } from '#shared/base/id.ts';
import { type Clock, duration, type Instant } from '#shared/base/time.ts';

/** What it is given. */
export interface TransferNeeds {
  readonly database: Database;
  readonly ledger: Pick<Ledger, 'postWithin' | 'balances'>;
  readonly clock: Clock;
  readonly regions: Pick<Regions, 'list' | 'find' | 'sign'>;
  readonly identity: Pick<Identity, 'person' | 'people' | 'personByPhone' | 'devicesOf' | 'isFrozen' | 'authorise'>;
  readonly allowances: Pick<Allowances, 'payees'>;
  readonly payments: Pick<Payments, 'stories' | 'view'>;
}

/** The same with the terms of each region, read once. */
export interface TransferParts extends TransferNeeds {
  readonly terms: (region: string) => Terms;
}

/** Who asks. */
export interface Owner {
  readonly wallet: Id;
  readonly region: string;
}

const DAY = duration(1, 'd');
/** Days are those of Beijing, where the first regions are. */
const OFFSET = duration(8, 'h');

/** When the day, or thirty days, that `now` stands in began. */
export function windowOf(now: Instant, days: 1 | 30): number {
  const length = DAY * days;
  return Math.floor((now + OFFSET) / length) * length - OFFSET;
}
