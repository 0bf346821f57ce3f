/** What the house remembers of presented pay codes, in SQL. */
import type { Sql } from '#server/platform/database.ts';
import type { Id } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';

/** A row of `till_code`; `region` is that of the payer's allowance. */
export interface CodeRow {
  region: string;
  id: Uint8Array;
  payer: Id;
  payee: Id;
  invoice_id: Uint8Array;
  invoice: Uint8Array;
  certificate: Uint8Array;
  presented_at: Instant;
  fetched_at: Instant | null;
}

/** Keeps a presented code unless it was presented before. */
export async function insertCode(tx: Sql, row: CodeRow): Promise<void> {
  await tx.query(
    `insert into till_code (region, id, payer, payee, invoice_id, invoice, certificate, presented_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`,
    [row.region, row.id, row.payer, row.payee, row.invoice_id, row.invoice, row.certificate, row.presented_at],
  );
}

/** The code with this id, of whatever region. */
export async function readCode(tx: Sql, id: Uint8Array): Promise<CodeRow | undefined> {
  const rows = await tx.query<CodeRow>(
    `select region, id, payer, payee, invoice_id, invoice, certificate, presented_at, fetched_at
     from till_code where id = $1`,
    [id],
  );
  return rows[0];
}

/** Notes that the payer's phone has read it. */
export async function noteFetched(tx: Sql, region: string, id: Uint8Array, at: Instant): Promise<void> {
  await tx.query('update till_code set fetched_at = $3 where id = $2 and region = $1 and fetched_at is null', [
    region,
    id,
    at,
  ]);
}

/** Lets go of codes presented before `until`; they are worth nothing any more. */
export async function forgetCodes(tx: Sql, region: string, until: Instant): Promise<void> {
  await tx.query('delete from till_code where region = $1 and presented_at < $2', [region, until]);
}
