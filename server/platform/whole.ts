/**
 * Whether the folder of the embedded database holds all that was answered: an engine that finds less in it starts with less
 * and says nothing. It is held against the sums of its pages and against two files beside it: how large its files were when
 * they were last put on the disk, and how far its log went when somebody was last answered.
 */
import { closeSync, existsSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** Thrown instead of serving less than was promised; the message is for the operator. */
export class FolderDamaged extends Error {
  override readonly name = 'FolderDamaged';
  constructor(dataDir: string, what: string) {
    super(
      `The embedded database in ${dataDir} is damaged: ${what}. Nothing was served from it. Keep a copy, move the folder pglite away and put a backup back: npm run restore (see OPERATING.md, "The embedded database is damaged").`,
    );
  }
}

/** The files beside the folder `pglite` of a house. */
export const SETTLED = 'pglite.settled';
export const ANSWERED = 'pglite.answered';

/** What the engine is asked here. */
export type Ask = <Row>(text: string, values?: readonly string[]) => Promise<Row[]>;

/** What the folder was like: its files by their path in it, and the bytes of those that say what was committed. */
interface Likeness {
  readonly sizes: Readonly<Record<string, number>>;
  readonly commits: Readonly<Record<string, string>>;
}

const RELATION = /^(?:base\/\d+|global)\/\d+(?:_[a-z]+)?(?:\.\d+)?$/;
/** Which transactions were committed: files that only grow, since nothing here ever removes what is old. */
const COMMITS = /^pg_(?:xact|multixact\/\w+)\/[0-9A-F]+$/;
/** Two bits for each transaction. Nothing else of what the engine keeps carries no sum and decides what is in a table. */
const OUTCOMES = /^pg_xact\/[0-9A-F]+$/;
const ALONE = /^(?:PG_VERSION|global\/pg_control|(?:base\/\d+|global)\/pg_filenode\.map)$/;
const PLACES = ['', 'global', 'pg_xact', 'pg_multixact/members', 'pg_multixact/offsets'];

/** The sizes of all files in `folder` that never become smaller while what they hold is needed, as text for {@link SETTLED}. */
export async function likenessOf(folder: string): Promise<string> {
  const sizes: Record<string, number> = {};
  const commits: Record<string, string> = {};
  for (const place of [...PLACES, ...(await databases(folder))]) {
    for (const name of await readdir(join(folder, place))) {
      const path = place ? `${place}/${name}` : name;
      if (![RELATION, COMMITS, ALONE].some((kind) => kind.test(path))) continue;
      // What is dropped at this moment is nobody's any more.
      const found = await stat(join(folder, path)).catch(() => undefined);
      if (found) sizes[path] = found.size;
      if (OUTCOMES.test(path)) commits[path] = await readFile(join(folder, path), 'base64');
    }
  }
  return JSON.stringify({ sizes, commits } satisfies Likeness);
}

async function databases(folder: string): Promise<string[]> {
  return (await readdir(join(folder, 'base'))).filter((name) => /^\d+$/.test(name)).map((name) => `base/${name}`);
}

/** Files that are smaller than when they were last put on the disk: some may belong to what was dropped since. */
type Shrunk = readonly string[];

/** Looks at the folder before the engine does, which would make a new database of one without its first file. */
export async function lookBefore(dataDir: string): Promise<Shrunk> {
  const folder = join(dataDir, 'pglite');
  const isEmpty = !existsSync(join(folder, 'PG_VERSION'));
  const wasThere = [join(folder, 'global/pg_control'), join(dataDir, SETTLED), join(dataDir, ANSWERED)].some(
    existsSync,
  );
  if (isEmpty && wasThere) throw new FolderDamaged(dataDir, 'its file PG_VERSION is gone');
  if (isEmpty) return [];
  const shrunk: string[] = [];
  const { sizes, commits } = await settledLikeness(dataDir);
  for (const [path, size] of Object.entries(sizes)) {
    const now = await stat(join(folder, path)).catch(() => undefined);
    if (now && now.size >= size) continue;
    if (!RELATION.test(path)) throw new FolderDamaged(dataDir, shorter(path));
    shrunk.push(path);
  }
  for (const [path, before] of Object.entries(commits)) {
    const now = await readFile(join(folder, path));
    const changed = Buffer.from(before, 'base64').findIndex((four, at) => !isLater(four, now[at] as number));
    if (changed >= 0) throw new FolderDamaged(dataDir, `byte ${changed} of its file ${path} is not as it was written`);
  }
  return shrunk;
}

/** Of four transactions, those that were committed (01) or given up (10) stay so for ever. */
function isLater(before: number, now: number): boolean {
  return [0, 2, 4, 6].every((shift) => {
    const outcome = (before >> shift) & 3;
    return outcome === 0 || outcome === 3 || outcome === ((now >> shift) & 3);
  });
}

async function settledLikeness(dataDir: string): Promise<Likeness> {
  const text = await readFile(join(dataDir, SETTLED), 'utf8').catch(() => '');
  try {
    // A house of before left an empty file.
    return text === '' ? { sizes: {}, commits: {} } : (JSON.parse(text) as Likeness);
  } catch {
    throw new FolderDamaged(dataDir, `the file ${SETTLED} is not as it was written`);
  }
}

/** The path of a table's or an index's first file, by which the catalogue names it. */
const relationOf = (path: string) => path.replace(/[_.].*/, '');
const shorter = (path: string) => `its file ${path} is gone or shorter than it was`;

/** Looks at what the engine has made of the folder, before anybody is served from it. Throws {@link FolderDamaged}. */
export async function lookAfter(dataDir: string, ask: Ask, shrunk: Shrunk): Promise<void> {
  const folder = join(dataDir, 'pglite');
  await lookAtLog(dataDir, ask);
  const rows = await ask<{ path: string }>(
    `select pg_relation_filepath(oid) as path from pg_class where relkind in ('r', 'i', 't', 'S', 'm') and relpersistence <> 't'`,
  );
  const needed = new Set(rows.map(({ path }) => path));
  const lost = shrunk.find((path) => needed.has(relationOf(path)));
  const gone = [...needed].find((path) => !existsSync(join(folder, path)));
  if (lost ?? gone) throw new FolderDamaged(dataDir, shorter(lost ?? gone ?? ''));
  const bytes = new Uint8Array(PAGE * PAGES_A_LOOK);
  for (const place of ['global', ...(await databases(folder))]) {
    for (const name of await readdir(join(folder, place))) {
      const path = `${place}/${name}`;
      // What a crash left of a table that never came to be is nobody's. Where there is room in a file may be wrong after one:
      // the engine makes it anew and takes no row from it.
      if (!needed.has(relationOf(path)) || name.includes('_fsm')) continue;
      const page = await wrongPage(join(folder, path), segmentOf(name), bytes);
      if (page !== undefined)
        throw new FolderDamaged(dataDir, `page ${page} of its file ${path} is not as it was written`);
    }
  }
}

/** The engine takes a log that was cut short for one that ends there. */
async function lookAtLog(dataDir: string, ask: Ask): Promise<void> {
  const text = readAnswered(dataDir);
  if (text === undefined) return;
  if (!/^[0-9A-F]+\/[0-9A-F]+$/.test(text))
    throw new FolderDamaged(dataDir, `the file ${ANSWERED} is not as it was written`);
  const [end] = await ask<{ isThere: boolean }>(
    'select checkpoint_lsn >= $1::pg_lsn as "isThere" from pg_control_checkpoint()',
    [text],
  );
  if (end?.isThere) return;
  // The engine goes on from where it took the log to end, and would be past what was answered after some more starts.
  openAnswered(dataDir)(BEYOND);
  throw new FolderDamaged(
    dataDir,
    `its log (pg_wal) ends before what was answered${text === BEYOND ? '' : ` (${text})`}`,
  );
}

const BEYOND = 'FFFFFFFF/FFFFFFFF';

function readAnswered(dataDir: string): string | undefined {
  try {
    return readFileSync(join(dataDir, ANSWERED), 'utf8').trim();
  } catch {
    return undefined;
  }
}

/**
 * A function that keeps how far the log went. It writes over the few bytes of before and does not wait for the disk: a
 * process that dies takes nothing of it, and a power cut at worst leaves an older word, which asks for less.
 */
export function openAnswered(dataDir: string): (end: string) => void {
  const path = join(dataDir, ANSWERED);
  const before = readAnswered(dataDir);
  let file: number | undefined;
  return (end) => {
    file ??= openSync(path, before === undefined ? 'w' : 'r+', 0o600);
    writeSync(file, `${end.padEnd(BEYOND.length)}\n`, 0);
  };
}

const PAGE = 8_192;
const PAGES_A_FILE = 131_072;
const PAGES_A_LOOK = 128;

function segmentOf(name: string): number {
  return Number(name.split('.')[1] ?? 0);
}

/** The number of the first page whose sum is not the one it carries; nobody else is kept waiting yet, so it reads by itself. */
async function wrongPage(path: string, segment: number, bytes: Uint8Array<ArrayBuffer>): Promise<number | undefined> {
  const file = openSync(path, 'r');
  try {
    for (let first = 0; ; first += PAGES_A_LOOK) {
      const read = readSync(file, bytes, 0, bytes.length, first * PAGE);
      for (let at = 0; (at + 1) * PAGE <= read; at += 1) {
        const number = segment * PAGES_A_FILE + first + at;
        if (isAsWritten(bytes.buffer, at, number)) continue;
        // The engine has just begun, and may be writing this page at this moment.
        await pause(100);
        const again = new Uint8Array(PAGE);
        readSync(file, again, 0, PAGE, (first + at) * PAGE);
        if (!isAsWritten(again.buffer, 0, number)) return number;
      }
      if (read < bytes.length) return undefined;
    }
  } finally {
    closeSync(file);
  }
}

const WORDS = PAGE / 4;
const SUMS = 32;
const PRIME = 16_777_619;
/** The word of a page that holds its sum, in its lower half, and the word whose upper half is 0 in a page not yet used. */
const SUM_WORD = 2;
const UPPER_WORD = 3;
// biome-ignore format: a table.
const BEGINNINGS = [
  0x5b1f36e9, 0xb8525960, 0x02ab50aa, 0x1de66d2a, 0x79ff467a, 0x9bb9f8a3, 0x217e7cd2, 0x83e13d2c,
  0xf8d4474f, 0xe39eb970, 0x42c6ae16, 0x993216fa, 0x7b093b5d, 0x98daff3c, 0xf718902a, 0x0b1c9cdb,
  0xe58f764b, 0x187636bc, 0x5d7b3bb1, 0xe73de7de, 0x92bec979, 0xcca6c0b2, 0x304a0979, 0x85aa43d4,
  0x783125bb, 0x6ca8eaa2, 0xe407eac6, 0x4b5cfc3e, 0x9fbf8c76, 0x15ca20be, 0xf2ca9fd3, 0x959bd756,
];

/** As src/include/storage/checksum_impl.h of PostgreSQL sums a page. */
function isAsWritten(buffer: ArrayBuffer, at: number, number: number): boolean {
  const words = new Int32Array(buffer, at * PAGE, WORDS);
  const carried = (words[SUM_WORD] as number) & 0xffff;
  if ((words[UPPER_WORD] as number) >>> 16 === 0) return words.every((word) => word === 0);
  const sums = Int32Array.from(BEGINNINGS);
  let all = 0;
  words[SUM_WORD] = (words[SUM_WORD] as number) & ~0xffff;
  for (let word = 0; word < WORDS; word += 1) {
    const column = word % SUMS;
    sums[column] = mixed((sums[column] as number) ^ (words[word] as number));
  }
  for (const sum of sums) all ^= mixed(mixed(sum));
  return (((all ^ number) >>> 0) % 65_535) + 1 === carried;
}

function mixed(sum: number): number {
  return Math.imul(sum, PRIME) ^ (sum >>> 17);
}
