/** How bills are remembered: appended with the next numbers of their wallets, read by cursor. */
import { byRegion } from '#server/ledger/by-region.ts';
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

// Lists are taken apart in the select list, where the server hands on row by row; in `from` it keeps each in a table first.
const APPEND = `
with heads as (
  insert into bill_head as h (region, wallet, sequence)
  select $1, n.wallet, n.count from unnest($2::uuid[], $3::bigint[]) as n(wallet, count)
  on conflict (wallet, region) do update set sequence = h.sequence + excluded.sequence
  returning wallet, sequence
)
insert into bill (region, wallet, sequence, id, kind, direction, state, amount, currency, peer, peer_region, payment,
  reason, signed_at, uploaded_at, posted_at, invoice)
select $1, f.wallet, h.sequence - f.behind, f.id, f.kind, f.direction, f.state, f.amount, f.currency, f.peer,
  f.peer_region, f.payment, f.reason, f.signed_at, f.uploaded_at, f.posted_at, f.invoice
from (
  select unnest($4::uuid[]) as wallet, unnest($5::bigint[]) as behind, unnest($6::text[]) as id,
    unnest($7::text[]) as kind, unnest($8::text[]) as direction, unnest($9::text[]) as state,
    unnest($10::bigint[]) as amount, unnest($11::text[]) as currency, unnest($12::uuid[]) as peer,
    unnest($13::text[]) as peer_region, unnest($14::bytea[]) as payment, unnest($15::text[]) as reason,
    unnest($16::bigint[]) as signed_at, unnest($17::bigint[]) as uploaded_at, unnest($18::bigint[]) as posted_at,
    unnest($19::bytea[]) as invoice
) as f join heads h on h.wallet = f.wallet`;

/** Appends bills of wallets of `region` in their order; each wallet's numbers go on without a gap. */
export async function appendBills(tx: Sql, region: string, bills: readonly NewBill[]): Promise<void> {
  if (bills.length === 0) return;
  const counts = new Map<Id, number>();
  const places = bills.map(({ wallet }) => {
    const place = (counts.get(wallet) ?? 0) + 1;
    counts.set(wallet, place);
    return place;
  });
  // In one order for everybody, so that two who append wait for each other and never both.
  const wallets = [...counts.keys()].sort();
  await tx.query(APPEND, [
    region,
    wallets,
    wallets.map((wallet) => counts.get(wallet)),
    bills.map((one) => one.wallet),
    bills.map((one, at) => (counts.get(one.wallet) ?? 0) - (places[at] ?? 0)),
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

const COLUMNS = `region, wallet, sequence, id, kind, direction, state, amount, currency, peer, peer_region, payment, reason,
  signed_at, uploaded_at, posted_at, invoice`;

/** At most `limit` bills of a wallet after number `after`. */
export interface PageAsked {
  readonly region: string;
  readonly wallet: Id;
  readonly after: number;
  readonly limit: number;
}

/** The pages asked for, each in the order of its numbers. */
export async function readPages(tx: Sql, asked: readonly PageAsked[]): Promise<BillRow[][]> {
  const rows = await byRegion(
    asked.map((page, place) => ({ ...page, place })),
    (region, some) =>
      tx.query<BillRow & { place: number }>(
        `select i.place, b.* from unnest($2::integer[], $3::uuid[], $4::bigint[], $5::bigint[])
           as i(place, wallet, after, most) cross join lateral (
             select ${COLUMNS} from bill where region = $1 and wallet = i.wallet and sequence > i.after
             order by sequence limit i.most) as b
         order by i.place, b.sequence`,
        [
          region,
          some.map(({ place }) => place),
          some.map(({ wallet }) => wallet),
          some.map(({ after }) => after),
          some.map(({ limit }) => limit),
        ],
      ),
  );
  const pages = Map.groupBy(rows, ({ place }) => place);
  return asked.map((_, place) => pages.get(place) ?? []);
}

/** The newest `limit` bills of a wallet, in order. */
export async function newestBills(
  tx: Sql,
  { region, wallet }: { readonly region: string; readonly wallet: Id },
  limit: number,
): Promise<BillRow[]> {
  const rows = await tx.query<BillRow>(
    `select ${COLUMNS} from bill where region = $1 and wallet = $2 order by sequence desc limit $3`,
    [region, wallet, limit],
  );
  return rows.reverse();
}

/** What some people did of one kind. */
export interface UseRow {
  readonly kind: Bill['kind'];
  readonly direction: Bill['direction'];
  readonly currency: string;
  readonly people: number;
  readonly bills: number;
  readonly sum: number;
}

/** What `wallets` did from `from` until before `until`, kind by kind; each bill once, however often it was told. */
export function readUse(
  tx: Sql,
  of: { readonly region: string; readonly wallets: readonly Id[]; readonly from: number; readonly until: number },
): Promise<UseRow[]> {
  return tx.query<UseRow>(
    `select kind, direction, currency, count(distinct wallet)::integer as people, count(*)::integer as bills,
       sum(amount)::bigint as sum
     from (
       select distinct wallet, id, kind, direction, currency, amount from bill
       where region = $1 and wallet = any($2::uuid[]) and state = 'settled' and posted_at >= $3 and posted_at < $4
     ) as told group by kind, direction, currency`,
    [of.region, of.wallets, of.from, of.until],
  );
}
