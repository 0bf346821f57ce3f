/** What the logbook remembers, in SQL. */
import type { Sql } from '#server/platform/database.ts';
import type { Instant } from '#shared/base/time.ts';

/** A row of `logbook_line`. */
export interface LineRow {
  readonly region: string;
  readonly number: number;
  readonly at: Instant;
  readonly act: string;
  readonly who: string;
  readonly about: string;
  readonly hash: Uint8Array;
}

/** Where a region's book ends. */
export interface EndRow {
  readonly region: string;
  readonly number: number;
  readonly hash: Uint8Array;
}

/** A signed day's end. */
export interface SealRow {
  readonly region: string;
  readonly day: number;
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** The end of a region's book, held until `tx` ends; begun with `first` when nothing was ever written. */
export async function holdEnd(tx: Sql, region: string, first: Uint8Array): Promise<EndRow> {
  const rows = await tx.query<EndRow>(
    `insert into logbook_end (region, number, hash) values ($1, 0, $2)
     on conflict (region) do update set number = logbook_end.number returning region, number, hash`,
    [region, first],
  );
  return rows[0] ?? { region, number: 0, hash: first };
}

/** Adds lines. */
export async function insertLines(tx: Sql, lines: readonly LineRow[]): Promise<void> {
  await tx.query(
    `insert into logbook_line (region, number, at, act, who, about, hash)
     select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bytea[])`,
    [
      lines.map((line) => line.region),
      lines.map((line) => line.number),
      lines.map((line) => line.at),
      lines.map((line) => line.act),
      lines.map((line) => line.who),
      lines.map((line) => line.about),
      lines.map((line) => line.hash),
    ],
  );
}

/** Moves the end on. */
export async function writeEnd(tx: Sql, end: EndRow): Promise<void> {
  await tx.query('update logbook_end set number = $2, hash = $3 where region = $1', [end.region, end.number, end.hash]);
}

/** Where every region's book ends; regions that have lines or seals but no end come with 0. */
export function readEnds(tx: Sql): Promise<EndRow[]> {
  return tx.query<EndRow>(
    `select region, max(number) as number, string_agg(hash, ''::bytea) as hash from (
       select region, number, hash from logbook_end
       union all select distinct region, 0::bigint, ''::bytea from logbook_line
       union all select distinct region, 0::bigint, ''::bytea from logbook_seal
     ) as r group by region order by region`,
  );
}

/** At most `limit` lines after `number`, in order. */
export function readLines(tx: Sql, region: string, after: number, limit: number): Promise<LineRow[]> {
  return tx.query<LineRow>(
    `select region, number, at, act, who, about, hash from logbook_line
     where region = $1 and number > $2 order by number limit $3`,
    [region, after, limit],
  );
}

/** The seals of a region, oldest first. */
export function readSeals(tx: Sql, region: string): Promise<SealRow[]> {
  return tx.query<SealRow>('select region, day, number, bytes from logbook_seal where region = $1 order by day', [
    region,
  ]);
}

/** The day of the newest seal of each region that has one. */
export async function lastSealed(tx: Sql): Promise<Map<string, number>> {
  const rows = await tx.query<{ region: string; day: number }>(
    'select region, max(day) as day from logbook_seal group by region',
  );
  return new Map(rows.map(({ region, day }) => [region, day]));
}

/** Keeps a seal unless the day has one. */
export async function insertSeal(tx: Sql, seal: SealRow): Promise<void> {
  await tx.query(
    `insert into logbook_seal (region, day, number, bytes) values ($1, $2, $3, $4) on conflict (region, day) do nothing`,
    [seal.region, seal.day, seal.number, seal.bytes],
  );
}

/** Makes the transaction one look at one moment; the first statement in it. */
export async function freezeView(tx: Sql): Promise<void> {
  await tx.query('set transaction isolation level repeatable read, read only');
}
