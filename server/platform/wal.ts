/**
 * Puts the embedded database's write-ahead log on the disk itself: PGlite leaves it in the kernel's memory.
 * Invariant: once {@link WalSync} resolves, everything written to the log before the call survives a power loss.
 */
import { close, fdatasync, fsync, open } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gather } from '#server/platform/batch.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const syncData = promisify(fdatasync);
const syncAll = promisify(fsync);

const SEGMENT = /^[0-9A-F]{24}$/;

/** Makes the log durable up to now. Callers of one moment share one fdatasync. */
export type WalSync = () => Promise<void>;

/** Watches the log in `dataFolder`. */
export function openWal(dataFolder: string): WalSync {
  const folder = join(dataFolder, 'pg_wal');
  const seen = new Set<string>();
  let newest = 0;

  async function syncOnce(): Promise<void> {
    const names = (await readdir(folder)).filter((name) => SEGMENT.test(name));
    const stats = await Promise.all(
      names.map(async (name) => ({ name, at: (await stat(join(folder, name))).mtimeMs })),
    );
    // Not older than the newest seen last time: a file's time moves in ticks, and two writes can share one.
    const changed = stats.filter((file) => file.at >= newest);
    newest = Math.max(newest, ...stats.map((file) => file.at));
    await Promise.all(changed.map((file) => syncFile(join(folder, file.name), syncData)));
    if (changed.every((file) => seen.has(file.name))) return;
    for (const file of changed) seen.add(file.name);
    await syncFile(folder, syncAll);
  }

  const sync = gather<void, void>(
    async (callers) => {
      await syncOnce();
      return callers;
    },
    { most: 100_000 },
  );
  return () => sync();
}

/**
 * Puts every data file changed since `since` (ms since the epoch) on the disk, directories too.
 * After a checkpoint the log is not needed any more, so the files must really be there.
 */
export async function syncFolder(folder: string, since: number): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncFolder(path, since);
    else if (entry.isFile() && (await stat(path)).mtimeMs >= since) await syncFile(path, syncData);
  }
  if ((await stat(folder)).mtimeMs >= since) await syncFile(folder, syncAll);
}

async function syncFile(path: string, sync: (file: number) => Promise<void>): Promise<void> {
  const file = await openFile(path, 'r');
  try {
    await sync(file);
  } finally {
    await closeFile(file);
  }
}
