/** A backup of which one bit is another, that was cut off, or that is another house's, is never put back, and says why. */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { schemas } from '#server/app.ts';
import { systemClock } from '#server/platform/clock.ts';
import { openDatabase } from '#server/platform/database.ts';
import { migrate } from '#server/platform/migrate.ts';
import { NotWhole, openSafe } from '#server/platform/safe.ts';
import { openRegions } from '#server/region/region.ts';
import { isLong, report, size } from '#tests/kit/fault-report.ts';

const ROOT = join(import.meta.dirname, '../..');
const NODE = join(ROOT, 'node_modules/node/bin/node');
const PASSPHRASE = 'correct horse battery staple';
const PATIENCE_MS = 600_000;
const folder = mkdtempSync(join(tmpdir(), 'piaohao-backup-'));
const file = join(folder, 'house.backup');
const words = join(folder, 'passphrase');

/** A house that was started once. */
async function openHouse(name: string): Promise<string> {
  const dataDir = join(folder, name);
  const database = await openDatabase({ dataDir });
  await migrate(database, schemas());
  const keysDir = join(dataDir, 'keys');
  await openRegions({ database, clock: systemClock, keysDir, rpId: 'localhost', origins: ['http://localhost'] });
  await database.close();
  return dataDir;
}

function command(dataDir: string, ...args: string[]): { code: number | null; said: string } {
  const { DATABASE_URL: _elsewhere, ...env } = process.env;
  const done = spawnSync(NODE, [join(ROOT, 'server/command.ts'), ...args], {
    env: { ...env, DATA_DIR: dataDir },
    encoding: 'utf8',
  });
  return { code: done.status, said: done.stdout + done.stderr };
}

const restore = (dataDir: string, from = file, pass = words) =>
  command(dataDir, 'restore', from, '--passphrase-file', pass);

let bytes: Buffer;
let dataDir: string;
beforeAll(async () => {
  writeFileSync(words, PASSPHRASE);
  dataDir = await openHouse('house');
  expect(command(dataDir, 'backup', file, '--passphrase-file', words)).toMatchObject({ code: 0 });
  bytes = readFileSync(file);
}, PATIENCE_MS);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Why `changed` is not opened; undefined when it is. */
async function refusal(changed: Uint8Array): Promise<string | undefined> {
  const path = join(folder, 'changed.backup');
  writeFileSync(path, changed);
  try {
    await openSafe(path, PASSPHRASE);
    return undefined;
  } catch (error) {
    return error instanceof NotWhole ? error.message.replace(path, 'it') : `a fault: ${String(error)}`;
  }
}

test(
  'every bit counts, wherever it is',
  async () => {
    const bits = bytes.length * 8;
    // In the bounded run every 97th bit, which visits every place in a byte and every part of the file.
    const step = size(97, 1);
    const said = new Map<string, number>();
    let flips = 0;
    for (let bit = 0; bit < bits; bit += step) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const why = (await refusal(changed)) ?? 'opened';
      said.set(why, (said.get(why) ?? 0) + 1);
      flips += 1;
    }
    expect([...said.keys()].sort()).toEqual([
      'it is damaged: it is not what was written.',
      'it is no backup of Piaohao.',
    ]);
    report('F18 a bit of a backup flipped', flips, { refused: flips, bytes: bytes.length });
  },
  PATIENCE_MS,
);

test(
  'cut off at any length, made longer, or with a part twice',
  async () => {
    const step = isLong ? 1 : 61;
    let cuts = 0;
    for (let length = 0; length < bytes.length; length += step) {
      expect(await refusal(bytes.subarray(0, length))).toMatch(
        /^it is (no backup of Piaohao|damaged|a backup cut off)/,
      );
      cuts += 1;
    }
    expect(await refusal(Buffer.concat([bytes, Buffer.alloc(1)]))).toMatch(/damaged/);
    expect(await refusal(Buffer.concat([bytes, bytes]))).toMatch(/damaged/);
    report('F18 a backup cut off', cuts, { refused: cuts });
  },
  PATIENCE_MS,
);

test(
  'the command says what is wrong, ends with 2 and leaves nothing behind',
  () => {
    const target = join(folder, 'target');
    mkdirSync(target);
    const nothing = () => expect(readdirSync(target)).toEqual([]);
    const cut = join(folder, 'cut.backup');
    writeFileSync(cut, bytes);
    truncateSync(cut, bytes.length - 100);
    expect(restore(target, cut)).toEqual({ code: 2, said: `${cut} is damaged: it is not what was written.\n` });
    nothing();
    const other = join(folder, 'other-words');
    writeFileSync(other, 'another passphrase');
    expect(restore(target, file, other)).toEqual({ code: 2, said: `${file} does not open with this passphrase.\n` });
    nothing();
    const text = join(folder, 'notes.txt');
    writeFileSync(text, 'To do: make a backup.'.repeat(100));
    expect(restore(target, text)).toEqual({ code: 2, said: `${text} is no backup of Piaohao.\n` });
    nothing();
  },
  PATIENCE_MS,
);

test(
  'a living house is never written over, nor one of other keys',
  async () => {
    const before = readFileSync(join(dataDir, 'keys/root.pem'));
    expect(restore(dataDir)).toMatchObject({
      code: 2,
      said: expect.stringContaining('nothing is ever written over a house'),
    });
    const foreign = await openHouse('foreign');
    rmSync(join(foreign, 'pglite'), { recursive: true });
    const root = readFileSync(join(foreign, 'keys/root.pem'));
    expect(restore(foreign)).toMatchObject({ code: 2, said: expect.stringContaining('it is of another house') });
    expect(existsSync(join(foreign, 'pglite'))).toBe(false);
    expect(readFileSync(join(foreign, 'keys/root.pem'))).toEqual(root);
    expect(readFileSync(join(dataDir, 'keys/root.pem'))).toEqual(before);
  },
  PATIENCE_MS,
);

test(
  'without its keys in the file it is put back beside the keys of the house, and nowhere else',
  () => {
    const bare = join(folder, 'bare.backup');
    expect(command(dataDir, 'backup', bare, '--passphrase-file', words, '--without-keys')).toMatchObject({ code: 0 });
    const lost = join(folder, 'lost');
    expect(restore(lost, bare)).toMatchObject({ code: 2, said: expect.stringContaining('it holds no keys') });
    const kept = join(folder, 'kept');
    mkdirSync(join(kept, 'keys'), { recursive: true });
    for (const name of readdirSync(join(dataDir, 'keys'))) {
      writeFileSync(join(kept, 'keys', name), readFileSync(join(dataDir, 'keys', name)), { mode: 0o600 });
    }
    expect(restore(kept, bare)).toMatchObject({ code: 0, said: expect.stringContaining('The logbook is proved') });
  },
  PATIENCE_MS,
);

test(
  'a backup replaces no file, and no backup is made without a passphrase worth the name',
  () => {
    expect(command(dataDir, 'backup', file, '--passphrase-file', words)).toMatchObject({
      code: 2,
      said: expect.stringContaining('replaces nothing'),
    });
    expect(readFileSync(file)).toEqual(bytes);
    const short = join(folder, 'short');
    writeFileSync(short, '123456');
    expect(command(dataDir, 'backup', join(folder, 'x'), '--passphrase-file', short)).toMatchObject({
      code: 2,
      said: expect.stringContaining('at least 16 characters'),
    });
    expect(command(dataDir, 'backup', join(folder, 'x'))).toMatchObject({
      code: 2,
      said: expect.stringContaining('npm run backup --'),
    });
    expect(existsSync(join(folder, 'x'))).toBe(false);
  },
  PATIENCE_MS,
);
