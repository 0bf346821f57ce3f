/** A clock that was moved ahead is not believed, however it came about, and is believed again when it is right again. */
import { expect, test } from 'vitest';
import { openClockGuard } from '#server/platform/clock-guard.ts';
import type { Database } from '#server/platform/sql.ts';
import { duration, instant } from '#shared/base/time.ts';
import { eachDatabase } from '#tests/kit/databases.ts';

const S = duration(1, 's');
const H = duration(1, 'h');

/** Each step: how far the wall clock and the machine went on, and whether the clock is believed then. */
const STORIES = {
  'goes on with the machine': [
    [H, H, true],
    [24 * H, 24 * H, true],
  ],
  'is corrected a little, again and again': [
    [60 * S, 0, true],
    [60 * S, 0, true],
    [-90 * S, 0, true],
  ],
  'jumps an hour ahead and is set right': [
    [S, S, true],
    [H, S, false],
    [10 * S, 10 * S, false],
    [-H, S, true],
    [S, S, true],
  ],
  'jumps four hundred days ahead': [
    [400 * 24 * H, S, false],
    [H, H, false],
  ],
  'is set back an hour and forth again': [
    [-H, S, true],
    [S, S, true],
    [H, S, true],
    [S, S, true],
  ],
  'is set back an hour and forth by two': [
    [-H, S, true],
    [2 * H, S, false],
  ],
  'slept with the machine': [[8 * H, 8 * H, true]],
} as const;

test.each(Object.entries(STORIES))('a clock that %s', async (_name, steps) => {
  let [wall, boot] = [1_800_000_000_000, 5_000_000];
  const database = { kind: 'pglite' } as Database;
  const believe = openClockGuard(
    database,
    () => instant(wall),
    () => boot,
  );
  const heard: boolean[] = [];
  for (const [onWall, onBoot] of steps) {
    wall += onWall;
    boot += onBoot;
    heard.push(
      await believe().then(
        () => true,
        () => false,
      ),
    );
  }
  expect(heard).toEqual(steps.map(([, , isBelieved]) => isBelieved));
});

eachDatabase('beside a database', (open) => {
  test('that is on another machine, the one that is ahead of it is not believed', async () => {
    const database = await open();
    let ahead = 0;
    let boot = 0;
    const clock = () => instant(Date.now() + ahead);
    const late = openClockGuard(database, clock, () => boot);
    await late();
    boot += H;
    ahead = H;
    // Both clocks of this machine went on by an hour: only the database tells that it was none.
    const outcome = await late().then(
      () => 'believed',
      (error: Error) => error.message,
    );
    if (database.kind === 'postgres') expect(outcome).toMatch(/is 36\d\d s ahead of the database's/);
    else expect(outcome).toBe('believed');
  });
});
