/** How bills are remembered: appended with the next numbers of their wallets, read by cursor. */
import type { Sql } from '#server/platform/database.ts';
import type { Bill } from '#shared/api/bill.ts';
import type { Id } from '#shared/base/id.ts';

/** A bill before it has its number. */
export interface NewBill {
  readonly wallet: Id;
  readonly id: string;
  readonly kind: Bill['kind'];
  readonly direction: Bill['direction'];
  readonly state: Bill['state'];
  readonly amount: number;
  readonly currency: string;
  readonly peer: Id | null;
  readonly peer_region: string | null;
  readonly payment: Uint8Array | null;
  readonly invoice: Uint8Array | null;
  readonly reason: string | null;
  readonly signed_at: number | null;
  readonly uploaded_at: number | null;
  readonly posted_at: number | null;
}

/** A row of `bill`. */
export interface BillRow extends NewBill {
  readonly region: string;
  readonly sequence: number;
}

const APPEND = `
with fresh as (
  select i.*, row_number() over (partition by i.wallet order by i.place) as step
  from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::uuid[],
    $10::text[], $11::bytea[], $12::text[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bytea[]) with ordinality
    as i(wallet, id, kind, direction, state, amount, currency, peer, peer_region, payment, reason, signed_at,
      uploaded_at, posted_at, invoice, place)
), heads as (
  insert into bill_head as h (region, wallet, sequence)
  select $1, wallet, count(*) from fresh group by wallet order by wallet
  on conflict (wallet, region) do update set sequence = h.sequence + excluded.sequence
  returning wallet, sequence
), counts as (
  select wallet, count(*) as count from fresh group by wallet
)
insert into bill (region, wallet, sequence, id, kind, direction, state, amount, currency, peer, peer_region, payment,
  reason, signed_at, uploaded_at, posted_at, invoice)
select $1, f.wallet, h.sequence - c.count + f.step, f.id, f.kind, f.direction, f.state, f.amount, f.currency, f.peer,
  f.peer_region, f.payment, f.reason, f.signed_at, f.uploaded_at, f.posted_at,
  f.invoice
from fresh f join heads h on h.wallet = f.wallet join counts c on c.wallet = f.wallet`;

/** Appends bills of wallets of `region` in their order; each wallet's numbers go on without a gap. */
export async function appendBills(tx: Sql, region: string, bills: readonly NewBill[]): Promise<void> {
  if (bills.length === 0) return;
  await tx.query(APPEND, [
    region,
    bills.map((one) => one.wallet),
    bills.map((one) => one.id),
    bills.map((one) => one.kind),
    bills.map((one) => one.direction),
    bills.map((one) => one.state),
    bills.map((one) => one.amount),
    bills.map((one) => one.currency),
    bills.map((one) => one.peer),
    bills.map((one) => one.peer_region),
    bills.map((one) => one.payment),
    bills.map((one) => one.reason),
    bills.map((one) => one.signed_at),
    bills.map((one) => one.uploaded_at),
    bills.map((one) => one.posted_at),
    bills.map((one) => one.invoice),
  ]);
}

/** At most `limit` bills of a wallet after number `cursor`, in order. */
export function billsAfter(tx: Sql, wallet: Id, cursor: number, limit: number): Promise<BillRow[]> {
  return tx.query<BillRow>(
    `select region, wallet, sequence, id, kind, direction, state, amount, currency, peer, peer_region, payment, reason,
       signed_at, uploaded_at, posted_at, invoice
     from bill where wallet = $1 and sequence > $2 order by sequence limit $3`,
    [wallet, cursor, limit],
  );
}
