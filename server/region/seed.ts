/** What the first two regions start with; from then on the rows in the database say, and the seed never overwrites them. */
import { type Duration, duration } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import type { Tier } from '#shared/rules/policy.ts';

/** What a region decides beside the tiers' policies; sums in minor units of its home currency. */
export interface RegionTerms {
  /** An allowance below this is refused instead of issued: it would cost more sync than it pays for. */
  readonly leastTotal: number;
  /** Largest one-off allowance, locked to one payee, by tier: the limit of online payments. */
  readonly lockedMost: Readonly<Record<Tier, number>>;
  /** How long a one-off allowance lives: the payer is online and pays at once. */
  readonly lockedLife: Duration;
  /** How long a payee certificate is good; a syncing payee gets a new one at half of it. */
  readonly certificateLife: Duration;
  /** Issuing stops when what the guarantee fund could be asked for would pass this. */
  readonly fundCap: number;
  /** How many copies of one allowance the exposure reckons with beside the honest one. */
  readonly clonesAssumed: number;
}

/** A region as the house keeps it. */
export interface RegionSeed {
  readonly region: string;
  readonly names: { readonly zh: string; readonly en: string };
  readonly currency: Currency;
  /** What payees of the region take, the home currency first. */
  readonly currencies: readonly Currency[];
  readonly terms: RegionTerms;
}

const TERMS: RegionTerms = {
  leastTotal: 1_00,
  lockedMost: { unproved: 1000_00, 'real-name': 5000_00, 'two-factor': 50_000_00 },
  lockedLife: duration(10, 'min'),
  certificateLife: duration(14, 'd'),
  fundCap: 1_000_000_00,
  clonesAssumed: 1,
};

/** The first two regions. */
export const REGION_SEEDS: readonly RegionSeed[] = [
  {
    region: 'CN-SX',
    names: { zh: '山西', en: 'Shanxi' },
    currency: 'CNY',
    currencies: ['CNY'],
    terms: TERMS,
  },
  {
    region: 'CN-BJ',
    names: { zh: '北京', en: 'Beijing' },
    currency: 'CNY',
    currencies: ['CNY'],
    terms: TERMS,
  },
];
