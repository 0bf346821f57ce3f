-- step 1: regions with their switches and limits as data, issuer key sets, epoch cards and status lists
create table region (
  region text primary key,
  names jsonb not null,
  currency text not null,
  currencies jsonb not null,
  issuing boolean not null,
  cross_region boolean not null,
  terms jsonb not null
);
create table region_policy (
  region text not null,
  tier text not null,
  policy jsonb not null,
  primary key (region, tier)
);
-- The network is no region: its key sets stand under the region ''.
create table region_key_set (
  region text not null,
  epoch bigint not null,
  bytes bytea not null,
  primary key (region, epoch)
);
-- The newest epoch card only: whoever holds an older one holds its bytes. status_epoch is the card the bits changed with.
create table region_epoch (
  region text primary key,
  number bigint not null,
  time_at bigint not null,
  card bytea not null,
  status_stale boolean not null,
  status_epoch bigint not null,
  status_packed bytea not null,
  status_hash bytea not null
);
-- A place in the status list belongs to one allowance until its claim window is over, and may then be given again.
create table region_status (
  region text not null,
  slot integer not null,
  until_at bigint not null,
  revoked boolean not null,
  primary key (region, slot)
);
create index region_status_revoked on region_status (region, slot) where revoked;
-- step 2: since when the border is as it is: what waited behind a closed one gets time after it is open again
alter table region add column cross_region_since bigint not null default 0;
-- step 3: a kill switch for money that leaves the house
alter table region add column withdrawal boolean not null default true;
-- step 4: moments at which an operator has a region's key changed before its time
create table region_rotation (
  region text not null,
  from_at bigint not null,
  primary key (region, from_at)
);
