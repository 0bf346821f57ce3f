-- What the house remembers of notices: where phones are reached, and what is on its way to them.

-- step 1: the place of each phone at its push service, what is to be told there, and how far events were read
create table notice_subscription (
  region text not null,
  device uuid not null,
  wallet uuid not null,
  -- the key of the house it was made with; its address and secrets are sealed under the same
  key_version integer not null,
  -- one browser is one phone: a second wallet in it takes the place of the first
  endpoint_hash bytea not null,
  sealed bytea not null,
  details boolean not null,
  made_at bigint not null,
  -- its push service asked for a pause
  paused_until bigint not null default 0,
  primary key (device, region)
);
create index notice_subscription_of_wallet on notice_subscription (region, wallet);
create index notice_subscription_of_endpoint on notice_subscription (endpoint_hash);

-- One line a phone and thing to tell; kept for a while after it was sent, so that the same thing is never told twice.
create table notice_due (
  region text not null,
  device uuid not null,
  subject text not null,
  wallet uuid not null,
  said text not null,
  -- whose name is told with it
  peer uuid,
  made_at bigint not null,
  due_at bigint not null,
  tries integer not null default 0,
  done_at bigint,
  primary key (device, subject, region)
);
create index notice_due_waiting on notice_due (region, due_at) where done_at is null;
create index notice_due_of_wallet on notice_due (region, wallet);

create table notice_seen (
  region text primary key,
  events_at bigint not null
);
