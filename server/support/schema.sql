-- step 1: who works at the desk, what waits there, and how two agents decided it
create table support_terms (
  region text primary key,
  -- How long an answer may take at most.
  answer_ms bigint not null check (answer_ms > 0),
  appeals_a_day integer not null
);
insert into support_terms (region, answer_ms, appeals_a_day) values ('CN-SX', 259200000, 3), ('CN-BJ', 259200000, 3);
-- An agent is a wallet whose name is proved: one person, one such wallet in a region.
create table support_agent (
  region text not null,
  wallet uuid not null,
  name text not null,
  roles text not null,
  granted_at bigint not null,
  revoked_at bigint,
  primary key (region, wallet),
  unique (region, name)
);
create table support_case (
  region text not null,
  id uuid not null,
  wallet uuid not null,
  kind text not null check (kind in ('appeal', 'alarm')),
  reason text not null,
  words text,
  state text not null check (state in ('open', 'granted', 'refused', 'answered')),
  opened_at bigint not null,
  due_at bigint not null,
  first_by text,
  first_at bigint,
  first_outcome text check (first_outcome in ('granted', 'refused')),
  answer text,
  second_by text,
  decided_at bigint,
  primary key (region, id),
  check (second_by is null or second_by <> first_by),
  check ((state in ('granted', 'refused')) = (second_by is not null))
);
create index support_case_of_wallet on support_case (region, wallet, opened_at);
create index support_case_open on support_case (region, due_at) where state = 'open';
