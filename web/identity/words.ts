/** Names of what is held about a person and of what stands in the way of leaving, in the person's language. */
import type { Keep, Purpose } from '#shared/api/account.ts';
import type { Blocker } from '#shared/rules/closure.ts';
import { m } from '#web/paraglide/messages.js';

const YEAR_MS = 31_557_600_000;

/** Why rows are held. */
export function purposeText(purpose: Purpose): string {
  const words: Readonly<Record<Purpose, () => string>> = {
    person: m.account_purpose_person,
    'sign-in': m.account_purpose_sign_in,
    security: m.account_purpose_security,
    money: m.account_purpose_money,
    offline: m.account_purpose_offline,
    bills: m.account_purpose_bills,
    notes: m.account_purpose_notes,
    agreement: m.account_purpose_agreement,
  };
  return words[purpose]();
}

/** Whole years of a length in milliseconds. */
export function yearsOf(milliseconds: number): number {
  return Math.round(milliseconds / YEAR_MS);
}

/** For how long rows are held, when a closed wallet's person stays known for `keepMs`. */
export function keepText(keep: Keep, keepMs: number): string {
  if (keep === 'closure') return m.account_data_keep_closure();
  return keep === 'person' ? m.account_data_keep_person({ years: yearsOf(keepMs) }) : m.account_data_keep_books();
}

/** What stands in the way of closing. */
export function blockerText(blocker: Blocker): string {
  const words: Readonly<Record<Blocker, () => string>> = {
    money: m.account_blocker_money,
    offline: m.account_blocker_offline,
    arriving: m.account_blocker_arriving,
    held: m.account_blocker_held,
    owed: m.account_blocker_owed,
    'under-way': m.account_blocker_under_way,
    frozen: m.account_blocker_frozen,
  };
  return words[blocker]();
}
