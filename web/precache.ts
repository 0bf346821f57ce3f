/** After the build: tells the service worker every file of the app with its hash, and packs it like the others. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

/** Not part of the app on the phone: packed twins, maps, the worker itself, Kit's version file, pictures for stores. */
const LEFT_OUT = /\.(?:br|gz|map)$|^service-worker\.js$|^_app\/version\.json$|^screenshots\//;
/** Kit names these by their content … */
const NAMED_BY_CONTENT = /^_app\/immutable\//;
/** … but what is asked for ahead is written into them after that: another list does not make another name. */
const LIST_OF_AHEAD = '__vite__mapDeps';
const PLACE = 'self.__WB_MANIFEST';

/** Fills the list of files into `service-worker.js` of the built folder. Fails when the worker has no place for it. */
export function listForServiceWorker(folder: string): void {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => !LEFT_OUT.test(path))
    .sort()
    .map((path) => {
      const bytes = readFileSync(join(folder, path));
      const digest = createHash('sha256').update(bytes).digest('base64');
      // A file with a revision is fetched past the browser's own cache, which goes by the name alone.
      const isNamed = NAMED_BY_CONTENT.test(path) && !bytes.includes(LIST_OF_AHEAD);
      return { url: `/${path}`, revision: isNamed ? null : digest, integrity: `sha256-${digest}` };
    });
  const worker = join(folder, 'service-worker.js');
  const code = readFileSync(worker, 'utf8');
  const parts = code.split(PLACE);
  if (parts.length !== 2) throw new Error(`the service worker names ${PLACE} ${parts.length - 1} times, not once`);
  const filled = Buffer.from(parts.join(JSON.stringify(entries)));
  writeFileSync(worker, filled);
  for (const ending of ['.br', '.gz']) rmSync(worker + ending, { force: true });
  writeFileSync(`${worker}.br`, brotliCompressSync(filled));
  writeFileSync(`${worker}.gz`, gzipSync(filled));
}
