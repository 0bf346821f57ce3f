/** Work that comes round: run by one process of the house at a time, kept by a lease in the database. */
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { systemClock } from '#server/platform/clock.ts';
import type { BelieveClock } from '#server/platform/clock-guard.ts';
import { type Database, Unavailable } from '#server/platform/sql.ts';
import type { Clock, Duration } from '#shared/base/time.ts';

/** One piece of periodic work. */
export interface Job {
  readonly database: Database;
  /** Unique in the house; the lease is kept under it. */
  readonly name: string;
  readonly every: Duration;
  readonly run: () => Promise<void>;
  readonly clock?: Clock;
  /** Throws {@link Unavailable} while the clock is not to be believed; see clock-guard.ts. */
  readonly believeClock?: BelieveClock | undefined;
  readonly log?: Logger;
}

/** A running job. */
export interface RunningJob {
  /** Does the work now when this process can have the lease; answers whether it did. For tests and operators. */
  runNow(): Promise<boolean>;
  /** No new round starts; resolves when the one under way has ended. */
  stop(): Promise<void>;
}

/** A lease outlives the usual round, so that a slow one is not run twice; a dead process's lease ends by itself. */
const LEASE_ROUNDS = 3;

/** Starts `job`; the first round comes after one `every`. A round that throws is logged and the next one comes. */
export function startJob(job: Job): RunningJob {
  const holder = randomUUID();
  const clock = job.clock ?? systemClock;
  let current: Promise<boolean> | undefined;
  const runNow = async () => {
    current ??= round(job, holder, clock).finally(() => {
      current = undefined;
    });
    return current;
  };
  const timer = setInterval(() => {
    runNow().catch((error: unknown) =>
      job.log?.error({ err: error, job: job.name }, 'a round of periodic work failed'),
    );
  }, job.every);
  timer.unref();
  return {
    runNow,
    async stop() {
      clearInterval(timer);
      await current?.catch(() => undefined);
      await job.database
        .query('delete from platform_lease where name = $1 and holder = $2', [job.name, holder])
        .catch(() => undefined);
    },
  };
}

async function round(job: Job, holder: string, clock: Clock): Promise<boolean> {
  // By a clock that ran ahead everything is due: what is released, closed or forgotten then, no right clock brings back.
  if (!(await isBelieved(job))) return false;
  const now = clock();
  const held = await job.database.query(
    `insert into platform_lease as lease (name, holder, until_at) values ($1, $2, $3::bigint)
     on conflict (name) do update set holder = excluded.holder, until_at = excluded.until_at
     where lease.holder = excluded.holder or lease.until_at < $4::bigint
     returning name`,
    [job.name, holder, now + job.every * LEASE_ROUNDS, now],
  );
  if (held.length === 0) return false;
  await job.run();
  return true;
}

async function isBelieved({ believeClock }: Job): Promise<boolean> {
  try {
    await believeClock?.();
    return true;
  } catch (error) {
    if (error instanceof Unavailable) return false;
    throw error;
  }
}
