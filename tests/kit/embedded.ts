/**
 * The embedded database as its engine makes it and as a first start of the house leaves it, made once for all tests of a
 * machine: the engine takes two seconds of CPU for the one and the steps two more for the other, and a run of the tests
 * opens some hundreds.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { type Database, openDatabase } from '#server/platform/database.ts';
import { migrate } from '#server/platform/migrate.ts';
import { putInPlace } from '#server/setup/fetched.mjs';

const SERVER = join(import.meta.dirname, '../../server');
const ENGINE = join(SERVER, '../node_modules/@electric-sql/pglite');

/** What is in a database at first: the tables of every capability, or nothing at all. */
export type Beginning = 'migrated' | 'empty';

/** Pages of 8 kB the engine holds in memory beside its files, which are in memory too: its own 16,384 have to be cleared first. */
const PAGES = '1024';

/** A database that forgets. */
export async function openMemory(beginning: Beginning = 'migrated'): Promise<Database> {
  return openDatabase({
    dataDir: 'memory',
    begin: {
      loadDataDir: new Image(beginning),
      pgliteWasmModule: await compiled(),
      startParams: [...PGlite.defaultStartParams, '-B', PAGES],
    },
  });
}

/** Puts a migrated database into `dataDir`, where the house looks for it. */
export async function putMigrated(dataDir: string): Promise<void> {
  cpSync(join(await madeOnce(), 'pglite'), join(dataDir, 'pglite'), { recursive: true });
}

/** Brings `database` forward as the house does. The whole house is read for its list, so only where one is made. */
export async function bringForward(database: Database): Promise<void> {
  const { schemas } = await import('#server/app.ts');
  await migrate(database, schemas());
}

let engine: Promise<WebAssembly.Module> | undefined;

/** The engine is compiled once for all databases of a process. */
function compiled(): Promise<WebAssembly.Module> {
  engine ??= WebAssembly.compile(readFileSync(join(ENGINE, 'dist/pglite.wasm')));
  return engine;
}

/** A packed folder. Node's own Blob hands forty megabytes over piece by piece, which takes longer than all the rest. */
class Image extends Blob {
  readonly #beginning: Beginning;
  constructor(beginning: Beginning) {
    super();
    this.#beginning = beginning;
  }
  override async arrayBuffer(): Promise<ArrayBuffer> {
    return Uint8Array.from(readFileSync(join(await madeOnce(), `${this.#beginning}.tar`))).buffer;
  }
}

let made: Promise<string> | undefined;

/** The folder with all forms. */
function madeOnce(): Promise<string> {
  made ??= make();
  return made;
}

/** Makes the folder where there is none; of several processes at once the first to end. */
async function make(): Promise<string> {
  const place = join(tmpdir(), `piaohao-embedded-${fingerprint()}-${process.getuid?.() ?? 0}`);
  if (existsSync(place)) return place;
  const making = mkdtempSync(`${place}-`);
  const folder = join(making, 'pglite');
  const pack = async (beginning: Beginning, database: PGlite) => {
    await database.exec('CHECKPOINT');
    const image = await database.dumpDataDir('none');
    writeFileSync(join(making, `${beginning}.tar`), Buffer.from(await image.arrayBuffer()));
    await database.close();
  };
  await pack('empty', await PGlite.create({ dataDir: folder }));
  const database = await openDatabase({ dataDir: making });
  await bringForward(database);
  await database.close();
  await pack('migrated', await PGlite.create({ dataDir: folder }));
  putInPlace(making, place);
  return place;
}

/** Another engine, another schema or another way to bring it forward make another database. */
function fingerprint(): string {
  const hash = createHash('sha256');
  const schemas = globSync(join(SERVER, '*/schema.sql')).sort();
  for (const path of [
    join(ENGINE, 'package.json'),
    join(SERVER, 'platform/migrate.ts'),
    import.meta.filename,
    ...schemas,
  ])
    hash.update(readFileSync(path));
  return hash.digest('hex').slice(0, 16);
}
