/** The server as `npm start` starts it: twice on one folder, ended by a signal, and told in one line why it cannot. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { lockFolder } from '#server/platform/folder-lock.ts';
import { freshPostgres } from '#tests/kit/databases.ts';
import { freePort } from '#tests/kit/house.ts';

const ROOT = join(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'piaohao-launch 票-'));
const data = join(folder, '数据 of a house');

afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

/** Two cold starts on a busy machine; what is slow here is never what is tested. */
const PATIENCE_MS = 180_000;

test(
  'it opens, keeps what was compiled beside data of its owner alone, and ends well; so again',
  async () => {
    const settings = {
      ...process.env,
      PORT: String(await freePort()),
      DATA_DIR: data,
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
    expect(readdirSync(data)).not.toContain('server.lock');
    expect(readdirSync(join(data, 'compiled'))).not.toEqual([]);
    expect(statSync(data).mode & 0o077).toBe(0);
  },
  PATIENCE_MS,
);

/** What cannot be at a start, and the one line that says so. */
const FAULTS: readonly (readonly [what: string, settings: () => Promise<NodeJS.ProcessEnv>, said: RegExp])[] = [
  [
    'a port that is taken',
    portTaken,
    /^Port \d+ is taken by another program\. Stop that one, or choose other ports: PORT=/,
  ],
  [
    'a folder another server has',
    folderTaken,
    /^The data folder .* is in use by process \d+\. Stop that server first\.$/,
  ],
  [
    'a folder nobody can make',
    async () => ({ DATA_DIR: '/proc/none/of/these' }),
    /^The folder .* cannot be written \(ENOENT\)/,
  ],
  [
    'a file in the place of the folder',
    async () => ({ DATA_DIR: import.meta.filename }),
    /is no folder: choose another one/,
  ],
  ['a name that would grant more', async () => ({ DATA_DIR: '/tmp/*' }), /^DATA_DIR has no \* in its name$/],
  [
    'a database of another make',
    async () => ({ DATABASE_URL: 'mysql://a/b' }),
    /^DATABASE_URL is an address that begins with/,
  ],
  [
    'a database out of reach',
    async () => ({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }),
    /^Cannot start now: the database is out of reach: .*ECONNREFUSED/,
  ],
  [
    'a database that is not there',
    databaseMissing,
    /^The database of DATABASE_URL refuses: .*"missing" does not exist$/,
  ],
];

test.each(FAULTS)(
  '%s is said in one line and ends with 2',
  async (_what, settings, expected) => {
    const fault = { DATA_DIR: data, PORT: String(await freePort()), ...(await settings()) };
    const { said, code } = await openAndEnd({ ...process.env, ...fault, LOG_LEVEL: 'silent' });
    expect(said.trimEnd()).toMatch(expected);
    expect({ lines: said.trimEnd().split('\n').length, code }).toEqual({ lines: 1, code: 2 });
  },
  PATIENCE_MS,
);

async function portTaken(): Promise<NodeJS.ProcessEnv> {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void other.close());
  const address = other.address();
  return { PORT: String(typeof address === 'object' && address ? address.port : 0) };
}

async function folderTaken(): Promise<NodeJS.ProcessEnv> {
  const taken = join(folder, 'taken');
  const giveBack = await lockFolder(taken);
  onTestFinished(giveBack);
  return { DATA_DIR: taken };
}

async function databaseMissing(): Promise<NodeJS.ProcessEnv> {
  const url = new URL(await freshPostgres());
  url.pathname = '/missing';
  return { DATABASE_URL: url.href };
}

async function openAndEnd(settings: NodeJS.ProcessEnv) {
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
  const isOpen = await Promise.race([open.then(() => true), ended.then(() => false)]);
  const ready: unknown = isOpen
    ? await fetch(`http://localhost:${settings.PORT}/readyz`).then((answer) => answer.json())
    : undefined;
  starter.kill('SIGTERM');
  return { said, ready, code: await ended };
}
