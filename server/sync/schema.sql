-- step 1: payments that came while the border they cross was closed, kept until it is open again
create table sync_waiting (
  region text not null,
  payment bytea not null check (length(payment) = 32),
  uploader uuid not null,
  bytes bytea not null,
  came_at bigint not null,
  primary key (payment, region)
);
create index sync_waiting_since on sync_waiting (came_at, payment);
