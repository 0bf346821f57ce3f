/** What sync remembers, in SQL. */
import type { Sql } from '#server/platform/database.ts';
import type { Id } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';

/** A payment that waits at a closed border; `region` is the uploader's. */
export interface WaitingRow {
  readonly region: string;
  readonly payment: Uint8Array;
  readonly uploader: Id;
  readonly bytes: Uint8Array;
  readonly came_at: Instant;
}

/** Keeps payments once. */
export async function keepWaiting(tx: Sql, rows: readonly WaitingRow[]): Promise<void> {
  await tx.query(
    `insert into sync_waiting (region, payment, uploader, bytes, came_at)
     select * from unnest($1::text[], $2::bytea[], $3::uuid[], $4::bytea[], $5::bigint[])
     on conflict (payment, region) do nothing`,
    [
      rows.map((row) => row.region),
      rows.map((row) => row.payment),
      rows.map((row) => row.uploader),
      rows.map((row) => row.bytes),
      rows.map((row) => row.came_at),
    ],
  );
}

/** Those that came first, at most `most`, after `after`. */
export function readWaiting(
  tx: Sql,
  after: Pick<WaitingRow, 'came_at' | 'payment'>,
  most: number,
): Promise<WaitingRow[]> {
  return tx.query<WaitingRow>(
    `select region, payment, uploader, bytes, came_at from sync_waiting
     where (came_at, payment) > ($1::bigint, $2::bytea) order by came_at, payment limit $3`,
    [after.came_at, after.payment, most],
  );
}

/** Forgets a payment that waits no more. */
export async function forgetWaiting(tx: Sql, payments: readonly Uint8Array[]): Promise<void> {
  await tx.query('delete from sync_waiting where payment = any($1::bytea[])', [payments]);
}
