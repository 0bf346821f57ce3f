/** What an auditor reads of allowances, payments and bills, page by page: it writes nothing. */
import type { PaymentRow } from '#server/payment/payment.ts';
import type { Sql } from '#server/platform/database.ts';
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
  readonly status_index: number;
  readonly expires_at: number;
  readonly claim_until_at: number;
  readonly word: boolean;
  readonly bytes: Uint8Array;
  readonly hold: number;
  readonly paid: number;
}

/** Allowances after `after`, in the order of their ids. */
export function allowancePage(tx: Sql, after: string | null, limit: number): Promise<AuditAllowance[]> {
  return tx.query<AuditAllowance>(
    `select a.region, a.id, a.reference, a.wallet, a.device_key, a.currency, a.total, a.claimed, a.returned, a.state,
       a.stop_reason, a.payee, a.status_index, a.expires_at, a.claim_until_at, a.closing is not null as word, a.bytes,
       coalesce(l.balance, 0)::bigint as hold,
       (select coalesce(sum(p.held), 0)::bigint from payment p where p.allowance = a.id and p.region = a.region) as paid
     from allowance a
     left join ledger_account l on l.region = a.region and l.id = 'hold/' || a.id || '/' || a.currency
     where $1::uuid is null or a.id > $1::uuid order by a.id limit $2::int`,
    [after, limit],
  );
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

/** Payments after `after`, in the order of their ids. */
export function paymentPage(tx: Sql, after: Uint8Array | null, limit: number): Promise<AuditPayment[]> {
  return tx.query<AuditPayment>(
    `select p.region, p.id, p.allowance, p.number, p.amount, p.total, p.currency, p.previous, p.invoice, p.payer,
       p.payee_id, p.payee, p.payee_region, p.signed_at, p.state, p.held, p.guaranteed, p.late, p.bytes,
       a.reference, a.device_key, a.wallet, a.currency as allowance_currency, c.wallet as certified,
       k.id is not null as in_case, exists (
         select 1 from payment_receipt r where r.payment = p.id and r.status = 'void' and r.checked) as given_up
     from (select * from payment where $1::bytea is null or id > $1::bytea order by id limit $2::int) as p
     left join allowance a on a.id = p.allowance and a.region = p.region
     left join allowance_certificate c on c.payee = p.payee_id and c.region = p.payee_region
     left join payment_case k on k.allowance = p.allowance and k.region = p.region
     order by p.id`,
    [after, limit],
  );
}

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
  return tx.query<AuditPosting>(
    `select t.region, t.id, t.kind, m.debit, m.credit, coalesce(m.amount, 0)::bigint as amount, m.currency,
       d.owner as debit_owner, c.owner as credit_owner
     -- Two bills may tell of one transfer, as when money is given back: it is read once all the same.
     from (select distinct * from unnest($1::text[], $2::uuid[]) as wanted(region, id)) i
     join ledger_transfer t on t.region = i.region and t.id = i.id
     left join ledger_move m on m.region = t.region and m.cursor = t.cursor
     left join ledger_account d on d.region = m.region and d.id = m.debit
     left join ledger_account c on c.region = m.region and c.id = m.credit`,
    [wanted.map((one) => one.region), wanted.map((one) => one.id)],
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

/** Bills after number `sequence` of `wallet`, wallet by wallet. */
export function billPage(
  tx: Sql,
  after: { readonly wallet: string; readonly sequence: number } | null,
  limit: number,
): Promise<AuditBill[]> {
  return tx.query<AuditBill>(
    `select b.region, b.wallet, b.sequence, b.id, b.kind, b.direction, b.state, b.amount, b.currency, b.peer, b.payment,
       h.sequence as head, p.amount as paid, p.currency as paid_currency, p.payer, p.payee, p.state as paid_state,
       p.guaranteed
     from (select * from bill where $1::uuid is null or (wallet, sequence) > ($1::uuid, $2::bigint)
           order by wallet, sequence limit $3::int) as b
     left join bill_head h on h.wallet = b.wallet and h.region = b.region
     left join payment p on p.id = b.payment
     order by b.wallet, b.sequence`,
    [after?.wallet ?? null, after?.sequence ?? 0, limit],
  );
}

/** Wallets that are said to have bills and have none. */
export function emptyHeads(tx: Sql): Promise<{ region: string; wallet: Id; sequence: number }[]> {
  return tx.query(
    `select h.region, h.wallet, h.sequence from bill_head h where not exists (
       select 1 from bill b where b.wallet = h.wallet and b.region = h.region)`,
  );
}

/** Hours still to come whose open allowances, and those stopped for an `innocent` reason, are not what is written of them. */
export function wrongOutstanding(
  tx: Sql,
  hour: number,
  innocent: readonly string[],
): Promise<{ region: string; ends_hour: number; says: number; sum: number }[]> {
  return tx.query(
    `select coalesce(o.region, a.region) as region, coalesce(o.ends_hour, a.ends_hour) as ends_hour,
       coalesce(o.total, 0)::bigint as says, coalesce(a.total, 0)::bigint as sum
     from (select region, ends_hour, total from allowance_outstanding where ends_hour > $1::bigint) as o
     full join (
       select region, expires_at / 3600000 + 1 as ends_hour, sum(total)::bigint as total from allowance
       where payee is null and expires_at / 3600000 + 1 > $1::bigint and (state = 'live' or
         (state = 'stopped' and stop_reason = any($2::text[])))
       group by region, expires_at / 3600000 + 1
     ) as a on a.region = o.region and a.ends_hour = o.ends_hour
     where coalesce(o.total, 0) <> coalesce(a.total, 0)`,
    [hour, innocent],
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

/** Places in the trees of settled claims that no settled payment of that region stands in. */
export function wrongPlaces(tx: Sql): Promise<{ region: string; payment: Uint8Array; place: number }[]> {
  return tx.query(
    `select c.region, c.payment, c.place from payment_claim c left join payment p on p.id = c.payment
     where p.id is null or p.state not in ('settled', 'reversed') or p.payee_region <> c.region`,
  );
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
     where not exists (select 1 from payment_case c where c.allowance = f.allowance and c.region = f.region)
       or (select count(*) from payment p where p.region = f.region and p.id in (f.payment, f.other)) <> 2`,
  );
}
