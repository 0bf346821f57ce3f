/** The server as `npm start` starts it: twice on one folder, and ended by a signal to whoever started it. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'piaohao-launch 票-'));

afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

/** Two cold starts on a busy machine; what is slow here is never what is tested. */
const PATIENCE_MS = 180_000;

test(
  'it opens, keeps what was compiled beside data of its owner alone, and ends well; so again',
  async () => {
    const settings = {
      ...process.env,
      PORT: String(await freePort()),
      DATA_DIR: join(folder, '数据 of a house'),
      LOG_LEVEL: 'warn',
    };
    for (const round of ['new folder', 'same folder']) {
      const { said, ready, code } = await openAndEnd(settings);
      expect({ round, said, ready, code }).toEqual({
        round,
        said: `Piaohao is open: http://localhost:${settings.PORT}\n`,
        ready: { ready: true },
        code: 0,
      });
    }
    expect(readdirSync(settings.DATA_DIR)).not.toContain('server.lock');
    expect(readdirSync(join(settings.DATA_DIR, 'compiled'))).not.toEqual([]);
    expect(statSync(settings.DATA_DIR).mode & 0o077).toBe(0);
  },
  PATIENCE_MS,
);

async function openAndEnd(settings: NodeJS.ProcessEnv & { readonly PORT: string }) {
  const code = `import { liveWith, startServer } from '${ROOT}/server/setup/launch.mjs'; liveWith([startServer(process.env)]);`;
  const starter = spawn(process.execPath, ['--input-type=module', '-e', code], { env: settings, stdio: 'pipe' });
  const ended = new Promise<number | null>((resolve) => starter.once('exit', resolve));
  let said = '';
  const open = new Promise<void>((resolve) => {
    for (const stream of [starter.stdout, starter.stderr])
      stream.on('data', (part: Buffer) => {
        said += part;
        if (said.includes('is open')) resolve();
      });
  });
  await Promise.race([open, ended]);
  const ready: unknown = await fetch(`http://localhost:${settings.PORT}/readyz`).then(
    (answer) => answer.json(),
    (error: unknown) => String(error),
  );
  starter.kill('SIGTERM');
  return { said, ready, code: await ended };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
