/**
 * The disk of the database fills up: what would write is refused, what reads goes on, the house says that it is not ready,
 * and when there is room again it goes on by itself. On a file system of its own, which only root can mount.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SyncAnswer } from '#shared/api/sync.ts';
import { EMPTY_SYNC, openPurse } from '#tests/attack/stage.ts';
import { type PostgresServer, startPostgres } from '#tests/kit/databases.ts';
import { booksOf, clock, openTroubled, type Troubled } from '#tests/kit/fault-house.ts';
import { isLong, report, size, slack } from '#tests/kit/fault-report.ts';
import { good } from '#tests/kit/member.ts';

const ROUNDS = size(1, 20);
const FEN = 10;
const NOT_READY_MS = 2_000;
const FLOOR_MB = 16;
const READS = ['/bills', '/devices', '/passkeys', '/session'];
const PATIENCE_MS = 600_000;

/** A file system of `megabytes` in memory; undefined where it may not be mounted. */
function mountSmall(megabytes: number): string | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'piaohao-small-'));
  const done = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'tmpfs', folder]);
  if (done.status === 0) return folder;
  rmSync(folder, { recursive: true });
  return undefined;
}

const SIZE_MB = 150;
const probe = mountSmall(1);
if (probe) {
  spawnSync('umount', [probe]);
  rmSync(probe, { recursive: true });
} else console.log('F4 is left out: no file system can be mounted here (it needs root)');

describe.skipIf(probe === undefined).each(['pglite', 'postgres'] as const)('%s on a small disk', (kind) => {
  let disk: string;
  let server: PostgresServer | undefined;
  let troubled: Troubled;
  beforeAll(async () => {
    disk = mountSmall(SIZE_MB) ?? '';
    chmodSync(disk, 0o755);
    if (kind === 'postgres') server = await startPostgres({ durable: true, place: disk });
    const where = server ? { DATABASE_URL: await server.fresh() } : { DATA_DIR: join(disk, 'house') };
    const environment = { ...where, DISK_FLOOR_MB: String(FLOOR_MB) };
    troubled = await openTroubled({ caged: true, environment, minor: 100_000 * FEN });
  }, PATIENCE_MS);
  afterAll(async () => {
    await troubled?.house.stop();
    await server?.stop();
    spawnSync('umount', ['-l', disk]);
    rmSync(disk, { recursive: true, force: true });
  }, PATIENCE_MS);

  /** Leaves `bytes` free. */
  const fill = (bytes: number) => {
    const { bavail, bsize } = statfsSync(disk);
    try {
      writeFileSync(join(disk, 'filler'), Buffer.alloc(Math.max(0, bavail * bsize - bytes)));
    } catch (error) {
      // The database took some of the room meanwhile: the disk is as full as it gets.
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
    }
  };
  const ready = async () => (await fetch(`${troubled.house.origin}/readyz`)).status;
  /** How long after `filled` the house first said that it is not ready; it is asked from then on, beside all else. */
  const watch = async (filled: number) => {
    await expect.poll(ready, { timeout: 20_000, interval: 50 }).toBe(503);
    return Math.round(performance.now() - filled);
  };

  test(
    'writes are refused by 507, reads go on, it is not ready, and it comes back by itself',
    async () => {
      const { house, place, payer, payee } = troubled;
      let [refused, notReadyMs, backMs] = [0, 0, 0];
      for (let round = 0; round < ROUNDS; round += 1) {
        const purse = await openPurse(payer, { ...place, clock }, 1_000 * FEN);
        const next = async () => (await purse.pay(payee, FEN)).bytes;
        const bring = (payments: string[]) =>
          payer.device.ask<SyncAnswer>('POST', '/sync', { ...EMPTY_SYNC, payments });
        expect((await good(bring([await next()]))).answers).toMatchObject([{ outcome: 'settled' }]);

        fill(kind === 'pglite' ? (FLOOR_MB - 2) * 1024 * 1024 : 0);
        const filled = performance.now();
        const notReady = watch(filled);
        // PostgreSQL still has room inside its tables, and says so when a table must grow.
        const offered: string[] = [];
        let status = 200;
        while (status === 200 && offered.length < 400) {
          const some = await Promise.all(Array.from({ length: 20 }, next));
          offered.push(...some);
          status = (await bring(some)).status;
        }
        expect(status).toBe(507);
        refused += 1;
        notReadyMs = Math.max(notReadyMs, await notReady);
        for (const path of READS) expect(`${path} ${(await payer.ask('GET', path)).status}`).toBe(`${path} 200`);
        expect((await fetch(`${house.origin}/network`)).status).toBe(200);
        expect((await fetch(`${house.origin}/livez`)).status).toBe(200);
        console.log(
          `${kind}: full after ${offered.length} payments, ${Math.round(performance.now() - filled)} ms, not ready within ${notReadyMs} ms`,
        );

        truncateSync(join(disk, 'filler'), 0);
        const freed = performance.now();
        await expect.poll(ready, { timeout: 60_000, interval: 50 }).toBe(200);
        backMs = Math.max(backMs, Math.round(performance.now() - freed));
        for (let at = 0; at < offered.length; at += 100) {
          const { answers } = await good(bring(offered.slice(at, at + 100)));
          expect(answers.filter((one) => one.outcome !== 'settled')).toEqual([]);
        }
        await purse.giveBack();
      }
      report(`F4 the disk of ${kind} full`, ROUNDS, { refused, notReadyMs, backMs });
      if (isLong) expect(notReadyMs).toBeLessThan(NOT_READY_MS * slack);
      await house.end('server', 'SIGTERM');
      expect((await booksOf(house)).findings).toEqual([]);
    },
    PATIENCE_MS,
  );
});
