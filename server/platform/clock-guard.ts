/**
 * Whether the clock on the wall may be believed: what is signed with a time ahead of the true one cannot be taken back, and
 * phones never go back behind it.
 * Invariant: a clock that was moved ahead is not believed until it stands where it should again.
 */
import { bootMs } from '#server/platform/clock.ts';
import { type Database, type Sql, Unavailable } from '#server/platform/sql.ts';
import type { Clock, Duration } from '#shared/base/time.ts';
import { duration, instant } from '#shared/base/time.ts';

/** What honest clocks are corrected by at once, and more than two machines beside each other differ. */
const DIFFERENCE_MOST: Duration = duration(2, 'min');
const ASK_DATABASE_EVERY_MS = 30_000;

/** Throws {@link Unavailable} while the clock is not to be believed. Whoever has a transaction open hands it in. */
export type BelieveClock = (tx?: Sql) => Promise<void>;

/**
 * Watches `clock` from now on: by the time since this machine was started, which nobody sets, and by the clock of a
 * database on a machine of its own.
 */
export function openClockGuard(database: Database, clock: Clock, boot: () => number = bootMs): BelieveClock {
  let believed = { wall: clock() as number, boot: boot() };
  let askedAt = -Infinity;
  let differs = 0;

  return async (tx = database) => {
    const now = { wall: clock() as number, boot: boot() };
    const ahead = now.wall - believed.wall - (now.boot - believed.boot);
    if (ahead > DIFFERENCE_MOST) throw wrong(`was moved ahead by ${Math.round(ahead / 1000)} s`);
    // A clock set back signs nothing new that could harm; it must not become the measure either.
    if (ahead > -DIFFERENCE_MOST) believed = now;
    if (database.kind === 'postgres' && now.boot - askedAt >= ASK_DATABASE_EVERY_MS) {
      differs = clock() - (await databaseTime(tx));
      askedAt = now.boot;
    }
    if (differs > DIFFERENCE_MOST) throw wrong(`is ${Math.round(differs / 1000)} s ahead of the database's`);
  };
}

function wrong(how: string): Unavailable {
  return new Unavailable('house.unreachable', `the clock of this machine ${how}: nothing is signed by it`);
}

async function databaseTime(tx: Sql): Promise<number> {
  const [row] = await tx.query<{ at: number }>('select (extract(epoch from clock_timestamp()) * 1000)::bigint as at');
  return instant(row?.at ?? 0);
}
