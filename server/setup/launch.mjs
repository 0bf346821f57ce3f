/**
 * Starts the processes of a wallet, the server and the sandbox beside it, and lets them live and end together.
 * Invariant: under Node's permission model each reads the code and its own folder, writes only there, and starts no process.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { keepFor } from './keeper.mjs';
import { ENVIRONMENT, NODE, ROOT } from './ready.mjs';

/** What a process reads beside its own folder. */
const CODE = ['package.json', 'server', 'shared', 'build', 'node_modules'].map((name) => join(ROOT, name));
/** What the kernel tells a process about itself alone: its memory and its limits, for the figures. */
const ABOUT_ITSELF = ['/proc/self/status', '/proc/self/limits'];
/**
 * The batches under way fit into the room for what is young (in megabytes) and die there. Left to itself V8 notes where
 * things are made that outlive one collection, as a batch does, and makes the next ones old at once: then a quarter of
 * all that payments allocate waits for the long collection.
 */
const ROOM_FOR_YOUNG = ['--max-semi-space-size=128', '--no-allocation-site-pretenuring'];
const QUIET = ['ExperimentalWarning', 'SecurityWarning'].map((name) => `--disable-warning=${name}`);

/** Starts the server of `env`; `outputs` are where its standard output and its errors go, `errands` what else is done for it. */
export function startServer(env, outputs = ['inherit', 'inherit'], errands = {}) {
  const folder = dataFolder(env);
  const child = spawn(NODE, [...serverGrants(env), ...ROOM_FOR_YOUNG, ...QUIET, join(ROOT, 'server/main.ts')], {
    cwd: ROOT,
    env: within(env, folder),
    stdio: ['ignore', ...outputs, 'ipc'],
  });
  keepFor(child, folder, errands);
  return child;
}

/** Starts the sandbox of `env`. */
export function startSandbox(env, outputs = ['inherit', 'inherit']) {
  const folder = madeFolder(join(dataFolder(env), 'sandbox'));
  return spawn(NODE, [...grants(folder), ...QUIET, join(ROOT, 'server/sandbox/main.ts')], {
    cwd: ROOT,
    env: within(env, folder),
    stdio: ['ignore', ...outputs],
  });
}

/** What Node is told about the server: threads verify signatures and one is the embedded database's engine until it gives up that leave, and a database may have its files. */
export function serverGrants(env) {
  return ['--allow-worker', ...grants(dataFolder(env), databaseFiles(env))];
}

/** Compiled code is kept where the process may write anyway: half of a start is reading and compiling TypeScript. */
function within(env, folder) {
  return { ...ENVIRONMENT, ...env, NODE_COMPILE_CACHE: join(folder, 'compiled') };
}

function grants(folder, files = []) {
  return [
    '--permission',
    // The permission model does not ask before SQLite opens a file.
    '--no-experimental-sqlite',
    // Sockets to browsers, the database and the outside: Node grants all of the network or none.
    '--allow-net',
    ...[...[...CODE, folder, ...files].flatMap(asNamedAndReal), ...ABOUT_ITSELF].map(
      (path) => `--allow-fs-read=${path}`,
    ),
    ...asNamedAndReal(folder).map((path) => `--allow-fs-write=${path}`),
  ];
}

/** Node asks for a path as it is written, and behind a link for the true one. */
function asNamedAndReal(path) {
  // What is made later is granted with all that will be in it; Node adds that by itself only to what is there.
  if (!existsSync(path)) return [path, join(path, '*')];
  return [...new Set([path, realpathSync(path)])];
}

/** Certificates that the address of a database names (libpq's words), and the file of its passwords. */
function databaseFiles(env) {
  const address = URL.canParse(env.DATABASE_URL ?? '') ? new URL(env.DATABASE_URL) : undefined;
  if (!address) return [];
  const certificates = ['sslrootcert', 'sslcert', 'sslkey'].map((name) => address.searchParams.get(name));
  return [...certificates, env.PGPASSFILE ?? join(homedir(), '.pgpass')].filter((path) => path && existsSync(path));
}

/** The folder of the server's data in `env`, for its owner alone. */
function dataFolder(env) {
  return madeFolder(resolve(ROOT, env.DATA_DIR ?? 'data'));
}

/** Makes `folder` when it is missing, for a grant holds for what exists; ends this process where nothing can be kept. */
function madeFolder(folder) {
  if (folder.includes('*')) refuse('DATA_DIR has no * in its name');
  try {
    makeStepByStep(folder);
    if (!statSync(folder).isDirectory()) refuse(`${folder} is no folder: choose another one with DATA_DIR`);
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    refuse(`The folder ${folder} cannot be written (${error.code}): choose another one with DATA_DIR`);
  }
  return folder;
}

/** Not `recursive`: with it Node 26 turns for ever where the kernel lets nobody make a folder, as under /proc. */
function makeStepByStep(folder) {
  if (existsSync(folder)) return;
  makeStepByStep(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Whoever starts at the same moment may have been first.
    if (error.code !== 'EEXIST') throw error;
  }
}

/** Ends this process with one line that says what to mend. */
export function refuse(line) {
  console.error(line);
  process.exit(2);
}

/** Ends this process when its `children` end; passes on what it is told, and one child's end is the others' end too. */
export function liveWith(children) {
  // Without a listener this signal opens a debugger here, outside the permission model, to whoever may send it.
  process.on('SIGUSR1', () => undefined);
  let stopping = false;
  const stop = () => {
    stopping = true;
    for (const child of children) child.kill('SIGTERM');
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
  for (const child of children) {
    child.on('exit', (code) => {
      // One without the other is no wallet. The reason of the first to end is the exit code; being told to stop is none.
      if (!stopping || code) process.exitCode ||= code ?? 1;
      stop();
    });
  }
}
