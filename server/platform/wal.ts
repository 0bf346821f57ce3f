/**
 * Puts the embedded database's write-ahead log on the disk itself: PGlite leaves it in the kernel's memory.
 * Invariant: once {@link WalSync} resolves, everything written to the log before the call survives a power loss.
 */
import { readdir, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gather } from '#server/platform/batch.ts';
import { systemClock } from '#server/platform/clock.ts';
import { syncFile, syncFileSystem } from '#server/platform/keeper.ts';
import { likenessOf } from '#server/platform/whole.ts';

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
    await Promise.all(changed.map((file) => syncFile(join(folder, file.name), 'data')));
    if (changed.every((file) => seen.has(file.name))) return;
    for (const file of changed) seen.add(file.name);
    await syncFile(folder, 'all');
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

/** Which commits the disk has. */
export interface Durable {
  /** The log holds one commit more and goes as far as `end`: call it the moment the engine says so. */
  readonly committed: (end?: string) => void;
  /** Resolves when every commit of before is on the disk. */
  readonly kept: () => Promise<void>;
}

/** Asks `sync` for what is committed and not yet on the disk, and tells `kept` how far the log on the disk goes then. */
export function openDurable(sync: WalSync, kept: (end: string) => void = () => {}): Durable {
  let [commits, onDisk] = [0, 0];
  let end: string | undefined;
  return {
    committed: (newest) => {
      commits += 1;
      end = newest;
    },
    async kept() {
      // What is committed while the disk is at work may have come too late for it.
      const [mark, goesTo] = [commits, end];
      if (onDisk >= mark) return;
      await sync();
      if (onDisk >= mark) return;
      onDisk = mark;
      if (goesTo !== undefined) kept(goesTo);
    },
  };
}

/** Puts the data files themselves on the disk; see {@link openSettling}. */
export type Settle = () => Promise<void>;

/** Times of files move in ticks and the clock may step a little: look a bit further back. */
const TIME_SLACK_MS = 5_000;

/**
 * For `dataFolder`: a function that puts every data file changed since its last call on the disk, directories too.
 * After a checkpoint the log is not needed any more, so the files must really be there. How far they are is kept as
 * the time of the file `marker`, so that a start has to look only at what the last run left; in it stands what the folder
 * was like, for the look at the next start.
 */
export function openSettling(dataFolder: string, marker: string): Settle {
  return async () => {
    const began = systemClock();
    const last = await stat(marker).catch(() => undefined);
    // Before they are put on the disk: what grows after that may not be there yet.
    const likeness = await likenessOf(dataFolder);
    if (last) await syncChanged(dataFolder, last.mtimeMs - TIME_SLACK_MS);
    else await syncWhole(dataFolder);
    const next = `${marker}.new`;
    await writeFile(next, likeness);
    await utimes(next, began / 1000, began / 1000);
    await syncFile(next, 'all');
    await rename(next, marker);
  };
}

async function syncChanged(folder: string, since: number): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncChanged(path, since);
    else if (entry.isFile() && (await stat(path)).mtimeMs >= since) await syncFile(path, 'data');
  }
  if ((await stat(folder)).mtimeMs >= since) await syncFile(folder, 'all');
}

/** A new database is a thousand files: one syncfs(2) is a hundred times faster than as many fsyncs. */
async function syncWhole(folder: string): Promise<void> {
  try {
    await syncFileSystem(folder);
  } catch {
    // No such command here, or no leave to run it.
    await syncChanged(folder, 0);
  }
}
