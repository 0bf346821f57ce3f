-- step 1: pay codes that a payee has presented, with the one invoice each was answered by; kept for an hour
create table till_code (
  region text not null,
  id bytea not null check (length(id) = 32),
  payer uuid not null,
  payee uuid not null,
  invoice_id bytea not null check (length(invoice_id) = 32),
  invoice bytea not null check (length(invoice) <= 4096),
  certificate bytea not null check (length(certificate) <= 4096),
  presented_at bigint not null,
  fetched_at bigint,
  primary key (id, region)
);
create index till_code_presented on till_code (region, presented_at);
