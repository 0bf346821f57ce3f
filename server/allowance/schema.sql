-- step 1: allowances with what was taken out of and given back from each hold, the person's own limits, and payee certificates
create table allowance (
  region text not null,
  id uuid not null,
  reference bytea not null check (length(reference) = 16),
  wallet uuid not null,
  device uuid not null,
  device_key bytea not null check (length(device_key) = 33),
  currency text not null,
  total bigint not null check (total > 0),
  claimed bigint not null default 0 check (claimed >= 0),
  returned bigint not null default 0 check (returned >= 0),
  state text not null check (state in ('live', 'closed', 'stopped', 'released')),
  stop_reason text,
  payee uuid,
  status_index integer not null,
  issued_at bigint not null,
  expires_at bigint not null,
  claim_until_at bigint not null,
  bytes bytea not null,
  closing bytea,
  primary key (id, region),
  unique (device_key, region),
  unique (reference, region),
  check (claimed + returned <= total)
);
create index allowance_of_wallet on allowance (wallet, region, issued_at);
create index allowance_due on allowance (claim_until_at) where state <> 'released';
create index allowance_live on allowance (region, expires_at) where state = 'live' and payee is null;

-- What a person allows themselves; null is as much as the policy does. The row is also the lock of a wallet's issuing.
create table allowance_setting (
  region text not null,
  wallet uuid not null,
  cap bigint check (cap >= 0),
  count integer check (count > 0),
  primary key (wallet, region)
);

-- A device that is here gets no allowance any more.
create table allowance_stopped_device (
  region text not null,
  device uuid not null,
  wallet uuid not null,
  reason text not null,
  stopped_at bigint not null,
  primary key (device, region)
);

-- The newest certificate of each payee; a payee is one device of one wallet, and its id is the device's.
create table allowance_certificate (
  region text not null,
  payee uuid not null,
  wallet uuid not null,
  key bytea not null check (length(key) = 33),
  name text not null,
  guarantee text not null,
  expires_at bigint not null,
  seen_at bigint not null,
  bytes bytea not null,
  primary key (payee, region)
);
-- step 2: what open allowances promise together, by the hour they end in, so that issuing can stop exactly at the cap
-- The row of hour 0 is the lock under which a region issues one open allowance after the other.
create table allowance_outstanding (
  region text not null,
  ends_hour bigint not null,
  total bigint not null,
  primary key (region, ends_hour)
);
insert into allowance_outstanding (region, ends_hour, total)
  select region, expires_at / 3600000 + 1, sum(total)::bigint from allowance
  where state = 'live' and payee is null group by region, expires_at / 3600000 + 1;
-- step 3: claims change a row where it stands, without touching its keys; what open allowances promise is summed up beside them since step 2
alter table allowance set (fillfactor = 85);
drop index allowance_live;
-- step 4: the fund pays until the claim window ends, and for closed and stopped ones too: all count until then
delete from allowance_outstanding where ends_hour > 0;
insert into allowance_outstanding (region, ends_hour, total)
  select region, claim_until_at / 3600000 + 1, sum(total)::bigint from allowance
  where payee is null group by region, claim_until_at / 3600000 + 1;
-- step 5: whether the fund stands behind an allowance, as its bytes say; who has proved no name counts for nothing there
alter table allowance add column guaranteed boolean not null default true;
