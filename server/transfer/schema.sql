-- What the house remembers of money between people: how they are found, what they ask for, what they claim back.

-- step 1: each region's terms, nicknames, addresses, the notes of payments nobody asked for, requests, shared bills, claims
create table transfer_terms (
  region text primary key,
  -- what one payer may send to codes on paper or in links in a day; told to phones, which hold to it
  code_day bigint not null check (code_day >= 0),
  address_life_ms bigint not null check (address_life_ms > 0),
  finds_day integer not null,
  nickname_pause_ms bigint not null,
  asks_day integer not null,
  ask_most_ms bigint not null check (ask_most_ms > 0),
  remind_pause_ms bigint not null,
  claims_month integer not null,
  claim_age_ms bigint not null,
  claim_window_ms bigint not null check (claim_window_ms > 0),
  -- what becomes of what is held when the payee says nothing
  silence text not null check (silence in ('release', 'return'))
);
insert into transfer_terms
select region, 50000, 31536000000, 60, 7776000000, 50, 2592000000, 86400000, 3, 2592000000, 259200000, 'release'
from (values ('CN-SX'), ('CN-BJ')) as regions (region);

create table transfer_nickname (
  region text not null,
  wallet uuid not null,
  name text not null,
  -- nicknames of one shape look alike; only one may have it
  shape text not null,
  set_at bigint not null,
  primary key (wallet, region),
  unique (region, shape)
);

-- How often a wallet did something in a window of time.
create table transfer_count (
  region text not null,
  wallet uuid not null,
  act text not null check (act in ('find', 'ask', 'claim')),
  window_at bigint not null,
  used integer not null check (used > 0),
  primary key (wallet, act, window_at, region)
);

create table transfer_address (
  region text not null,
  wallet uuid not null,
  payee uuid not null,
  name text not null,
  expires_at bigint not null,
  bytes bytea not null,
  primary key (wallet, region)
);

-- What payers wrote for payments nobody asked for. It counts where a payment of this payer names it.
create table transfer_note (
  region text not null,
  payment bytea not null check (length(payment) = 32),
  payer uuid not null,
  reference bytea not null check (length(reference) = 16),
  id uuid not null,
  payee_id uuid not null,
  amount bigint not null check (amount > 0),
  currency text not null,
  memo text,
  kept_at bigint not null,
  primary key (payment, payer, region)
);

create table transfer_split (
  region text not null,
  id uuid not null,
  asker uuid not null,
  total bigint not null check (total > 0),
  own bigint not null check (own >= 0),
  currency text not null,
  memo text,
  made_at bigint not null,
  primary key (id, region)
);
create index transfer_split_of on transfer_split (asker, region, made_at);

create table transfer_ask (
  region text not null,
  id uuid not null,
  asker uuid not null,
  asked uuid not null,
  asked_region text not null,
  amount bigint not null check (amount > 0),
  currency text not null,
  memo text,
  split uuid,
  state text not null check (state in ('open', 'paid', 'declined', 'cancelled', 'expired')),
  reason text,
  payment bytea,
  made_at bigint not null,
  expires_at bigint not null,
  changed_at bigint not null,
  reminded_at bigint,
  primary key (id, region),
  check (asker <> asked)
);
create index transfer_ask_by on transfer_ask (asker, region, made_at);
create index transfer_ask_to on transfer_ask (asked, region, made_at);
create index transfer_ask_due on transfer_ask (region, expires_at) where state = 'open';
create index transfer_ask_paying on transfer_ask (region) where payment is not null and state <> 'paid';

create table transfer_claim (
  region text not null,
  id uuid not null,
  payment bytea not null,
  payer uuid not null,
  payee uuid not null,
  payee_region text not null,
  amount bigint not null check (amount > 0),
  currency text not null,
  reason text not null,
  state text not null check (state in ('asked', 'returned', 'refused', 'lapsed', 'withdrawn')),
  held bigint not null check (held >= 0 and held <= amount),
  given bigint not null default 0 check (given >= 0 and given <= amount),
  answer text,
  silence text not null check (silence in ('release', 'return')),
  made_at bigint not null,
  due_at bigint not null,
  ended_at bigint,
  primary key (id, region),
  unique (payment, region),
  check ((ended_at is null) = (state = 'asked'))
);
create index transfer_claim_by on transfer_claim (payer, region, made_at);
create index transfer_claim_to on transfer_claim (payee, region, made_at);
create index transfer_claim_due on transfer_claim (region, due_at) where state = 'asked';

-- step 2: when money was sent to a code on paper or in a link, so that all phones of a wallet share one day's cap
alter table transfer_note add column code_at bigint;
create index transfer_note_to_code on transfer_note (payer, region, code_at) where code_at is not null;
