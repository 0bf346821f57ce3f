/** Brings a folder to the state a command needs: packages installed, the app built. Plain JavaScript for Node 20 and newer. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** The project's folder. */
export const ROOT = join(import.meta.dirname, '../..');

/** The pinned Node that everything runs under, whatever Node started this. */
export const NODE = join(ROOT, 'node_modules/node/bin/node');

/** The environment in which the pinned Node and the project's tools come first. */
export const ENVIRONMENT = { ...process.env, PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env.PATH ?? ''}` };

/** Runs a command in the project's folder and stops this process with its exit code when it fails. */
export function run(command, args) {
  const status = statusOf(command, args);
  if (status !== 0) process.exit(status);
}

/** Runs a program of this project to its end, in sight of whoever started this; answers its exit status. */
export function statusOf(command, args) {
  const done = spawnSync(command, args, { cwd: ROOT, env: ENVIRONMENT, stdio: 'inherit' });
  if (done.error) throw done.error;
  return done.status ?? 1;
}

/** Installs the locked packages when they are missing or the lock file has changed since. */
export function ensureInstalled() {
  const mark = join(ROOT, 'node_modules/.installed-from');
  const wanted = createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex');
  if (existsSync(NODE) && readMark(mark) === wanted) return;
  console.log('Installing the packages this project needs (once, about a minute) …');
  // Not `npm ci`: it refuses where a registry lacks the optional builds for other platforms; this keeps the lock as well.
  run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error', ...cacheHere()]);
  writeFileSync(mark, wanted);
}

/** npm keeps what it fetches in the home folder, and gives up where nothing can be written there: then it is kept here. */
function cacheHere() {
  let place = process.env.npm_config_cache ?? join(homedir(), '.npm');
  while (!existsSync(place)) place = dirname(place);
  try {
    accessSync(place, constants.W_OK);
    return [];
  } catch {
    return ['--cache', join(ROOT, 'node_modules/.cache/npm')];
  }
}

/** Builds the web app when it is missing or one of its sources has changed since. */
export function ensureBuilt() {
  const mark = join(ROOT, 'node_modules/.built-from');
  const wanted = fingerprint(['web', 'shared', 'package-lock.json', 'svelte.config.js', 'vite.config.ts']);
  if (existsSync(join(ROOT, 'build')) && readMark(mark) === wanted) return;
  console.log('Building the web app …');
  run('npm', ['run', '--silent', 'build']);
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  writeFileSync(mark, wanted);
}

function readMark(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** Names, sizes and times of all sources: a changed file gives another text, at the cost of one stat each. */
function fingerprint(places) {
  const hash = createHash('sha256');
  const visit = (path) => {
    const facts = statSync(path);
    if (facts.isDirectory()) {
      if (/(^|\/)(paraglide|\.svelte-kit|node_modules)$/.test(path)) return;
      for (const name of readdirSync(path).sort()) visit(join(path, name));
    } else {
      hash.update(`${path} ${facts.size} ${facts.mtimeMs}\n`);
    }
  };
  for (const place of places) visit(join(ROOT, place));
  return hash.digest('hex');
}
