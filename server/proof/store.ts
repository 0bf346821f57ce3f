/** What an auditor reads of allowances, payments and bills, page by page: it writes nothing. */
import { byRegion } from '#server/ledger/by-region.ts';
import { holdOf } from '#server/ledger/chart.ts';
import { accounts } from '#server/ledger/store.ts';
import type { PaymentRow } from '#server/payment/payment.ts';
import type { Sql } from '#server/platform/database.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import type { Currency } from '#shared/money/currency.ts';

/** An allowance with what its hold has and what its payments took out of it. */
export interface AuditAllowance {
  readonly region: string;
  readonly id: Id;
  readonly reference: Uint8Array;
  readonly wallet: Id;
  readonly device_key: Uint8Array;
  readonly currency: Currency;
  readonly total: number;
  readonly claimed: number;
  readonly returned: number;
  readonly state: 'live' | 'closed' | 'stopped' | 'released';
  readonly stop_reason: string | null;
  readonly payee: Id | null;
  readonly guaranteed: boolean;
  readonly status_index: number;
  readonly expires_at: number;
  readonly claim_until_at: number;
  readonly word: boolean;
  readonly bytes: Uint8Array;
  readonly hold: number;
  readonly paid: number;
}

/** Allowances after `after`, in the order of their ids; a page of all regions first, then what stands beside it. */
export async function allowancePage(tx: Sql, after: string | null, limit: number): Promise<AuditAllowance[]> {
  const page = await tx.query<Omit<AuditAllowance, 'hold' | 'paid'>>(
    `select region, id, reference, wallet, device_key, currency, total, claimed, returned, state, stop_reason, payee,
       guaranteed, status_index, expires_at, claim_until_at, closing is not null as word, bytes
     from allowance where $1::uuid is null or id > $1::uuid order by id limit $2::int`,
    [after, limit],
  );
  const accountOf = (row: (typeof page)[number]) => holdOf(row.region, row.id, row.currency, row.wallet);
  const holds = await accounts(tx, page.map(accountOf));
  const paid = await tx.query<{ region: string; allowance: Id; paid: number }>(
    `select region, allowance, sum(held)::bigint as paid from payment where allowance = any($1::uuid[])
     group by region, allowance`,
    [page.map(({ id }) => id)],
  );
  const holdBy = new Map(holds.map(({ region, id, balance }) => [`${region} ${id}`, balance]));
  const paidBy = new Map(paid.map((row) => [`${row.region} ${row.allowance}`, row.paid]));
  return page.map((row) => {
    const hold = holdBy.get(`${row.region} ${accountOf(row).id}`) ?? 0;
    return { ...row, hold, paid: paidBy.get(`${row.region} ${row.id}`) ?? 0 };
  });
}

/** A payment with its allowance and its payee's certificate, where they are there. */
export interface AuditPayment extends Omit<PaymentRow, 'uploaded_at' | 'uploaded_by' | 'code' | 'matures_at'> {
  readonly reference: Uint8Array | null;
  readonly device_key: Uint8Array | null;
  readonly wallet: Id | null;
  readonly allowance_currency: Currency | null;
  readonly certified: Id | null;
  readonly in_case: boolean;
  readonly given_up: boolean;
}

/** Payments after `after`, in the order of their ids; a page of all regions first, then what stands beside it. */
export async function paymentPage(tx: Sql, after: Uint8Array | null, limit: number): Promise<AuditPayment[]> {
  type Row = Omit<AuditPayment, keyof Beside | 'certified' | 'in_case' | 'given_up'>;
  const page = await tx.query<Row>(
    `select region, id, allowance, number, amount, total, currency, previous, invoice, payer, payee_id, payee,
       payee_region, signed_at, state, held, guaranteed, late, bytes
     from payment where $1::bytea is null or id > $1::bytea order by id limit $2::int`,
    [after, limit],
  );
  const allowances = page.map(({ allowance }) => allowance);
  const beside = await tx.query<{ region: string; id: Id } & Beside>(
    `select region, id, reference, device_key, wallet, currency as allowance_currency from allowance
     where id = any($1::uuid[])`,
    [allowances],
  );
  const certified = await tx.query<{ region: string; payee: Id; wallet: Id }>(
    'select region, payee, wallet from allowance_certificate where payee = any($1::uuid[])',
    [page.map((row) => row.payee_id)],
  );
  const cases = await tx.query<{ region: string; allowance: Id }>(
    'select region, allowance from payment_case where allowance = any($1::uuid[])',
    [allowances],
  );
  const words = await tx.query<{ payment: Uint8Array }>(
    "select payment from payment_receipt where payment = any($1::bytea[]) and status = 'void' and checked",
    [page.map(({ id }) => id)],
  );
  const allowanceBy = new Map(beside.map(({ region, id, ...row }) => [`${region} ${id}`, row]));
  const certifiedBy = new Map(certified.map(({ region, payee, wallet }) => [`${region} ${payee}`, wallet]));
  const inCase = new Set(cases.map(({ region, allowance }) => `${region} ${allowance}`));
  const givenUp = new Set(words.map(({ payment }) => toBase64url(payment)));
  return page.map((row) => ({
    ...row,
    ...(allowanceBy.get(`${row.region} ${row.allowance}`) ?? NO_ALLOWANCE),
    certified: certifiedBy.get(`${row.payee_region} ${row.payee_id}`) ?? null,
    in_case: inCase.has(`${row.region} ${row.allowance}`),
    given_up: givenUp.has(toBase64url(row.id)),
  }));
}

/** What the allowance of a payment says. */
type Beside = Pick<AuditPayment, 'reference' | 'device_key' | 'wallet' | 'allowance_currency'>;
const NO_ALLOWANCE: Beside = { reference: null, device_key: null, wallet: null, allowance_currency: null };

/** The payments of the same allowance with the next numbers, `steps` of them at most. */
export function paymentsBehind(
  tx: Sql,
  { region, allowance, number }: Pick<AuditPayment, 'region' | 'allowance' | 'number'>,
  steps: number,
): Promise<{ bytes: Uint8Array }[]> {
  return tx.query(
    `select bytes from payment where allowance = $1::uuid and region = $2 and number > $3::int
       and number <= $3::int + $4::int`,
    [allowance, region, number, steps],
  );
}

/** A posted transfer with one of its moves, and whose the two accounts are. */
export interface AuditPosting {
  readonly region: string;
  readonly id: Id;
  readonly kind: string;
  readonly debit: string | null;
  readonly credit: string | null;
  readonly amount: number;
  readonly currency: string;
  readonly debit_owner: string | null;
  readonly credit_owner: string | null;
}

/** Those of `wanted` that are posted, a row for each move. */
export function postings(
  tx: Sql,
  wanted: readonly { readonly region: string; readonly id: string }[],
): Promise<AuditPosting[]> {
  return byRegion(wanted, (region, some) =>
    tx.query<AuditPosting>(
      `select t.region, t.id, t.kind, m.debit, m.credit, coalesce(m.amount, 0)::bigint as amount, m.currency,
         d.owner as debit_owner, c.owner as credit_owner
       from ledger_transfer t
       left join ledger_move m on m.region = t.region and m.cursor = t.cursor
       left join ledger_account d on d.region = t.region and d.id = m.debit
       left join ledger_account c on c.region = t.region and c.id = m.credit
       where t.region = $1 and t.id = any($2::uuid[])`,
      [region, some.map(({ id }) => id)],
    ),
  );
}

/** A transfer that says it is of a payment. */
export interface AuditClaim {
  readonly region: string;
  readonly cursor: number;
  readonly id: Id;
  readonly kind: string;
  readonly payment: string | null;
}

/** The regions that have a journal. */
export function journals(tx: Sql): Promise<{ region: string }[]> {
  return tx.query('select region from ledger_journal_end order by region');
}

/** Transfers of payments in journal order. */
export function claimPage(tx: Sql, region: string, after: number, limit: number): Promise<AuditClaim[]> {
  return tx.query<AuditClaim>(
    `select region, cursor, id, kind, about->>'payment' as payment from ledger_transfer
     where region = $1 and cursor > $2::bigint and (kind in ('claim', 'shortfall', 'late-claim', 'mature')
       or (kind = 'reverse' and about->>'payment' is not null))
     order by cursor limit $3::int`,
    [region, after, limit],
  );
}

/** Those of `ids` that are in the book of payments. */
export function present(tx: Sql, ids: readonly Uint8Array[]): Promise<{ id: Uint8Array }[]> {
  return tx.query('select id from payment where id = any($1::bytea[])', [ids]);
}

/** A bill with the payment it tells of and the last number of its wallet. */
export interface AuditBill {
  readonly region: string;
  readonly wallet: Id;
  readonly sequence: number;
  readonly id: string;
  readonly kind: string;
  readonly direction: string;
  readonly state: string;
  readonly amount: number;
  readonly currency: string;
  readonly peer: Id | null;
  readonly payment: Uint8Array | null;
  readonly head: number | null;
  readonly paid: number | null;
  readonly paid_currency: string | null;
  readonly payer: Id | null;
  readonly payee: Id | null;
  readonly paid_state: AuditPayment['state'] | null;
  readonly guaranteed: number | null;
}

/** Bills after number `sequence` of `wallet`, wallet by wallet; a page of all regions first, then what stands beside it. */
export async function billPage(
  tx: Sql,
  after: { readonly wallet: string; readonly sequence: number } | null,
  limit: number,
): Promise<AuditBill[]> {
  type Row = Omit<AuditBill, keyof Told | 'head'>;
  const page = await tx.query<Row>(
    `select region, wallet, sequence, id, kind, direction, state, amount, currency, peer, payment
     from bill where $1::uuid is null or (wallet, sequence) > ($1::uuid, $2::bigint)
     order by wallet, sequence limit $3::int`,
    [after?.wallet ?? null, after?.sequence ?? 0, limit],
  );
  const heads = await tx.query<{ region: string; wallet: Id; sequence: number }>(
    'select region, wallet, sequence from bill_head where wallet = any($1::uuid[])',
    [[...new Set(page.map(({ wallet }) => wallet))]],
  );
  const paid = await tx.query<{ id: Uint8Array } & Told>(
    `select id, amount as paid, currency as paid_currency, payer, payee, state as paid_state, guaranteed
     from payment where id = any($1::bytea[])`,
    [page.flatMap(({ payment }) => payment ?? [])],
  );
  const headBy = new Map(heads.map(({ region, wallet, sequence }) => [`${region} ${wallet}`, sequence]));
  const paidBy = new Map(paid.map(({ id, ...row }) => [toBase64url(id), row]));
  return page.map((row) => ({
    ...row,
    ...((row.payment && paidBy.get(toBase64url(row.payment))) || NOTHING_PAID),
    head: headBy.get(`${row.region} ${row.wallet}`) ?? null,
  }));
}

/** What the payment of a bill says. */
type Told = Pick<AuditBill, 'paid' | 'paid_currency' | 'payer' | 'payee' | 'paid_state' | 'guaranteed'>;
const NOTHING_PAID: Told = {
  ...{ paid: null, paid_currency: null, paid_state: null },
  ...{ payer: null, payee: null, guaranteed: null },
};

/** Wallets that are said to have bills and have none. */
export function emptyHeads(tx: Sql): Promise<{ region: string; wallet: Id; sequence: number }[]> {
  return tx.query(
    `select h.region, h.wallet, h.sequence from bill_head h where not exists (
       select 1 from bill b where b.wallet = h.wallet and b.region = h.region)`,
  );
}

/** Hours still to come whose open guaranteed allowances, by the end of their claim windows, are not what is written of them. */
export function wrongOutstanding(
  tx: Sql,
  hour: number,
): Promise<{ region: string; ends_hour: number; says: number; sum: number }[]> {
  return tx.query(
    `select coalesce(o.region, a.region) as region, coalesce(o.ends_hour, a.ends_hour) as ends_hour,
       coalesce(o.total, 0)::bigint as says, coalesce(a.total, 0)::bigint as sum
     from (select region, ends_hour, total from allowance_outstanding where ends_hour > $1::bigint) as o
     full join (
       select region, claim_until_at / 3600000 + 1 as ends_hour, sum(total)::bigint as total from allowance
       where payee is null and guaranteed and claim_until_at / 3600000 + 1 > $1::bigint
       group by region, claim_until_at / 3600000 + 1
     ) as a on a.region = o.region and a.ends_hour = o.ends_hour
     where coalesce(o.total, 0) <> coalesce(a.total, 0)`,
    [hour],
  );
}

/** Funds that are not owed what all receivables come to, with what was paid back and is not yet taken off. */
export function wrongFunds(tx: Sql): Promise<{ region: string; currency: string; says: number; sum: number }[]> {
  return tx.query(
    `select coalesce(f.region, r.region) as region, coalesce(f.currency, r.currency) as currency,
       coalesce(f.owed, 0)::bigint as says, coalesce(r.owed, 0)::bigint as sum
     from payment_fund f full join (
       select a.region, a.currency, (sum(a.balance) + coalesce(max(w.amount), 0))::bigint as owed
       from ledger_account a left join (
         select m.region, m.currency, sum(m.amount) as amount from ledger_move m
         left join ledger_follower l on l.region = m.region and l.name = 'payment-recovery'
         where m.credit like 'receivable/%' and m.cursor > coalesce(l.cursor, 0) group by m.region, m.currency
       ) as w on w.region = a.region and w.currency = a.currency
       where a.id like 'receivable/%' group by a.region, a.currency
     ) as r on r.region = f.region and r.currency = f.currency
     where coalesce(f.owed, 0) <> coalesce(r.owed, 0)`,
  );
}

/** A place in a tree of settled claims, and its payment where it is settled to that region. */
export interface AuditPlace {
  readonly region: string;
  readonly payment: Uint8Array;
  readonly place: number;
  readonly settled: boolean;
}

/** Places after `after`, by their payments; a page of all regions first, then the payments, which lie with their payers. */
export async function placePage(
  tx: Sql,
  after: Pick<AuditPlace, 'region' | 'payment'> | null,
  limit: number,
): Promise<AuditPlace[]> {
  const page = await tx.query<Omit<AuditPlace, 'settled'>>(
    `select region, payment, place from payment_claim
     where $1::bytea is null or (payment, region) > ($1::bytea, $2::text) order by payment, region limit $3::int`,
    [after?.payment ?? null, after?.region ?? '', limit],
  );
  const settled = await tx.query<{ id: Uint8Array; payee_region: string }>(
    "select id, payee_region from payment where id = any($1::bytea[]) and state in ('settled', 'reversed')",
    [page.map(({ payment }) => payment)],
  );
  const placed = new Set(settled.map((row) => `${row.payee_region} ${toBase64url(row.id)}`));
  return page.map((row) => ({ ...row, settled: placed.has(`${row.region} ${toBase64url(row.payment)}`) }));
}

/** Trees whose places are not 0, 1, 2, … up to the number of entries of their newest root. */
export function wrongTrees(tx: Sql): Promise<{ region: string; places: number; says: number }[]> {
  return tx.query(
    `select coalesce(c.region, r.region) as region, coalesce(c.places, 0)::bigint as places,
       coalesce(r.count, 0)::bigint as says
     from (select region, count(*) as places, count(distinct place) as own, max(place) + 1 as most
           from payment_claim group by region) as c
     full join (select region, max(count) as count from payment_claim_root group by region) as r on r.region = c.region
     where coalesce(c.places, 0) <> coalesce(r.count, 0) or c.own <> c.places or c.most <> c.places`,
  );
}

/** Proofs whose payments are gone, or that have no case. */
export function looseProofs(tx: Sql): Promise<{ region: string; allowance: Id }[]> {
  return tx.query(
    `select f.region, f.allowance from payment_proof f
     left join payment_case c on c.region = f.region and c.allowance = f.allowance
     left join payment p on p.region = f.region and p.id = f.payment
     left join payment o on o.region = f.region and o.id = f.other
     where c.id is null or p.id is null or o.id is null or p.id = o.id`,
  );
}
