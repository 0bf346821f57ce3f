/** How support remembers: agents, cases and what each region promises of them. */
import type { Sql } from '#server/platform/database.ts';
import type { Id } from '#shared/base/id.ts';
import type { Duration, Instant } from '#shared/base/time.ts';

/** What a region promises. */
export interface TermsRow {
  readonly answer_ms: Duration;
  readonly appeals_a_day: number;
}

/** A row of `support_agent`. */
export interface AgentRow {
  readonly region: string;
  readonly wallet: Id;
  readonly name: string;
  readonly roles: string;
  readonly granted_at: Instant;
  readonly revoked_at: Instant | null;
}

/** A row of `support_case`. */
export interface CaseRow {
  readonly region: string;
  readonly id: Id;
  readonly wallet: Id;
  readonly kind: 'appeal' | 'alarm';
  readonly reason: string;
  readonly words: string | null;
  readonly state: 'open' | 'granted' | 'refused' | 'answered';
  readonly opened_at: Instant;
  readonly due_at: Instant;
  readonly first_by: string | null;
  readonly first_at: Instant | null;
  readonly first_outcome: 'granted' | 'refused' | null;
  readonly answer: string | null;
  readonly second_by: string | null;
  readonly decided_at: Instant | null;
}

export async function readTerms(tx: Sql, region: string): Promise<TermsRow | undefined> {
  const rows = await tx.query<TermsRow>('select answer_ms, appeals_a_day from support_terms where region = $1', [
    region,
  ]);
  return rows[0];
}

/** Whoever works at the desk of their region. */
export async function readAgent(tx: Sql, region: string, wallet: Id): Promise<AgentRow | undefined> {
  const rows = await tx.query<AgentRow>(
    'select * from support_agent where region = $1 and wallet = $2 and revoked_at is null',
    [region, wallet],
  );
  return rows[0];
}

/** All who ever worked at the desk of a region. */
export function readAgents(tx: Sql, region: string): Promise<AgentRow[]> {
  return tx.query<AgentRow>('select * from support_agent where region = $1 order by granted_at, wallet', [region]);
}

/** Lets a wallet work at the desk under a name nobody else ever had; false when the name is taken. */
export async function writeAgent(tx: Sql, row: Omit<AgentRow, 'revoked_at'>): Promise<boolean> {
  const taken = await tx.query(
    'select 1 as taken from support_agent where region = $1 and name = $2 and wallet <> $3',
    [row.region, row.name, row.wallet],
  );
  if (taken.length > 0) return false;
  await tx.query(
    `insert into support_agent (region, wallet, name, roles, granted_at) values ($1, $2, $3, $4, $5)
     on conflict (region, wallet) do update set name = excluded.name, roles = excluded.roles,
       granted_at = excluded.granted_at, revoked_at = null`,
    [row.region, row.wallet, row.name, row.roles, row.granted_at],
  );
  return true;
}

export async function revokeAgent(tx: Sql, region: string, wallet: Id, at: Instant): Promise<boolean> {
  const rows = await tx.query(
    `update support_agent set revoked_at = $3 where region = $1 and wallet = $2 and revoked_at is null
     returning 1 as done`,
    [region, wallet, at],
  );
  return rows.length === 1;
}

/** Adds a case unless its id is there; answers whether it was added. */
export async function insertCase(
  tx: Sql,
  row: Pick<CaseRow, 'region' | 'id' | 'wallet' | 'kind' | 'reason' | 'words' | 'opened_at' | 'due_at'>,
): Promise<boolean> {
  const rows = await tx.query(
    `insert into support_case (region, id, wallet, kind, reason, words, state, opened_at, due_at)
     values ($1, $2, $3, $4, $5, $6, 'open', $7, $8) on conflict do nothing returning 1 as added`,
    [row.region, row.id, row.wallet, row.kind, row.reason, row.words, row.opened_at, row.due_at],
  );
  return rows.length === 1;
}

export async function readCase(tx: Sql, region: string, id: Id): Promise<CaseRow | undefined> {
  const rows = await tx.query<CaseRow>('select * from support_case where region = $1 and id = $2', [region, id]);
  return rows[0];
}

/** The same, held until `tx` ends. */
export async function lockCase(tx: Sql, region: string, id: Id): Promise<CaseRow | undefined> {
  const rows = await tx.query<CaseRow>('select * from support_case where region = $1 and id = $2 for update', [
    region,
    id,
  ]);
  return rows[0];
}

/** The newest appeal of a wallet. */
export async function newestAppeal(tx: Sql, region: string, wallet: Id): Promise<CaseRow | undefined> {
  const rows = await tx.query<CaseRow>(
    `select * from support_case where region = $1 and wallet = $2 and kind = 'appeal'
     order by opened_at desc, id desc limit 1`,
    [region, wallet],
  );
  return rows[0];
}

/** How many appeals a wallet made since then. */
export async function countAppeals(tx: Sql, region: string, wallet: Id, since: Instant): Promise<number> {
  const rows = await tx.query<{ count: number }>(
    `select count(*)::integer as count from support_case
     where region = $1 and wallet = $2 and kind = 'appeal' and opened_at > $3`,
    [region, wallet, since],
  );
  return rows[0]?.count ?? 0;
}

/** What is open, by when it is due, and what had its last word after `since`. */
export function deskCases(tx: Sql, region: string, since: Instant, most: number): Promise<CaseRow[]> {
  return tx.query<CaseRow>(
    `select * from support_case where region = $1 and (state = 'open' or decided_at > $2)
     order by (state = 'open') desc, due_at, id limit $3`,
    [region, since, most],
  );
}

/** Writes what was said to a case. */
export async function writeCase(tx: Sql, row: CaseRow): Promise<void> {
  await tx.query(
    `update support_case set state = $3, first_by = $4, first_at = $5, first_outcome = $6, answer = $7, second_by = $8,
       decided_at = $9 where region = $1 and id = $2`,
    [
      row.region,
      row.id,
      row.state,
      row.first_by,
      row.first_at,
      row.first_outcome,
      row.answer,
      row.second_by,
      row.decided_at,
    ],
  );
}

/** The owner has said that an alarm was their own doing: nobody need look into it. */
export async function settleCase(tx: Sql, region: string, id: Id, at: Instant): Promise<void> {
  await tx.query(
    `update support_case set state = 'answered', decided_at = $3 where region = $1 and id = $2 and state = 'open'`,
    [region, id, at],
  );
}
