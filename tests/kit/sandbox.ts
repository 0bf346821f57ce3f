/** The sandbox as the process it is, for tests that need only the outside world and not the whole house. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '#tests/kit/house.ts';

const ROOT = join(import.meta.dirname, '../..');

export interface SandboxProcess {
  readonly origin: string;
  /** SIGKILL, then the same port and folder again. */
  killAndRestart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a sandbox on a free port with a folder of its own; `paceMs` is the unit of its delays. */
export async function startSandbox(paceMs: number): Promise<SandboxProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'piaohao-sandbox-'));
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  let child = await start();

  async function start(): Promise<ChildProcess> {
    const fresh = spawn(join(ROOT, 'node_modules/node/bin/node'), [join(ROOT, 'server/sandbox/main.ts')], {
      cwd: ROOT,
      env: { ...process.env, DATA_DIR: folder, SANDBOX_PORT: String(port), SANDBOX_PACE_MS: String(paceMs) },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    for (let tries = 0; tries < 400; tries += 1) {
      const answer = await fetch(`${origin}/readyz`).catch(() => undefined);
      if (answer?.ok) return fresh;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error('the sandbox did not start');
  }
  function end(signal: NodeJS.Signals): Promise<void> {
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    return gone;
  }
  return {
    origin,
    killAndRestart: async () => {
      await end('SIGKILL');
      child = await start();
    },
    stop: async () => {
      await end('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
