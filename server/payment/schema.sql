-- step 1: every payment for ever, the words of payees about them, and the cases of those who signed one number twice
create table payment (
  region text not null,
  id bytea not null check (length(id) = 32),
  allowance uuid not null,
  number integer not null check (number > 0),
  amount bigint not null check (amount > 0),
  total bigint not null,
  currency text not null,
  previous bytea not null,
  invoice bytea not null,
  payer uuid not null,
  payee_id uuid not null,
  payee uuid not null,
  payee_region text not null,
  signed_at bigint not null,
  uploaded_at bigint not null,
  uploaded_by uuid not null,
  state text not null check (state in ('settled', 'arriving', 'disputed', 'voided', 'reversed')),
  held bigint not null check (held >= 0),
  guaranteed bigint not null check (guaranteed >= 0),
  late bigint not null check (late >= 0),
  code text,
  matures_at bigint,
  bytes bytea not null,
  finality bytea,
  primary key (id, region),
  check ((state in ('disputed', 'voided')) = (held + guaranteed + late = 0)),
  check (held + guaranteed + late in (0, amount)),
  check (state <> 'arriving' or matures_at is not null)
);
create index payment_of_allowance on payment (allowance, region, number);
create index payment_maturing on payment (region, matures_at) where state = 'arriving';
create index payment_guaranteed on payment (payee, region, uploaded_at) where guaranteed > 0;

-- What payees said of payments; `checked` is false while the payment itself has not been seen and nobody could check it.
create table payment_receipt (
  region text not null,
  payment bytea not null,
  id bytea not null check (length(id) = 32),
  status text not null check (status in ('accepted', 'void')),
  counter bigint not null,
  said_at bigint not null,
  received_at bigint not null,
  received_from uuid not null,
  checked boolean not null,
  bytes bytea not null,
  primary key (payment, id, region)
);
create index payment_receipt_unchecked on payment_receipt (received_from, region) where not checked;

create table payment_case (
  region text not null,
  id uuid not null,
  allowance uuid not null,
  payer uuid not null,
  kind text not null check (kind in ('fork', 'overspent')),
  opened_at bigint not null,
  primary key (id, region),
  unique (allowance, region)
);
create index payment_case_of_payer on payment_case (payer, region);

-- One row for each pair of signed payments that cannot both be honest: proof is complete and needs no other source.
create table payment_proof (
  region text not null,
  allowance uuid not null,
  payment bytea not null,
  other bytea not null,
  kind text not null check (kind in ('fork', 'overspent')),
  found_at bigint not null,
  bytes bytea not null,
  primary key (allowance, payment, other, region)
);

-- What the guarantee fund may pay, and how much all payers together owe it.
create table payment_guarantee_terms (
  region text not null,
  currency text not null,
  payee_cap bigint not null check (payee_cap >= 0),
  window_ms bigint not null check (window_ms > 0),
  primary key (region, currency)
);
create table payment_fund (
  region text not null,
  currency text not null,
  owed bigint not null,
  primary key (region, currency)
);
-- When epoch cards of a region were issued, noted now and then: how fresh a payee was when it took a payment.
create table payment_epoch (
  region text not null,
  number bigint not null,
  time_at bigint not null,
  primary key (region, number)
);

-- step 2: the tree of settled claims, so that an epoch card names everything that was settled before it
-- Where a payment stands in the tree of its payee's region. A place is given once and for ever.
create table payment_claim (
  region text not null,
  payment bytea not null check (length(payment) = 32),
  place bigint not null check (place >= 0),
  primary key (payment, region)
);
-- The tree's hashes, 256 of 32 bytes in a row: level n holds those of whole subtrees of 256^n entries. Only ever added to.
create table payment_claim_tile (
  region text not null,
  level integer not null,
  tile bigint not null,
  hashes bytea not null check (length(hashes) between 32 and 8192),
  primary key (region, level, tile)
);
-- Every size the tree stopped at, and its root then: what a card may name.
create table payment_claim_root (
  region text not null,
  count bigint not null,
  root bytea not null check (length(root) = 32),
  primary key (region, count),
  unique (region, root)
);
-- step 3: what one payer may owe the fund; a region that stands gets what a new one begins with
alter table payment_guarantee_terms add column payer_cap bigint not null default 100000 check (payer_cap >= 0);
