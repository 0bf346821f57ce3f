-- What the house remembers of money coming in.

-- step 1: one row a top-up from the first tap to the last word, the terms of each channel, and what a wallet used today
create table funding (
  region text not null,
  id uuid not null,
  wallet uuid not null,
  reference uuid not null,
  channel text not null,
  currency text not null,
  amount bigint not null check (amount > 0),
  fee bigint not null check (fee >= 0 and fee < amount),
  state text not null check (state in ('started', 'asked', 'unknown', 'pending', 'settled', 'declined')),
  reason text,
  day integer not null,
  tries integer not null default 0,
  started_at bigint not null,
  changed_at bigint not null,
  next_at bigint,
  primary key (region, id),
  unique (region, reference),
  check ((next_at is null) = (state in ('settled', 'declined')))
);
create index funding_due on funding (region, next_at) where next_at is not null;
create index funding_of_wallet on funding (region, wallet, started_at);
create table funding_terms (
  region text not null,
  tier text not null,
  channel text not null,
  currency text not null,
  least bigint not null,
  most bigint not null,
  day_most bigint not null,
  fee_fixed bigint not null default 0,
  fee_basis_points integer not null default 0,
  arrival_seconds integer not null,
  primary key (region, tier, channel, currency)
);
create table funding_day (
  region text not null,
  wallet uuid not null,
  channel text not null,
  currency text not null,
  day integer not null,
  used bigint not null check (used >= 0),
  primary key (region, wallet, channel, currency, day)
);

-- step 2: what the first two regions allow and ask for a bank transfer, in fen; a day begins at midnight in Beijing
alter table funding_terms add column day_offset_minutes integer not null default 480;
insert into funding_terms (region, tier, channel, currency, least, most, day_most, arrival_seconds)
select region, tier, 'bank-transfer', 'CNY', 100, most, day_most, 60
from (values ('CN-SX'), ('CN-BJ')) as regions (region)
cross join (values ('unproved', 100000::bigint, 100000::bigint), ('real-name', 2000000, 5000000), ('two-factor', 5000000, 20000000)) as tiers (tier, most, day_most);

-- step 3: money also goes out, by cards; a top-up may wait for its person, and what had arrived may be sent back
alter table funding add column way text not null default 'in' check (way in ('in', 'out'));
alter table funding add column card uuid;
alter table funding add column card_bank text;
alter table funding add column card_last4 text;
alter table funding add column page text;
alter table funding add column code text;
alter table funding add column code_until bigint;
alter table funding add column month integer not null default 0;
alter table funding add column free bigint not null default 0 check (free >= 0);
alter table funding drop constraint funding_state_check;
alter table funding add constraint funding_state_check
  check (state in ('started', 'asked', 'unknown', 'pending', 'settled', 'declined', 'returned'));
alter table funding drop constraint funding_check1;
alter table funding add constraint funding_looked_at check ((next_at is null) = (state in ('settled', 'declined', 'returned')));
create index funding_of_card on funding (region, card) where card is not null and next_at is not null;
alter table funding_terms add column free_month bigint not null default 0;
create table funding_free (
  region text not null,
  wallet uuid not null,
  currency text not null,
  month integer not null,
  used bigint not null check (used >= 0),
  primary key (region, wallet, currency, month)
);
create table funding_card (
  region text not null,
  id uuid not null,
  wallet uuid not null,
  reference uuid not null,
  state text not null check (state in ('binding', 'bound', 'refused', 'unbound')),
  page text,
  token text,
  bin text,
  bank text,
  kind text check (kind in ('debit', 'credit')),
  last4 text,
  reason text,
  is_default boolean not null default false,
  started_at bigint not null,
  changed_at bigint not null,
  primary key (region, id),
  unique (region, reference),
  check (state <> 'bound' or (token is not null and bin is not null and last4 is not null))
);
create index funding_card_of_wallet on funding_card (region, wallet, started_at);
create unique index funding_card_once on funding_card (region, wallet, token) where state = 'bound';
create unique index funding_card_default on funding_card (region, wallet) where is_default;

-- step 4: what the first two regions allow and ask for the other ways, in fen; cards and withdrawals need a certified name
insert into funding_terms (region, tier, channel, currency, least, most, day_most, fee_fixed, fee_basis_points, arrival_seconds, free_month)
select region, tier, channel, 'CNY', least, most, day_most, fee_fixed, fee_basis_points, arrival_seconds, free_month
from (values ('CN-SX'), ('CN-BJ')) as regions (region)
cross join (values
  ('unproved', 'third-party', 100::bigint, 100000::bigint, 100000::bigint, 0::bigint, 0, 5, 0::bigint),
  ('real-name', 'third-party', 100, 1000000, 3000000, 0, 0, 5, 0),
  ('two-factor', 'third-party', 100, 2000000, 5000000, 0, 0, 5, 0),
  ('unproved', 'counter', 1000, 100000, 100000, 0, 0, 1800, 0),
  ('real-name', 'counter', 1000, 2000000, 5000000, 0, 0, 1800, 0),
  ('two-factor', 'counter', 1000, 5000000, 10000000, 0, 0, 1800, 0),
  ('real-name', 'credit-card', 100, 500000, 1000000, 0, 60, 5, 0),
  ('two-factor', 'credit-card', 100, 1000000, 2000000, 0, 60, 5, 0),
  ('real-name', 'payout', 100, 2000000, 5000000, 10, 10, 7200, 100000),
  ('two-factor', 'payout', 100, 5000000, 20000000, 10, 10, 7200, 300000)
) as terms (tier, channel, least, most, day_most, fee_fixed, fee_basis_points, arrival_seconds, free_month);

-- step 5: what the providers say they booked, day by day, and where that differs from what the house knows
create table funding_statement (
  region text not null,
  service text not null,
  day integer not null,
  read_at bigint not null,
  entries integer not null,
  primary key (region, service, day)
);
create table funding_entry (
  region text not null,
  service text not null,
  day integer not null,
  reference uuid not null,
  returned boolean not null,
  place integer not null,
  side text not null,
  amount bigint not null,
  currency text not null,
  reason text,
  primary key (region, service, day, place)
);
create index funding_entry_of on funding_entry (region, reference);
create table funding_finding (
  region text not null,
  service text not null,
  reference uuid not null,
  kind text not null check (kind in ('sum', 'state', 'twice', 'unknown-here', 'missing-there')),
  day integer not null,
  ours bigint,
  theirs bigint,
  currency text not null,
  found_at bigint not null,
  closed_at bigint,
  primary key (region, service, reference, kind)
);
create index funding_finding_open on funding_finding (region, found_at) where closed_at is null;
