/** What every file of identity works with, handed in once when the house is built. */

import type { SendMail } from '#server/identity/mail.ts';
import type { BeforeMoney, WalletOpened } from '#server/identity/parting.ts';
import type { AskRegister } from '#server/identity/register.ts';
import type { Peppers, Secrets } from '#server/identity/secret.ts';
import type { SendText } from '#server/identity/sms.ts';
import type { Database } from '#server/platform/database.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { Clock } from '#shared/base/time.ts';

/** How often things may be done; each is counted in the database, so a restart or a second server changes nothing. */
export interface IdentityLimits {
  /** Ceremonies begun, and ceremonies answered, by one address and by one account in a minute. */
  readonly ceremoniesPerMinute: number;
  /** Wallets made from one address in an hour. */
  readonly registrationsPerHour: number;
  /** Texts sent for one address in an hour. */
  readonly textsPerCallerHour: number;
  /** Texts sent to one phone in an hour; with five guesses a code this bounds guessing at 25 in a million an hour. */
  readonly textsPerPhoneHour: number;
}

/** Who speaks before anybody is signed in: the hash of the browser's own cookie, and the network address. */
export interface Visitor {
  readonly browser: Uint8Array;
  readonly caller: string;
}

/** What every file of identity works with. */
export interface IdentityParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly peppers: Peppers;
  readonly sendText: SendText;
  readonly sendMail: SendMail;
  readonly askRegister: AskRegister;
  /** The passkeys' relying party id: the host people know the house by. */
  readonly rpId: string;
  /** The one origin passkeys are used on. */
  readonly origin: string;
  /** Regions a wallet can be opened in. */
  readonly regions: readonly string[];
  readonly limits: IdentityLimits;
  /** What is written when a wallet opens, and what may stand before its money; filled while the house is built. */
  readonly opened: WalletOpened[];
  readonly gates: BeforeMoney[];
}

/** A refusal with its figures, in one word. */
export function no(code: Refusal['code'], detail?: Refusal['detail']): { readonly ok: false; readonly error: Refusal } {
  return { ok: false, error: detail ? { code, detail } : { code } };
}
