/**
 * The whole database as lines of text, the same for both engines, and back: what backups are made of.
 * Invariant: the lines are one moment of the database, and loading them gives row for row what they say, or nothing.
 */
import { createHash } from 'node:crypto';
import { systemClock } from '#server/platform/clock.ts';
import type { Command } from '#server/platform/command.ts';
import { type CapabilitySchema, migrate } from '#server/platform/migrate.ts';
import type { Database, Sql } from '#server/platform/sql.ts';
import type { Instant } from '#shared/base/time.ts';

/** The first line: when it was, and which steps of every capability had run. */
export interface DumpHead {
  readonly dump: 1;
  readonly at: Instant;
  readonly steps: readonly { readonly capability: string; readonly number: number; readonly checksum: string }[];
}

/** A later line: a table begins, some of its rows in the engine's own text, all is told. */
type Line =
  | { readonly table: string; readonly columns: readonly string[] }
  | readonly string[]
  | { readonly tables: number; readonly rows: number };

/** What a table holds: how many rows, and a sum over their hashes that does not ask for their order. */
export interface Print {
  readonly rows: number;
  readonly hash: string;
}

/** Thrown when lines are not a dump, not a whole one, or not one for this program; the message is for the operator. */
export class NotLoadable extends Error {
  override readonly name = 'NotLoadable';
}

const ROWS_A_LINE = 500;
/** What a process leaves for the others: never part of a backup. */
const OF_PROCESSES = ['platform_step', 'platform_lease', 'platform_pulse'];

/** Every table of ours and its columns in their order. */
async function tablesOf(tx: Sql): Promise<Map<string, string[]>> {
  const rows = await tx.query<{ name: string; columns: string[] }>(
    `select c.relname::text as name, to_jsonb(array_agg(a.attname::text order by a.attnum)) as columns
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') group by c.relname order by c.relname`,
  );
  return new Map(rows.map(({ name, columns }) => [name, columns]));
}

/** Text that both engines read the same way. */
const ONE_SPELLING = [
  'set local bytea_output = hex',
  "set local datestyle = 'iso, ymd'",
  "set local timezone = 'UTC'",
  'set local extra_float_digits = 1',
];

/** The lines of what `tx` sees; its transaction should be one look at one moment. Rows are told by their columns: a cluster cuts none. */
async function* dumpLines(tx: Sql): AsyncGenerator<string> {
  for (const setting of ONE_SPELLING) await tx.query(setting);
  const steps = await tx.query<DumpHead['steps'][number]>(
    'select capability, number, checksum from platform_step order by capability, number',
  );
  yield JSON.stringify({ dump: 1, at: systemClock(), steps } satisfies DumpHead);
  const tables = await tablesOf(tx);
  for (const name of OF_PROCESSES) tables.delete(name);
  let rows = 0;
  for (const [table, columns] of tables) {
    yield JSON.stringify({ table, columns } satisfies Line);
    const row = `row(${columns.map(quoted).join(', ')})`;
    await tx.query(`declare dump no scroll cursor for select ${row}::text as row from ${quoted(table)}`);
    for (let more = true; more; ) {
      const page = await tx.query<{ row: string }>(`fetch ${ROWS_A_LINE} from dump`);
      more = page.length === ROWS_A_LINE;
      rows += page.length;
      if (page.length > 0) yield JSON.stringify(page.map(({ row }) => row));
    }
    await tx.query('close dump');
  }
  yield JSON.stringify({ tables: tables.size, rows } satisfies Line);
}

/** Says the dump of the house, for a backup; on the embedded database everything else waits meanwhile. */
export const dumpCommand: Command = {
  name: 'dump',
  book: 'house',
  run: ({ database, say }) =>
    database.transaction(async (tx) => {
      await tx.query('set transaction isolation level repeatable read, read only');
      for await (const line of dumpLines(tx)) await say(line);
      return 0;
    }),
};

function quoted(name: string): string {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new NotLoadable(`${name} is no name of this program`);
  return `"${name}"`;
}

/** The head of a dump, and the print of each of its tables. Throws {@link NotLoadable} when it is not whole. */
export async function readDump(
  lines: AsyncIterable<string>,
): Promise<{ readonly head: DumpHead; readonly prints: ReadonlyMap<string, Print> }> {
  const prints = new Map<string, Print>();
  const head = await walk(lines, async (table, rows) => {
    const before = prints.get(table) ?? { rows: 0, hash: '0'.padStart(64, '0') };
    prints.set(table, added(before, rows));
  });
  return { head, prints };
}

/** Adding modulo 2^256, a row twice is not a row missing. */
function added(print: Print, rows: readonly string[]): Print {
  let sum = BigInt(`0x${print.hash}`);
  for (const row of rows) sum += BigInt(`0x${createHash('sha256').update(row).digest('hex')}`);
  return { rows: print.rows + rows.length, hash: BigInt.asUintN(256, sum).toString(16).padStart(64, '0') };
}

/** Hands every table (first with no rows) and every line of rows to `each`; answers the head. */
async function walk(
  lines: AsyncIterable<string>,
  each: (table: string, rows: readonly string[], columns: readonly string[]) => Promise<void>,
): Promise<DumpHead> {
  let head: DumpHead | undefined;
  let open: { table: string; columns: readonly string[] } | undefined;
  let [tables, rows, ended] = [0, 0, false];
  for await (const text of lines) {
    const line = JSON.parse(text) as DumpHead | Line;
    if (ended) throw new NotLoadable('there is more after the end of the dump');
    if ('dump' in line) head = line;
    else if (head === undefined) throw new NotLoadable('it does not begin as a dump');
    else if ('table' in line) {
      open = line;
      tables += 1;
      await each(line.table, [], line.columns);
    } else if ('tables' in line) ended = line.tables === tables && line.rows === rows;
    else if (open !== undefined) {
      rows += line.length;
      await each(open.table, line, open.columns);
    }
  }
  if (head === undefined || !ended) throw new NotLoadable('the dump has no end, or not the one it tells');
  return head;
}

/**
 * Loads a dump into an empty database, whose schema is brought to the steps of the dump first and to those of this program
 * after. All in one transaction: it is loaded and every table has its print of `prints`, or nothing was.
 */
export async function loadDump(
  database: Database,
  lines: () => AsyncIterable<string>,
  { head, prints }: { readonly head: DumpHead; readonly prints: ReadonlyMap<string, Print> },
  capabilities: readonly CapabilitySchema[],
): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.query("set local statement_timeout = '0'");
    if ((await tablesOf(tx)).size > 0)
      throw new NotLoadable('the database is not empty: nothing is ever written over a house');
    const inside: Database = { ...database, query: tx.query, transaction: (work) => work(tx) };
    await migrate(inside, capabilities, head.steps);
    await checkSteps(tx, head);
    const there = await tablesOf(tx);
    await walk(lines(), async (table, rows, columns) => {
      if (there.get(table)?.join() !== columns.join())
        throw new NotLoadable(`its table ${table} is not this program's`);
      if (rows.length === 0) await clear(tx, table);
      else await insert(tx, table, rows);
    });
    const loaded = await readDump(dumpLines(tx));
    for (const [table, print] of prints) {
      const now = loaded.prints.get(table);
      if (now?.hash !== print.hash) throw new NotLoadable(`the rows of ${table} are not those of the backup`);
    }
    await migrate(inside, capabilities);
  });
}

async function checkSteps(tx: Sql, head: DumpHead): Promise<void> {
  const ours = await tx.query<DumpHead['steps'][number]>('select capability, number, checksum from platform_step');
  const known = new Set(ours.map((step) => `${step.capability} ${step.number} ${step.checksum}`));
  const other = head.steps.find((step) => !known.has(`${step.capability} ${step.number} ${step.checksum}`));
  if (other)
    throw new NotLoadable(
      `it has step ${other.number} of ${other.capability}, which this program does not know: use a newer one`,
    );
}

/** What a migration itself put there is the backup's to say. */
async function clear(tx: Sql, table: string): Promise<void> {
  const [found] = await tx.query(`select 1 as found from ${quoted(table)} limit 1`);
  if (found) await tx.query(`delete from ${quoted(table)}`);
}

async function insert(tx: Sql, table: string, rows: readonly string[]): Promise<void> {
  const name = quoted(table);
  await tx.query(
    `insert into ${name} select (made.row).* from (select unnest($1::text[])::${name} as row offset 0) made`,
    [rows],
  );
}
