/** Runs one suite on both databases: PGlite in memory, and a real PostgreSQL that the kit starts for this run. */
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, describe } from 'vitest';
import { type Database, openDatabase } from '#server/platform/database.ts';
import { openMemory } from '#tests/kit/empty-database.ts';

/** A PostgreSQL server of our own, on a Unix socket in a folder of its own. */
export interface PostgresServer {
  /** Makes an empty database and answers its URL. */
  fresh(): Promise<string>;
  /** Seconds of CPU the server and its backends have used so far. */
  cpuSeconds(): number;
  /** Sends `signal` to the server and all of its backends, as when their machine stands still. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  stop(): Promise<void>;
}

/** Runs `suite` twice. `open` gives an empty database of that kind; it is closed when the suite ends. */
export function eachDatabase(name: string, suite: (open: () => Promise<Database>) => void): void {
  for (const kind of ['pglite', 'postgres'] as const) {
    describe(`${name} on ${kind}`, () => {
      const opened: Database[] = [];
      afterAll(async () => {
        for (const database of opened) await database.close();
      });
      suite(async () => {
        const database =
          kind === 'pglite'
            ? await openMemory()
            : await openDatabase({ dataDir: 'memory', databaseUrl: await freshPostgres() });
        opened.push(database);
        return database;
      });
    });
  }
}

let shared: Promise<PostgresServer> | undefined;

/** The URL of an empty database on the server that all suites of this process share. */
export async function freshPostgres(): Promise<string> {
  shared ??= startPostgres({ durable: false });
  return (await shared).fresh();
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
    'max_connections=60',
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
  const urlOf = (database: string) => `postgres://piaohao@localhost/${database}?host=${encodeURIComponent(folder)}`;
  await untilReady(urlOf('postgres'));
  let count = 0;
  return {
    async fresh() {
      count += 1;
      const name = `suite_${process.pid}_${count}`;
      const admin = await openDatabase({
        dataDir: 'memory',
        databaseUrl: urlOf('postgres'),
        connections: 1,
        statementTimeoutMs: 60_000,
      });
      await admin.query(`create database ${name}`);
      await admin.close();
      return urlOf(name);
    },
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

function childrenOf(parent: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
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
