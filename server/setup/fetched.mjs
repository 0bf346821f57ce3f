/** Programs the tests look at the product with, which nothing of it stands on: fetched once, kept beside the installed packages. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ENVIRONMENT, ROOT } from './ready.mjs';

/** The folder called `name`, which `fill` fills when it is not there yet. */
export function ensureFetched(name, fill) {
  const folder = join(ROOT, 'node_modules/.cache', name);
  if (existsSync(folder)) return folder;
  mkdirSync(dirname(folder), { recursive: true });
  const passing = mkdtempSync(`${folder}-`);
  fill(passing);
  putInPlace(passing, folder);
  return folder;
}

/** Gives the filled folder `passing` its name `folder`, unless another run was quicker: what it made is the same. */
export function putInPlace(passing, folder) {
  try {
    renameSync(passing, folder);
  } catch (error) {
    rmSync(passing, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}

/** Runs a command in a folder to its end, and throws when that is not a good one. */
export function finish(command, args, cwd) {
  const done = spawnSync(command, args, { cwd, env: ENVIRONMENT, stdio: ['ignore', 'ignore', 'inherit'] });
  if (done.error) throw done.error;
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${done.status}`);
}
