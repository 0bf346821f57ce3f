/**
 * Every table has its place on a cluster, and nothing about it that Citus refuses: read off the catalogue of a migrated
 * database. The statements are tried on a PostgreSQL that plays Citus: it records them and refuses what Citus refuses.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { schemas } from '#server/app.ts';
import { auditLedger } from '#server/ledger/audit.ts';
import { PLACEMENT } from '#server/placement.ts';
import { type Database, openDatabase } from '#server/platform/database.ts';
import { distribute, type Place, statementsOf } from '#server/platform/distribute.ts';
import { migrate } from '#server/platform/migrate.ts';
import type { SyncAnswer } from '#shared/api/sync.ts';
import { EMPTY_SYNC, fund, openPurse, openStage, type Stage } from '#tests/attack/stage.ts';
import { eachDatabase, freshPostgres } from '#tests/kit/databases.ts';
import { good, openMember } from '#tests/kit/member.ts';

const SERVER = join(import.meta.dirname, '../../../server');
const columns = PLACEMENT.flatMap((place) => ('column' in place ? [place] : []));
const namesOf = (places: readonly Place[]) => places.map(({ table }) => table).sort();

/** What there must be none of, as rows of `what` and `name`. */
// biome-ignore format: a table to be read in lines
const REFUSED_BY_CITUS: readonly (readonly [what: string, sql: string])[] = [
  ['a sequence', "select relname as name from pg_class where relkind = 'S' and relnamespace = 'public'::regnamespace"],
  ['a view, a rule or a partition', "select relname as name from pg_class where relkind not in ('r', 'i') and relnamespace = 'public'::regnamespace"],
  ['an identity or generated column', "select attname as name from pg_attribute join pg_class c on c.oid = attrelid where c.relnamespace = 'public'::regnamespace and attnum > 0 and (attidentity <> '' or attgenerated <> '')"],
  ['a default that calls a function', "select adrelid::regclass::text as name from pg_attrdef where pg_get_expr(adbin, adrelid) ~ '\\('"],
  ['a foreign key', "select conname as name from pg_constraint where contype = 'f'"],
  ['an exclusion', "select conname as name from pg_constraint where contype = 'x'"],
  ['a table that inherits', 'select inhrelid::regclass::text as name from pg_inherits'],
  ['row security', "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relrowsecurity"],
];

eachDatabase('the plan', (open) => {
  let database: Database;
  beforeAll(async () => {
    database = await open();
    await migrate(database, schemas());
  });

  test('places every table there is, once, and knows every schema.sql', async () => {
    const tables = await database.query<{ name: string }>(
      "select tablename as name from pg_tables where schemaname = 'public' order by tablename",
    );
    expect(namesOf(PLACEMENT)).toEqual(tables.map(({ name }) => name).sort());
    const written = readdirSync(SERVER).filter((room) => existsSync(join(SERVER, room, 'schema.sql')));
    expect(
      schemas()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(written.sort());
  });

  test('every primary key and unique index contains the column rows are placed by', async () => {
    const keys = await database.query<{ table: string; key: string; columns: string[] }>(
      `select i.indrelid::regclass::text as table, i.indexrelid::regclass::text as key,
         array(select attname::text from pg_attribute where attrelid = i.indrelid and attnum = any(i.indkey)) as columns
       from pg_index i join pg_class c on c.oid = i.indrelid
       where i.indisunique and c.relnamespace = 'public'::regnamespace`,
    );
    const wrong = columns.flatMap(({ table, column }) => {
      const own = keys.filter((one) => one.table === table);
      const bad = own.filter((one) => !one.columns.includes(column)).map(({ key }) => key);
      return own.length === 0 ? [`${table} has no key`] : bad;
    });
    expect(wrong).toEqual([]);
    expect(keys.length).toBeGreaterThan(columns.length);
  });

  test('the column is of one type in all of a group and never null', async () => {
    const types = await database.query<{ table: string; column: string; type: string; never: boolean }>(
      `select attrelid::regclass::text as table, attname as column, atttypid::regtype::text as type, attnotnull as never
       from pg_attribute join pg_class c on c.oid = attrelid
       where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and attnum > 0`,
    );
    const typeOf = (table: string, column: string) =>
      types.find((one) => one.table === table && one.column === column && one.never)?.type;
    for (const { table, column, beside } of columns) {
      const head = columns.find((one) => one.table === beside);
      expect([table, typeOf(table, column)]).toEqual([table, 'text']);
      expect([table, head && typeOf(head.table, head.column)]).toEqual([table, 'text']);
      expect(columns.findIndex((one) => one.table === beside)).toBeLessThanOrEqual(
        columns.findIndex((one) => one.table === table),
      );
    }
  });

  test.each(REFUSED_BY_CITUS)('no table has %s', async (_what, sql) => {
    expect(await database.query(sql)).toEqual([]);
  });

  test('triggers stand only on what is written once, which is all that has them', async () => {
    const guarded = await database.query<{ name: string }>(
      'select distinct tgrelid::regclass::text as name from pg_trigger where not tgisinternal',
    );
    expect(guarded.map(({ name }) => name).sort()).toEqual(namesOf(columns.filter((one) => one.appendOnly)));
  });

  test('without Citus nothing is placed', async () => {
    expect(await distribute(database, PLACEMENT)).toEqual([]);
  });
});

test('no statement moves a row to another place', () => {
  const moving = schemas().flatMap(({ name }) => {
    const text = readFileSync(join(SERVER, name, 'store.ts'), 'utf8');
    return [...text.matchAll(/\bset\s+(?:\w+\s*=[^;`']*,\s*)?region\s*=/g)].map((found) => `${name}: ${found[0]}`);
  });
  expect(moving).toEqual([]);
});

test('the statements, to be read', () => {
  const shown = ['platform_lease', 'region', 'ledger_journal_end', 'ledger_move', 'bill'];
  expect(PLACEMENT.filter(({ table }) => shown.includes(table)).flatMap(statementsOf)).toEqual([
    "select create_reference_table('region')",
    "select create_distributed_table('ledger_journal_end', 'region', colocate_with => 'none')",
    "select create_distributed_table('ledger_move', 'region', colocate_with => 'ledger_journal_end')",
    'revoke update, delete, truncate on ledger_move from public, current_user',
    "select create_distributed_table('bill', 'region', colocate_with => 'ledger_journal_end')",
  ]);
  expect(() => statementsOf({ table: "bill'); drop table bill; --", on: 'everywhere' })).toThrow('is no name');
});

/** What an extension gives: its row, its catalogue and its functions, which refuse in Citus's own words. */
const CITUS = `
create schema citus_stand_in;
create table citus_stand_in.pg_extension (extname text primary key);
insert into citus_stand_in.pg_extension values ('citus');
create table citus_stand_in.pg_dist_partition (logicalrelid regclass primary key, said text not null, place integer generated always as identity);
create function citus_stand_in.refuse(relation regclass, partition_column text) returns void language plpgsql as $body$
declare key text;
begin
  if exists (select from pg_trigger where tgrelid = relation and not tgisinternal) then
    raise exception 'cannot distribute relation "%" because it has triggers', relation;
  end if;
  select indexrelid::regclass::text into key from pg_index where indrelid = relation and indisunique and partition_column is not null
    and not exists (select from pg_attribute where attrelid = relation and attname = partition_column and attnum = any(indkey)) limit 1;
  if key is not null then
    raise exception 'cannot create constraint on "%": % does not include the partition column', relation, key;
  end if;
end $body$;
create function citus_stand_in.create_distributed_table(table_name regclass, distribution_column text, distribution_type text default 'hash', colocate_with text default 'default') returns void language plpgsql as $body$
begin
  perform citus_stand_in.refuse(table_name, distribution_column);
  if colocate_with <> 'none' and not exists (select from citus_stand_in.pg_dist_partition where logicalrelid = colocate_with::regclass) then
    raise exception 'relation % is not distributed', colocate_with;
  end if;
  insert into citus_stand_in.pg_dist_partition values (table_name, distribution_column || ' beside ' || colocate_with);
end $body$;
create function citus_stand_in.create_reference_table(table_name regclass) returns void language plpgsql as $body$
begin
  perform citus_stand_in.refuse(table_name, null);
  insert into citus_stand_in.pg_dist_partition values (table_name, 'everywhere');
end $body$;
`;

let roles = 0;

/** An empty database that says it has Citus, owned by somebody who is not a superuser; and its URL. */
async function openStandIn(): Promise<string> {
  const url = await freshPostgres('empty');
  const keeper = `keeper_${process.pid}_${++roles}`;
  const name = new URL(url).pathname.slice(1);
  const admin = await openDatabase({ dataDir: 'memory', databaseUrl: url, connections: 1 });
  for (const statement of [
    `create role ${keeper} login`,
    `alter database ${name} owner to ${keeper}`,
    // Asked for after ours, the true catalogue does not hide the one that tells of Citus.
    `alter database ${name} set search_path = public, citus_stand_in, pg_catalog`,
  ])
    await admin.query(statement);
  await admin.close();
  const own = url.replace('//piaohao@', `//${keeper}@`);
  const database = await openDatabase({ dataDir: 'memory', databaseUrl: own, connections: 1 });
  await database.query(CITUS);
  await database.close();
  return own;
}

describe('on a database that has Citus', () => {
  let url = '';
  let database: Database;
  let stage: Stage;
  const placesThere = async () =>
    (
      await database.query<{ table: string; said: string }>(
        'select logicalrelid::text as table, said from pg_dist_partition order by place',
      )
    ).map(({ table, said }) => `${table}: ${said}`);
  beforeAll(async () => {
    url = await openStandIn();
    database = await openDatabase({ dataDir: 'memory', databaseUrl: url });
  });
  afterAll(async () => {
    await stage?.close();
    await database?.close();
  });

  test('three processes that start at once place everything once', async () => {
    await migrate(database, schemas());
    const others = await Promise.all([1, 2].map(() => openDatabase({ dataDir: 'memory', databaseUrl: url })));
    const placed = (await Promise.all([database, ...others].map((one) => distribute(one, PLACEMENT)))).flat();
    for (const one of others) await one.close();
    const expected = PLACEMENT.flatMap((place) => {
      if ('column' in place)
        return [`${place.table}: ${place.column} beside ${place.beside === place.table ? 'none' : place.beside}`];
      return place.on === 'everywhere' ? [`${place.table}: everywhere`] : [];
    });
    expect(await placesThere()).toEqual(expected);
    expect(placed.sort()).toEqual(expected.map((one) => one.replace(/:.*/, '')).sort());
    expect(await distribute(database, PLACEMENT)).toEqual([]);
  });

  test('the house opens on it, and people pay', async () => {
    stage = await openStage({ databaseUrl: url });
    const payer = await openMember(stage.place, { phone: '13800138000' });
    const payee = await openMember(stage.place, { phone: '13800138009' });
    await good(payee.device.ask('POST', '/sync', EMPTY_SYNC));
    await fund(stage, payer, 100_00);
    const purse = await openPurse(payer, stage.place);
    const paid = await purse.pay(payee, 12_34);
    await good(payer.device.ask<SyncAnswer>('POST', '/sync', { ...EMPTY_SYNC, payments: [paid.bytes] }));
    const { balances } = await good(payee.device.ask<SyncAnswer>('POST', '/sync', EMPTY_SYNC));
    expect(balances).toMatchObject([{ currency: 'CNY', available: 12_34 }]);
    expect((await auditLedger(database)).findings).toEqual([]);
  });

  test.each(namesOf(columns.filter((one) => one.appendOnly)))('%s stays as it was written', async (table) => {
    for (const sql of [`update ${table} set region = region`, `delete from ${table}`, `truncate ${table}`]) {
      await expect(database.query(sql)).rejects.toMatchObject({ code: '42501' });
    }
  });

  describe('what the cluster would refuse is refused whole', () => {
    test.each([
      ['a key without the column', 'create table odd (region text, id uuid primary key)', 'partition column'],
      [
        'a unique index without it',
        'create table odd (region text primary key, id uuid unique)',
        'does not include the partition column',
      ],
      ['a table that is not there', 'select 1', 'does not exist'],
      [
        'a guard that would be lost',
        'create table odd (region text primary key); create trigger odd_stays before update on odd for each row execute function ledger_refuse_change()',
        'would lose a trigger',
      ],
    ])('%s', async (_what, sql, said) => {
      await database.query(sql);
      const plan: Place[] = [{ table: 'odd', column: 'region', beside: 'ledger_journal_end' }];
      await expect(distribute(database, plan)).rejects.toThrow(said);
      await database.query('drop table if exists odd');
    });
  });
});
