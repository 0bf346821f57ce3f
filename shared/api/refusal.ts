/**
 * The one table of refusals: every "no" the house can say, with its HTTP status and what the person can do next.
 * A code is also the message key on the screen: `wallet.empty` reads `refusal_wallet_empty` and `remedy_<remedy>`.
 */

/** What a person can do after a refusal; each is a message `remedy_<name>` in both languages. */
export type Remedy =
  | 'try-again'
  | 'wait'
  | 'sign-in'
  | 'update-app'
  | 'check-input'
  | 'top-up'
  | 'go-online'
  | 'ask-payer'
  | 'ask-payee'
  | 'contact-support'
  | 'none';

/** Code -> [HTTP status, remedy]. Only ever appended to; a code never changes its meaning. */
export const REFUSALS = {
  'request.malformed': [400, 'update-app'],
  'request.too-large': [413, 'update-app'],
  'request.media-type': [415, 'update-app'],
  'request.origin': [403, 'update-app'],
  'request.not-found': [404, 'none'],
  'request.too-many': [429, 'wait'],
  'house.fault': [500, 'try-again'],
  'house.busy': [503, 'wait'],
  'house.unreachable': [503, 'try-again'],
  'house.disk-full': [507, 'wait'],
  'ledger.insufficient': [409, 'top-up'],
  'ledger.id-reused': [409, 'contact-support'],
} as const satisfies Record<string, readonly [number, Remedy]>;

/** A code of the table. */
export type RefusalCode = keyof typeof REFUSALS;

/** A refusal as a door answers it: the code, and figures or names its message needs. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly detail?: Readonly<Record<string, string | number>>;
}

/** The HTTP status of `code` (RFC 9110 section 15). */
export function refusalStatus(code: RefusalCode): number {
  return REFUSALS[code][0];
}

/** What the person can do after `code`. */
export function refusalRemedy(code: RefusalCode): Remedy {
  return REFUSALS[code][1];
}
