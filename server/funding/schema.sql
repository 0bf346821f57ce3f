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
