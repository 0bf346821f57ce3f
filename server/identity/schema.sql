-- step 1: people with their passkeys, devices and sessions, and what a ceremony remembers between two requests
create table identity_wallet (
  region text not null,
  id uuid not null,
  user_handle bytea not null,
  name text not null,
  tier text not null,
  phone_hash bytea not null,
  phone_tail text not null,
  phone_masked text not null,
  phone_sealed bytea not null,
  created_at bigint not null,
  primary key (region, id),
  unique (region, phone_hash)
);
create index identity_wallet_by_id on identity_wallet (id);
-- A revoked passkey or device keeps its row: its id can never stand for anybody else.
create table identity_passkey (
  region text not null,
  id bytea not null,
  wallet uuid not null,
  public_key bytea not null,
  algorithm integer not null,
  counter bigint not null,
  backup_eligible boolean not null,
  backed_up boolean not null,
  transports text not null,
  aaguid text not null,
  name text not null,
  created_at bigint not null,
  used_at bigint,
  revoked_at bigint,
  primary key (region, id)
);
create index identity_passkey_by_id on identity_passkey (id);
create index identity_passkey_by_wallet on identity_passkey (region, wallet);
create table identity_device (
  region text not null,
  id uuid not null,
  wallet uuid not null,
  key bytea not null,
  name text not null,
  created_at bigint not null,
  seen_at bigint,
  revoked_at bigint,
  primary key (region, id)
);
create index identity_device_by_id on identity_device (id);
create index identity_device_by_wallet on identity_device (region, wallet);
-- A session is known by the hash of its token; the token before the last rotation is known until the new one was used.
create table identity_session (
  region text not null,
  id uuid not null,
  wallet uuid not null,
  passkey bytea not null,
  token_hash bytea not null,
  previous_hash bytea,
  previous_until bigint,
  started_at bigint not null,
  seen_at bigint not null,
  rotated_at bigint not null,
  stepped_up_at bigint not null,
  primary key (region, id)
);
create unique index identity_session_by_token on identity_session (region, token_hash);
create index identity_session_by_previous on identity_session (region, previous_hash);
create index identity_session_by_wallet on identity_session (region, wallet);
-- A visitor has no region yet: their challenges and counts stand under the region ''.
create table identity_challenge (
  region text not null,
  challenge bytea not null,
  ceremony text not null,
  browser bytea not null,
  subject uuid,
  expires_at bigint not null,
  primary key (region, challenge)
);
create table identity_signup (
  region text not null,
  id uuid not null,
  browser bytea not null,
  name text not null,
  phone_hash bytea not null,
  phone_tail text not null,
  phone_masked text not null,
  phone_sealed bytea not null,
  language text not null,
  user_handle bytea not null,
  code_hash bytea,
  code_sent_at bigint,
  code_expires_at bigint,
  attempts integer not null default 0,
  proved_at bigint,
  done_at bigint,
  expires_at bigint not null,
  primary key (region, id)
);
create index identity_signup_by_id on identity_signup (id);
create table identity_count (
  region text not null,
  act text not null,
  subject bytea not null,
  window_at bigint not null,
  count integer not null,
  primary key (region, act, subject, window_at)
);
create table identity_risk (
  region text not null,
  id uuid not null,
  wallet uuid not null,
  kind text not null,
  at bigint not null,
  primary key (region, id)
);
-- step 2: what people proved of who they are; name and number are sealed, and found again only by a keyed hash
create table identity_certification (
  region text not null,
  id uuid not null,
  wallet uuid not null,
  wants text not null check (wants in ('real-name', 'two-factor')),
  name_sealed bytea not null,
  number_sealed bytea not null,
  number_hash bytea not null,
  number_masked text not null,
  agreed text not null,
  state text not null check (state in ('asking', 'review', 'proved', 'refused')),
  reason text,
  asks integer not null,
  asked_at bigint not null,
  next_at bigint not null,
  decided_at bigint,
  primary key (region, id)
);
create index identity_certification_of_wallet on identity_certification (region, wallet, asked_at);
create index identity_certification_due on identity_certification (next_at) where state in ('asking', 'review');
-- One person, one proved wallet in a region: whoever is here first.
create table identity_person (
  region text not null,
  number_hash bytea not null,
  wallet uuid not null,
  primary key (region, number_hash)
);
-- step 3: a frozen wallet spends nothing; the printed recovery code is known by a keyed hash
alter table identity_wallet add column frozen_at bigint;
alter table identity_wallet add column frozen_by text check (frozen_by in ('session', 'code'));
alter table identity_wallet add column recovery_hash bytea;
alter table identity_wallet add column recovery_made_at bigint;
create index identity_wallet_by_recovery on identity_wallet (recovery_hash) where recovery_hash is not null;
-- step 4: the payment password, what stood for an act of money, and what happened to a wallet's keys
-- What each region allows a tier, in minor units of its currency; a day begins at midnight in Beijing.
create table identity_money_terms (
  region text not null,
  tier text not null,
  currency text not null,
  free_each bigint not null,
  free_count integer not null,
  free_each_most bigint not null,
  free_count_most integer not null,
  large_from bigint not null,
  wrong_most integer not null,
  reset_after integer not null,
  lock_ms bigint not null,
  day_most integer not null,
  day_offset_minutes integer not null,
  risk_ms bigint not null,
  eased_percent integer not null check (eased_percent between 0 and 100),
  primary key (region, tier)
);
insert into identity_money_terms (region, tier, currency, free_each, free_count, free_each_most, free_count_most,
  large_from, wrong_most, reset_after, lock_ms, day_most, day_offset_minutes, risk_ms, eased_percent)
select region, tier, 'CNY', 3000, 10, free_each_most, 20, large_from, 5, 10, 10800000, 20, 480, 86400000, 50
from (values ('CN-SX'), ('CN-BJ')) as regions (region)
cross join (values ('unproved', 20000::bigint, 50000::bigint), ('real-name', 50000, 200000), ('two-factor', 100000, 500000))
  as tiers (tier, free_each_most, large_from);
-- How a password's guesses stand: counted before any guess is looked at.
create table identity_password (
  region text not null,
  wallet uuid not null,
  wrong integer not null default 0,
  wrong_in_all integer not null default 0,
  locked_until bigint,
  day bigint not null default 0,
  day_count integer not null default 0,
  primary key (region, wallet)
);
-- The newest row is the password in force; the two before it may not come back at once, older ones are forgotten.
create table identity_password_hash (
  region text not null,
  wallet uuid not null,
  id uuid not null,
  hash bytea not null,
  salt bytea not null,
  pepper integer not null,
  set_at bigint not null,
  primary key (region, wallet, id)
);
create table identity_free (
  region text not null,
  wallet uuid not null,
  each_most bigint not null,
  count_most integer not null,
  set_at bigint not null,
  primary key (region, wallet)
);
-- What stood for an act of money: asked again about the same act, the answer is the same.
create table identity_grant (
  region text not null,
  act uuid not null,
  wallet uuid not null,
  kind text not null,
  amount bigint not null,
  currency text not null,
  target text not null,
  how text not null check (how in ('free', 'password', 'passkey', 'both')),
  session uuid,
  touched_at bigint,
  at bigint not null,
  primary key (region, act)
);
create index identity_grant_of_wallet on identity_grant (region, wallet, at);
-- One touch of a passkey stands for one act.
create unique index identity_grant_by_touch on identity_grant (region, session, touched_at) where touched_at is not null;
create table identity_event (
  region text not null,
  id uuid not null,
  wallet uuid not null,
  code text not null,
  device text,
  about text not null,
  at bigint not null,
  primary key (region, id)
);
create index identity_event_of_wallet on identity_event (region, wallet, at);
create function identity_event_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'what happened stays: % on %', tg_op, tg_table_name using errcode = 'integrity_constraint_violation';
end
$$;
create trigger identity_event_stays before update or delete on identity_event
  for each row execute function identity_event_refuse_change();
create trigger identity_event_kept before truncate on identity_event
  for each statement execute function identity_event_refuse_change();
alter table identity_wallet add column recovered_at bigint;
-- step 5: an e-mail address, codes under way, and finding a forgotten payment password again
create table identity_email (
  region text not null,
  wallet uuid not null,
  hash bytea not null,
  masked text not null,
  sealed bytea not null,
  proved_at bigint not null,
  primary key (region, wallet)
);
-- A code under way to a phone or a post box, for one act (`subject`: an e-mail being added, a recovery).
create table identity_code (
  region text not null,
  wallet uuid not null,
  purpose text not null check (purpose in ('address', 'recovery')),
  subject uuid not null,
  way text not null check (way in ('phone', 'email')),
  masked text not null,
  sealed bytea not null,
  code_hash bytea,
  sent_at bigint,
  expires_at bigint,
  attempts integer not null default 0,
  proved_at bigint,
  primary key (region, wallet, purpose, subject, way)
);
create table identity_recovery (
  region text not null,
  id uuid not null,
  wallet uuid not null,
  session uuid not null,
  opened_at bigint not null,
  expires_at bigint not null,
  passkey_at bigint,
  phone_at bigint,
  email_at bigint,
  done_at bigint,
  primary key (region, id)
);
-- Support stands in for one factor, when two agents have said so.
create table identity_support_case (
  region text not null,
  id uuid not null,
  wallet uuid not null,
  why text not null,
  opened_by text not null,
  opened_at bigint not null,
  first_by text,
  first_at bigint,
  second_by text,
  second_at bigint,
  used_at bigint,
  primary key (region, id),
  check (second_by is null or second_by <> first_by)
);
create index identity_support_case_of_wallet on identity_support_case (region, wallet, opened_at);
-- step 6: a closed wallet keeps its row and nothing that can act for it
alter table identity_wallet add column closed_at bigint;
-- step 7: what is out of the ordinary about a wallet's money, by each region's own terms, and what its owner said to it
create table identity_anomaly_terms (
  region text not null,
  rule text not null check (rule in ('new-device', 'new-region', 'burst', 'large')),
  answer text not null check (answer in ('alert', 'step-up', 'pause')),
  window_ms bigint not null check (window_ms > 0),
  count_from integer not null check (count_from >= 0),
  sum_from bigint not null check (sum_from >= 0),
  -- For how long a proof is asked for each act after a hit, unless its owner says it was them.
  hold_ms bigint not null,
  primary key (region, rule, answer)
);
insert into identity_anomaly_terms (region, rule, answer, window_ms, count_from, sum_from, hold_ms)
select region, rule, answer, window_ms, count_from, sum_from, 86400000
from (values ('CN-SX'), ('CN-BJ')) as regions (region)
cross join (values
  ('new-device', 'alert', 86400000::bigint, 0, 0::bigint),
  ('new-device', 'step-up', 86400000, 1, 30000),
  ('new-device', 'pause', 86400000, 1, 200000),
  ('new-region', 'alert', 86400000, 1, 10000),
  ('new-region', 'step-up', 86400000, 1, 50000),
  ('burst', 'alert', 600000, 12, 0),
  ('burst', 'step-up', 600000, 16, 0),
  ('burst', 'pause', 600000, 30, 0),
  ('large', 'alert', 86400000, 1, 200000),
  ('large', 'step-up', 86400000, 1, 1000000),
  ('large', 'pause', 86400000, 1, 5000000)
) as terms (rule, answer, window_ms, count_from, sum_from);
-- What a wallet spent of late: as long as the longest window looks back, then it is swept.
create table identity_watched (
  region text not null,
  wallet uuid not null,
  id uuid not null,
  amount bigint not null,
  to_region text not null,
  at bigint not null,
  primary key (region, wallet, id)
);
create index identity_watched_by_time on identity_watched (at);
create table identity_known_region (
  region text not null,
  wallet uuid not null,
  other text not null,
  first_at bigint not null,
  primary key (region, wallet, other)
);
create table identity_alarm (
  region text not null,
  id uuid not null,
  wallet uuid not null,
  rule text not null,
  answer text not null,
  amount bigint not null,
  currency text not null,
  at bigint not null,
  until bigint not null,
  answered text check (answered in ('mine', 'not-mine', 'support')),
  answered_at bigint,
  primary key (region, id)
);
create index identity_alarm_of_wallet on identity_alarm (region, wallet, at);
-- step 8: what happened is read on in the order of time by whoever tells phones of it
create index identity_event_by_time on identity_event (region, at, id);
-- step 9: the newest acts of a wallet are found without reading all of them
create index identity_watched_of_wallet on identity_watched (region, wallet, at);
-- step 10: a security question in its owner's words: a hint for the support desk, never a factor
create table identity_question (
  region text not null,
  wallet uuid not null,
  question_sealed bytea not null,
  hash bytea not null,
  salt bytea not null,
  pepper integer not null,
  set_at bigint not null,
  primary key (region, wallet)
);
-- step 11: Beijing locks a payment password after three wrong ones
update identity_money_terms set wrong_most = 3 where region = 'CN-BJ';
