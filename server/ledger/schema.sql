-- step 1: double entry: accounts with their balance, transfers in journal order, and the moves they are made of
create table ledger_journal_end (
  region text not null,
  cursor bigint not null default 0 check (cursor >= 0),
  primary key (region)
);
create table ledger_account (
  region text not null,
  id text not null,
  kind text not null,
  owner text,
  currency text not null,
  normal text not null check (normal in ('debit', 'credit')),
  floor bigint,
  balance bigint not null,
  primary key (region, id),
  constraint ledger_account_floor check (floor is null or balance >= floor)
) with (fillfactor = 60);
create index ledger_account_owner on ledger_account (region, owner);
create table ledger_transfer (
  region text not null,
  id uuid not null,
  cursor bigint not null,
  kind text not null,
  at bigint not null,
  about jsonb,
  reverses uuid,
  seal bytea not null check (length(seal) = 32),
  primary key (region, id)
);
create unique index ledger_transfer_cursor on ledger_transfer (region, cursor);
create unique index ledger_transfer_reverses on ledger_transfer (region, reverses) where reverses is not null;
create table ledger_move (
  region text not null,
  cursor bigint not null,
  line smallint not null,
  debit text not null,
  credit text not null,
  amount bigint not null check (amount > 0),
  currency text not null,
  primary key (region, cursor, line)
);
create table ledger_follower (
  region text not null,
  name text not null,
  cursor bigint not null,
  primary key (region, name)
);
-- step 2: what is written stays written, whoever asks
create function ledger_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the journal is never changed: % on %', tg_op, tg_table_name using errcode = 'integrity_constraint_violation';
end
$$;
create trigger ledger_transfer_stays before update or delete on ledger_transfer
  for each row execute function ledger_refuse_change();
create trigger ledger_transfer_kept before truncate on ledger_transfer
  for each statement execute function ledger_refuse_change();
create trigger ledger_move_stays before update or delete on ledger_move
  for each row execute function ledger_refuse_change();
create trigger ledger_move_kept before truncate on ledger_move
  for each statement execute function ledger_refuse_change();
-- step 3: an account is found by its name first: by its region first, a planner that knows no figures yet reads a whole region
alter table ledger_account drop constraint ledger_account_pkey;
alter table ledger_account add constraint ledger_account_pkey primary key (id, region);
drop index ledger_account_owner;
create index ledger_account_owner on ledger_account (owner, region);
