/**
 * Every statement the house sends is one a Citus cluster takes and answers as one PostgreSQL does, by the rules of
 * `tests/kit/citus.ts`. The statements are read off the sources; what a source makes of a list is heard from it.
 */
import { describe, expect, test } from 'vitest';
import { HOLDINGS } from '#server/account/holding.ts';
import * as account from '#server/account/store.ts';
import { insertGrant } from '#server/identity/store.ts';
import { PLACEMENT } from '#server/placement.ts';
import type { Config } from '#server/platform/config.ts';
import type { Database, Sql } from '#server/platform/database.ts';
import { dumpCommand } from '#server/platform/dump.ts';
import { newId } from '#shared/base/id.ts';
import { instant } from '#shared/base/time.ts';
import { brokenRule, RULES, type Rule } from '#tests/kit/citus.ts';
import { sourcesIn } from '#tests/kit/sources.ts';
import { sendingPlaces } from '#tests/kit/statements.ts';

/** A small plan: two tables of a region, one that lies everywhere, one of the coordinator. */
const PLAN = [
  { table: 'purse', column: 'region', beside: 'purse' },
  { table: 'entry', column: 'region', beside: 'purse' },
  { table: 'terms', on: 'everywhere' },
  { table: 'lease', on: 'coordinator' },
] as const;

// biome-ignore format: a table to be read in lines
const TABLE: readonly (readonly [rule: Rule, broken: string, instead: string])[] = [
  ['lock-of-several', 'select id from purse where region = any($1) order by region for update', 'select id from purse where region = $1 order by id for update'],
  ['lock-of-several', 'select id from purse where id = $1 for update', 'select id from purse where id = $1 and region = $2 for update skip locked'],
  ['lock-of-several', 'select id from purse where region = $1 or id = $2 for update', "select id from purse where region = 'CN' and (id = $1 or id = $2) for update"],
  ['lock-of-copies', 'select p.id from purse p join terms t on t.region = p.region where p.region = $1 for update', 'select cap from terms where region = $1 for update'],
  ['change-of-several', 'update purse set sum = sum + n.by from (select unnest($1::uuid[]) as id, unnest($2::bigint[]) as by) as n where purse.id = n.id', 'update purse set sum = sum + n.by from unnest($2::uuid[], $3::bigint[]) as n(id, by) where purse.region = $1 and purse.id = n.id'],
  ['change-of-several', 'delete from purse p where not exists (select 1 from entry e where e.region = p.region and e.purse = p.id)', 'delete from purse p where p.region = $1 and not exists (select 1 from entry e where e.region = p.region and e.purse = p.id)'],
  ['change-of-several', 'delete from purse where region = $1 and id in (select purse from entry where region = $2)', 'delete from purse where at < $1'],
  ['change-of-copies', 'update terms set cap = 0 where exists (select 1 from purse where purse.region = terms.region)', 'update terms set cap = 0 where region = $1'],
  ['change-of-copies', 'insert into terms (region, cap) select region, sum from purse', 'insert into terms (region, cap) select $1, 1 + (select max(cap) from terms)'],
  ['moving-row', 'update purse set region = $2 where region = $1', 'update purse set owner = $2 where region = $1'],
  ['moving-row', 'insert into purse (region, id) values ($1, $2) on conflict (region, id) do update set region = excluded.region', 'insert into purse (region, id) values ($1, $2) on conflict (region, id) do update set id = excluded.id'],
  ['row-of-no-region', 'insert into purse (id) values ($1)', 'insert into purse (region, id) values ($1, $2)'],
  ['question-in-values', 'insert into purse (region, sum) values ($1, (select max(cap) from terms))', 'insert into purse (region, sum) select $1, max(cap) from terms'],
  ['question-in-values', 'insert into purse (region, id) values ($1, $2) on conflict (region, id) do update set sum = (select 1)', 'insert into purse as p (region, id, sum) values ($1, $2, $3) on conflict (region, id) do update set sum = p.sum + excluded.sum'],
  ['changing-function', 'update purse set at = now() where region = $1', 'update purse set at = $2 where region = $1'],
  ['changing-function', 'delete from purse as p where region = $1 returning to_jsonb(p)', 'with gone as (delete from purse as p where region = $1 returning p.*) select to_jsonb(gone) from gone'],
  ['changing-function', "update purse set name = 'purse/' || id where region = $1", 'update purse set name = $2 where region = $1'],
  ['one-snapshot', 'with paid as (update purse set sum = 0 where region = $1 returning id) select sum from purse where region = $1', 'with paid as (update purse set sum = 0 where region = $1 returning id, sum) select sum from paid'],
  ['one-snapshot', 'with kept as (insert into entry (region, id) select $1, unnest($2::uuid[])) insert into purse (region, id) select $1, id from entry where region = $1', 'with kept as (insert into entry (region, id) select $1, unnest($2::uuid[]) returning id) insert into purse (region, id) select $1, id from kept'],
  ['one-snapshot', 'with known as (select id from purse where region = $1), kept as (insert into purse (region, id) select $1, unnest($2::uuid[])) select id from known', 'with known as materialized (select id from purse where region = $1), kept as (insert into purse (region, id) select $1, unnest($2::uuid[])) select id from known'],
  ['one-snapshot', 'with added as (insert into purse (region, id) values ($1, $2)), paid as (update purse set sum = 0 where region = $1) select 1', 'with paid as (update purse set sum = 0 where region = $1 returning id), added as (insert into purse (region, id) select $1, n from unnest($2::uuid[]) as n where not exists (select 1 from paid where paid.id = n)) select 1'],
  ['parts-of-several', 'with paid as (update purse set sum = 0 where id = $1 returning region) select region from paid', 'with paid as (update purse set sum = 0 where region = $1 and id = $2 returning region) select region from paid'],
  ['parts-of-several', 'with paid as (update purse set sum = 0 where region = $1 returning id) insert into entry (region, id) select $2, id from paid', 'with paid as (update purse set sum = 0 where region = $1 returning id) insert into entry (region, id) select $1, id from paid'],
  ['join-apart', 'select e.id from entry e join purse p on p.id = e.purse', 'select e.id from entry e join purse p on p.id = e.purse and p.region = e.region'],
  ['join-apart', 'select e.id from entry e left join purse p on p.region = e.to_region where e.region = $1', 'select e.id from entry e left join purse p on p.region = e.region where e.region = $1'],
  ['question-apart', 'select p.id from purse p where exists (select 1 from entry e where e.purse = p.id)', 'select p.id from purse p where exists (select 1 from entry e where e.purse = p.id and e.region = p.region)'],
  ['question-apart', 'select (select count(*) from purse) as purses, (select count(*) from entry) as entries', "select 'purses' as what, count(*) from purse union all select 'entries', count(*) from entry"],
  ['question-apart', 'select p.id, (select sum(e.sum) from entry e where e.region = p.region) from purse p where p.region = $1', 'select p.id, (select sum(e.sum) from entry e where e.region = $1) from purse p where p.region = $1'],
  ['kept-before-spread', 'select n.id, p.sum from (select unnest($1::uuid[]) as id) as n left join purse p on p.id = n.id', 'select n.id, p.sum from (select unnest($1::uuid[]) as id) as n join purse p on p.id = n.id'],
  ['kept-before-spread', 'select r.region, p.sum from (select region from purse order by sum limit 5) as r left join purse p on p.region = r.region', 'select p.region from purse p left join (select region from purse order by sum limit 5) as r on r.region = p.region'],
  ['several-lists', 'select p.sum from unnest($1::text[], $2::uuid[]) as n(region, id) join purse p on p.region = n.region and p.id = n.id', 'select p.sum from unnest($2::uuid[], $3::bigint[]) as n(id, sum) join purse p on p.region = $1 and p.id = n.id'],
  ['numbered-list', 'select p.sum from unnest($1::uuid[]) with ordinality as n(id, nth) join purse p on p.id = n.id', 'select p.sum from unnest($1::uuid[]) as n(id) join purse p on p.id = n.id'],
  ['numbered-list', 'select e.id from purse p cross join lateral (select id from entry where entry.region = p.region limit 3) as e', 'select e.id from unnest($2::uuid[]) as n(id) cross join lateral (select id from entry where region = $1 and purse = n.id limit 3) as e'],
  ['merge-of-several', 'select region, sum(sum) from purse group by rollup (region)', 'select region, sum(sum) from purse group by region'],
  ['merge-of-several', 'select distinct on (owner) id from purse order by owner, at', 'select distinct on (owner) id from purse where region = $1 order by owner, at'],
  ['merge-of-several', 'select id, row_number() over (order by at) from purse', 'select id, row_number() over (order by at) from purse where region = $1'],
  ['recursive', 'with recursive up as (select id from purse where region = $1 union all select p.id from purse p join up on p.of = up.id where p.region = $1) select id from up', 'select id from purse where region = $1 and of = any($2)'],
  ['beside-coordinator', 'select p.id from purse p, lease l where p.region = $1', 'select name from lease where until_at > $1'],
  ['other-verb', 'truncate purse', 'truncate lease'],
  ['place-of-row', 'delete from purse where region = $1 and ctid = $2', 'delete from purse where region = $1 and id = $2'],
];

describe('the rules, one by one', () => {
  test.each(TABLE)('%s: not %s', (rule, broken, instead) => {
    expect(brokenRule(broken, PLAN)).toBe(rule);
    expect(brokenRule(instead, PLAN)).toBeUndefined();
  });

  test('each has a line above', () => {
    expect([...new Set(TABLE.map(([rule]) => rule))].sort()).toEqual(Object.keys(RULES).sort());
  });
});

/** What a store makes of a list, heard from it. */
async function heard(
  ask: (tx: Sql) => Promise<unknown>,
  rows: (text: string) => unknown[] = () => [],
): Promise<string[]> {
  const texts: string[] = [];
  const tx: Sql = {
    async query<Row>(text: string): Promise<Row[]> {
      texts.push(text);
      return rows(text) as Row[];
    },
  };
  await ask(tx);
  return texts;
}

function onlyAsking(tx: Sql): Database {
  const nothing = async () => undefined;
  return { ...{ kind: 'postgres', probe: nothing, close: nothing }, ...tx, transaction: (work) => work(tx) };
}

const owner = { region: 'CN-SX', wallet: newId(instant(0)) };
const TABLES = PLACEMENT.map(({ table }) => ({ name: table, columns: ['region', 'id'] }));

/** Of every place whose words its source does not spell out: how they are heard, or why they are no statement of the house. */
const OTHERWISE: Readonly<Record<string, string | (() => Promise<string[]>)>> = {
  'server/account/store.ts: countHeld': () =>
    heard(async (tx) => {
      for (const holding of HOLDINGS) await account.countHeld(tx, holding, owner);
    }),
  'server/account/store.ts: pageHeld': () =>
    heard(async (tx) => {
      for (const holding of HOLDINGS) await account.pageHeld(tx, holding, owner, 0, 1);
    }),
  'server/account/store.ts: forgetHeld': () =>
    heard(async (tx) => {
      for (const holding of HOLDINGS) await account.forgetHeld(tx, holding, owner);
    }),
  // A row without its region would break the first test that writes one: the column is never null.
  'server/identity/store.ts: insert': async () => {
    const [text = ''] = await heard((tx) => insertGrant(tx, { region: 'CN-SX' } as Parameters<typeof insertGrant>[1]));
    const store = sourcesIn('server/identity', /^store\.ts$/)[0]?.text ?? '';
    const tables = [...store.matchAll(/\binsert\(tx, '(\w+)'/g)].map(([, table = '']) => table);
    expect(tables.length).toBeGreaterThan(10);
    return tables.map((table) => text.replace('identity_grant', table));
  },
  'server/platform/dump.ts: dumpLines': () =>
    heard(
      (tx) => dumpCommand.run({ database: onlyAsking(tx), config: {} as Config, say: async () => undefined }, []),
      (text) => (text.includes('pg_class') ? TABLES : []),
    ),
  'server/platform/dump.ts: clear': 'fills a database that is empty and not placed yet',
  'server/platform/dump.ts: insert': 'fills a database that is empty and not placed yet',
  'server/platform/migrate.ts: advance': 'the steps of the schema, and what goes with them',
  'server/platform/migrate.ts: underLock': 'the lock of the coordinator they are made under',
  'server/platform/distribute.ts: put': 'places the tables; see distribute.test.ts',
  'server/platform/engine.ts: ask': 'hands on what others say',
  'server/platform/postgres.ts: send': 'hands on what others say',
  'server/platform/trace.ts: traced': 'hands on what others say',
  'server/funding/course.ts: pursue': 'asks a provider, no database',
  'server/funding/course.ts: askAgain': 'asks a provider, no database',
};

const places = sendingPlaces();
const spelledOut = new Map(places.flatMap(({ where, texts }) => texts.map((text) => [text, where])));

function faultsOf(texts: Iterable<readonly [text: string, where: string]>): string[] {
  return [...texts].flatMap(([text, where]) => {
    const rule = brokenRule(text, PLACEMENT);
    return rule ? [`${where}: ${rule} (${RULES[rule].join('; instead: ')})\n${text}`] : [];
  });
}

describe('the statements of the house', () => {
  test('each is spelled out in its source, or heard, or said to be none', () => {
    const unspoken = places.filter(({ texts }) => texts.length === 0).map(({ where }) => where);
    expect([...new Set(unspoken)].sort()).toEqual(Object.keys(OTHERWISE).sort());
    // One more in a place that was looked at already is to be looked at too.
    expect(unspoken.length).toBe(23);
    const stores = sourcesIn('server', /^store\.ts$/).filter(({ path }) => !path.startsWith('server/sandbox/'));
    const asking = new Set(places.map(({ where }) => where.split(':')[0]));
    expect(stores.map(({ path }) => path).filter((path) => !asking.has(path))).toEqual([]);
  });

  test(`a cluster takes each of the ${spelledOut.size} that are spelled out`, () => {
    expect(spelledOut.size).toBeGreaterThan(400);
    expect(faultsOf(spelledOut)).toEqual([]);
  });

  const hearing = Object.entries(OTHERWISE).flatMap(([where, how]) =>
    typeof how === 'string' ? [] : [{ where, how }],
  );
  test.each(hearing)('a cluster takes those of $where', async ({ where, how }) => {
    const texts = await how();
    expect(texts.length).toBeGreaterThan(0);
    expect(faultsOf(texts.map((text) => [text, where] as const))).toEqual([]);
  });
});
