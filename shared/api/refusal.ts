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
  | 'confirm-passkey'
  | 'add-passkey'
  | 'start-again'
  | 'prove-name'
  | 'unfreeze'
  | 'prove-act'
  | 'set-password'
  | 'reset-password'
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
  'ledger.reversed': [409, 'none'],
  'ledger.unknown': [404, 'none'],
  'session.none': [401, 'sign-in'],
  'session.step-up': [403, 'confirm-passkey'],
  'passkey.challenge': [400, 'try-again'],
  'passkey.refused': [401, 'try-again'],
  'passkey.unknown': [401, 'sign-in'],
  'passkey.taken': [409, 'sign-in'],
  'passkey.last': [409, 'add-passkey'],
  'passkey.limit': [409, 'none'],
  'passkey.not-found': [404, 'none'],
  'signup.region': [400, 'check-input'],
  'signup.name': [400, 'check-input'],
  'signup.phone': [400, 'check-input'],
  'signup.unknown': [404, 'start-again'],
  'signup.id-reused': [409, 'start-again'],
  'signup.done': [409, 'sign-in'],
  'signup.code-wrong': [403, 'check-input'],
  'signup.code-spent': [403, 'try-again'],
  'signup.code-wait': [429, 'wait'],
  'signup.phone-unproved': [409, 'start-again'],
  'signup.phone-taken': [409, 'sign-in'],
  'sms.unreachable': [503, 'try-again'],
  'real-name.name': [400, 'check-input'],
  'real-name.number': [400, 'check-input'],
  'real-name.age': [409, 'none'],
  'real-name.done': [409, 'none'],
  'real-name.open': [409, 'wait'],
  'real-name.first': [409, 'prove-name'],
  'real-name.id-reused': [409, 'start-again'],
  'wallet.frozen': [403, 'unfreeze'],
  'freeze.code': [400, 'check-input'],
  'freeze.code-unknown': [404, 'check-input'],
  'freeze.needs-code': [403, 'check-input'],
  'device.unknown': [401, 'sign-in'],
  'device.signature': [401, 'update-app'],
  'device.clock-skew': [401, 'try-again'],
  'device.revoked': [403, 'sign-in'],
  'device.id-reused': [409, 'start-again'],
  'device.key': [400, 'update-app'],
  'device.limit': [409, 'none'],
  'device.not-found': [404, 'none'],
  'message.too-large': [400, 'update-app'],
  'message.malformed': [400, 'ask-payer'],
  'message.not-canonical': [400, 'ask-payer'],
  'message.twin-signature': [400, 'ask-payer'],
  'message.version': [400, 'update-app'],
  'frame.unknown': [400, 'check-input'],
  'frame.malformed': [400, 'try-again'],
  'frame.other-message': [409, 'start-again'],
  'key-set.signature': [400, 'update-app'],
  'key-set.expired': [400, 'go-online'],
  'key-set.older': [409, 'go-online'],
  'issuer.unknown': [400, 'go-online'],
  'allowance.unknown': [409, 'ask-payer'],
  'allowance.signature': [400, 'ask-payer'],
  'allowance.not-yet-valid': [409, 'wait'],
  'allowance.expired': [409, 'ask-payer'],
  'allowance.revoked': [409, 'ask-payer'],
  'certificate.signature': [400, 'ask-payee'],
  'certificate.expired': [409, 'ask-payee'],
  'invoice.signature': [400, 'ask-payee'],
  'invoice.wrong-payee': [400, 'ask-payee'],
  'invoice.expired': [409, 'ask-payee'],
  'invoice.from-future': [409, 'ask-payee'],
  'invoice.currency-not-taken': [409, 'ask-payee'],
  'payment.outside-validity': [409, 'ask-payer'],
  'payment.fork': [409, 'ask-payer'],
  'payment.inconsistent': [409, 'ask-payer'],
  'payment.wrong-payee': [409, 'ask-payer'],
  'payment.payee-not-allowed': [409, 'ask-payer'],
  'payment.wrong-invoice': [409, 'ask-payer'],
  'payment.outside-lifetime': [409, 'start-again'],
  'payment.wrong-amount': [409, 'ask-payer'],
  'payment.wrong-currency': [409, 'ask-payer'],
  'payment.rate-unknown': [409, 'go-online'],
  'payment.over-each': [409, 'ask-payer'],
  'payment.over-payee': [409, 'ask-payer'],
  'payment.over-total': [409, 'ask-payer'],
  'payment.over-count': [409, 'ask-payer'],
  'payment.signature': [400, 'ask-payer'],
  'payment.passkey-missing': [409, 'ask-payer'],
  'payment.passkey-unknown': [409, 'ask-payer'],
  'payment.passkey-flags': [400, 'ask-payer'],
  'payment.passkey-origin': [400, 'update-app'],
  'payment.passkey-client-data': [400, 'update-app'],
  'payment.passkey-signature': [400, 'ask-payer'],
  'receipt.signature': [400, 'ask-payee'],
  'receipt.wrong-payment': [409, 'ask-payee'],
  'receipt.inconsistent': [409, 'contact-support'],
  'closing.signature': [400, 'contact-support'],
  'closing.wrong-allowance': [409, 'contact-support'],
  'closing.inconsistent': [409, 'contact-support'],
  'epoch.signature': [400, 'try-again'],
  'epoch.older': [409, 'try-again'],
  'epoch.list-differs': [400, 'try-again'],
  'finality.signature': [400, 'ask-payer'],
  'finality.wrong-payment': [409, 'ask-payer'],
  'finality.not-under-card': [409, 'try-again'],
  'fork.not-a-fork': [400, 'none'],
  'status.malformed': [400, 'try-again'],
  'spending.not-yet-valid': [409, 'wait'],
  'spending.expired': [409, 'go-online'],
  'spending.currency': [409, 'go-online'],
  'spending.payee-not-allowed': [409, 'go-online'],
  'spending.over-each': [409, 'go-online'],
  'spending.over-payee': [409, 'go-online'],
  'spending.over-total': [409, 'go-online'],
  'spending.over-count': [409, 'go-online'],
  'spending.passkey-missing': [409, 'add-passkey'],
  'acceptance.currency': [409, 'ask-payee'],
  'acceptance.region': [409, 'go-online'],
  'acceptance.list-old': [409, 'go-online'],
  'payment.other-tab': [409, 'try-again'],
  'payment.unfinished': [409, 'try-again'],
  'payment.none': [404, 'none'],
  'allowance.none': [409, 'go-online'],
  'allowance.locked': [403, 'confirm-passkey'],
  'wallet.none': [409, 'sign-in'],
  'clock.turned-back': [409, 'check-input'],
  'passkey.cancelled': [403, 'try-again'],
  'passkey.no-lock': [409, 'none'],
  'invoice.memo': [400, 'check-input'],
  'camera.denied': [403, 'check-input'],
  'camera.none': [404, 'none'],
  'code.none': [400, 'try-again'],
  'certificate.none': [409, 'go-online'],
  'vault.outdated': [409, 'try-again'],
  'vault.broken': [507, 'try-again'],
  'funding.no-channel': [409, 'none'],
  'funding.below-least': [409, 'check-input'],
  'funding.above-most': [409, 'check-input'],
  'funding.above-day': [409, 'check-input'],
  'funding.id-reused': [409, 'contact-support'],
  'funding.notice-forged': [400, 'none'],
  'funding.notice-stale': [400, 'none'],
  'funding.notice-mismatch': [409, 'none'],
  'funding.notice-channel': [409, 'none'],
  'allowance.key': [400, 'update-app'],
  'allowance.key-reused': [409, 'start-again'],
  'allowance.currency': [400, 'update-app'],
  'allowance.issuing-off': [503, 'wait'],
  'allowance.fund-cap': [503, 'wait'],
  'allowance.device-stopped': [403, 'contact-support'],
  'allowance.debt': [409, 'top-up'],
  'allowance.live': [409, 'none'],
  'allowance.devices': [409, 'wait'],
  'allowance.too-little': [409, 'top-up'],
  'allowance.cap-low': [409, 'check-input'],
  'allowance.day-spent': [409, 'wait'],
  'allowance.tier-spent': [409, 'prove-name'],
  'allowance.payee-unknown': [404, 'ask-payee'],
  'allowance.payee-self': [409, 'none'],
  'allowance.passkey-none': [409, 'add-passkey'],
  'allowance.over-online': [409, 'none'],
  'allowance.too-many': [409, 'wait'],
  'allowance.stopped': [409, 'contact-support'],
  'allowance.cap-high': [409, 'check-input'],
  'allowance.count-high': [409, 'check-input'],
  'payment.payee-unknown': [404, 'ask-payee'],
  'payment.voided': [409, 'ask-payee'],
  'payment.void-uncovered': [409, 'top-up'],
  'payment.late-uncovered': [409, 'ask-payer'],
  'guarantee.linked': [409, 'none'],
  'guarantee.not-promised': [409, 'ask-payer'],
  'guarantee.stale-epoch': [409, 'ask-payer'],
  'guarantee.too-late': [409, 'ask-payer'],
  'guarantee.payee-cap': [409, 'contact-support'],
  'guarantee.fund-cap': [409, 'contact-support'],
  'passkey.unsupported': [400, 'update-app'],
  'device.other-wallet': [409, 'contact-support'],
  'allowance.border-closed': [503, 'wait'],
  'money.proof': [403, 'prove-act'],
  'money.act-reused': [409, 'start-again'],
  'password.digits': [400, 'check-input'],
  'password.equal': [400, 'check-input'],
  'password.run': [400, 'check-input'],
  'password.repeat': [400, 'check-input'],
  'password.birthday': [400, 'check-input'],
  'password.own-number': [400, 'check-input'],
  'password.common': [400, 'check-input'],
  'password.used': [409, 'check-input'],
  'password.none': [409, 'set-password'],
  'password.wrong': [403, 'check-input'],
  'password.locked': [429, 'wait'],
  'password.day-spent': [429, 'wait'],
  'password.must-reset': [403, 'reset-password'],
  'password.free-most': [409, 'check-input'],
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
