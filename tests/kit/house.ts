/** The whole house as people meet it: server and sandbox as real processes on free ports, over a folder of their own. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSandbox, startServer } from '#server/setup/launch.mjs';
import { freshPostgres } from '#tests/kit/databases.ts';
import { putMigrated } from '#tests/kit/embedded.ts';
import { keepSecret, openEar } from '#tests/kit/overheard.ts';

const ROOT = join(import.meta.dirname, '../..');
const NODE = join(ROOT, 'node_modules/node/bin/node');
const READY_MS = 120_000;
const SMS_MS = 15_000;
const LINES_KEPT = 400;

/** One of the two processes. */
export type Part = 'server' | 'sandbox';

export interface HouseOptions {
  /** `pglite` (the default), or `postgres`: a fresh database of the server the kit starts. */
  readonly database?: 'pglite' | 'postgres';
  /** Builds the web app first when its sources changed; journeys need it. */
  readonly build?: boolean;
  /** Starts both as `npm start` does, inside Node's permission model. */
  readonly caged?: boolean;
  /** Makes the roads to the ports, and runs both processes where it says, before they are started; see partition.ts. */
  readonly elsewhere?: {
    readonly open: (ports: { readonly server: number; readonly sandbox: number }) => Promise<void>;
    readonly within: Within;
    /** How the database is reached from here; the server has a road of its own to it. */
    readonly databaseUrl: string;
  };
  /** The unit of the sandbox's delays; 50 ms when not said. */
  readonly paceMs?: number;
  /** How many of the newest lines {@link House.log} gives; 400 when not said. */
  readonly linesKept?: number;
  /** More environment for both processes. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** How a process ended: its own code, or the signal that ended it. */
export type Ended = { readonly code: number } | { readonly signal: NodeJS.Signals };

export interface House {
  /** Where people find the app; its host is `localhost`, so that passkeys work without a certificate. */
  readonly origin: string;
  readonly sandboxOrigin: string;
  readonly dataDir: string;
  /** What both processes are started with, for a command that looks at the same house. */
  readonly environment: NodeJS.ProcessEnv;
  /** How the database is reached from here, where that is not as the server reaches it. */
  readonly databaseUrl: string | undefined;
  /** The newest output of both processes. */
  log(): string;
  /** Ends both politely and removes the folder; throws when either said what no log may hold (see overheard.ts). */
  stop(): Promise<void>;
  /** Ends a part at once, as a power cut would (both when not said). */
  kill(part?: Part): Promise<void>;
  /** Ends a part with `signal` and tells how it ended; undefined when it was not running. */
  end(part: Part, signal: NodeJS.Signals): Promise<Ended | undefined>;
  /** Sends `signal` to a part that {@link House.end} is ending, or that goes on. */
  signal(part: Part, signal: NodeJS.Signals): void;
  /** Starts what is not running, on the same ports and folder, and waits until it is ready; ends running parts first. */
  restart(part?: Part): Promise<void>;
  /** The six digits of the newest text to `phone` that this function has not given before; waits for it. */
  smsCode(phone: string): Promise<string>;
}

const PARTS: readonly Part[] = ['sandbox', 'server'];

/** Starts a house and answers when both parts are ready. */
export async function startHouse(options: HouseOptions = {}): Promise<House> {
  if (options.build) buildApp();
  const dataDir = mkdtempSync(join(tmpdir(), 'piaohao-house-'));
  const [port, sandboxPort] = [await freePort(), await freePort()];
  const origin = `http://localhost:${port}`;
  const sandboxOrigin = `http://127.0.0.1:${sandboxPort}`;
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    NODE_ENV: 'test',
    PORT: String(port),
    HOST: '127.0.0.1',
    ORIGIN: origin,
    RP_ID: 'localhost',
    DATA_DIR: dataDir,
    SANDBOX_URL: sandboxOrigin,
    SANDBOX_PORT: String(sandboxPort),
    SANDBOX_PACE_MS: String(options.paceMs ?? 50),
    ...(options.database === 'postgres'
      ? { DATABASE_URL: await freshPostgres(options.caged ? 'empty' : 'migrated') }
      : {}),
    ...options.environment,
  };
  const running = new Map<Part, ChildProcess>();
  const ending = new Map<Part, ChildProcess>();
  const lines: string[] = [];
  const ears = { server: openEar('the server'), sandbox: openEar('the sandbox') };
  const given = new Set<string>();

  async function start(part: Part): Promise<void> {
    await goneBy(ending.get(part));
    const child = options.caged ? caged(part, environment) : uncaged(part, environment, options.elsewhere?.within);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (text) => {
        ears[part].write(String(text));
        lines.push(`${part}: ${String(text).trimEnd()}`);
        lines.splice(0, lines.length - (options.linesKept ?? LINES_KEPT));
      });
    }
    running.set(part, child);
    await ready(child, `${part === 'server' ? `http://127.0.0.1:${port}` : sandboxOrigin}/readyz`, () =>
      lines.join('\n'),
    );
  }

  async function end(part: Part, signal: NodeJS.Signals): Promise<Ended | undefined> {
    const child = running.get(part);
    running.delete(part);
    if (!child || child.exitCode !== null || child.signalCode !== null) return undefined;
    ending.set(part, child);
    const gone = new Promise<Ended>((resolve) =>
      child.once('exit', (code, by) => resolve(by === null ? { code: code ?? 0 } : { signal: by })),
    );
    child.kill(signal);
    return gone;
  }

  const last = () => {
    for (const child of running.values()) child.kill('SIGKILL');
  };
  process.once('exit', last);

  async function stop(): Promise<void> {
    for (const part of PARTS.toReversed()) await end(part, 'SIGTERM');
    process.removeListener('exit', last);
    rmSync(dataDir, { recursive: true, force: true });
    for (const part of PARTS) ears[part].close();
  }

  try {
    await options.elsewhere?.open({ server: port, sandbox: sandboxPort });
    // One kind of house begins as people's do, with nothing at all.
    if (!options.caged && options.database !== 'postgres') await putMigrated(dataDir);
    for (const part of PARTS) await start(part);
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    origin,
    sandboxOrigin,
    dataDir,
    environment,
    databaseUrl: options.elsewhere?.databaseUrl,
    log: () => lines.join('\n'),
    stop,
    end,
    signal: (part, signal) => void (running.get(part) ?? ending.get(part))?.kill(signal),
    kill: async (part) => {
      for (const one of part ? [part] : PARTS) await end(one, 'SIGKILL');
    },
    restart: async (part) => {
      for (const one of part ? [part] : PARTS) {
        await end(one, 'SIGTERM');
        await start(one);
      }
    },
    smsCode: (phone) => awaitCode(sandboxOrigin, phone, given),
  };
}

type Within = (command: string, args: readonly string[]) => [string, string[]];

const here: Within = (command, args) => [command, [...args]];

function uncaged(part: Part, env: NodeJS.ProcessEnv, within: Within = here): ChildProcess {
  const file = part === 'server' ? 'server/main.ts' : 'server/sandbox/main.ts';
  const [command, flags] = within(NODE, ['--disable-warning=ExperimentalWarning', join(ROOT, file)]);
  return spawn(command, flags, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
}

function caged(part: Part, env: NodeJS.ProcessEnv): ChildProcess {
  return (part === 'server' ? startServer : startSandbox)(env, ['pipe', 'pipe']);
}

/** A port nobody listens on just now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/** Two of a kind on one folder would refuse each other. */
async function goneBy(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => child.once('exit', resolve));
}

async function ready(child: ChildProcess, url: string, log: () => string): Promise<void> {
  const until = Date.now() + READY_MS;
  while (Date.now() < until) {
    if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode} before it was ready:\n${log()}`);
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    await pause(50);
  }
  throw new Error(`Not ready after ${READY_MS} ms:\n${log()}`);
}

/**
 * Asks a sandbox the way a person's browser does: once more when a kept connection was closed just as it was used. Only
 * for what may be asked twice.
 */
export async function reach(address: string, asked?: RequestInit): Promise<Response> {
  return await fetch(address, asked).catch(() => fetch(address, asked));
}

/** What was texted to a phone (with its country, `+86…`), the newest first. */
export async function textsTo(sandboxOrigin: string, phone: string): Promise<{ id: string; text: string }[]> {
  const answer = await reach(`${sandboxOrigin}/sms?to=${encodeURIComponent(phone)}`);
  return (await answer.json()) as { id: string; text: string }[];
}

async function awaitCode(sandboxOrigin: string, phone: string, given: Set<string>): Promise<string> {
  const until = Date.now() + SMS_MS;
  while (Date.now() < until) {
    const [newest] = await textsTo(sandboxOrigin, phone);
    const code = newest && !given.has(newest.id) ? /\b\d{6}\b/.exec(newest.text)?.[0] : undefined;
    if (newest && code) {
      given.add(newest.id);
      keepSecret('a texted code', code);
      return code;
    }
    await pause(50);
  }
  throw new Error(`No text with a code came to ${phone}`);
}

/** Builds the app when its sources have changed since the last time. */
export function buildApp(): void {
  const script = "(await import('./server/setup/ready.mjs')).ensureBuilt()";
  // The test runner's own marks must not reach the build: vite.config.ts leaves the app out under them.
  const env = { ...process.env, VITEST: '', NODE_ENV: 'production' };
  const done = spawnSync(NODE, ['--input-type=module', '--eval', script], { cwd: ROOT, encoding: 'utf8', env });
  if (done.status !== 0) throw new Error(`The app could not be built:\n${done.stdout}${done.stderr}`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
