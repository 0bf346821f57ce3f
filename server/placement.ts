/** Where the rows of every table lie on a cluster: with their region, on every node, or with the processes. */
import type { Place } from '#server/platform/distribute.ts';

/** All of a region lies on one node beside the end of its journal: the row every posting takes. */
const HOME = 'ledger_journal_end';
const ofRegion = (table: string): Place => ({ table, column: 'region', beside: HOME });
const writtenOnce = (table: string): Place => ({ table, column: 'region', beside: HOME, appendOnly: true });
const everywhere = (table: string): Place => ({ table, on: 'everywhere' });
const ofProcesses = (table: string): Place => ({ table, on: 'coordinator' });

/** One line a table, in the order they are placed in. */
export const PLACEMENT: readonly Place[] = [
  ofProcesses('platform_step'),
  ofProcesses('platform_lease'),
  ofProcesses('platform_pulse'),
  // Small, read with everything, written by an operator.
  ...[
    'region',
    'region_policy',
    'region_key_set',
    'funding_terms',
    'payment_guarantee_terms',
    'identity_money_terms',
    'identity_anomaly_terms',
    'transfer_terms',
    'account_terms',
    'account_agreement',
    'support_terms',
  ].map(everywhere),
  ofRegion(HOME),
  ...['ledger_account', 'ledger_follower'].map(ofRegion),
  ...['ledger_transfer', 'ledger_move', 'logbook_line', 'logbook_seal'].map(writtenOnce),
  ...['logbook_end', 'region_epoch', 'region_status', 'region_rotation'].map(ofRegion),
  ...['identity_wallet', 'identity_passkey', 'identity_device', 'identity_session', 'identity_risk'].map(ofRegion),
  ...['identity_person', 'identity_certification'].map(ofRegion),
  ...['identity_password', 'identity_password_hash', 'identity_free', 'identity_grant'].map(ofRegion),
  ...['identity_email', 'identity_code', 'identity_recovery', 'identity_support_case', 'identity_question'].map(
    ofRegion,
  ),
  ...['identity_watched', 'identity_known_region', 'identity_alarm'].map(ofRegion),
  writtenOnce('identity_event'),
  // A visitor has no region yet: these stand under the region '' and so on one node together.
  ...['identity_challenge', 'identity_signup', 'identity_count'].map(ofRegion),
  ...['allowance', 'allowance_setting', 'allowance_stopped_device', 'allowance_certificate'].map(ofRegion),
  ofRegion('allowance_outstanding'),
  ...['payment', 'payment_receipt', 'payment_case', 'payment_proof', 'payment_fund', 'payment_epoch'].map(ofRegion),
  ...['payment_claim', 'payment_claim_tile', 'payment_claim_root'].map(ofRegion),
  ofRegion('till_code'),
  ...['transfer_nickname', 'transfer_count', 'transfer_address', 'transfer_note'].map(ofRegion),
  ...['transfer_split', 'transfer_ask', 'transfer_claim'].map(ofRegion),
  ...['account_acceptance', 'account_consent', 'account_closing', 'account_forgotten'].map(ofRegion),
  ...['notebook', 'notebook_document', 'notebook_revision', 'notebook_attachment', 'notebook_local'].map(ofRegion),
  ...['funding', 'funding_day', 'funding_free', 'funding_card'].map(ofRegion),
  ...['funding_statement', 'funding_entry', 'funding_finding'].map(ofRegion),
  ...['bill', 'bill_head', 'sync_waiting'].map(ofRegion),
  ...['support_agent', 'support_case'].map(ofRegion),
  ...['notice_subscription', 'notice_due', 'notice_seen'].map(ofRegion),
];
