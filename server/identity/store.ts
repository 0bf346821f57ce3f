/** How identity remembers: people, passkeys, devices, sessions, signups, challenges and counts. */
import type { Sql } from '#server/platform/database.ts';
import type { RealNameReason } from '#shared/api/real-name.ts';
import type { Id } from '#shared/base/id.ts';
import type { Duration, Instant } from '#shared/base/time.ts';
import type {
  AnomalyAnswer,
  AnomalyRule,
  AnomalyTerm,
  Habits,
  RaisedBefore,
  WatchedAct,
} from '#shared/rules/anomaly.ts';
import type { MoneyAct } from '#shared/rules/password.ts';
import type { Tier } from '#shared/rules/policy.ts';

/** A transaction, as decisions hand it on. */
export type Tx = Sql;

export interface WalletRow {
  region: string;
  id: Id;
  user_handle: Uint8Array;
  name: string;
  tier: Tier;
  phone_hash: Uint8Array;
  phone_tail: string;
  phone_masked: string;
  phone_sealed: Uint8Array;
  created_at: Instant;
  frozen_at: Instant | null;
  frozen_by: 'session' | 'code' | null;
  recovery_hash: Uint8Array | null;
  recovery_made_at: Instant | null;
  recovered_at: Instant | null;
  closed_at: Instant | null;
}

export interface PasskeyRow {
  region: string;
  id: Uint8Array;
  wallet: Id;
  public_key: Uint8Array;
  algorithm: number;
  counter: number;
  backup_eligible: boolean;
  backed_up: boolean;
  transports: string;
  aaguid: string;
  name: string;
  created_at: Instant;
  used_at: Instant | null;
  revoked_at: Instant | null;
}

export interface DeviceRow {
  region: string;
  id: Id;
  wallet: Id;
  key: Uint8Array;
  name: string;
  created_at: Instant;
  seen_at: Instant | null;
  revoked_at: Instant | null;
}

export interface SessionRow {
  region: string;
  id: Id;
  wallet: Id;
  passkey: Uint8Array;
  token_hash: Uint8Array;
  previous_hash: Uint8Array | null;
  previous_until: Instant | null;
  started_at: Instant;
  seen_at: Instant;
  rotated_at: Instant;
  stepped_up_at: Instant;
}

export interface ChallengeRow {
  ceremony: string;
  browser: Uint8Array;
  subject: Id | null;
  expires_at: Instant;
}

export interface SignupRow {
  region: string;
  id: Id;
  browser: Uint8Array;
  name: string;
  phone_hash: Uint8Array;
  phone_tail: string;
  phone_masked: string;
  phone_sealed: Uint8Array;
  language: 'zh' | 'en';
  user_handle: Uint8Array;
  code_hash: Uint8Array | null;
  code_sent_at: Instant | null;
  code_expires_at: Instant | null;
  attempts: number;
  proved_at: Instant | null;
  done_at: Instant | null;
  expires_at: Instant;
}

export interface CertificationRow {
  region: string;
  id: Id;
  wallet: Id;
  wants: 'real-name' | 'two-factor';
  name_sealed: Uint8Array;
  number_sealed: Uint8Array;
  number_hash: Uint8Array;
  number_masked: string;
  agreed: string;
  state: 'asking' | 'review' | 'proved' | 'refused';
  reason: RealNameReason | null;
  asks: number;
  asked_at: Instant;
  next_at: Instant;
  decided_at: Instant | null;
}

/** What a region allows a tier where money is proved; see schema.sql. */
export interface MoneyTermsRow {
  currency: string;
  free_each: number;
  free_count: number;
  free_each_most: number;
  free_count_most: number;
  large_from: number;
  wrong_most: number;
  reset_after: number;
  lock_ms: Duration;
  day_most: number;
  day_offset_minutes: number;
  risk_ms: Duration;
  eased_percent: number;
}

export interface PasswordRow {
  region: string;
  wallet: Id;
  wrong: number;
  wrong_in_all: number;
  locked_until: Instant | null;
  day: number;
  day_count: number;
}

export interface PasswordHashRow {
  region: string;
  wallet: Id;
  id: Id;
  hash: Uint8Array;
  salt: Uint8Array;
  pepper: number;
  set_at: Instant;
}

export interface GrantRow {
  region: string;
  act: Id;
  wallet: Id;
  kind: MoneyAct;
  amount: number;
  currency: string;
  target: string;
  how: 'free' | 'password' | 'passkey' | 'both';
  session: Id | null;
  touched_at: Instant | null;
  at: Instant;
}

export interface QuestionRow extends Omit<PasswordHashRow, 'id'> {
  readonly question_sealed: Uint8Array;
}

export interface EmailRow {
  region: string;
  wallet: Id;
  hash: Uint8Array;
  masked: string;
  sealed: Uint8Array;
  proved_at: Instant;
}

export interface CodeRow {
  masked: string;
  sealed: Uint8Array;
  code_hash: Uint8Array | null;
  sent_at: Instant | null;
  expires_at: Instant | null;
  attempts: number;
  proved_at: Instant | null;
}

/** Which code: see code.ts. */
interface CodeKey {
  readonly region: string;
  readonly wallet: Id;
  readonly purpose: string;
  readonly subject: Id;
  readonly way: string;
}

export interface RecoveryRow {
  region: string;
  id: Id;
  wallet: Id;
  session: Id;
  opened_at: Instant;
  expires_at: Instant;
  passkey_at: Instant | null;
  phone_at: Instant | null;
  email_at: Instant | null;
  done_at: Instant | null;
}

export interface SupportCaseRow {
  region: string;
  id: Id;
  wallet: Id;
  why: string;
  opened_by: string;
  opened_at: Instant;
  first_by: string | null;
  first_at: Instant | null;
  second_by: string | null;
  second_at: Instant | null;
  used_at: Instant | null;
}

export interface AlarmRow {
  region: string;
  id: Id;
  wallet: Id;
  rule: AnomalyRule;
  answer: AnomalyAnswer;
  amount: number;
  currency: string;
  at: Instant;
  until: Instant;
  answered: 'mine' | 'not-mine' | 'support' | null;
  answered_at: Instant | null;
}

/** A line of a region's terms with how long a proof is asked for after it was hit. */
export interface AnomalyTermRow extends AnomalyTerm {
  hold: Duration;
}

export interface EventRow {
  region: string;
  id: Id;
  wallet: Id;
  code: string;
  device: string | null;
  about: string;
  at: Instant;
}

/** Adds `row` unless its key is there; answers whether it was added. */
async function insert(tx: Sql, table: string, row: object): Promise<boolean> {
  const columns = Object.keys(row);
  const places = columns.map((_, at) => `$${at + 1}`).join(', ');
  const added = await tx.query(
    `insert into ${table} (${columns.join(', ')}) values (${places}) on conflict do nothing returning 1 as added`,
    Object.values(row),
  );
  return added.length === 1;
}

export const insertWallet = (tx: Sql, row: WalletRow) => insert(tx, 'identity_wallet', row);
export const insertPasskey = (tx: Sql, row: PasskeyRow) => insert(tx, 'identity_passkey', row);
export const insertDevice = (tx: Sql, row: DeviceRow) => insert(tx, 'identity_device', row);
export const insertSession = (tx: Sql, row: SessionRow) => insert(tx, 'identity_session', row);
export const insertCertification = (tx: Sql, row: CertificationRow) => insert(tx, 'identity_certification', row);
export const insertPasswordHash = (tx: Sql, row: PasswordHashRow) => insert(tx, 'identity_password_hash', row);
export const insertRecovery = (tx: Sql, row: RecoveryRow) => insert(tx, 'identity_recovery', row);
export const insertSupportCase = (tx: Sql, row: SupportCaseRow) => insert(tx, 'identity_support_case', row);
export const insertGrant = (tx: Sql, row: GrantRow) => insert(tx, 'identity_grant', row);
export const insertEvent = (tx: Sql, row: EventRow) => insert(tx, 'identity_event', row);
export const insertAlarm = (tx: Sql, row: AlarmRow) => insert(tx, 'identity_alarm', row);
export const insertSignup = (tx: Sql, row: SignupRow) => insert(tx, 'identity_signup', row);

export async function readWallet(tx: Sql, id: Id): Promise<WalletRow | undefined> {
  return (await tx.query<WalletRow>('select * from identity_wallet where id = $1', [id]))[0];
}

export async function readWallets(tx: Sql, ids: readonly Id[]): Promise<WalletRow[]> {
  return await tx.query<WalletRow>('select * from identity_wallet where id = any($1::uuid[])', [ids]);
}

export async function walletOfPhone(tx: Sql, region: string, phoneHash: Uint8Array): Promise<WalletRow | undefined> {
  const rows = await tx.query<WalletRow>('select * from identity_wallet where region = $1 and phone_hash = $2', [
    region,
    phoneHash,
  ]);
  return rows[0];
}

/** The wallet whose recovery code in force has this hash. */
export async function walletOfRecovery(tx: Sql, hash: Uint8Array): Promise<WalletRow | undefined> {
  return (await tx.query<WalletRow>('select * from identity_wallet where recovery_hash = $1', [hash]))[0];
}

export async function keepRecovery(tx: Sql, region: string, wallet: Id, hash: Uint8Array, at: Instant): Promise<void> {
  await tx.query('update identity_wallet set recovery_hash = $3, recovery_made_at = $4 where region = $1 and id = $2', [
    region,
    wallet,
    hash,
    at,
  ]);
}

/** Freezes a wallet; false when it was frozen already. Somebody with the printed code makes any freeze a stronger one. */
export async function freezeWallet(
  tx: Sql,
  region: string,
  wallet: Id,
  at: Instant,
  by: 'session' | 'code',
): Promise<boolean> {
  const rows = await tx.query(
    `update identity_wallet set frozen_at = $3, frozen_by = $4
     where region = $1 and id = $2 and frozen_at is null returning 1 as done`,
    [region, wallet, at, by],
  );
  if (rows.length === 0 && by === 'code') {
    await tx.query(`update identity_wallet set frozen_by = 'code' where region = $1 and id = $2`, [region, wallet]);
  }
  return rows.length === 1;
}

export async function thawWallet(tx: Sql, region: string, wallet: Id): Promise<void> {
  await tx.query('update identity_wallet set frozen_at = null, frozen_by = null where region = $1 and id = $2', [
    region,
    wallet,
  ]);
}

/** Makes later transactions about this wallet's keys wait for this one. */
export async function lockWallet(tx: Sql, region: string, wallet: Id): Promise<void> {
  await tx.query('select 1 from identity_wallet where region = $1 and id = $2 for update', [region, wallet]);
}

export async function closeWallet(
  tx: Sql,
  region: string,
  wallet: Id,
  at: Instant,
  phoneHash: Uint8Array,
): Promise<void> {
  await tx.query(
    `update identity_wallet set closed_at = $3, phone_hash = $4, recovery_hash = null
     where region = $1 and id = $2 and closed_at is null`,
    [region, wallet, at, phoneHash],
  );
}

export async function forgetWallet(tx: Sql, region: string, wallet: Id): Promise<void> {
  await tx.query(
    `update identity_wallet set name = '', phone_tail = '', phone_masked = '', phone_sealed = '\\x', user_handle = '\\x'
     where region = $1 and id = $2 and closed_at is not null`,
    [region, wallet],
  );
}

/** The rows of one credential id, revoked ones too; more than one only when two regions were given the same id. */
export async function passkeysById(tx: Sql, id: Uint8Array): Promise<PasskeyRow[]> {
  return await tx.query<PasskeyRow>('select * from identity_passkey where id = $1', [id]);
}

export async function livePasskeys(tx: Sql, region: string, wallet: Id): Promise<PasskeyRow[]> {
  return await tx.query<PasskeyRow>(
    'select * from identity_passkey where region = $1 and wallet = $2 and revoked_at is null order by created_at, id',
    [region, wallet],
  );
}

/** Notes a use; false when the passkey was revoked or used meanwhile. */
export async function usePasskey(
  tx: Sql,
  passkey: PasskeyRow,
  use: { counter: number; backedUp: boolean; at: Instant },
): Promise<boolean> {
  const rows = await tx.query(
    `update identity_passkey set counter = $3, backed_up = $4, used_at = $5
     where region = $1 and id = $2 and revoked_at is null and counter = $6 returning 1 as done`,
    [passkey.region, passkey.id, use.counter, use.backedUp, use.at, passkey.counter],
  );
  return rows.length === 1;
}

export async function renamePasskey(
  tx: Sql,
  region: string,
  wallet: Id,
  id: Uint8Array,
  name: string,
): Promise<boolean> {
  const rows = await tx.query(
    'update identity_passkey set name = $4 where region = $1 and wallet = $2 and id = $3 and revoked_at is null returning 1 as done',
    [region, wallet, id, name],
  );
  return rows.length === 1;
}

export async function revokePasskey(tx: Sql, passkey: PasskeyRow, at: Instant): Promise<void> {
  await tx.query('update identity_passkey set revoked_at = $3 where region = $1 and id = $2', [
    passkey.region,
    passkey.id,
    at,
  ]);
  await tx.query('delete from identity_session where region = $1 and passkey = $2', [passkey.region, passkey.id]);
}

/** The rows of one device id; more than one only when two regions were given the same id. */
export async function devicesById(tx: Sql, ids: readonly Id[]): Promise<DeviceRow[]> {
  return await tx.query<DeviceRow>('select * from identity_device where id = any($1::uuid[])', [ids]);
}

export async function devicesOfWallet(tx: Sql, region: string, wallet: Id): Promise<DeviceRow[]> {
  return await tx.query<DeviceRow>(
    'select * from identity_device where region = $1 and wallet = $2 order by created_at desc, id',
    [region, wallet],
  );
}

export async function renameDevice(tx: Sql, region: string, wallet: Id, id: Id, name: string): Promise<boolean> {
  const rows = await tx.query(
    'update identity_device set name = $4 where region = $1 and wallet = $2 and id = $3 returning 1 as done',
    [region, wallet, id, name],
  );
  return rows.length === 1;
}

export async function revokeDevice(tx: Sql, region: string, id: Id, at: Instant): Promise<boolean> {
  const rows = await tx.query(
    'update identity_device set revoked_at = $3 where region = $1 and id = $2 and revoked_at is null returning 1 as done',
    [region, id, at],
  );
  return rows.length === 1;
}

export async function seeDevice(tx: Sql, region: string, id: Id, at: Instant): Promise<void> {
  await tx.query('update identity_device set seen_at = $3 where region = $1 and id = $2', [region, id, at]);
}

export async function sessionByToken(tx: Sql, region: string, hash: Uint8Array): Promise<SessionRow | undefined> {
  const rows = await tx.query<SessionRow>(
    'select * from identity_session where region = $1 and (token_hash = $2 or previous_hash = $2)',
    [region, hash],
  );
  return rows[0];
}

export async function seeSession(tx: Sql, session: SessionRow, at: Instant): Promise<void> {
  await tx.query('update identity_session set seen_at = $3 where region = $1 and id = $2', [
    session.region,
    session.id,
    at,
  ]);
}

/** The new token was used: the one before it stays good until `until`, for answers that crossed on the way. */
export async function confirmToken(tx: Sql, session: SessionRow, until: Instant): Promise<void> {
  await tx.query(
    'update identity_session set previous_until = $3 where region = $1 and id = $2 and previous_until is null',
    [session.region, session.id, until],
  );
}

/** Puts a new token beside `from`, which stays good until the new one is used; false when another request was faster. */
export async function rotateSession(
  tx: Sql,
  session: SessionRow,
  change: { from: Uint8Array; to: Uint8Array; at: Instant; steppedUpAt: Instant; passkey: Uint8Array },
): Promise<boolean> {
  const rows = await tx.query(
    `update identity_session set previous_hash = $3, previous_until = null, token_hash = $4, rotated_at = $5, seen_at = $5,
       stepped_up_at = $6, passkey = $7
     where region = $1 and id = $2 and token_hash = $8 returning 1 as done`,
    [
      session.region,
      session.id,
      change.from,
      change.to,
      change.at,
      change.steppedUpAt,
      change.passkey,
      session.token_hash,
    ],
  );
  return rows.length === 1;
}

/** A session with what its owner calls the passkey it was begun with. */
export interface NamedSessionRow extends SessionRow {
  name: string;
}

/** The sessions of a wallet that are not over, the one used last first. */
export async function sessionsOfWallet(
  tx: Sql,
  region: string,
  wallet: Id,
  bounds: { seenAfter: Instant; startedAfter: Instant },
): Promise<NamedSessionRow[]> {
  return await tx.query<NamedSessionRow>(
    `select s.*, p.name from identity_session s
     join identity_passkey p on p.region = s.region and p.id = s.passkey
     where s.region = $1 and s.wallet = $2 and s.seen_at > $3 and s.started_at > $4 order by s.seen_at desc, s.id`,
    [region, wallet, bounds.seenAfter, bounds.startedAfter],
  );
}

export async function endSession(tx: Sql, region: string, id: Id): Promise<void> {
  await tx.query('delete from identity_session where region = $1 and id = $2', [region, id]);
}

export async function endSessions(tx: Sql, region: string, wallet: Id): Promise<void> {
  await tx.query('delete from identity_session where region = $1 and wallet = $2', [region, wallet]);
}

export async function endOtherSessions(tx: Sql, region: string, wallet: Id, kept: Id): Promise<void> {
  await tx.query('delete from identity_session where region = $1 and wallet = $2 and id <> $3', [region, wallet, kept]);
}

export async function keepChallenge(
  tx: Sql,
  row: { region: string; challenge: Uint8Array } & ChallengeRow,
): Promise<void> {
  await insert(tx, 'identity_challenge', row);
}

/** Reads a challenge and deletes it in one act: no second reader finds it, whatever comes of the first. */
export async function takeChallenge(tx: Sql, region: string, challenge: Uint8Array): Promise<ChallengeRow | undefined> {
  const rows = await tx.query<ChallengeRow>(
    'delete from identity_challenge where region = $1 and challenge = $2 returning ceremony, browser, subject, expires_at',
    [region, challenge],
  );
  return rows[0];
}

export async function readSignup(tx: Sql, id: Id): Promise<SignupRow | undefined> {
  return (await tx.query<SignupRow>('select * from identity_signup where id = $1', [id]))[0];
}

/** Takes the right to send a code now; false when one was sent after `notAfter` or the phone is already proved. */
export async function claimCode(
  tx: Sql,
  signup: SignupRow,
  code: { hash: Uint8Array; at: Instant; expiresAt: Instant; notAfter: Instant },
): Promise<boolean> {
  const rows = await tx.query(
    `update identity_signup set code_hash = $3, code_sent_at = $4, code_expires_at = $5, attempts = 0
     where region = $1 and id = $2 and proved_at is null and (code_sent_at is null or code_sent_at <= $6)
     returning 1 as done`,
    [signup.region, signup.id, code.hash, code.at, code.expiresAt, code.notAfter],
  );
  return rows.length === 1;
}

/** The text did not go out: another may be sent at once. The code stays good in case it did arrive. */
export async function unclaimCode(tx: Sql, signup: SignupRow): Promise<void> {
  await tx.query('update identity_signup set code_sent_at = null where region = $1 and id = $2', [
    signup.region,
    signup.id,
  ]);
}

/** Counts one guess before it is compared; undefined when no guess is left or the code is too old. */
export async function spendAttempt(
  tx: Sql,
  signup: SignupRow,
  most: number,
  now: Instant,
): Promise<{ code_hash: Uint8Array; attempts: number } | undefined> {
  const rows = await tx.query<{ code_hash: Uint8Array; attempts: number }>(
    `update identity_signup set attempts = attempts + 1
     where region = $1 and id = $2 and attempts < $3 and code_hash is not null and code_expires_at > $4
     returning code_hash, attempts`,
    [signup.region, signup.id, most, now],
  );
  return rows[0];
}

export async function provePhone(tx: Sql, signup: SignupRow, at: Instant): Promise<void> {
  await tx.query('update identity_signup set proved_at = $3, code_hash = null where region = $1 and id = $2', [
    signup.region,
    signup.id,
    at,
  ]);
}

export async function finishSignup(tx: Sql, signup: SignupRow, at: Instant): Promise<void> {
  await tx.query('update identity_signup set done_at = $3 where region = $1 and id = $2', [
    signup.region,
    signup.id,
    at,
  ]);
}

/** Counts one more `act` of `subject` in its window and answers how many there are now. */
export async function count(
  tx: Sql,
  row: { region: string; act: string; subject: Uint8Array; windowAt: Instant },
): Promise<number> {
  const rows = await tx.query<{ count: number }>(
    `insert into identity_count (region, act, subject, window_at, count) values ($1, $2, $3, $4, 1)
     on conflict (region, act, subject, window_at) do update set count = identity_count.count + 1
     returning count`,
    [row.region, row.act, row.subject, row.windowAt],
  );
  return rows[0]?.count ?? 0;
}

export async function noteRisk(
  tx: Sql,
  risk: { region: string; id: Id; wallet: Id; kind: string; at: Instant },
): Promise<void> {
  await insert(tx, 'identity_risk', risk);
}

export async function readCertification(tx: Sql, region: string, id: Id): Promise<CertificationRow | undefined> {
  const rows = await tx.query<CertificationRow>('select * from identity_certification where region = $1 and id = $2', [
    region,
    id,
  ]);
  return rows[0];
}

export async function latestCertification(tx: Sql, region: string, wallet: Id): Promise<CertificationRow | undefined> {
  const rows = await tx.query<CertificationRow>(
    'select * from identity_certification where region = $1 and wallet = $2 order by asked_at desc, id desc limit 1',
    [region, wallet],
  );
  return rows[0];
}

/** The one that proved the wallet's name and number. */
export async function provedCertification(tx: Sql, region: string, wallet: Id): Promise<CertificationRow | undefined> {
  const rows = await tx.query<CertificationRow>(
    `select * from identity_certification
     where region = $1 and wallet = $2 and wants = 'real-name' and state = 'proved' limit 1`,
    [region, wallet],
  );
  return rows[0];
}

export async function dueCertifications(tx: Sql, now: Instant, most: number): Promise<CertificationRow[]> {
  return await tx.query<CertificationRow>(
    `select * from identity_certification where state in ('asking', 'review') and next_at <= $1
     order by next_at limit $2`,
    [now, most],
  );
}

/** There is no end yet: says when to ask again. */
export async function putOffCertification(
  tx: Sql,
  row: Pick<CertificationRow, 'region' | 'id'>,
  to: { state: 'asking' | 'review'; asks: number; nextAt: Instant },
): Promise<void> {
  await tx.query(
    'update identity_certification set state = $3, asks = $4, next_at = $5 where region = $1 and id = $2',
    [row.region, row.id, to.state, to.asks, to.nextAt],
  );
}

export async function endCertification(
  tx: Sql,
  row: Pick<CertificationRow, 'region' | 'id'>,
  end: { state: 'proved' | 'refused'; reason: RealNameReason | null; at: Instant },
): Promise<void> {
  await tx.query(
    'update identity_certification set state = $3, reason = $4, decided_at = $5 where region = $1 and id = $2',
    [row.region, row.id, end.state, end.reason, end.at],
  );
}

/** Notes that the person behind `numberHash` is `wallet`'s; false when another wallet of the region was first. */
export async function claimPerson(tx: Sql, region: string, numberHash: Uint8Array, wallet: Id): Promise<boolean> {
  await insert(tx, 'identity_person', { region, number_hash: numberHash, wallet });
  const rows = await tx.query<{ wallet: Id }>(
    'select wallet from identity_person where region = $1 and number_hash = $2',
    [region, numberHash],
  );
  return rows[0]?.wallet === wallet;
}

export async function raiseTier(tx: Sql, region: string, wallet: Id, tier: Tier, name: string): Promise<void> {
  await tx.query('update identity_wallet set tier = $3, name = $4 where region = $1 and id = $2', [
    region,
    wallet,
    tier,
    name,
  ]);
}

export async function readMoneyTerms(tx: Sql, region: string, tier: Tier): Promise<MoneyTermsRow | undefined> {
  const rows = await tx.query<MoneyTermsRow>('select * from identity_money_terms where region = $1 and tier = $2', [
    region,
    tier,
  ]);
  return rows[0];
}

export async function readPassword(tx: Sql, region: string, wallet: Id): Promise<PasswordRow | undefined> {
  const rows = await tx.query<PasswordRow>('select * from identity_password where region = $1 and wallet = $2', [
    region,
    wallet,
  ]);
  return rows[0];
}

/** The password in force and those before it, the newest first. */
export async function passwordHashes(tx: Sql, region: string, wallet: Id): Promise<PasswordHashRow[]> {
  return await tx.query<PasswordHashRow>(
    'select * from identity_password_hash where region = $1 and wallet = $2 order by set_at desc, id desc',
    [region, wallet],
  );
}

export async function forgetPasswordHash(tx: Sql, row: PasswordHashRow): Promise<void> {
  await tx.query('delete from identity_password_hash where region = $1 and wallet = $2 and id = $3', [
    row.region,
    row.wallet,
    row.id,
  ]);
}

/** The same password, hashed anew under a newer pepper. */
export async function renewPasswordHash(tx: Sql, row: PasswordHashRow): Promise<void> {
  await tx.query(
    'update identity_password_hash set hash = $4, salt = $5, pepper = $6 where region = $1 and wallet = $2 and id = $3',
    [row.region, row.wallet, row.id, row.hash, row.salt, row.pepper],
  );
}

/**
 * Counts one guess before it is looked at; undefined when none may be looked at now. The last one allowed locks at once:
 * whoever guesses beside it finds the lock, and only a right one opens it.
 */
export async function countGuess(
  tx: Sql,
  { region, wallet }: { region: string; wallet: Id },
  now: { at: Instant; day: number; lockUntil: Instant },
  bounds: Pick<MoneyTermsRow, 'wrong_most' | 'reset_after' | 'day_most'>,
): Promise<PasswordRow | undefined> {
  const rows = await tx.query<PasswordRow>(
    `update identity_password set
       wrong = case when locked_until is null then wrong else 0 end + 1,
       wrong_in_all = wrong_in_all + 1,
       locked_until = case when (case when locked_until is null then wrong else 0 end) + 1 >= $6::integer
         then $5::bigint else null end,
       day = $4::bigint,
       day_count = case when day = $4::bigint then day_count else 0 end + 1
     where region = $1 and wallet = $2 and (locked_until is null or locked_until <= $3::bigint)
       and wrong_in_all < $7::integer and (day <> $4::bigint or day_count < $8::integer)
     returning *`,
    [region, wallet, now.at, now.day, now.lockUntil, bounds.wrong_most, bounds.reset_after, bounds.day_most],
  );
  return rows[0];
}

/** A guess was right, or there is a new password: the wrong ones before it count no more. The day's count stays. */
export async function forgiveGuesses(tx: Sql, region: string, wallet: Id): Promise<void> {
  await tx.query(
    `insert into identity_password (region, wallet) values ($1, $2)
     on conflict (region, wallet) do update set wrong = 0, wrong_in_all = 0, locked_until = null`,
    [region, wallet],
  );
}

export async function readFree(
  tx: Sql,
  region: string,
  wallet: Id,
): Promise<{ each_most: number; count_most: number } | undefined> {
  const rows = await tx.query<{ each_most: number; count_most: number }>(
    'select each_most, count_most from identity_free where region = $1 and wallet = $2',
    [region, wallet],
  );
  return rows[0];
}

export async function writeFree(
  tx: Sql,
  row: { region: string; wallet: Id; each: number; count: number; at: Instant },
): Promise<void> {
  await tx.query(
    `insert into identity_free (region, wallet, each_most, count_most, set_at) values ($1, $2, $3, $4, $5)
     on conflict (region, wallet) do update set each_most = excluded.each_most, count_most = excluded.count_most,
       set_at = excluded.set_at`,
    [row.region, row.wallet, row.each, row.count, row.at],
  );
}

export async function readGrant(tx: Sql, region: string, act: Id): Promise<GrantRow | undefined> {
  const rows = await tx.query<GrantRow>('select * from identity_grant where region = $1 and act = $2', [region, act]);
  return rows[0];
}

/** The same act proved anew, because its first proof had grown old. */
export async function renewGrant(tx: Sql, row: GrantRow): Promise<void> {
  await tx.query(
    `update identity_grant set how = $3, session = $4, touched_at = $5, at = $6 where region = $1 and act = $2`,
    [row.region, row.act, row.how, row.session, row.touched_at, row.at],
  );
}

/** Whether the touch of a passkey in a session has stood for an act already. */
export async function isTouchUsed(tx: Sql, region: string, session: Id, touchedAt: Instant): Promise<boolean> {
  const rows = await tx.query(
    'select 1 as used from identity_grant where region = $1 and session = $2 and touched_at = $3',
    [region, session, touchedAt],
  );
  return rows.length > 0;
}

/** How many acts went without a proof since then. */
export async function countFree(tx: Sql, region: string, wallet: Id, since: Instant): Promise<number> {
  const rows = await tx.query<{ count: number }>(
    `select count(*)::integer as count from identity_grant where region = $1 and wallet = $2 and at >= $3 and how = 'free'`,
    [region, wallet, since],
  );
  return rows[0]?.count ?? 0;
}

export async function readEmail(tx: Sql, region: string, wallet: Id): Promise<EmailRow | undefined> {
  const rows = await tx.query<EmailRow>('select * from identity_email where region = $1 and wallet = $2', [
    region,
    wallet,
  ]);
  return rows[0];
}

export async function writeEmail(tx: Sql, row: EmailRow): Promise<void> {
  await tx.query(
    `insert into identity_email (region, wallet, hash, masked, sealed, proved_at) values ($1, $2, $3, $4, $5, $6)
     on conflict (region, wallet) do update set hash = excluded.hash, masked = excluded.masked,
       sealed = excluded.sealed, proved_at = excluded.proved_at`,
    [row.region, row.wallet, row.hash, row.masked, row.sealed, row.proved_at],
  );
}

export async function readQuestion(tx: Sql, region: string, wallet: Id): Promise<QuestionRow | undefined> {
  const rows = await tx.query<QuestionRow>('select * from identity_question where region = $1 and wallet = $2', [
    region,
    wallet,
  ]);
  return rows[0];
}

export async function writeQuestion(tx: Sql, row: QuestionRow): Promise<void> {
  await tx.query(
    `insert into identity_question (region, wallet, question_sealed, hash, salt, pepper, set_at)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (region, wallet) do update set question_sealed = excluded.question_sealed, hash = excluded.hash,
       salt = excluded.salt, pepper = excluded.pepper, set_at = excluded.set_at`,
    [row.region, row.wallet, row.question_sealed, row.hash, row.salt, row.pepper, row.set_at],
  );
}

/** Answers whether there was one. */
export async function dropQuestion(tx: Sql, region: string, wallet: Id): Promise<boolean> {
  const rows = await tx.query('delete from identity_question where region = $1 and wallet = $2 returning 1 as done', [
    region,
    wallet,
  ]);
  return rows.length === 1;
}

const CODE = 'region = $1 and wallet = $2 and purpose = $3 and subject = $4 and way = $5';
const keyOf = ({ region, wallet, purpose, subject, way }: CodeKey) => [region, wallet, purpose, subject, way];

export async function readCode(tx: Sql, key: CodeKey): Promise<CodeRow | undefined> {
  return (await tx.query<CodeRow>(`select * from identity_code where ${CODE}`, keyOf(key)))[0];
}

/** Makes room for a code where there is none. */
export async function openCode(tx: Sql, row: CodeKey & { masked: string; sealed: Uint8Array }): Promise<void> {
  const { region, wallet, purpose, subject, way, masked, sealed } = row;
  await insert(tx, 'identity_code', { region, wallet, purpose, subject, way, masked, sealed });
}

/** Takes the right to send a code now; false when one was sent after `notAfter` or has been proved. */
export async function claimCodeFor(
  tx: Sql,
  key: CodeKey,
  code: {
    hash: Uint8Array;
    masked: string;
    sealed: Uint8Array;
    at: Instant;
    expiresAt: Instant;
    notAfter: Instant;
  },
): Promise<boolean> {
  const rows = await tx.query(
    `update identity_code set code_hash = $6, masked = $7, sealed = $8, sent_at = $9, expires_at = $10, attempts = 0
     where ${CODE} and proved_at is null and (sent_at is null or sent_at <= $11) returning 1 as done`,
    [...keyOf(key), code.hash, code.masked, code.sealed, code.at, code.expiresAt, code.notAfter],
  );
  return rows.length === 1;
}

/** It did not go out: another may be sent at once. The code stays good in case it did arrive. */
export async function unclaimCodeFor(tx: Sql, key: CodeKey): Promise<void> {
  await tx.query(`update identity_code set sent_at = null where ${CODE}`, keyOf(key));
}

/** Counts one guess before it is compared; undefined when no guess is left or the code is too old. */
export async function spendGuess(tx: Sql, key: CodeKey, most: number, now: Instant): Promise<CodeRow | undefined> {
  const rows = await tx.query<CodeRow>(
    `update identity_code set attempts = attempts + 1
     where ${CODE} and attempts < $6 and code_hash is not null and expires_at > $7 returning *`,
    [...keyOf(key), most, now],
  );
  return rows[0];
}

export async function proveCodeFor(tx: Sql, key: CodeKey, at: Instant): Promise<void> {
  await tx.query(`update identity_code set proved_at = $6, code_hash = null where ${CODE}`, [...keyOf(key), at]);
}

export async function dropCodes(tx: Sql, key: Omit<CodeKey, 'way'>): Promise<void> {
  await tx.query('delete from identity_code where region = $1 and wallet = $2 and purpose = $3 and subject = $4', [
    key.region,
    key.wallet,
    key.purpose,
    key.subject,
  ]);
}

export async function readRecovery(tx: Sql, region: string, id: Id): Promise<RecoveryRow | undefined> {
  const rows = await tx.query<RecoveryRow>('select * from identity_recovery where region = $1 and id = $2', [
    region,
    id,
  ]);
  return rows[0];
}

export async function lockRecovery(tx: Sql, region: string, id: Id): Promise<RecoveryRow | undefined> {
  const rows = await tx.query<RecoveryRow>('select * from identity_recovery where region = $1 and id = $2 for update', [
    region,
    id,
  ]);
  return rows[0];
}

/** Notes that a factor is proved; the first moment stays. */
export async function noteFactor(
  tx: Sql,
  { region, id }: Pick<RecoveryRow, 'region' | 'id'>,
  factor: 'passkey_at' | 'phone_at' | 'email_at',
  at: Instant,
): Promise<void> {
  await tx.query(
    `update identity_recovery set ${factor} = coalesce(${factor}, $3) where region = $1 and id = $2 and done_at is null`,
    [region, id, at],
  );
}

export async function endRecovery(tx: Sql, region: string, id: Id, at: Instant): Promise<void> {
  await tx.query('update identity_recovery set done_at = $3 where region = $1 and id = $2', [region, id, at]);
}

export async function readSupportCase(tx: Sql, id: Id): Promise<SupportCaseRow | undefined> {
  return (await tx.query<SupportCaseRow>('select * from identity_support_case where id = $1', [id]))[0];
}

/** The cases of a region opened since then, the oldest first. */
export async function supportCases(tx: Sql, region: string, since: Instant): Promise<SupportCaseRow[]> {
  return await tx.query<SupportCaseRow>(
    'select * from identity_support_case where region = $1 and opened_at > $2 order by opened_at, id limit 200',
    [region, since],
  );
}

export async function lockSupportCase(tx: Sql, region: string, id: Id): Promise<SupportCaseRow | undefined> {
  const rows = await tx.query<SupportCaseRow>(
    'select * from identity_support_case where region = $1 and id = $2 for update',
    [region, id],
  );
  return rows[0];
}

export async function approveCase(tx: Sql, row: SupportCaseRow): Promise<void> {
  await tx.query(
    `update identity_support_case set first_by = $3, first_at = $4, second_by = $5, second_at = $6
     where region = $1 and id = $2`,
    [row.region, row.id, row.first_by, row.first_at, row.second_by, row.second_at],
  );
}

/** The case in which two agents stood for a wallet's owner since then, if it was not used. */
export async function standingCase(
  tx: Sql,
  region: string,
  wallet: Id,
  since: Instant,
): Promise<SupportCaseRow | undefined> {
  const rows = await tx.query<SupportCaseRow>(
    `select * from identity_support_case where region = $1 and wallet = $2 and second_at > $3 and used_at is null
     order by second_at limit 1`,
    [region, wallet, since],
  );
  return rows[0];
}

export async function useCase(tx: Sql, region: string, id: Id, at: Instant): Promise<void> {
  await tx.query('update identity_support_case set used_at = $3 where region = $1 and id = $2', [region, id, at]);
}

/** A password was found again: for a while the wallet may do less. */
export async function noteRecovered(tx: Sql, region: string, wallet: Id, at: Instant): Promise<void> {
  await tx.query('update identity_wallet set recovered_at = $3 where region = $1 and id = $2', [region, wallet, at]);
}

/** What happened to a wallet's keys, the newest first; with `before` only what is older than that one of its events. */
export async function eventsOf(
  tx: Sql,
  region: string,
  wallet: Id,
  { before, most }: { before: Id | undefined; most: number },
): Promise<EventRow[]> {
  return await tx.query<EventRow>(
    `select * from identity_event where region = $1 and wallet = $2 and ($3::uuid is null or (at, id) < (
       select at, id from identity_event where region = $1 and wallet = $2 and id = $3::uuid
     )) order by at desc, id desc limit $4`,
    [region, wallet, before ?? null, most],
  );
}

export async function readAnomalyTerms(tx: Sql, region: string): Promise<AnomalyTermRow[]> {
  return await tx.query<AnomalyTermRow>(
    `select rule, answer, window_ms as "window", count_from as "countFrom", sum_from as "sumFrom", hold_ms as hold
     from identity_anomaly_terms where region = $1`,
    [region],
  );
}

/** The money in which a region's terms are said. */
export async function homeCurrency(tx: Sql, region: string): Promise<string> {
  const rows = await tx.query<{ currency: string }>(
    'select currency from identity_money_terms where region = $1 limit 1',
    [region],
  );
  return rows[0]?.currency ?? '';
}

/** What a wallet of the region has spent. */
export interface WatchedRow {
  readonly wallet: Id;
  readonly id: Id;
  readonly amount: number;
  readonly to_region: string;
  readonly at: Instant;
}

/** Notes what was spent, each once, and the regions that were paid for the first time. */
export async function insertWatched(tx: Sql, region: string, rows: readonly WatchedRow[]): Promise<void> {
  const columns = [
    rows.map(({ wallet }) => wallet),
    rows.map(({ id }) => id),
    rows.map(({ amount }) => amount),
    rows.map(({ to_region }) => to_region),
    rows.map(({ at }) => at),
  ];
  await tx.query(
    `insert into identity_watched (region, wallet, id, amount, to_region, at)
     select $1, w, i, a, r, t from unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::bigint[]) as n(w, i, a, r, t)
     on conflict (region, wallet, id) do nothing`,
    [region, ...columns],
  );
  await tx.query(
    `insert into identity_known_region (region, wallet, other, first_at)
     select $1, w, r, min(t) from unnest($2::uuid[], $3::text[], $4::bigint[]) as n(w, r, t) where r <> $1 group by w, r
     on conflict (region, wallet, other) do nothing`,
    [region, columns[0], columns[3], columns[4]],
  );
}

/** Acts of one wallet that are looked at: with as many in a day, every rule that counts has long been hit. */
const ACTS_MOST = 200;

/** What is known of these wallets' ways since then. */
export async function habitsOf(
  tx: Sql,
  region: string,
  wallets: readonly Id[],
  since: Instant,
): Promise<Map<Id, Omit<Habits, 'home'>>> {
  const acts = await tx.query<WatchedAct & { wallet: Id }>(
    `select w.wallet, a.at, a.amount, a.to_region as "toRegion" from unnest($2::uuid[]) as w(wallet)
     cross join lateral (
       select at, amount, to_region from identity_watched
       where region = $1 and wallet = w.wallet and at > $3 order by at desc limit $4
     ) as a`,
    [region, wallets, since, ACTS_MOST],
  );
  // The first phone is as old as the wallet; every later one is new for a while.
  const devices = await tx.query<{ wallet: Id; at: Instant }>(
    `select d.wallet, max(d.created_at) as at from identity_device d
     join (select wallet, min(created_at) as first_at from identity_device
           where region = $1 and wallet = any($2::uuid[]) group by wallet) as f on f.wallet = d.wallet
     where d.region = $1 and d.wallet = any($2::uuid[]) and d.revoked_at is null and d.created_at > f.first_at
     group by d.wallet`,
    [region, wallets],
  );
  const regions = await tx.query<{ wallet: Id; other: string; first_at: Instant }>(
    'select wallet, other, first_at from identity_known_region where region = $1 and wallet = any($2::uuid[])',
    [region, wallets],
  );
  const raised = await tx.query<RaisedBefore & { wallet: Id }>(
    `select wallet, rule, answer, at, case when answered in ('mine', 'support') then answered_at end as "mineAt"
     from identity_alarm where region = $1 and wallet = any($2::uuid[]) and (at > $3 or answered_at > $3)`,
    [region, wallets, since],
  );
  const of = <Row extends { wallet: Id }>(rows: readonly Row[]) => {
    const byWallet = Map.groupBy(rows, ({ wallet }) => wallet);
    return (wallet: Id) => byWallet.get(wallet) ?? [];
  };
  const [actsOf, devicesOf, regionsOf, raisedOf] = [of(acts), of(devices), of(regions), of(raised)];
  return new Map(
    wallets.map((wallet) => [
      wallet,
      {
        acts: actsOf(wallet),
        newDeviceAt: devicesOf(wallet)[0]?.at,
        regions: new Map(regionsOf(wallet).map(({ other, first_at }) => [other, first_at])),
        raised: raisedOf(wallet).map((one) => ({ ...one, mineAt: one.mineAt ?? undefined })),
      },
    ]),
  );
}

/** The alarms nobody has answered, the newest first. */
export async function openAlarms(tx: Sql, region: string, wallet: Id): Promise<AlarmRow[]> {
  return await tx.query<AlarmRow>(
    'select * from identity_alarm where region = $1 and wallet = $2 and answered is null order by at desc, id',
    [region, wallet],
  );
}

/** How many wait for the owner's word: those that stop money, and of the others those that have not run out. */
/** How many alarms of each wallet are open; a wallet without one is absent. */
export async function countOpenAlarms(
  tx: Sql,
  owners: readonly { readonly region: string; readonly wallet: Id }[],
  now: Instant,
): Promise<{ region: string; wallet: Id; count: number }[]> {
  return await tx.query(
    `select region, wallet, count(*)::integer as count from identity_alarm
     where region = any($1::text[]) and wallet = any($2::uuid[]) and answered is null and (answer = 'pause' or until > $3)
     group by region, wallet`,
    [[...new Set(owners.map(({ region }) => region))], owners.map(({ wallet }) => wallet), now],
  );
}

export async function alarmsOfWallet(tx: Sql, region: string, wallet: Id, most: number): Promise<AlarmRow[]> {
  return await tx.query<AlarmRow>(
    `select * from identity_alarm where region = $1 and wallet = $2
     order by (answered is null) desc, at desc, id limit $3`,
    [region, wallet, most],
  );
}

export async function readAlarm(tx: Sql, region: string, wallet: Id, id: Id): Promise<AlarmRow | undefined> {
  const rows = await tx.query<AlarmRow>('select * from identity_alarm where region = $1 and wallet = $2 and id = $3', [
    region,
    wallet,
    id,
  ]);
  return rows[0];
}

export async function answerAlarm(tx: Sql, row: AlarmRow): Promise<void> {
  await tx.query('update identity_alarm set answered = $3, answered_at = $4 where region = $1 and id = $2', [
    row.region,
    row.id,
    row.answered,
    row.answered_at,
  ]);
}

/** What happened in a region after one event, whoever it happened to, in the order of time. */
export async function eventsAfter(
  tx: Sql,
  region: string,
  after: { readonly at: Instant; readonly id: Id },
  most: number,
): Promise<EventRow[]> {
  return await tx.query<EventRow>(
    'select * from identity_event where region = $1 and (at, id) > ($2::bigint, $3::uuid) order by at, id limit $4',
    [region, after.at, after.id, most],
  );
}

/** Forgets what has run out. */
export async function sweep(
  tx: Sql,
  bounds: { now: Instant; seenBefore: Instant; startedBefore: Instant; countedBefore: Instant },
): Promise<void> {
  await tx.query('delete from identity_challenge where expires_at <= $1', [bounds.now]);
  await tx.query('delete from identity_signup where expires_at <= $1', [bounds.now]);
  await tx.query('delete from identity_session where seen_at <= $1 or started_at <= $2', [
    bounds.seenBefore,
    bounds.startedBefore,
  ]);
  await tx.query('delete from identity_count where window_at <= $1', [bounds.countedBefore]);
  await tx.query('delete from identity_code where expires_at <= $1', [bounds.countedBefore]);
  // No region's terms look back as far.
  await tx.query('delete from identity_watched where at <= $1', [bounds.countedBefore]);
}
