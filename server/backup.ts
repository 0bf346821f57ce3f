/**
 * Backups of the whole house: database and keys in one sealed file, put back only whole, only where no house is, and proved.
 * Invariant: nothing is written before every byte of the file was found as it was written.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { schemas } from '#server/app.ts';
import { ledgerAudit } from '#server/ledger/audit-command.ts';
import { steadyMs } from '#server/platform/clock.ts';
import { runInHouse } from '#server/platform/command.ts';
import { type Config, readConfig } from '#server/platform/config.ts';
import { openDatabase } from '#server/platform/database.ts';
import { type DumpHead, dumpCommand, loadDump, NotLoadable, type Print, readDump } from '#server/platform/dump.ts';
import { makeFolder } from '#server/platform/folder.ts';
import { lockFolder } from '#server/platform/folder-lock.ts';
import { syncFile, writeNewFile } from '#server/platform/keeper.ts';
import { NotWhole, openSafe, type Safe, writeSafe } from '#server/platform/safe.ts';
import { ANSWERED, SETTLED } from '#server/platform/whole.ts';
import { paymentAudit } from '#server/proof/proof.ts';
import { keyFiles, logbookAudit } from '#server/region/region.ts';
import { assert } from '#shared/base/assert.ts';
import { fromBase64url, toBase64url, toHex } from '#shared/base/bytes.ts';
import { kidOf } from '#shared/protocol/cose.ts';

/** Where what happens is told. */
type Say = (line: string) => void;

/** The first line of a backup: whose it is, and the files of its keys unless they are kept elsewhere. */
interface About {
  readonly root: string;
  readonly keys: Readonly<Record<string, string>> | null;
}

/** A backup that was read to its end. */
interface Proved {
  readonly safe: Safe;
  readonly about: About;
  readonly head: DumpHead;
  readonly prints: ReadonlyMap<string, Print>;
}

const PASSPHRASE_LEAST = 16;
const USAGE = {
  backup: 'npm run backup -- FILE --passphrase-file PATH [--without-keys]',
  restore: 'npm run restore -- FILE --passphrase-file PATH',
  drill: 'npm run drill -- [FILE] --passphrase-file PATH [--into DATABASE_URL]',
};

/** `npm run backup`: writes the house of DATABASE_URL or DATA_DIR, running or not, into a new file. */
export async function backup(args: readonly string[], say: Say): Promise<number> {
  const { file, passphrase, withoutKeys } = readWords('backup', args);
  if (file === undefined) throw new Error(USAGE.backup);
  await makeBackup(file, passphrase, withoutKeys, say);
  return 0;
}

async function makeBackup(file: string, passphrase: string, withoutKeys: boolean, say: Say): Promise<void> {
  const { keysDir } = readConfig(process.env);
  const began = steadyMs();
  const bytes = await writeSafe(file, passphrase, backupLines(keysDir, withoutKeys));
  const seconds = ((steadyMs() - began) / 1000).toFixed(1);
  say(
    `${file}: ${bytes.toLocaleString('en')} bytes in ${seconds} s, ${withoutKeys ? 'without the keys' : 'with the keys'}.`,
  );
}

async function* backupLines(keysDir: string, withoutKeys: boolean): AsyncGenerator<string> {
  if (!existsSync(join(keysDir, 'root.pem'))) throw new Error(`The keys of this house are not in ${keysDir}.`);
  const root = toBase64url(keyFiles(keysDir)('root').key);
  // A key made while the rows are read has signed nothing in them.
  const keys = withoutKeys ? null : readKeys(keysDir);
  yield JSON.stringify({ root, keys } satisfies About);
  yield* heard((hear) => runInHouse(dumpCommand, [], hear));
}

function readKeys(folder: string): Record<string, string> {
  const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(names.map(({ name }) => [name, toBase64url(readFileSync(join(folder, name)))]));
}

/** What `work` says, line by line; it waits with the next one until this one was taken. */
async function* heard(work: (hear: (line: string) => Promise<void>) => Promise<number>): AsyncGenerator<string> {
  let next = Promise.withResolvers<{ readonly line: string; readonly taken: () => void } | undefined>();
  const done = work((line) => {
    const taken = Promise.withResolvers<void>();
    next.resolve({ line, taken: taken.resolve });
    return taken.promise;
  });
  done.then(
    (status) => (status === 0 ? next.resolve(undefined) : next.reject(new Error('the house did not tell everything'))),
    (error: unknown) => next.reject(error),
  );
  for (let said = await next.promise; said !== undefined; said = await next.promise) {
    next = Promise.withResolvers();
    yield said.line;
    said.taken();
  }
}

/** `npm run restore`: puts a backup back into an empty DATABASE_URL or a DATA_DIR without a house, and proves it. */
export async function restore(args: readonly string[], say: Say): Promise<number> {
  const { file, passphrase } = readWords('restore', args);
  if (file === undefined) throw new Error(USAGE.restore);
  return restoreInto(readConfig(process.env), await prove(file, passphrase, say), say);
}

/** Reads a backup from its first byte to its last, and keeps what must be found again after it was put back. */
async function prove(file: string, passphrase: string, say: Say): Promise<Proved> {
  const safe = await openSafe(file, passphrase);
  try {
    const [first] = await take(safe.lines());
    assert(first !== undefined, 'a backup has a first line');
    const about = JSON.parse(first) as About;
    const { head, prints } = await readDump(afterFirst(safe.lines()));
    const rows = [...prints.values()].reduce((sum, print) => sum + print.rows, 0);
    const keys = about.keys === null ? 'no keys' : `${Object.keys(about.keys).length} key files`;
    say(
      `${file} is whole: house ${nameOf(about)}, ${new Date(head.at).toISOString()}, ${prints.size} tables, ${rows} rows, ${keys}.`,
    );
    return { safe, about, head, prints };
  } catch (error) {
    // What the seal holds was written by a backup: a fault in it is one of the file all the same.
    throw error instanceof NotLoadable ? new NotWhole(`${file} is no whole backup: ${error.message}.`) : error;
  }
}

async function take(lines: AsyncGenerator<string>): Promise<string[]> {
  for await (const line of lines) return [line];
  return [];
}

async function* afterFirst(lines: AsyncGenerator<string>): AsyncGenerator<string> {
  let first = true;
  for await (const line of lines) {
    if (!first) yield line;
    first = false;
  }
}

function nameOf({ root }: About): string {
  return toHex(kidOf(fromBase64url(root) ?? new Uint8Array()));
}

async function restoreInto(config: Config, proved: Proved, say: Say): Promise<number> {
  const began = steadyMs();
  try {
    if (config.databaseUrl) await restoreServer(config, proved);
    else await restoreFolder(config, proved);
  } catch (error) {
    throw error instanceof NotLoadable ? new Error(`It is not put back: ${error.message}.`, { cause: error }) : error;
  }
  const rows = [...proved.prints.values()].reduce((sum, print) => sum + print.rows, 0);
  say(`Put back in ${((steadyMs() - began) / 1000).toFixed(1)} s: ${rows} rows, each as it was.`);
  const database = await openDatabase({ ...config, diskFloorBytes: 0, statementTimeoutMs: 600_000 });
  try {
    // Without statistics a batch is looked up by reading whole tables.
    await database.query('analyze');
    const desk = { database, config, say: async (line: string) => say(line) };
    const outcomes: number[] = [];
    for (const audit of [ledgerAudit, paymentAudit, logbookAudit]) outcomes.push(await audit.run(desk, []));
    return Math.max(...outcomes);
  } finally {
    await database.close();
  }
}

async function restoreServer(config: Config, proved: Proved): Promise<void> {
  const database = await openDatabase({ ...config, statementTimeoutMs: 600_000 });
  try {
    putKeys(config.keysDir, proved.about);
    await loadProved(database, proved);
  } finally {
    await database.close();
  }
}

/** Beside its place first: the folder of a house appears with all that is in it. */
async function restoreFolder(config: Config, proved: Proved): Promise<void> {
  const unlock = await lockFolder(config.dataDir);
  const scratch = mkdtempSync(join(config.dataDir, 'restoring-'));
  try {
    if (existsSync(join(config.dataDir, 'pglite'))) {
      throw new NotLoadable(`there is a house in ${config.dataDir} already: nothing is ever written over a house`);
    }
    putKeys(config.keysDir, proved.about);
    const database = await openDatabase({ dataDir: scratch, diskFloorBytes: 0, statementTimeoutMs: 600_000 });
    try {
      await loadProved(database, proved);
    } finally {
      await database.close();
    }
    for (const name of [ANSWERED, SETTLED, 'pglite']) renameSync(join(scratch, name), join(config.dataDir, name));
    await syncFile(config.dataDir, 'all');
  } finally {
    rmSync(scratch, { recursive: true, force: true });
    unlock();
  }
}

function loadProved(database: Parameters<typeof loadDump>[0], { safe, head, prints }: Proved): Promise<void> {
  return loadDump(database, () => afterFirst(safe.lines()), { head, prints }, schemas());
}

/** The keys of the backup, where they are not there already; those of another house stay what they are, and end it. */
function putKeys(folder: string, about: About): void {
  const there = existsSync(join(folder, 'root.pem')) ? toBase64url(keyFiles(folder)('root').key) : undefined;
  if (there !== undefined && there !== about.root) {
    throw new NotLoadable(`it is of another house: ${folder} holds the keys of ${nameOf({ root: there, keys: null })}`);
  }
  if (about.keys === null) {
    if (there === undefined)
      throw new NotLoadable(`it holds no keys: put those of house ${nameOf(about)} into ${folder} first`);
    return;
  }
  makeFolder(folder);
  for (const [name, text] of Object.entries(about.keys)) {
    const path = join(folder, name);
    const bytes = fromBase64url(text);
    assert(bytes !== undefined && /^[\w.-]+$/.test(name), 'a key file has a plain name');
    if (!existsSync(path)) writeNewFile(path, bytes);
    else if (toBase64url(readFileSync(path)) !== text)
      throw new NotLoadable(`the key file ${path} differs from the backup's`);
  }
}

/**
 * `npm run drill`: puts a backup (FILE, or one made now) back beside the house, on the embedded database or into the empty
 * database `--into`, proves it and throws it away. Ends with 0 when the house could have been put back from it.
 */
export async function drill(args: readonly string[], say: Say): Promise<number> {
  const { file, passphrase, into } = readWords('drill', args);
  const scratch = mkdtempSync(join(tmpdir(), 'piaohao-drill-'));
  try {
    const source = file ?? join(scratch, 'now.backup');
    if (file === undefined) await makeBackup(source, passphrase, false, say);
    const proved = await prove(source, passphrase, say);
    const config = readConfig({
      DATA_DIR: join(scratch, 'house'),
      ...(into === undefined ? {} : { DATABASE_URL: into }),
    });
    const status = await restoreInto(config, proved, say);
    say(status === 0 ? 'The drill is passed.' : 'The drill has failed.');
    return status;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

interface Words {
  readonly file: string | undefined;
  readonly passphrase: string;
  readonly withoutKeys: boolean;
  readonly into: string | undefined;
}

function readWords(verb: keyof typeof USAGE, args: readonly string[]): Words {
  const options = {
    'passphrase-file': { type: 'string' },
    'without-keys': { type: 'boolean', default: false },
    into: { type: 'string' },
  } as const;
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const { 'without-keys': withoutKeys, into } = values;
  const path = values['passphrase-file'];
  const [file, ...more] = positionals;
  const isOthers = (withoutKeys && verb !== 'backup') || (into !== undefined && verb !== 'drill');
  if (path === undefined || more.length > 0 || isOthers) throw new Error(USAGE[verb]);
  const passphrase = readFileSync(path, 'utf8').trim();
  if (passphrase.length < PASSPHRASE_LEAST) {
    throw new Error(
      `The passphrase in ${path} has at least ${PASSPHRASE_LEAST} characters: openssl rand -base64 24 > ${path}`,
    );
  }
  return { file, passphrase, withoutKeys, into };
}
