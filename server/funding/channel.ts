/** What every way for money to come in or go out must be able to do; each provider stands behind these three words. */

import type { Channel } from '#shared/api/funding.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { Result } from '#shared/base/result.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';

/** Ways for money to come in, and the one for it to go out. */
export type Way = Channel | 'payout';

/** One order to a provider. `reference` is the provider's only name for it; asking twice is one order. `token` names the card it is about. */
export interface Order {
  readonly region: string;
  readonly id: string;
  readonly reference: string;
  readonly amount: number;
  readonly currency: Currency;
  readonly token: string | null;
}

/** What the person has to do before a provider can go on. */
export interface Errand {
  readonly page: string | null;
  readonly code: string | null;
  readonly until: Instant | null;
}

/** A provider's word on an order. absent: it never heard of it. silence: it said nothing we can use. */
export type Word =
  | { readonly says: 'settled' | 'absent' | 'silence' }
  | { readonly says: 'pending'; readonly errand?: Errand }
  | { readonly says: 'declined' | 'returned'; readonly reason: string };

/** A notice that has been verified: the provider's word on `reference`, with the sum it speaks of. */
export interface Notice {
  readonly reference: string;
  readonly amount: number;
  readonly currency: string;
  readonly word: Word;
}

/** A provider. `ask` and `query` never throw for what the world does: no usable answer is the word `silence`. */
export interface ChannelDoor {
  ask(order: Order): Promise<Word>;
  query(order: Order): Promise<Word>;
  /** Reads a signed notice; refuses forged, altered and stale ones. Absent: this provider sends none. */
  readonly read?: (envelope: unknown) => Promise<Result<Notice, Refusal>>;
}
