/** How agreements, consent and closings are remembered, and how the rows of all other tables are read and forgotten for their person. */
import type { Holding } from '#server/account/holding.ts';
import type { Sql } from '#server/platform/database.ts';
import type { Id } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';

/** Whose rows. */
export interface Owner {
  readonly region: string;
  readonly wallet: Id;
}

/** A row of `account_terms`. */
export interface TermsRow {
  readonly cooling_ms: number;
  readonly keep_ms: number;
}

/** The region's own lengths of time. */
export async function readTerms(tx: Sql, region: string): Promise<TermsRow | undefined> {
  const rows = await tx.query<TermsRow>('select cooling_ms, keep_ms from account_terms where region = $1', [region]);
  return rows[0];
}

/** A row of `account_agreement`. */
export interface AgreementRow {
  readonly version: number;
  readonly effective_at: Instant;
  readonly zh: string;
  readonly en: string;
}

/** The version in force at `now`, and the next one where it is known. */
export function readAgreements(tx: Sql, region: string, now: Instant): Promise<AgreementRow[]> {
  return tx.query<AgreementRow>(
    `select version, effective_at, zh, en from account_agreement where region = $1 and version >= (
       select max(version) from account_agreement where region = $1 and effective_at <= $2
     ) order by version limit 2`,
    [region, now],
  );
}

/** The number of the version in force at `now`; undefined where there is none. */
export async function versionInForce(tx: Sql, region: string, now: Instant): Promise<number | undefined> {
  const rows = await tx.query<{ version: number | null }>(
    'select max(version) as version from account_agreement where region = $1 and effective_at <= $2',
    [region, now],
  );
  return rows[0]?.version ?? undefined;
}

/** Adds a version; false when its number is taken or not the next one. */
export async function insertAgreement(tx: Sql, region: string, row: AgreementRow): Promise<boolean> {
  const rows = await tx.query(
    `insert into account_agreement (region, version, effective_at, zh, en)
     select $1, $2, $3, $4, $5 where $2 = 1 + (select coalesce(max(version), 0) from account_agreement where region = $1)
     on conflict do nothing returning version`,
    [region, row.version, row.effective_at, row.zh, row.en],
  );
  return rows.length > 0;
}

/** The newest version the wallet accepted. */
export async function readAcceptance(tx: Sql, owner: Owner): Promise<{ version: number; at: Instant } | undefined> {
  const rows = await tx.query<{ version: number; at: Instant }>(
    'select version, at from account_acceptance where region = $1 and wallet = $2 order by version desc limit 1',
    [owner.region, owner.wallet],
  );
  return rows[0];
}

/** Keeps that the wallet accepted `version`; the first moment stays. */
export async function keepAcceptance(tx: Sql, owner: Owner, version: number, at: Instant): Promise<void> {
  await tx.query(
    'insert into account_acceptance (region, wallet, version, at) values ($1, $2, $3, $4) on conflict do nothing',
    [owner.region, owner.wallet, version, at],
  );
}

/** Whether figures of use may be made of this person now. */
export async function readConsent(tx: Sql, owner: Owner): Promise<boolean> {
  const rows = await tx.query<{ analytics: boolean }>(
    'select analytics from account_consent where region = $1 and wallet = $2 order by at desc, id desc limit 1',
    [owner.region, owner.wallet],
  );
  return rows[0]?.analytics ?? false;
}

/** Up to `most` wallets after `after` of which figures of use may be made now, in their order. */
export async function readConsenting(tx: Sql, region: string, after: Id, most: number): Promise<Id[]> {
  const rows = await tx.query<{ wallet: Id }>(
    `select wallet from (
       select distinct on (wallet) wallet, analytics from account_consent where region = $1 and wallet > $2
       order by wallet, at desc, id desc
     ) as newest where analytics order by wallet limit $3`,
    [region, after, most],
  );
  return rows.map(({ wallet }) => wallet);
}

/** Keeps what the person wants from now on. */
export async function keepConsent(tx: Sql, owner: Owner, id: Id, analytics: boolean, at: Instant): Promise<void> {
  await tx.query('insert into account_consent (region, wallet, id, analytics, at) values ($1, $2, $3, $4, $5)', [
    owner.region,
    owner.wallet,
    id,
    analytics,
    at,
  ]);
}

/** A row of `account_closing`. */
export interface ClosingRow {
  readonly region: string;
  readonly id: Id;
  readonly wallet: Id;
  readonly state: 'cooling' | 'cancelled' | 'done';
  readonly reason: string | null;
  readonly asked_at: Instant;
  readonly due_at: Instant;
  readonly ended_at: Instant | null;
  readonly forget_at: Instant | null;
}

const CLOSING = 'region, id, wallet, state, reason, asked_at, due_at, ended_at, forget_at';

/** One closing by its id. */
export async function readClosing(tx: Sql, region: string, id: Id): Promise<ClosingRow | undefined> {
  const rows = await tx.query<ClosingRow>(`select ${CLOSING} from account_closing where region = $1 and id = $2`, [
    region,
    id,
  ]);
  return rows[0];
}

/** The newest closing of a wallet. */
export async function lastClosing(tx: Sql, owner: Owner): Promise<ClosingRow | undefined> {
  const rows = await tx.query<ClosingRow>(
    `select ${CLOSING} from account_closing where region = $1 and wallet = $2 order by asked_at desc, id desc limit 1`,
    [owner.region, owner.wallet],
  );
  return rows[0];
}

/** Keeps a new closing; false when the wallet has one that is cooling, or the id is taken. */
export async function insertClosing(tx: Sql, row: ClosingRow): Promise<boolean> {
  const rows = await tx.query(
    `insert into account_closing (${CLOSING}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing returning id`,
    [
      ...[row.region, row.id, row.wallet, row.state, row.reason],
      ...[row.asked_at, row.due_at, row.ended_at, row.forget_at],
    ],
  );
  return rows.length > 0;
}

/** Ends a closing that is cooling; false when it is not any more. */
export async function endClosing(
  tx: Sql,
  row: Pick<ClosingRow, 'region' | 'id'>,
  end: { state: 'cancelled' | 'done'; reason: string | null; at: Instant; forgetAt: Instant | null },
): Promise<boolean> {
  const rows = await tx.query(
    `update account_closing set state = $3, reason = $4, ended_at = $5, forget_at = $6
     where region = $1 and id = $2 and state = 'cooling' returning id`,
    [row.region, row.id, end.state, end.reason, end.at, end.forgetAt],
  );
  return rows.length > 0;
}

/** Closings whose cooling-off is over, oldest first. */
export function dueClosings(tx: Sql, region: string, now: Instant, most: number): Promise<ClosingRow[]> {
  return tx.query<ClosingRow>(
    `select ${CLOSING} from account_closing where region = $1 and state = 'cooling' and due_at <= $2
     order by due_at limit $3`,
    [region, now, most],
  );
}

/** Closed wallets whose person is to be forgotten by now. */
export function dueForgetting(tx: Sql, region: string, now: Instant, most: number): Promise<ClosingRow[]> {
  return tx.query<ClosingRow>(
    `select ${CLOSING} from account_closing where region = $1 and forget_at <= $2 order by forget_at limit $3`,
    [region, now, most],
  );
}

/** The person of a closing has been forgotten. */
export async function noteForgotten(tx: Sql, row: Pick<ClosingRow, 'region' | 'id'>): Promise<void> {
  await tx.query('update account_closing set forget_at = null where region = $1 and id = $2', [row.region, row.id]);
}

/** Names of tables and columns come from the list of holdings alone, never from outside. */
function ownRows({ table, by }: Holding): string {
  return `from ${table} as held where region = $1 and (${by.map((column) => `${column}::text = $2::text`).join(' or ')})`;
}

/** How many rows of a kind belong to the person. */
export async function countHeld(tx: Sql, holding: Holding, owner: Owner): Promise<number> {
  const rows = await tx.query<{ rows: number }>(`select count(*) as rows ${ownRows(holding)}`, [
    owner.region,
    owner.wallet,
  ]);
  return rows[0]?.rows ?? 0;
}

/** What a row says, column by column; bytes as hexadecimal text. */
export type HeldRow = Readonly<Record<string, unknown>>;

/** A page of the person's rows of a kind, in one order that stays. */
export async function pageHeld(
  tx: Sql,
  holding: Holding,
  owner: Owner,
  from: number,
  most: number,
): Promise<HeldRow[]> {
  const rows = await tx.query<{ row: HeldRow }>(
    `select to_jsonb(held) as row ${ownRows(holding)} order by to_jsonb(held)::text limit $3 offset $4`,
    [owner.region, owner.wallet, most, from],
  );
  return rows.map(({ row }) => row);
}

/** Takes the person's rows of a kind out and answers what they were, in one order that stays. */
export async function forgetHeld(tx: Sql, holding: Holding, owner: Owner): Promise<string[]> {
  const rows = await tx.query<{ row: HeldRow }>(
    `with gone as (delete ${ownRows(holding)} returning held.*) select to_jsonb(gone) as row from gone`,
    [owner.region, owner.wallet],
  );
  return rows.map(({ row }) => JSON.stringify(row)).sort();
}

/** Keeps the proof of forgetting. */
export async function keepForgotten(
  tx: Sql,
  owner: Owner,
  proof: { holding: string; rows: number; digest: Uint8Array; at: Instant },
): Promise<void> {
  await tx.query(
    `insert into account_forgotten (region, wallet, holding, rows, digest, at) values ($1, $2, $3, $4, $5, $6)
     on conflict do nothing`,
    [owner.region, owner.wallet, proof.holding, proof.rows, proof.digest, proof.at],
  );
}
