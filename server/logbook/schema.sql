-- step 1: a book of acts that is only ever added to: each line carries the hash of the one before it, a seal signs a day's end
create table logbook_line (
  region text not null,
  number bigint not null check (number > 0),
  at bigint not null,
  act text not null,
  who text not null,
  -- Text, not jsonb: the hash is over these very characters.
  about text not null,
  hash bytea not null check (length(hash) = 32),
  primary key (region, number)
);
create table logbook_end (
  region text primary key,
  number bigint not null,
  hash bytea not null
);
create table logbook_seal (
  region text not null,
  day bigint not null,
  number bigint not null,
  bytes bytea not null,
  primary key (region, day)
);
create function logbook_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the logbook is never changed: % on %', tg_op, tg_table_name using errcode = 'integrity_constraint_violation';
end
$$;
create trigger logbook_line_stays before update or delete on logbook_line
  for each row execute function logbook_refuse_change();
create trigger logbook_line_kept before truncate on logbook_line
  for each statement execute function logbook_refuse_change();
create trigger logbook_seal_stays before update or delete on logbook_seal
  for each row execute function logbook_refuse_change();
create trigger logbook_seal_kept before truncate on logbook_seal
  for each statement execute function logbook_refuse_change();
