/**
 * What Node's permission model takes from the server and the process that started it does in its place: forcing files to
 * the disk (under --permission every fsync is refused, whatever is granted), and asking the kernel when a process began.
 * Without the permission model it all happens here. The other half is server/setup/keeper.mjs.
 * Invariant: a promise of this file resolves when the thing is done, never when it is merely asked for.
 */
import { execFile } from 'node:child_process';
import {
  close,
  closeSync,
  constants,
  fdatasync,
  fsync,
  linkSync,
  open,
  openSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { assert } from '#shared/base/assert.ts';

const execute = promisify(execFile);
const openFile = promisify(open);
const closeFile = promisify(close);
const syncData = promisify(fdatasync);
const syncAll = promisify(fsync);

type Errand = 'sync-data' | 'sync-all' | 'sync-file-system' | 'start-of' | 'figures';

interface Answer {
  readonly id: number;
  readonly value?: string;
  readonly failure?: string;
}

const NEW_ON_DISK = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_SYNC;

/** Makes the file `path` for its owner alone; its bytes are on the disk when this returns. Throws where there is one. */
export function writeNewFile(path: string, bytes: string | Uint8Array): void {
  const file = openSync(path, NEW_ON_DISK, 0o600);
  try {
    writeFileSync(file, bytes);
  } finally {
    closeSync(file);
  }
}

/** Puts the file at `path` on the disk: its `data`, or `all` there is to know of it (for a directory: its names). */
export async function syncFile(path: string, what: 'data' | 'all'): Promise<void> {
  if (process.permission) {
    await send(what === 'data' ? 'sync-data' : 'sync-all', path);
    return;
  }
  const file = await openFile(path, 'r');
  try {
    await (what === 'data' ? syncData : syncAll)(file);
  } finally {
    await closeFile(file);
  }
}

/** Puts all of the file system on which `folder` lies on the disk; rejects where that cannot be had. */
export async function syncFileSystem(folder: string): Promise<void> {
  await (process.permission ? send('sync-file-system', folder) : execute('sync', ['-f', folder]));
}

/** When the process `pid` began, in the kernel's own words (proc(5), field 22), or undefined where nobody can tell. */
export async function startOf(pid: number): Promise<string | undefined> {
  if (process.permission) return (await send('start-of', String(pid))) || undefined;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

/** What each process at a shared port has measured, this one too, out of the mouth of the process that started them. */
export async function figuresOfAll<Figures>(): Promise<Figures[]> {
  return JSON.parse(await send('figures', '')) as Figures[];
}

/** Tells the process that started this one what `measure` finds, whenever it asks. */
export function tellFigures(measure: () => Promise<unknown>): void {
  process.on('message', async ({ question, ticket }: { question?: string; ticket?: number }) => {
    if (question !== 'figures') return;
    const figures = await measure().then(JSON.stringify, () => undefined);
    process.send?.({ ticket, figures }, undefined, undefined, () => undefined);
  });
}

const waiting = new Map<number, (answer: Answer) => void>();
let sent = 0;

function send(errand: Errand, about: string): Promise<string> {
  assert(process.send !== undefined, 'under --permission the server is started by server/setup, which keeps its files');
  sent += 1;
  const id = sent;
  return new Promise((resolve, reject) => {
    waiting.set(id, ({ value, failure }) => {
      waiting.delete(id);
      if (failure === undefined) resolve(value ?? '');
      else reject(new Error(`${errand} failed: ${failure}`));
    });
    process.send?.({ id, errand, about }, undefined, undefined, (error) => {
      if (error) waiting.get(id)?.({ id, failure: error.message });
    });
  });
}

if (process.permission && process.send) {
  process.on('message', (answer: Partial<Answer>) => {
    if (answer.id !== undefined) waiting.get(answer.id)?.(answer as Answer);
  });
  process.once('disconnect', () => {
    // Nobody is left to put anything on the disk: no promise can be kept from here on.
    for (const [id, settle] of waiting) settle({ id, failure: 'the keeper has gone' });
    process.kill(process.pid, 'SIGTERM');
  });
}

/** Gives the file `draft` its name `path`, unless that is taken: of several who draft one the first wins, and all read it. */
export function nameOnce(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    unlinkSync(draft);
  }
}
