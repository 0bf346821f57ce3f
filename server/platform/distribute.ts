/**
 * Places the tables of the house on a Citus cluster; on any other database it does nothing.
 * Invariant: what is written inside one region lies on one node, so that a payment inside it commits there alone.
 */
import type { Database, Sql } from '#server/platform/sql.ts';
import { assert } from '#shared/base/assert.ts';

/**
 * Where a table's rows lie. `column`: each row on the node its value of that column hashes to, beside the rows of
 * `beside` with the same value. `everywhere`: all rows on every node, for little that is read by everybody and seldom
 * written. `coordinator`: on the one node that is asked, for what belongs to the processes and not to people.
 */
export type Place =
  | { readonly table: string; readonly column: string; readonly beside: string; readonly appendOnly?: true }
  | { readonly table: string; readonly on: 'everywhere' | 'coordinator' };

/** All processes of one database queue up behind this number while they place tables. */
const PLACING_LOCK = 7_414_204;

/**
 * Places those of `plan` that have no place yet, each with its rows in a transaction of its own; answers their names.
 * Safe to call at every start, after a kill and from several processes at once. Throws when a table of the plan is
 * not there, or when the cluster refuses one.
 */
export async function distribute(database: Database, plan: readonly Place[]): Promise<string[]> {
  if (database.kind === 'pglite') return [];
  const [found] = await database.query("select 1 as found from pg_extension where extname = 'citus'");
  if (!found) return [];
  const placed: string[] = [];
  for (const place of plan) {
    if ('on' in place && place.on === 'coordinator') continue;
    if (await database.transaction((tx) => put(tx, place))) placed.push(place.table);
  }
  return placed;
}

/** The statements that place `place`, in their order. The names are the program's own words, never anybody's input. */
export function statementsOf(place: Place): string[] {
  const name = nameOf(place.table);
  if ('on' in place) return place.on === 'everywhere' ? [`select create_reference_table('${name}')`] : [];
  const beside = place.beside === place.table ? 'none' : nameOf(place.beside);
  return [
    `select create_distributed_table('${name}', '${nameOf(place.column)}', colocate_with => '${beside}')`,
    // A trigger would run on the node that is asked only: what is written stays written because nobody may change it.
    ...(place.appendOnly ? [`revoke update, delete, truncate on ${name} from public, current_user`] : []),
  ];
}

async function put(tx: Sql, place: Place): Promise<boolean> {
  await tx.query("set local statement_timeout = '10min'");
  await tx.query(`select pg_advisory_xact_lock(${PLACING_LOCK})`);
  const name = nameOf(place.table);
  const [known] = await tx.query(`select 1 as known from pg_dist_partition where logicalrelid = '${name}'::regclass`);
  if (known) return false;
  const triggers = await tx.query<{ name: string }>(
    `select tgname as name from pg_trigger where tgrelid = '${name}'::regclass and not tgisinternal order by tgname`,
  );
  assert(triggers.length === 0 || ('column' in place && place.appendOnly === true), `${name} would lose a trigger`);
  for (const trigger of triggers) await tx.query(`drop trigger ${nameOf(trigger.name)} on ${name}`);
  for (const statement of statementsOf(place)) await tx.query(statement);
  return true;
}

function nameOf(word: string): string {
  assert(/^[a-z][a-z_]*$/.test(word), `${word} is no name of a table, a column or a trigger`);
  return word;
}
