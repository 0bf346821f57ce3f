/** What a person reads when a start fails for a reason that person can mend. */
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '#server/platform/config.ts';
import { openDatabase } from '#server/platform/database.ts';
import { lockFolder } from '#server/platform/folder-lock.ts';
import { startFault } from '#server/platform/start-fault.ts';

async function listenTwice(): Promise<void> {
  const first = createServer();
  await new Promise<void>((resolve) => first.listen(0, '127.0.0.1', resolve));
  const address = first.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  try {
    await new Promise((_resolve, reject) => createServer().once('error', reject).listen(port, '127.0.0.1'));
  } finally {
    first.close();
  }
}

async function lockTwice(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'piaohao-fault-'));
  await lockFolder(folder);
  await lockFolder(folder);
}

async function askNobody(): Promise<void> {
  const database = await openDatabase({ databaseUrl: 'postgres://nobody@127.0.0.1:1/none', dataDir: 'memory' });
  await database.query('select 1').finally(() => database.close());
}

const FAULTS: readonly (readonly [what: string, start: () => Promise<unknown>, expected: RegExp | undefined])[] = [
  [
    'a port that is taken',
    listenTwice,
    /^Port \d+ is taken by another program\. .*PORT=4810 SANDBOX_PORT=4811 npm start$/,
  ],
  ['a folder that is taken', lockTwice, new RegExp(`^The data folder .* is in use by process ${process.pid}\\. Stop`)],
  [
    'a folder where the kernel lets nobody make one',
    () => lockFolder('/proc/piaohao/data'),
    /^No leave to write \/proc\/piaohao: see DATA_DIR$/,
  ],
  ['a database that is not there', askNobody, /^Cannot start now: the database is out of reach: .*ECONNREFUSED/],
  ['a setting nobody can mean', async () => void readConfig({ PORT: 'many' }), /^PORT is a whole number/],
  ['a fault of our own', () => Promise.reject(new TypeError('x is undefined')), undefined],
];

test.each(FAULTS)('%s', async (_what, start, expected) => {
  const error: unknown = await start().then(
    () => 'it started',
    (fault: unknown) => fault,
  );
  expect(error).toBeInstanceOf(Error);
  if (expected) expect(startFault(error)).toMatch(expected);
  else expect(startFault(error)).toBeUndefined();
});

test.each([
  ['EACCES', { path: '/data/keys' }, 'No leave to write /data/keys: see DATA_DIR'],
  ['EROFS', {}, 'No leave to write the data folder: see DATA_DIR'],
  ['EACCES', { port: 443 }, 'No leave to open port 443: take one above 1023'],
  ['EADDRNOTAVAIL', { port: 4800 }, 'HOST is no address of this machine'],
])('%s %o', (code, detail, expected) => {
  expect(startFault(Object.assign(new Error(code), { code }, detail))).toBe(expected);
});
