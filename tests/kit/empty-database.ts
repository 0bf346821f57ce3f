/**
 * The embedded database as its engine makes it on its first start, made once for all tests of a machine: making it
 * anew takes two seconds of CPU, and a run of the tests has more than a hundred of them.
 */
import { cpSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { type Database, openDatabase } from '#server/platform/database.ts';
import { putInPlace } from '#server/setup/fetched.mjs';

const ROOT = join(import.meta.dirname, '../..');

/** An empty database that forgets. */
export async function openMemory(): Promise<Database> {
  const image = new Blob([readFileSync(join(await madeOnce(), 'image.tar'))]);
  return openDatabase({ dataDir: 'memory', image });
}

/** Puts an empty database into `dataDir`, where the house looks for it. */
export async function putEmpty(dataDir: string): Promise<void> {
  cpSync(join(await madeOnce(), 'pglite'), join(dataDir, 'pglite'), { recursive: true });
}

/** The folder with both forms; whoever comes first makes it, of several at once the first to end. */
async function madeOnce(): Promise<string> {
  const { version } = JSON.parse(
    readFileSync(join(ROOT, 'node_modules/@electric-sql/pglite/package.json'), 'utf8'),
  ) as {
    version: string;
  };
  const place = join(tmpdir(), `piaohao-empty-${version}-${process.getuid?.() ?? 0}`);
  if (existsSync(place)) return place;
  const making = mkdtempSync(`${place}-`);
  const engine = await PGlite.create({ dataDir: join(making, 'pglite') });
  const image = await engine.dumpDataDir('none');
  await engine.close();
  writeFileSync(join(making, 'image.tar'), Buffer.from(await image.arrayBuffer()));
  putInPlace(making, place);
  return place;
}
