/** What money coming in and going out stands on, and whose it is: shared by the files behind the front door. */
import type { ChannelDoor, Way } from '#server/funding/channel.ts';
import type { Provider } from '#server/funding/provider.ts';
import type { Ledger } from '#server/ledger/ledger.ts';
import type { Database, Sql } from '#server/platform/database.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { Id } from '#shared/base/id.ts';
import { type Clock, type Duration, duration } from '#shared/base/time.ts';

/** Whose money it is: the wallet's id, its region, how well the person is known (see rules/policy) and by which name. */
export interface Owner {
  readonly wallet: Id;
  readonly region: string;
  readonly tier: string;
  readonly name: string;
}

/** How patient the house is: first and longest pause before it asks a provider again, and how long one look may take. */
export interface Tempo {
  readonly first: Duration;
  readonly most: Duration;
  /** Longer than asking and querying together may take, so that two never look at one top-up at once. */
  readonly lease: Duration;
}

/** Pauses grow from a second, so that a lost notice costs a person a breath, to ten minutes, so that a dead bank costs us nothing. */
export const USUAL_TEMPO: Tempo = { first: duration(1, 's'), most: duration(10, 'min'), lease: duration(20, 's') };

/** What funding stands on. `log` hears of what needs hands: providers that contradict themselves. */
export interface FundingNeeds {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly channels: Readonly<Record<Way, ChannelDoor>>;
  /** The bank that binds cards, and whose statements of all services are read. */
  readonly bank: Provider;
  /** Where a person comes back to from the bank's page for binding a card; the id is added. */
  readonly cardsUrl: string;
  /** Why this wallet may not top up now (terms that were not accepted), or undefined; asked in the transaction that would let it. */
  readonly mayEnter: (tx: Sql, owner: Owner) => Promise<Refusal | undefined>;
  /** Why nothing may leave this wallet now (frozen, switched off), or undefined; asked in the transaction that would let it. */
  readonly mayLeave: (tx: Sql, owner: Owner) => Promise<Refusal | undefined>;
  /** How much of the usual limits of a wallet is left to it for withdrawals now, in percent. */
  readonly limitShare: (tx: Sql, owner: Owner) => Promise<number>;
  /** Regions whose top-ups this process looks after. */
  readonly regions: () => readonly string[];
  readonly log: { warn(facts: object, message: string): void };
  readonly tempo?: Tempo;
}
