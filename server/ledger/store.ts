/** How the ledger remembers: every statement on its tables, the same on both engines. */
import { byRegion } from '#server/ledger/by-region.ts';
import type { Account, AccountKind } from '#server/ledger/chart.ts';
import type { About } from '#server/ledger/transfer.ts';
import type { Sql } from '#server/platform/database.ts';
import { assert } from '#shared/base/assert.ts';
import type { Currency } from '#shared/money/currency.ts';

/** A transfer that stands in the journal. */
export interface KnownTransfer {
  readonly region: string;
  readonly id: string;
  readonly cursor: number;
  readonly at: number;
  readonly seal: Uint8Array;
}

/** An account with what is on it. */
export interface AccountRow extends Omit<Account, 'id'> {
  readonly id: string;
  readonly balance: number;
}

/** A transfer about to be written: the `step`-th new one of its region. */
export interface NewTransfer {
  readonly step: number;
  readonly id: string;
  readonly kind: string;
  readonly at: number;
  readonly about: About | null;
  readonly reverses: string | null;
  readonly seal: Uint8Array;
}

/** A move about to be written: the `line`-th of its transfer. */
export interface NewMove {
  readonly step: number;
  readonly line: number;
  readonly debit: string;
  readonly credit: string;
  readonly amount: number;
  readonly currency: Currency;
}

/** All that one statement writes, in one region. `changes` holds each touched account once: `by` in the
 * sense of its normal side, `least` the lowest it stands on the way. */
export interface Append {
  readonly region: string;
  readonly transfers: readonly NewTransfer[];
  readonly moves: readonly NewMove[];
  readonly changes: readonly { readonly account: Account; readonly by: number; readonly least: number }[];
}

/** What the statement answers: transfers that stand there already (nothing was written), or where the new ones begin. */
export interface Appended {
  readonly known: readonly KnownTransfer[];
  readonly base: number | undefined;
}

/*
 * Lists are taken apart in the select list, where the server hands on row by row; in `from` it keeps each in a table first.
 *
 * The end of the journal is taken first and everything else hangs on it (`joined`), so that two processes queue up
 * there and nowhere else. What a process cannot see in its snapshot (an id, an account another one has just made)
 * ends in a unique violation and is decided again with the journal held. One below its floor is what breaks the check.
 *
 * A cluster runs the parts one after the other, each seeing what was written before it: so no part reads a table that
 * another one writes, but for what is known, which is read first. An account that was not changed is opened.
 */
// One id after the other: a planner that knows no figures yet would read the whole region for a list of them.
const KNOWN = `
  select t.id, t.cursor, t.at, t.seal from unnest($4::uuid[]) as i(id) cross join lateral (
    select id, cursor, at, seal from ledger_transfer where region = $1 and id = i.id limit 1
  ) as t`;
const NONE_KNOWN = 'select null::uuid as id, 0::bigint as cursor, 0::bigint as at, null::bytea as seal where false';
const appending = (known: string): string => `
with known as materialized (${known}
), joined as (
  update ledger_journal_end set cursor = cursor + $2::bigint
  where region = $1 and not exists (select 1 from known)
  returning cursor - $2::bigint as base
), transfers as (
  insert into ledger_transfer (region, id, cursor, kind, at, about, reverses, seal)
  select $1, i.id, joined.base + i.step, i.kind, i.at, i.about, i.reverses, i.seal
  from (select unnest($3::int[]) as step, unnest($4::uuid[]) as id, unnest($5::text[]) as kind, unnest($6::bigint[]) as at,
    unnest($7::jsonb[]) as about, unnest($8::uuid[]) as reverses, unnest($9::bytea[]) as seal) as i
  cross join joined
), moves as (
  insert into ledger_move (region, cursor, line, debit, credit, amount, currency)
  select $1, joined.base + i.step, i.line, i.debit, i.credit, i.amount, i.currency
  from (select unnest($10::int[]) as step, unnest($11::smallint[]) as line, unnest($12::text[]) as debit,
    unnest($13::text[]) as credit, unnest($14::bigint[]) as amount, unnest($15::text[]) as currency) as i
  cross join joined
), change as (
  select i.*
  from (select unnest($16::text[]) as id, unnest($17::text[]) as kind, unnest($18::text[]) as owner,
    unnest($19::text[]) as currency, unnest($20::text[]) as normal, unnest($21::bigint[]) as floor,
    unnest($22::bigint[]) as by, unnest($23::bigint[]) as least) as i
  cross join joined
), changed as (
  update ledger_account as a set balance = case when a.balance + change.least < a.floor then a.floor - 1 else a.balance + change.by end
  from change
  where a.region = $1 and a.id = change.id and a.currency = change.currency and a.normal = change.normal
  returning a.id
), opened as (
  insert into ledger_account (region, id, kind, owner, currency, normal, floor, balance)
  select $1, c.id, c.kind, c.owner, c.currency, c.normal, c.floor, case when c.least < c.floor then c.floor - 1 else c.by end
  from change c where not exists (select 1 from changed where changed.id = c.id)
)
select null::uuid as id, base as cursor, null::bigint as at, null::bytea as seal from joined
union all
select id, cursor, at, seal from known`;
/** Looks first whether a transfer is known, and then writes nothing. */
const APPEND = appending(KNOWN);
/** For who holds the journal: a transfer that is known breaks the key. */
const APPEND_NEW = appending(NONE_KNOWN);

/**
 * Writes `what` in one statement, unless one of its transfers is known or its region has no journal yet: then nothing.
 * Throws 23505 when another process made an id or account meanwhile, 23514 when a floor would be broken.
 */
export function append(tx: Sql, what: Append): Promise<Appended> {
  return appendBy(tx, APPEND, what);
}

/** Writes `what` in one statement without looking for what is known: that throws 23505, as a broken floor 23514. */
export async function appendNew(tx: Sql, what: Append): Promise<number> {
  const { base } = await appendBy(tx, APPEND_NEW, what);
  assert(base !== undefined, 'a held journal takes what is written');
  return base;
}

async function appendBy(tx: Sql, statement: string, what: Append): Promise<Appended> {
  const { region, transfers, moves, changes } = what;
  const rows = await tx.query<Omit<KnownTransfer, 'region' | 'id'> & { id: string | null }>(statement, [
    region,
    transfers.length,
    transfers.map((one) => one.step),
    transfers.map((one) => one.id),
    transfers.map((one) => one.kind),
    transfers.map((one) => one.at),
    transfers.map((one) => one.about),
    transfers.map((one) => one.reverses),
    transfers.map((one) => one.seal),
    moves.map((one) => one.step),
    moves.map((one) => one.line),
    moves.map((one) => one.debit),
    moves.map((one) => one.credit),
    moves.map((one) => one.amount),
    moves.map((one) => one.currency),
    changes.map((one) => one.account.id),
    changes.map((one) => one.account.kind),
    changes.map((one) => one.account.owner),
    changes.map((one) => one.account.currency),
    changes.map((one) => one.account.normal),
    changes.map((one) => one.account.floor),
    changes.map((one) => one.by),
    changes.map((one) => one.least),
  ]);
  const known = rows.flatMap(({ id, ...row }) => (id === null ? [] : [{ ...row, region, id }]));
  return { known, base: rows.find(({ id }) => id === null)?.cursor };
}

/** Takes the end of the journal of each region, in one order for everybody, until the transaction ends. */
export async function holdJournal(tx: Sql, regions: readonly string[]): Promise<void> {
  for (const region of [...regions].sort()) {
    if (await lockEnd(tx, region)) continue;
    await tx.query('insert into ledger_journal_end (region) values ($1) on conflict do nothing', [region]);
    await lockEnd(tx, region);
  }
}

async function lockEnd(tx: Sql, region: string): Promise<boolean> {
  const rows = await tx.query('select region from ledger_journal_end where region = $1 for update', [region]);
  return rows.length > 0;
}

/** Those of the transfers that stand in the journal. */
export function knownTransfers(
  tx: Sql,
  wanted: readonly { readonly region: string; readonly id: string }[],
): Promise<KnownTransfer[]> {
  return byRegion(wanted, (region, rows) =>
    tx.query<KnownTransfer>(
      'select region, id, cursor, at, seal from ledger_transfer where region = $1 and id = any($2::uuid[])',
      [region, rows.map(({ id }) => id)],
    ),
  );
}

/** Those of `wanted` that some transfer has taken back already, each with the transfer that did. */
export function knownReversals(
  tx: Sql,
  wanted: readonly { readonly region: string; readonly id: string }[],
): Promise<{ region: string; reverses: string; id: string }[]> {
  return byRegion(wanted, (region, rows) =>
    tx.query<{ region: string; reverses: string; id: string }>(
      'select region, reverses, id from ledger_transfer where region = $1 and reverses = any($2::uuid[])',
      [region, rows.map(({ id }) => id)],
    ),
  );
}

/** The accounts that are open, of those named. */
export function accounts(
  tx: Sql,
  wanted: readonly { readonly region: string; readonly id: string }[],
): Promise<AccountRow[]> {
  return byRegion(wanted, (region, rows) =>
    tx.query<AccountRow>(
      `select region, id, kind, owner, currency, normal, floor, balance from ledger_account
       where region = $1 and id = any($2::text[])`,
      [region, rows.map(({ id }) => id)],
    ),
  );
}

/** The accounts of these wallets, those of each in one order. */
export function accountsOf(
  tx: Sql,
  owners: readonly { readonly region: string; readonly wallet: string }[],
): Promise<AccountRow[]> {
  return byRegion(owners, (region, some) =>
    tx.query<AccountRow>(
      `select region, id, kind, owner, currency, normal, floor, balance from ledger_account
       where region = $1 and owner = any($2::text[]) order by id`,
      [region, some.map(({ wallet }) => wallet)],
    ),
  );
}

/** One side of a move as a follower sees it. */
export interface JournalSide {
  readonly id: string;
  readonly kind: AccountKind;
  readonly owner: string | null;
}

/** A move as a follower sees it. */
export interface JournalMove {
  readonly debit: JournalSide;
  readonly credit: JournalSide;
  readonly amount: number;
  readonly currency: Currency;
}

/** One line of the read of the journal: a move with its transfer. */
export interface JournalRow {
  readonly cursor: number;
  readonly id: string;
  readonly kind: string;
  readonly at: number;
  readonly about: About | null;
  readonly reverses: string | null;
  readonly moves: readonly JournalMove[];
}

const JOURNAL_ROWS = `
select t.cursor, t.id, t.kind, t.at, t.about, t.reverses, jsonb_agg(jsonb_build_object(
  'debit', jsonb_build_object('id', d.id, 'kind', d.kind, 'owner', d.owner),
  'credit', jsonb_build_object('id', c.id, 'kind', c.kind, 'owner', c.owner),
  'amount', m.amount, 'currency', m.currency) order by m.line) as moves
from ledger_transfer t
join ledger_move m on m.region = t.region and m.cursor = t.cursor
join ledger_account d on d.region = m.region and d.id = m.debit
join ledger_account c on c.region = m.region and c.id = m.credit`;

/** Letters of a seal in hexadecimal. */
const SEAL_LETTERS = 64;

/** The seals (hexadecimal) of at most `limit` transfers after a cursor, in journal order; the journal has no gaps. */
export async function journalSeals(tx: Sql, region: string, after: number, limit: number): Promise<string[]> {
  // As one text: a thousand rows are a thousand messages to take apart.
  const [row] = await tx.query<{ last: number; seals: string }>(
    `select coalesce(max(cursor), $2::bigint) as last, coalesce(encode(string_agg(seal, ''), 'hex'), '') as seals
     from (select cursor, seal from ledger_transfer
       where region = $1 and cursor > $2::bigint and cursor <= $2::bigint + $3::bigint order by cursor) as t`,
    [region, after, limit],
  );
  const { last, seals } = row ?? { last: after, seals: '' };
  assert(seals.length === (last - after) * SEAL_LETTERS, `the journal of ${region} has no gaps after ${after}`);
  return Array.from({ length: last - after }, (_, at) => seals.slice(at * SEAL_LETTERS, (at + 1) * SEAL_LETTERS));
}

/** The transfers at these places, in journal order. */
export function journalAt(tx: Sql, region: string, cursors: readonly number[]): Promise<JournalRow[]> {
  return tx.query<JournalRow>(
    `${JOURNAL_ROWS} where t.region = $1 and t.cursor = any($2::bigint[])
     group by t.region, t.cursor, t.id order by t.cursor`,
    [region, cursors],
  );
}

/** One transfer by its id. */
export async function journalEntry(tx: Sql, region: string, id: string): Promise<JournalRow | undefined> {
  const rows = await tx.query<JournalRow>(
    `${JOURNAL_ROWS} where t.region = $1 and t.id = $2::uuid group by t.region, t.cursor, t.id`,
    [region, id],
  );
  return rows[0];
}

/** Takes the follower's saved cursor until the transaction ends; a new follower begins before the first transfer. */
export async function holdFollower(tx: Sql, region: string, name: string): Promise<number> {
  await tx.query('insert into ledger_follower (region, name, cursor) values ($1, $2, 0) on conflict do nothing', [
    region,
    name,
  ]);
  const [row] = await tx.query<{ cursor: number }>(
    'select cursor from ledger_follower where region = $1 and name = $2 for update',
    [region, name],
  );
  return row?.cursor ?? 0;
}

/** How far a follower has come when it is at the end of its journal, which may not have begun; nobody is waited for. */
export async function followedToEnd(sql: Sql, region: string, name: string): Promise<number | undefined> {
  const [row] = await sql.query<{ cursor: number }>(
    `select f.cursor from ledger_follower f left join ledger_journal_end e on e.region = f.region
     where f.region = $1 and f.name = $2 and f.cursor = coalesce(e.cursor, 0)`,
    [region, name],
  );
  return row?.cursor;
}

/** Saves how far the follower has come. */
export async function saveFollower(tx: Sql, region: string, name: string, cursor: number): Promise<void> {
  await tx.query('update ledger_follower set cursor = $3::bigint where region = $1 and name = $2', [
    region,
    name,
    cursor,
  ]);
}

/** A transfer as an auditor reads it: every column that counts. */
export interface AuditTransfer {
  readonly region: string;
  readonly cursor: number;
  readonly id: string;
  readonly kind: string;
  readonly at: number;
  readonly about: About | null;
  readonly reverses: string | null;
  readonly seal: Uint8Array;
}

/** A move as an auditor reads it. */
export interface AuditMove {
  readonly region: string;
  readonly cursor: number;
  readonly line: number;
  readonly debit: string;
  readonly credit: string;
  readonly amount: number;
  readonly currency: Currency;
}

/** Makes the transaction one look at one moment; the first statement in it. */
export async function freezeView(tx: Sql): Promise<void> {
  await tx.query('set transaction isolation level repeatable read, read only');
}

/** The end of each region's journal; regions that have rows but no end come with 0. */
export function journalEnds(tx: Sql): Promise<{ region: string; cursor: number }[]> {
  return tx.query(
    `select region, max(cursor) as cursor from (
       select region, cursor from ledger_journal_end union all select distinct region, 0::bigint from ledger_transfer
       union all select distinct region, 0::bigint from ledger_move
       union all select distinct region, 0::bigint from ledger_account
     ) as r group by region order by region`,
  );
}

/** A page of transfers in journal order, for the auditor. */
export function auditTransfers(tx: Sql, region: string, after: number, limit: number): Promise<AuditTransfer[]> {
  return tx.query<AuditTransfer>(
    `select region, cursor, id, kind, at, about, reverses, seal from ledger_transfer
     where region = $1 and cursor > $2::bigint order by cursor limit $3::int`,
    [region, after, limit],
  );
}

/** The moves of a stretch of the journal; `upTo` null: all to its end and beyond. */
export function auditMoves(tx: Sql, region: string, after: number, upTo: number | null): Promise<AuditMove[]> {
  return tx.query<AuditMove>(
    `select region, cursor, line, debit, credit, amount, currency from ledger_move
     where region = $1 and cursor > $2::bigint and ($3::bigint is null or cursor <= $3::bigint) order by cursor, line`,
    [region, after, upTo],
  );
}

/** Every account of a region. */
export function auditAccounts(tx: Sql, region: string): Promise<AccountRow[]> {
  return tx.query<AccountRow>(
    `select region, id, kind, owner, currency, normal, floor, balance from ledger_account where region = $1 order by id`,
    [region],
  );
}

/** Every follower of a region. */
export function auditFollowers(tx: Sql, region: string): Promise<{ name: string; cursor: number }[]> {
  return tx.query('select name, cursor from ledger_follower where region = $1 order by name', [region]);
}

/** How far every follower is behind the end of its region's journal. */
export function followerLag(tx: Sql): Promise<{ region: string; name: string; behind: number }[]> {
  return tx.query(
    `select f.region, f.name, e.cursor - f.cursor as behind
     from ledger_follower f join ledger_journal_end e on e.region = f.region`,
  );
}
