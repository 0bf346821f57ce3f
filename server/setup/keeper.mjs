/**
 * The other half of server/platform/keeper.ts: does for a server under Node's permission model what the model takes away.
 * Invariant: only files inside the one folder are ever opened, and only to force them to the disk.
 */
import { execFile } from 'node:child_process';
import { open, readFile, realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Answers the errands of `child` about files inside `folder`, and the `others` given by name, for as long as it lives. */
export function keepFor(child, folder, others = {}) {
  child.on('message', async ({ id, errand, about }) => {
    // What answers a question of ours is no errand.
    if (errand === undefined) return;
    const answer = await run({ ...others, ...ERRANDS }, errand, about, folder).then(
      (value) => ({ id, value }),
      (error) => ({ id, failure: String(error) }),
    );
    // A child that has ended meanwhile needs no answer.
    if (child.connected) child.send(answer, () => undefined);
  });
}

async function run(errands, errand, about, folder) {
  if (!Object.hasOwn(errands, errand)) throw new Error(`no such errand: ${errand}`);
  return errands[errand](String(about), folder);
}

const ERRANDS = {
  'sync-data': (path, folder) => syncFile(path, folder, 'datasync'),
  'sync-all': (path, folder) => syncFile(path, folder, 'sync'),
  'sync-file-system': async (path, folder) => {
    await execute('sync', ['-f', await inside(path, folder)]);
  },
  'start-of': async (pid) => {
    const stat = await readFile(`/proc/${Number(pid)}/stat`, 'utf8').catch(() => undefined);
    return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  },
};

async function syncFile(path, folder, how) {
  const file = await open(await inside(path, folder), 'r');
  try {
    await file[how]();
  } finally {
    await file.close();
  }
}

async function inside(path, folder) {
  const [real, home] = await Promise.all([realpath(path), realpath(folder)]);
  if (real !== home && !real.startsWith(home + sep)) throw new Error('not a file of the data folder');
  return real;
}
