/** One more server process of a house: on the same database and folder, at a port of its own. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { NODE } from '#server/setup/ready.mjs';
import { freePort, type House } from '#tests/kit/house.ts';

const ROOT = join(import.meta.dirname, '../..');

/** A server beside the house's own. */
export interface Beside {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts one beside `house` and answers when it is ready; rejects when it ends before. */
export async function startBeside(house: House): Promise<Beside> {
  const port = await freePort();
  let said = '';
  const child = spawn(NODE, ['--disable-warning=ExperimentalWarning', join(ROOT, 'server/main.ts')], {
    cwd: ROOT,
    env: { ...house.environment, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (part) => {
      said = `${said}${part}`.slice(-4_000);
    });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const last = () => child.kill('SIGKILL');
  process.once('exit', last);
  while (!(await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined))?.ok) {
    if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode} before it was ready:\n${said}`);
    await pause(50);
  }
  return {
    port,
    async stop() {
      process.removeListener('exit', last);
      child.kill('SIGTERM');
      await gone;
    },
  };
}
