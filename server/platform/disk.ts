/** Refuses writes while there is still room to end what is under way: an embedded database hangs on a full disk. */
import { statfsSync } from 'node:fs';
import { steadyMs } from '#server/platform/clock.ts';
import { Unavailable } from '#server/platform/sql.ts';

const LOOK_EVERY_MS = 250;

/** A check that throws `house.disk-full` while `folder` has less than `floorBytes` left. */
export function guardDisk(folder: string, floorBytes: number): () => void {
  let lookedAt = -Infinity;
  let free = 0;
  return () => {
    const now = steadyMs();
    if (now - lookedAt >= LOOK_EVERY_MS || free < floorBytes) {
      const disk = statfsSync(folder);
      free = disk.bavail * disk.bsize;
      lookedAt = now;
    }
    if (free < floorBytes) {
      throw new Unavailable(
        'house.disk-full',
        `only ${Math.floor(free / 1e6)} MB left, writes need ${Math.ceil(floorBytes / 1e6)} MB`,
      );
    }
  };
}

/** Waits for what is written along the way of reading; on a full disk reading goes on without it (and answers undefined). */
export async function unlessFull<Answer>(writing: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await writing;
  } catch (error) {
    if (error instanceof Unavailable && error.code === 'house.disk-full') return undefined;
    throw error;
  }
}
