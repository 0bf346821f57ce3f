/**
 * Keeps a second server off the folder of the embedded database: two writers would lose data silently.
 * Invariant: the lock file names a living process by pid and start time, or it is stale and may be taken.
 */
import { linkSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '#server/platform/folder.ts';
import { startOf, writeNewFile } from '#server/platform/keeper.ts';

/** Thrown when another living process holds the folder. */
export class FolderInUse extends Error {
  override readonly name = 'FolderInUse';
}

/** Takes `folder` for this process, or throws {@link FolderInUse} at once; answers the function that gives it back. */
export async function lockFolder(folder: string): Promise<() => void> {
  makeFolder(folder);
  const lock = join(folder, 'server.lock');
  const mine = `${process.pid} ${(await startOf(process.pid)) ?? 'unknown'}\n`;
  for (let attempt = 0; attempt < 3; attempt += 1) {
    if (createWhole(lock, mine)) {
      return () => {
        if (readText(lock) === mine) rmSync(lock, { force: true });
      };
    }
    const holder = readText(lock);
    if (holder === undefined) continue;
    if (await isAlive(holder)) {
      throw new FolderInUse(
        `The data folder ${folder} is in use by process ${holder.split(' ')[0]}. Stop that server first.`,
      );
    }
    // Only the very file that was seen to be stale is removed: another starter may have replaced it meanwhile.
    if (readText(lock) === holder) rmSync(lock, { force: true });
  }
  throw new FolderInUse(`The data folder ${folder} is being taken by another process.`);
}

/** The lock appears with its whole content or not at all, and never over another's. */
function createWhole(lock: string, text: string): boolean {
  const draft = `${lock}.${process.pid}`;
  rmSync(draft, { force: true });
  writeNewFile(draft, text);
  try {
    linkSync(draft, lock);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

async function isAlive(holder: string): Promise<boolean> {
  const [pid, started] = holder.trim().split(' ');
  const number = Number(pid);
  if (!Number.isInteger(number) || number <= 0) return false;
  try {
    process.kill(number, 0);
  } catch (error) {
    // EPERM: it lives, under another user.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  const now = await startOf(number);
  return now === undefined || started === 'unknown' || now === started;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
