/**
 * Everything the house holds about a person, table by table: why, for how long, and which columns are secrets.
 * Invariant: every table whose rows belong to a wallet stands here; the tests hold this list against the database.
 */
import type { Keep, Purpose } from '#shared/api/account.ts';

/** One table. `by`: the columns that name the wallet; rows are a person's when one of them does. */
export interface Holding {
  readonly table: string;
  readonly by: readonly string[];
  readonly purpose: Purpose;
  readonly keep: Keep;
  /** Columns nobody is shown: hashes of secrets, keys of hashes, and what is sealed (its masked form stands beside it). */
  readonly secret: readonly string[];
}

interface Words {
  readonly by?: readonly string[];
  readonly secret?: readonly string[];
}

function holding(purpose: Purpose, keep: Keep, table: string, { by = ['wallet'], secret = [] }: Words = {}): Holding {
  return { table, by, purpose, keep, secret };
}

/** All of them, in the order they are shown. */
export const HOLDINGS: readonly Holding[] = [
  holding('person', 'person', 'identity_wallet', {
    by: ['id'],
    secret: ['phone_hash', 'phone_sealed', 'recovery_hash'],
  }),
  holding('person', 'person', 'identity_certification', { secret: ['name_sealed', 'number_sealed', 'number_hash'] }),
  holding('person', 'closure', 'identity_person', { secret: ['number_hash'] }),
  holding('sign-in', 'person', 'identity_passkey'),
  holding('sign-in', 'person', 'identity_device'),
  holding('sign-in', 'closure', 'identity_session', { secret: ['token_hash', 'previous_hash'] }),
  holding('security', 'books', 'identity_event'),
  holding('security', 'closure', 'identity_risk'),
  holding('security', 'closure', 'identity_password'),
  holding('security', 'closure', 'identity_password_hash', { secret: ['hash', 'salt'] }),
  holding('security', 'closure', 'identity_free'),
  holding('person', 'closure', 'identity_email', { secret: ['hash', 'sealed'] }),
  holding('security', 'closure', 'identity_code', { secret: ['sealed', 'code_hash'] }),
  holding('security', 'closure', 'identity_recovery'),
  holding('security', 'books', 'identity_support_case'),
  holding('security', 'closure', 'identity_question', { secret: ['question_sealed', 'hash', 'salt'] }),
  holding('security', 'closure', 'identity_grant'),
  holding('security', 'closure', 'identity_watched'),
  holding('security', 'closure', 'identity_known_region'),
  holding('security', 'books', 'identity_alarm'),
  holding('security', 'person', 'support_agent'),
  holding('security', 'person', 'support_case'),
  holding('money', 'books', 'ledger_account', { by: ['owner'] }),
  holding('money', 'books', 'funding'),
  holding('money', 'closure', 'funding_day'),
  holding('money', 'closure', 'funding_free'),
  holding('money', 'closure', 'funding_card', { secret: ['token'] }),
  holding('offline', 'books', 'allowance'),
  holding('offline', 'closure', 'allowance_setting'),
  holding('offline', 'books', 'allowance_certificate'),
  holding('offline', 'books', 'allowance_stopped_device'),
  holding('money', 'books', 'payment', { by: ['payer', 'payee'] }),
  holding('money', 'books', 'payment_case', { by: ['payer'] }),
  holding('money', 'closure', 'till_code', { by: ['payer', 'payee'] }),
  holding('person', 'closure', 'transfer_nickname'),
  holding('security', 'closure', 'transfer_count'),
  holding('money', 'closure', 'transfer_address'),
  holding('money', 'person', 'transfer_note', { by: ['payer'] }),
  holding('money', 'person', 'transfer_split', { by: ['asker'] }),
  holding('money', 'person', 'transfer_ask', { by: ['asker', 'asked'] }),
  holding('money', 'books', 'transfer_claim', { by: ['payer', 'payee'] }),
  holding('bills', 'books', 'bill'),
  holding('bills', 'books', 'bill_head'),
  holding('notes', 'closure', 'notebook', { by: ['book'] }),
  holding('notes', 'closure', 'notebook_document', { by: ['book'] }),
  holding('notes', 'closure', 'notebook_revision', { by: ['book'] }),
  holding('notes', 'closure', 'notebook_attachment', { by: ['book'] }),
  holding('notes', 'closure', 'notebook_local', { by: ['book'] }),
  holding('security', 'closure', 'notice_subscription', { secret: ['endpoint_hash', 'sealed'] }),
  holding('security', 'closure', 'notice_due'),
  holding('agreement', 'person', 'account_acceptance'),
  holding('agreement', 'closure', 'account_consent'),
  holding('agreement', 'books', 'account_closing'),
  holding('agreement', 'books', 'account_forgotten'),
];

/** The holding called `table`, or undefined when there is none. */
export function holdingOf(table: string): Holding | undefined {
  return HOLDINGS.find((one) => one.table === table);
}
