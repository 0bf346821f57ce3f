/** What the worker is told of the app's files: the hash of each, and which of them a browser may take from its own cache. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listForServiceWorker } from '#web/precache.ts';

const AHEAD = 'const __vite__mapDeps=(i)=>["./nodes/0.a1.js","./nodes/2.b2.js"];import("./nodes/0.a1.js");\n';
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'piaohao-precache-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The list the worker gets when the app is built of these files. */
function listOf(files: Readonly<Record<string, string>>) {
  for (const [path, text] of Object.entries({ ...files, 'service-worker.js': 'list(self.__WB_MANIFEST);' })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  listForServiceWorker(folder);
  const worker = readFileSync(join(folder, 'service-worker.js'), 'utf8');
  const list = JSON.parse(worker.slice('list('.length, -');'.length)) as {
    readonly url: string;
    readonly revision: string | null;
    readonly integrity: string;
  }[];
  return new Map(list.map(({ url, ...rest }) => [url, rest]));
}

test('each file is named with its hash, and one whose name does not tell its bytes is never taken for another', () => {
  const files = {
    'app-shell.html': '<!doctype html>',
    '_app/immutable/chunks/c3.js': 'export const one = 1;\n',
    '_app/immutable/entry/app.d4.js': AHEAD,
    'app-shell.html.br': 'packed',
  };
  const list = listOf(files);
  const digest = (text: string) => createHash('sha256').update(text).digest('base64');
  const told = (text: string, isNamed: boolean) => ({
    revision: isNamed ? null : digest(text),
    integrity: `sha256-${digest(text)}`,
  });
  expect(list).toEqual(
    new Map([
      ['/_app/immutable/chunks/c3.js', told(files['_app/immutable/chunks/c3.js'], true)],
      ['/_app/immutable/entry/app.d4.js', told(AHEAD, false)],
      ['/app-shell.html', told(files['app-shell.html'], false)],
    ]),
  );
  // The next version asks for other files ahead under the same name: the worker must fetch it, past every cache.
  const next = AHEAD.replace('2.b2', '2.e5');
  const renewed = listOf({ ...files, '_app/immutable/entry/app.d4.js': next });
  expect(renewed.get('/_app/immutable/entry/app.d4.js')).toEqual(told(next, false));
});
