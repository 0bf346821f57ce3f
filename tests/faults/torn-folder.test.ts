/**
 * The folder of the embedded database is torn while nobody has it open: its log cut short or lost, bits turned in its pages
 * and in what it knows of itself, files lost, a copy that was not finished. A start finds all that was answered, or refuses.
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { putMigrated } from '#tests/kit/embedded.ts';
import { report, size } from '#tests/kit/fault-report.ts';
import { xorshift } from '#tests/kit/xorshift.ts';

const ROOT = join(import.meta.dirname, '../..');
const TIMES = size(1, 10);
const POSTINGS = 60;
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const PATIENCE_MS = 3_600_000;

const next = xorshift(SEED);
const random = () => next() / 2 ** 32;
const below = (bound: number) => Math.floor(random() * bound);
const oneOf = <One>(all: readonly One[]): One => all[below(all.length)] as One;

/** A house that was ended in one of two ways, and what it had answered by then. */
interface Ended {
  readonly dataDir: string;
  readonly promised: readonly string[];
}

const ended = new Map<NodeJS.Signals, Ended>();
const folders: string[] = [];
const emptyFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'piaohao-torn-'));
  folders.push(folder);
  return folder;
};

beforeAll(async () => {
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const dataDir = emptyFolder();
    await putMigrated(dataDir);
    ended.set(signal, { dataDir, promised: await post(dataDir, signal) });
  }
}, PATIENCE_MS);

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Posts on the house in `dataDir` and ends it by `signal`; answers what it promised. */
async function post(dataDir: string, signal: NodeJS.Signals): Promise<string[]> {
  const child = start('tests/kit/poster.ts', dataDir);
  while (child.said().split('\n').length < POSTINGS) await pause(20);
  child.end(signal);
  await child.ended;
  return child
    .said()
    .split('\n')
    .filter((line) => line.includes('-'));
}

function start(file: string, dataDir: string, more: NodeJS.ProcessEnv = {}) {
  const env = { ...process.env, ...more, DATA_DIR: dataDir };
  const child = spawn(process.execPath, [file], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { said: '', complained: '' };
  child.stdout.on('data', (part) => {
    texts.said += String(part);
  });
  child.stderr.on('data', (part) => {
    texts.complained += String(part);
  });
  return {
    end: (signal: NodeJS.Signals) => child.kill(signal),
    ended: new Promise<number | null>((resolve) => child.once('close', resolve)),
    said: () => texts.said,
    complained: () => texts.complained,
  };
}

/** What a start on `dataDir` made of it. */
async function begin(dataDir: string, promised: readonly string[]): Promise<'whole' | 'refused' | 'silently wrong'> {
  const reader = start('tests/kit/reader.ts', dataDir);
  const status = await reader.ended;
  if (status === 0) {
    const { findings, ids } = JSON.parse(reader.said()) as { findings: unknown[]; ids: string[] };
    const there = new Set(ids);
    return findings.length === 0 && promised.every((id) => there.has(id)) ? 'whole' : 'silently wrong';
  }
  expect([status, reader.complained()]).toEqual([2, expect.stringMatching(REFUSAL)]);
  return 'refused';
}

/** One line, with what is wrong and the way out. */
const REFUSAL = /^The embedded database in \S+ is damaged: .+\. Nothing was served from it\. .*npm run restore.*\n$/;

type Tear = (folder: string) => void;

const inFolder = (folder: string, pattern: RegExp) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => pattern.test(path) && statSync(join(folder, path)).size > 0)
    .sort();

const PAGE = 8_192;
/** Databases 1 and 4 are what the engine makes new ones of; it asks nobody of them. */
const PAGES = /^(?:base\/5|global)\/\d+(?:_vm)?$/;

/** Turns one bit of the bytes `from` to `to` of the file. */
function turnBit(path: string, from: number, to: number): void {
  const file = openSync(path, 'r+');
  const at = from + below(to - from);
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, at);
  byte[0] = (byte[0] as number) ^ (1 << below(8));
  writeSync(file, byte, 0, 1, at);
  closeSync(file);
}

/** The outcomes of transactions as they were when the house last put its files on the disk. */
function settledCommits(folder: string): Buffer {
  const { commits } = JSON.parse(readFileSync(`${folder}.settled`, 'utf8')) as { commits: Record<string, string> };
  return Buffer.from(commits['pg_xact/0000'] ?? '', 'base64');
}

/** Where in its last file the log ends, by the house's own word. */
function endOfLog(folder: string): { readonly path: string; readonly end: number } {
  const [high = '', low = ''] = readFileSync(`${folder}.answered`, 'utf8').trim().split('/');
  const position = Number.parseInt(low, 16);
  const file = `00000001${high.padStart(8, '0')}${(position >>> 24).toString(16).padStart(8, '0')}`.toUpperCase();
  return { path: join(folder, 'pg_wal', file), end: position & 0xff_ffff };
}

const TEARS: readonly (readonly [what: string, tear: Tear, mayBe: Readonly<Record<'killed' | 'closed', RegExp>>])[] = [
  [
    'its log cut short by some of the last bytes',
    (folder) => {
      const { path, end } = endOfLog(folder);
      truncateSync(path, end - 1 - below(4_000));
    },
    { killed: /refused/, closed: /refused/ },
  ],
  [
    'its log cut short anywhere',
    (folder) => {
      const { path, end } = endOfLog(folder);
      truncateSync(path, below(end));
    },
    { killed: /refused/, closed: /refused/ },
  ],
  ['its log lost', (folder) => rmSync(endOfLog(folder).path), { killed: /refused/, closed: /refused/ }],
  [
    'a bit of the newest of its log',
    (folder) => {
      const { path, end } = endOfLog(folder);
      turnBit(path, end - 4_000, end);
    },
    { killed: /refused/, closed: /whole|refused/ },
  ],
  // The log may hold the whole page anew.
  ['a bit of a page', (folder) => turnPageBit(folder), { killed: /whole|refused/, closed: /refused/ }],
  [
    'a bit of pg_control',
    // The rest of the file is never read.
    (folder) => turnBit(join(folder, 'global/pg_control'), 0, 280),
    { killed: /refused/, closed: /refused/ },
  ],
  [
    'a file of pages cut short by a page',
    (folder) => {
      const path = join(folder, oneOf(inFolder(folder, PAGES)));
      truncateSync(path, Math.max(0, statSync(path).size - PAGE));
    },
    { killed: /refused/, closed: /refused/ },
  ],
  [
    'a file of pages lost',
    (folder) => rmSync(join(folder, oneOf(inFolder(folder, PAGES)))),
    { killed: /refused/, closed: /refused/ },
  ],
  ['PG_VERSION lost', (folder) => rmSync(join(folder, 'PG_VERSION')), { killed: /refused/, closed: /refused/ }],
  [
    'a bit of the commits',
    (folder) =>
      turnBit(
        join(folder, 'pg_xact/0000'),
        1,
        settledCommits(folder).findLastIndex((byte) => byte !== 0),
      ),
    { killed: /refused/, closed: /refused/ },
  ],
  ['the commits lost', (folder) => rmSync(join(folder, 'pg_xact/0000')), { killed: /refused/, closed: /refused/ }],
  ['a copy that was not finished', (folder) => copyHalf(folder), { killed: /refused/, closed: /refused/ }],
  [
    'nothing but what stands beside it',
    (folder) => rmSync(folder, { recursive: true }),
    { killed: /refused/, closed: /refused/ },
  ],
];

function turnPageBit(folder: string): void {
  const path = join(folder, oneOf(inFolder(folder, PAGES)));
  turnBit(path, 0, statSync(path).size);
}

/** As a copy that goes through the folder in some order and is cut off in the middle of a file. */
function copyHalf(folder: string): void {
  const paths = inFolder(folder, /^(?:base|global|pg_|PG_)/).filter((path) => statSync(join(folder, path)).isFile());
  const isBackward = random() < 0.5;
  const order = isBackward ? paths.reverse() : paths;
  const cutAt = below(order.length);
  const path = join(folder, order[cutAt] as string);
  truncateSync(path, below(statSync(path).size));
  for (const later of order.slice(cutAt + 1)) rmSync(join(folder, later));
}

describe.each([
  ['killed', 'SIGKILL'],
  ['closed', 'SIGTERM'],
] as const)('F18: the folder of a house that was %s', (way, signal) => {
  test('is whole as it was left', async () => {
    const { dataDir, promised } = ended.get(signal) as Ended;
    expect(promised.length).toBeGreaterThan(POSTINGS / 2);
    const copy = emptyFolder();
    cpSync(dataDir, copy, { recursive: true, preserveTimestamps: true });
    expect(await begin(copy, promised)).toBe('whole');
  });

  test.each(TEARS)(
    `%s (seed ${SEED}), ${TIMES} times`,
    async (what, tear, mayBe) => {
      const { dataDir, promised } = ended.get(signal) as Ended;
      const found: Record<string, number> = {};
      for (let round = 0; round < TIMES; round += 1) {
        const copy = emptyFolder();
        cpSync(dataDir, copy, { recursive: true, preserveTimestamps: true });
        tear(join(copy, 'pglite'));
        const isDatabase = () => existsSync(join(copy, 'pglite/PG_VERSION'));
        const wasDatabase = isDatabase();
        const outcome = await begin(copy, promised);
        found[outcome] = (found[outcome] ?? 0) + 1;
        expect(outcome).toMatch(mayBe[way]);
        // No new one is made over what may be all there is.
        expect(isDatabase()).toBe(wasDatabase);
        // Whoever is started anew by a machine is started often.
        if (outcome === 'refused' && round === 0) expect(await begin(copy, promised)).toBe('refused');
        rmSync(copy, { recursive: true });
      }
      report(`F18 ${what}, ${way}`, TIMES, found);
    },
    PATIENCE_MS,
  );
});
