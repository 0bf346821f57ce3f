/**
 * A first start that is killed at any of its statements, by SIGKILL in a process of its own: what it leaves is whole steps
 * only, and the next start finishes it. So too where an older house with people in it is brought forward.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { schemas } from '#server/app.ts';
import { type Database, openDatabase } from '#server/platform/database.ts';
import { migrate } from '#server/platform/migrate.ts';
import { REGION_SEEDS } from '#server/region/seed.ts';
import { seedRegion } from '#server/region/store.ts';
import { NODE, ROOT } from '#server/setup/ready.mjs';
import { freshPostgres } from '#tests/kit/databases.ts';
import type { Moment } from '#tests/kit/dying-start.ts';
import { report, size } from '#tests/kit/fault-report.ts';

/** A start dies at every so many-th statement that none before it has got to. */
const EVERY = size(60, 1);
/** More different statements than a first start has: about three hundred. */
const STATEMENTS_MOST = 1_000;
const PATIENCE_MS = size(300_000, 3_600_000);

/** Every table, column, index, check and trigger, and which steps are done. */
async function shapeOf(database: Database): Promise<string> {
  const parts = await Promise.all(
    [
      `select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns
       where table_schema = 'public' order by 1, 2`,
      `select indexname, indexdef from pg_indexes where schemaname = 'public' order by 1`,
      `select conrelid::regclass::text as on, conname, pg_get_constraintdef(oid) as what from pg_constraint
       where connamespace = 'public'::regnamespace order by 1, 2`,
      `select tgrelid::regclass::text as on, tgname from pg_trigger where not tgisinternal order by 1, 2`,
      `select proname, prosrc from pg_proc where pronamespace = 'public'::regnamespace order by 1`,
    ].map((text) => database.query(text)),
  );
  return JSON.stringify(parts);
}

/** How many rows each table has; of those alone that a start writes the same each time. */
async function rowsOf(database: Database): Promise<Record<string, number>> {
  const tables = await database.query<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'public'
     and table_name not in ('platform_lease', 'platform_pulse') order by 1`,
  );
  const counted: Record<string, number> = {};
  for (const { name } of tables) {
    const [row] = await database.query<{ rows: number }>(`select count(*)::int as rows from ${name}`);
    counted[name] = row?.rows ?? 0;
  }
  return counted;
}

/** Every shape a database may have between two steps, the last of them the whole one. */
async function wholeShapes(database: Database): Promise<string[]> {
  const found = [await shapeOf(database)];
  const watched: Database = {
    ...database,
    async transaction(work) {
      const answer = await database.transaction(work);
      found.push(await shapeOf(database));
      return answer;
    },
  };
  await migrate(watched, schemas());
  return found;
}

/** Starts the house of `env` in a process that dies as it is told; answers whether it lived to its end. */
async function startAndDie(env: NodeJS.ProcessEnv, log: string, every: number, moment: Moment): Promise<boolean> {
  const program = join(ROOT, 'tests/kit/dying-start.ts');
  const child = spawn(NODE, ['--disable-warning=ExperimentalWarning', program, log, String(every), moment], {
    cwd: ROOT,
    env: { ...process.env, ...env, LOG_LEVEL: 'silent' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (part) => {
    said += String(part);
  });
  const [code, signal] = await once(child, 'close');
  expect({ said, ended: signal ?? code }).toEqual({ said: '', ended: signal === null ? 0 : 'SIGKILL' });
  return signal === null;
}

/** A house's folder or database, and a look into it while nothing runs there. */
interface HousePlace {
  readonly env: NodeJS.ProcessEnv;
  readonly log: string;
  readonly look: <Answer>(work: (database: Database) => Promise<Answer>) => Promise<Answer>;
}

const PEOPLE = 200;

/** The house as it was when each of its capabilities was new, with people in it: nobody has an older one. */
async function makeOlder(database: Database): Promise<void> {
  const capabilities = ['platform', ...schemas().map(({ name }) => name)];
  await migrate(
    database,
    schemas(),
    capabilities.map((capability) => ({ capability, number: 1 })),
  );
  await database.transaction(async (tx) => {
    for (const seed of REGION_SEEDS) await seedRegion(tx, seed);
    await tx.query("update region set issuing = false where region = 'CN-BJ'");
    await tx.query(
      `insert into identity_wallet (region, id, user_handle, name, tier, phone_hash, phone_tail, phone_masked, phone_sealed, created_at)
       select 'CN-SX', gen_random_uuid(), sha256(i::text::bytea), 'person ' || i, 'unproved', sha256(i::text::bytea), '0000', '138****0000', '\\x00', i
       from generate_series(1, ${PEOPLE}) as i`,
    );
    await tx.query(
      `insert into allowance (region, id, reference, wallet, device, device_key, currency, total, claimed, state, status_index,
         issued_at, expires_at, claim_until_at, bytes)
       select region, gen_random_uuid(), substr(user_handle, 1, 16), id, gen_random_uuid(), user_handle || '\\x02', 'CNY', 1000, 10,
         case when created_at % 2 = 0 then 'live' else 'closed' end, created_at, 1, 1, 3600000 * (created_at % 3) + 1, '\\x00'
       from identity_wallet`,
    );
    await tx.query(
      `insert into bill (region, wallet, sequence, id, kind, direction, state, amount, currency)
       select region, id, 1, id::text, 'payment', 'in', 'settled', created_at, 'CNY' from identity_wallet`,
    );
  });
}

/** What people had in the older house, by the columns it had. */
async function peopleOf(database: Database): Promise<unknown[]> {
  return Promise.all(
    [
      'select region, names, currency, currencies, issuing, cross_region, terms from region order by region',
      'select id, user_handle, name, tier, phone_hash, phone_sealed, created_at from identity_wallet order by id',
      'select id, reference, wallet, device, device_key, total, claimed, returned, state, expires_at from allowance order by id',
      'select wallet, sequence, id, kind, direction, state, amount, currency from bill order by wallet',
    ].map((text) => database.query(text)),
  );
}

const compiled = mkdtempSync(join(tmpdir(), 'piaohao-dying-compiled-'));
afterAll(() => rmSync(compiled, { recursive: true, force: true, maxRetries: 5 }));

describe.each(['pglite', 'postgres'] as const)('a start that is killed on %s', (kind) => {
  const folders: string[] = [];
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  /** A place for a house, in which nothing is yet. */
  async function newPlace(): Promise<HousePlace> {
    const dataDir = mkdtempSync(join(tmpdir(), 'piaohao-dying-'));
    folders.push(dataDir);
    const databaseUrl = kind === 'postgres' ? await freshPostgres('empty') : undefined;
    return {
      env: { DATA_DIR: dataDir, NODE_COMPILE_CACHE: compiled, ...(databaseUrl && { DATABASE_URL: databaseUrl }) },
      log: join(dataDir, 'statements'),
      async look(work) {
        const database = await openDatabase({ dataDir, databaseUrl, diskFloorBytes: 0 });
        try {
          return await work(database);
        } finally {
          await database.close();
        }
      },
    };
  }

  /** Starts it again and again until one start lives, and looks after each death: whole steps, or it fails. */
  async function startUntilOneLives({ env, log, look }: HousePlace, shapes: readonly string[]): Promise<number> {
    for (let deaths = 0; ; deaths += 1) {
      // A statement that is another one at every start would be no end.
      expect(deaths, 'each start gets further than the one before').toBeLessThan(STATEMENTS_MOST / EVERY);
      if (await startAndDie(env, log, EVERY, deaths % 2 === 0 ? 'before' : 'after')) return deaths;
      const shape = await look(shapeOf);
      expect(shapes.includes(shape), `after death ${deaths + 1} the database stands between two steps`).toBe(true);
    }
  }

  test(
    'ends, started again, at the shape and with the rows of one that was never killed',
    async () => {
      const whole = await newPlace();
      const shapes = await whole.look(wholeShapes);
      expect(new Set(shapes).size, 'each step of each capability is another shape').toBeGreaterThan(30);
      expect(await startAndDie(whole.env, whole.log, Number.MAX_SAFE_INTEGER, 'before')).toBe(true);
      const torn = await newPlace();
      const deaths = await startUntilOneLives(torn, shapes);
      expect(deaths).toBeGreaterThan(3);
      expect(await torn.look(shapeOf)).toBe(shapes.at(-1));
      expect(await torn.look(rowsOf)).toEqual(await whole.look(rowsOf));
      report(`F14 killed in a first start, ${kind}`, deaths, { statements: deaths * EVERY, halfMigrated: 0 });
    },
    PATIENCE_MS,
  );

  test(
    'of a newer program over an older house with people in it loses none of them',
    async () => {
      const whole = await newPlace();
      const shapes = await whole.look(async (database) => {
        await makeOlder(database);
        return wholeShapes(database);
      });
      const older = await newPlace();
      const before = await older.look(async (database) => {
        await makeOlder(database);
        return { people: await peopleOf(database), shape: await shapeOf(database) };
      });
      expect(before.shape).toBe(shapes[0]);
      const deaths = await startUntilOneLives(older, shapes);
      expect(deaths).toBeGreaterThan(1);
      const after = await older.look(async (database) => ({
        people: await peopleOf(database),
        shape: await shapeOf(database),
        promised: await database.query(
          "select ends_hour, total from allowance_outstanding where region = 'CN-SX' and ends_hour > 0 order by ends_hour",
        ),
        open: await database.query('select region, withdrawal, cross_region_since from region order by region'),
      }));
      expect(after.people).toEqual(before.people);
      expect(after.shape).toBe(shapes.at(-1));
      // What later steps made out of what was there: once, although they began more often.
      expect(after.promised).toEqual([
        { ends_hour: 1, total: 66 * 1000 },
        { ends_hour: 2, total: 67 * 1000 },
        { ends_hour: 3, total: 67 * 1000 },
      ]);
      expect(after.open).toEqual(
        REGION_SEEDS.map(({ region }) => region)
          .sort()
          .map((region) => ({ region, withdrawal: true, cross_region_since: 0 })),
      );
      report(`F14 killed while an older house is brought forward, ${kind}`, deaths, { people: PEOPLE, lost: 0 });
    },
    PATIENCE_MS,
  );
});
