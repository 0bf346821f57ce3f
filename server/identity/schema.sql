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
