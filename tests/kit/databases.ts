/** Runs one suite on both databases: PGlite in memory, and a real PostgreSQL that stands for the whole run (see postgres.ts). */
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, describe } from 'vitest';
import { type Database, openDatabase } from '#server/platform/database.ts';
import { childrenOf } from '#tests/kit/children.ts';
import { type Beginning, bringForward, openMemory } from '#tests/kit/embedded.ts';

/** A PostgreSQL server of our own, on a Unix socket in a folder of its own. */
export interface PostgresServer {
  /** The folder of its socket. */
  readonly folder: string;
  /** Makes an empty database and answers its URL. */
  fresh(): Promise<string>;
  /** Seconds of CPU the server and its backends have used so far. */
  cpuSeconds(): number;
  /** Sends `signal` to the server and all of its backends, as when their machine stands still. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  stop(): Promise<void>;
}

/** Runs `suite` twice. `open` gives a new database of that kind; it is closed when the suite ends. */
export function eachDatabase(name: string, suite: (open: (beginning?: Beginning) => Promise<Database>) => void): void {
  for (const kind of ['pglite', 'postgres'] as const) {
    describe(`${name} on ${kind}`, () => {
      const opened: Database[] = [];
      afterAll(async () => {
        for (const database of opened) await database.close();
      });
      suite(async (beginning) => {
        const database =
          kind === 'pglite'
            ? await openMemory(beginning)
            : await openDatabase({ dataDir: 'memory', databaseUrl: await freshPostgres(beginning) });
        opened.push(database);
        return database;
      });
    });
  }
}

let shared: Promise<string> | undefined;

/** The URL of a new database on the server all suites share; outside of the tests' run this process starts one. */
export async function freshPostgres(beginning: Beginning = 'migrated'): Promise<string> {
  shared ??= sharedFolder();
  return makeDatabase(await shared, beginning === 'migrated' ? MIGRATED : undefined);
}

async function sharedFolder(): Promise<string> {
  const folder = process.env[SHARED_POSTGRES] ?? (await startShared()).folder;
  await dropLeft(folder);
  return folder;
}

/** Where the tests of this run find the server they share. */
export const SHARED_POSTGRES = 'PIAOHAO_TESTS_POSTGRES';
/** What the databases of suites are copied from. */
const MIGRATED = 'migrated';

/** Starts the server that suites share, with a database as the house's first start leaves it. */
export async function startShared(): Promise<PostgresServer> {
  const server = await startPostgres({ durable: false });
  await asAdmin(server.folder, (admin) => admin.query(`create database ${MIGRATED}`));
  const database = await openDatabase({ dataDir: 'memory', databaseUrl: urlOf(server.folder, MIGRATED) });
  await bringForward(database);
  await database.close();
  return server;
}

let made = 0;

async function makeDatabase(folder: string, like?: string): Promise<string> {
  made += 1;
  const name = `suite_${process.pid}_${made}`;
  await asAdmin(folder, (admin) => admin.query(`create database ${name}${like ? ` template ${like}` : ''}`));
  return urlOf(folder, name);
}

/** Files that have ended leave their databases behind; some hundreds of them would be gigabytes. */
async function dropLeft(folder: string): Promise<void> {
  await asAdmin(folder, async (admin) => {
    const names = await admin.query<{ name: string }>(
      "select datname as name from pg_database where datname like 'suite%'",
    );
    for (const { name } of names) {
      // Another worker that begins at this moment drops the same ones.
      if (!isRunning(Number(name.split('_')[1]))) await admin.query(`drop database if exists ${name} with (force)`);
    }
  });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function asAdmin<Answer>(folder: string, work: (admin: Database) => Promise<Answer>): Promise<Answer> {
  const admin = await openDatabase({
    dataDir: 'memory',
    databaseUrl: urlOf(folder, 'postgres'),
    connections: 1,
    statementTimeoutMs: 60_000,
  });
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}

function urlOf(folder: string, database: string): string {
  return `postgres://piaohao@localhost/${database}?host=${encodeURIComponent(folder)}`;
}

/**
 * Starts a server. `durable: false` leaves out fsync, which only costs a test time. Throws with the way to install
 * PostgreSQL when it is missing.
 */
export async function startPostgres(options: {
  readonly durable: boolean;
  /** Where its folder is made; the folder of temporary files when not said. */
  readonly place?: string;
}): Promise<PostgresServer> {
  const bin = binFolder();
  const folder = mkdtempSync(join(options.place ?? tmpdir(), 'piaohao-postgres-'));
  const user = unprivileged();
  if (user) chownSync(folder, user.uid, user.gid);
  const environment = { ...process.env, LC_ALL: 'C' };
  const made = spawnSync(
    join(bin, 'initdb'),
    ['-D', join(folder, 'data'), '-U', 'piaohao', '-A', 'trust', '-E', 'UTF8', '-N'],
    {
      ...user,
      cwd: folder,
      env: environment,
      encoding: 'utf8',
    },
  );
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr || String(made.error)}`);
  const settings = [
    'listen_addresses=',
    `unix_socket_directories=${folder}`,
    'max_connections=200',
    `fsync=${options.durable ? 'on' : 'off'}`,
  ];
  const server = spawn(join(bin, 'postgres'), ['-D', join(folder, 'data'), ...settings.flatMap((one) => ['-c', one])], {
    ...user,
    cwd: folder,
    env: environment,
    stdio: 'ignore',
  });
  const end = () => {
    // SIGQUIT: at once; nobody needs these data again.
    server.kill('SIGQUIT');
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once('exit', end);
  if (server.pid !== undefined) endWith(server.pid, folder);
  await untilReady(urlOf(folder, 'postgres'));
  return {
    folder,
    fresh: () => makeDatabase(folder),
    signal(signal) {
      if (server.pid === undefined) return;
      for (const pid of [server.pid, ...childrenOf(server.pid)]) process.kill(pid, signal);
    },
    cpuSeconds: () => (server.pid === undefined ? 0 : cpuSecondsOf(server.pid)),
    async stop() {
      process.off('exit', end);
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGINT');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Ends the server and its folder when this process does, also when it is killed: the pipe to the watcher closes then. */
function endWith(server: number, folder: string): void {
  const watcher = spawn(
    'sh',
    ['-c', 'cat >/dev/null; kill -QUIT "$0" 2>/dev/null; rm -rf "$1"', String(server), folder],
    {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    },
  );
  watcher.unref();
  // A pipe can be let go of like a socket; its type does not say so.
  if (watcher.stdin && 'unref' in watcher.stdin && typeof watcher.stdin.unref === 'function') watcher.stdin.unref();
}

/** As the kernel counts, in ticks of 10 ms: the process `parent`, its children, and those that have ended. */
function cpuSecondsOf(parent: number): number {
  const ticks = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      try {
        const [pid = '', rest = ''] = readFileSync(`/proc/${name}/stat`, 'utf8').split(/ \(.*\) /s);
        // Fields 4 and 14 to 17 of proc(5): the parent, then user and system time of its own and of ended children.
        const [, over, ...fields] = rest.split(' ').map(Number);
        const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.slice(9);
        if (Number(pid) === parent) return user + system + endedUser + endedSystem;
        return over === parent ? user + system : 0;
      } catch {
        return 0;
      }
    });
  return ticks.reduce((sum, one) => sum + one, 0) / 100;
}

/** Where a program that comes with PostgreSQL lies, such as `pgbench`. */
export function postgresProgram(name: string): string {
  return join(binFolder(), name);
}

function binFolder(): string {
  try {
    const versions = readdirSync('/usr/lib/postgresql').sort((left, right) => Number(right) - Number(left));
    const found = versions[0];
    if (found) return join('/usr/lib/postgresql', found, 'bin');
  } catch {
    // Said below, with the way out.
  }
  throw new Error('PostgreSQL is missing under /usr/lib/postgresql. Install it: sudo apt-get install -y postgresql');
}

/** PostgreSQL refuses to run as root; then it runs as `postgres`, or as `nobody` where there is no such user. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  const line = lines.find((one) => one.startsWith('postgres:')) ?? lines.find((one) => one.startsWith('nobody:'));
  const [, , uid, gid] = (line ?? '').split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

async function untilReady(url: string): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    const database = await openDatabase({ dataDir: 'memory', databaseUrl: url, connections: 1 });
    try {
      await database.query('select 1');
      return;
    } catch (error) {
      if (attempt === 100) throw error;
      await pause(100);
    } finally {
      await database.close();
    }
  }
}
