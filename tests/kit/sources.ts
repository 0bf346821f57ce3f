/** The project's own sources, for tests that read them: what is made of them, or installed beside them, left out. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** The files of `place` whose names fit `ending`, with their paths from the root of the project. */
export function sourcesIn(place: string, ending: RegExp): { readonly path: string; readonly text: string }[] {
  return readdirSync(join(ROOT, place), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ending.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1))
    .filter((path) => !/(^|\/)(paraglide|\.svelte-kit|node_modules)\//.test(path))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}
