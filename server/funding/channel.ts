/** What every way for money to come in must be able to do; each provider stands behind these three words. */

import type { Refusal } from '#shared/api/refusal.ts';
import type { Result } from '#shared/base/result.ts';
import type { Currency } from '#shared/money/currency.ts';

/** One order to a provider. `reference` is the provider's only name for it; asking twice is one order. */
export interface Order {
  readonly region: string;
  readonly reference: string;
  readonly amount: number;
  readonly currency: Currency;
}

/** A provider's word on an order. absent: it never heard of it. silence: it said nothing we can use. */
export type Word =
  | { readonly says: 'pending' | 'settled' | 'absent' | 'silence' }
  | { readonly says: 'declined'; readonly reason: string };

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
  /** Reads a signed notice; refuses forged, altered and stale ones. */
  read(envelope: unknown): Promise<Result<Notice, Refusal>>;
}
