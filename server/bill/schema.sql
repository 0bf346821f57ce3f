-- step 1: bills as each wallet sees them: append-only, numbered without gaps per wallet
create table bill (
  region text not null,
  wallet uuid not null,
  sequence bigint not null check (sequence > 0),
  id text not null,
  kind text not null check (kind in ('payment', 'top-up', 'withdrawal', 'refund', 'debt')),
  direction text not null check (direction in ('in', 'out', 'neutral')),
  state text not null check (state in ('settled', 'arriving', 'disputed', 'declined', 'reversed')),
  amount bigint not null check (amount >= 0),
  currency text not null,
  peer uuid,
  peer_region text,
  payment bytea,
  reason text,
  signed_at bigint,
  uploaded_at bigint,
  posted_at bigint,
  primary key (wallet, sequence, region)
);
create table bill_head (
  region text not null,
  wallet uuid not null,
  sequence bigint not null,
  primary key (wallet, region)
) with (fillfactor = 70);
-- step 2: which invoice a payment paid, so that its payee's phone need not guess by the sum
alter table bill add column invoice bytea;
-- step 3: the fee of a withdrawal is a bill of its own
alter table bill drop constraint bill_kind_check;
alter table bill add constraint bill_kind_check check (kind in ('payment', 'top-up', 'withdrawal', 'fee', 'refund', 'debt'));
