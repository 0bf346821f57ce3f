/**
 * Brings the schema of every capability forward, step by numbered step, never back.
 * Invariant: a step and the record of it are one transaction; a step that has run never changes its text.
 */
import { createHash } from 'node:crypto';
import { systemClock } from '#server/platform/clock.ts';
import { type Database, encodeText, type Sql } from '#server/platform/sql.ts';
import { assert } from '#shared/base/assert.ts';

/** One capability's schema.sql: steps that begin with `-- step <number>: <why>`. */
export interface CapabilitySchema {
  readonly name: string;
  readonly schema: string;
}

interface Step {
  readonly number: number;
  readonly text: string;
  readonly checksum: string;
}

/** All processes of one database queue up behind this number while they migrate. */
const MIGRATION_LOCK = 7_414_203;

const STEP_TABLE = `create table if not exists platform_step (
  capability text not null,
  number integer not null,
  checksum text not null,
  run_at bigint not null,
  primary key (capability, number)
)`;

/** What the platform itself remembers; always migrated first. */
const PLATFORM: CapabilitySchema = {
  name: 'platform',
  schema: `-- step 1: one lease for each periodic work, one row that shows writing works
create table platform_lease (
  name text primary key,
  holder text not null,
  until_at bigint not null
);
create table platform_pulse (
  name text primary key,
  beat_at bigint not null
);
`,
};

/**
 * Runs what is missing, in the order of `capabilities` and their steps. Safe to call again, after a kill, and from
 * several processes at once. Throws when a step that has run was edited, is missing, or when the database knows
 * steps newer than this program. With `until` it goes no further than the steps named there: where a backup was made.
 */
export async function migrate(
  database: Database,
  capabilities: readonly CapabilitySchema[],
  until?: readonly { readonly capability: string; readonly number: number }[],
): Promise<void> {
  const plans = [PLATFORM, ...capabilities].map((one) => {
    const steps = readSteps(one);
    const wanted = until?.filter(({ capability }) => capability === one.name).length;
    return { name: one.name, steps: steps.slice(0, wanted ?? steps.length) };
  });
  await underLock(database, async (tx) => {
    await tx.query(STEP_TABLE);
  });
  for (const plan of plans) {
    for (let left = true; left; ) {
      left = await underLock(database, (tx) => advance(tx, plan.name, plan.steps));
    }
  }
}

/** Runs the first step of `capability` that has not run; answers whether there may be another. */
async function advance(tx: Sql, capability: string, steps: readonly Step[]): Promise<boolean> {
  const done = await tx.query<{ number: number; checksum: string }>(
    'select number, checksum from platform_step where capability = $1 order by number',
    [capability],
  );
  if (done.length > steps.length) {
    throw new Error(
      `The database has ${done.length} steps of ${capability}, this program knows ${steps.length}: start a newer program.`,
    );
  }
  for (const [at, one] of done.entries()) {
    const step = steps[at];
    if (step?.number !== one.number || step.checksum !== one.checksum) {
      throw new Error(
        `Step ${one.number} of ${capability} was changed after it ran; put its text back and add a new step.`,
      );
    }
  }
  const next = steps[done.length];
  if (!next) return false;
  await tx.query("set local lock_timeout = '2s'");
  for (const statement of splitStatements(next.text)) await tx.query(statement);
  await tx.query('insert into platform_step (capability, number, checksum, run_at) values ($1, $2, $3, $4)', [
    capability,
    next.number,
    next.checksum,
    systemClock(),
  ]);
  return true;
}

function underLock<Answer>(database: Database, work: (tx: Sql) => Promise<Answer>): Promise<Answer> {
  return database.transaction(async (tx) => {
    await tx.query("set local statement_timeout = '10min'");
    await tx.query(`select pg_advisory_xact_lock(${encodeText(MIGRATION_LOCK)})`);
    return work(tx);
  });
}

function readSteps(capability: CapabilitySchema): Step[] {
  const parts = capability.schema.split(/^-- step (\d+):.*$/m);
  assert((parts[0] ?? '').replace(/^--.*$/gm, '').trim() === '', `SQL before the first step of ${capability.name}`);
  const steps: Step[] = [];
  for (let at = 1; at < parts.length; at += 2) {
    const text = (parts[at + 1] ?? '').trim();
    const number = Number(parts[at]);
    assert(number === steps.length + 1, `step ${number} of ${capability.name} stands at place ${steps.length + 1}`);
    steps.push({ number, text, checksum: createHash('sha256').update(text).digest('hex') });
  }
  return steps;
}

/** The statements of a step: parted by a semicolon at a line's end, outside of $$ bodies. */
function splitStatements(text: string): string[] {
  const statements: string[] = [];
  let current = '';
  for (const line of text.split('\n')) {
    current += `${line}\n`;
    const whole = (current.match(/\$\$/g)?.length ?? 0) % 2 === 0;
    if (whole && /;\s*(?:--.*)?$/.test(line)) {
      statements.push(current);
      current = '';
    }
  }
  statements.push(current);
  return statements.filter((statement) => statement.replace(/^\s*--.*$/gm, '').trim() !== '');
}
