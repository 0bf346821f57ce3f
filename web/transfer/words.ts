/** The words for requests and claims: where they stand, and what happened when. */
import type { Ask, Claim, ClaimEvent } from '#shared/api/transfer.ts';
import { m } from '#web/paraglide/messages.js';
import { sumText } from '#web/ui/format.ts';

/** Where a request stands. */
export function askStateText({ state }: Pick<Ask, 'state'>): string {
  const words: Record<Ask['state'], () => string> = {
    open: m.transfer_ask_open,
    paying: m.transfer_ask_paying,
    paid: m.transfer_ask_paid,
    declined: m.transfer_ask_declined,
    cancelled: m.transfer_ask_cancelled,
    expired: m.transfer_ask_expired,
  };
  return words[state]();
}

/** Where a claim stands. */
export function claimStateText({
  role,
  state,
  given,
  amount,
}: Pick<Claim, 'role' | 'state' | 'given' | 'amount'>): string {
  const words: Record<Claim['state'], () => string> = {
    asked: role === 'payee' ? m.transfer_claim_yours : m.transfer_claim_asked,
    returned: given < amount ? m.transfer_claim_partly : m.transfer_claim_returned,
    refused: m.transfer_claim_refused,
    lapsed: m.transfer_claim_lapsed,
    withdrawn: m.transfer_claim_withdrawn,
  };
  return words[state]();
}

/** One moment of a claim as a line of its story. */
export function claimEventText({ code, amount = 0 }: ClaimEvent, currency: string): string {
  const facts = { sum: sumText(amount, currency) };
  switch (code) {
    case 'claimed':
      return m.transfer_event_claimed(facts);
    case 'held':
      return amount > 0 ? m.transfer_event_held(facts) : m.transfer_event_held_none();
    case 'refused':
      return m.transfer_event_refused();
    case 'lapsed':
      return m.transfer_event_lapsed();
    case 'withdrawn':
      return m.transfer_event_withdrawn();
    case 'returned':
      return m.transfer_event_returned(facts);
    case 'released':
      return m.transfer_event_released(facts);
  }
}
