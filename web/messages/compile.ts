/**
 * Turns the message files of both languages into one small typed function a message (web/paraglide, not committed).
 * Run as a command (`node web/messages/compile.ts`), and by the Vite plugin before a build and after every change.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import type { Plugin } from 'vite';

const ROOT = join(import.meta.dirname, '../..');
const FILES = import.meta.dirname;
const OUT = join(ROOT, 'web/paraglide');
const PROJECT = join(ROOT, 'node_modules/.cache/piaohao/messages.inlang');
/** What the messages were compiled from the last time: they take as long as the rest of a build. */
const COMPILED_FROM = join(OUT, '.compiled-from');
const READER = join(ROOT, 'node_modules/@inlang/plugin-message-format/dist/index.js');

/** The Vite plugin: compiles the messages first, and again when one changes. */
export function messages(): Plugin {
  return {
    name: 'messages',
    enforce: 'pre',
    buildStart: { order: 'pre', sequential: true, handler: once(compileApart) },
    configureServer(server) {
      server.watcher.add(FILES);
      server.watcher.on('change', (file) => {
        if (file.startsWith(FILES) && file.endsWith('.json')) void compileApart();
      });
    },
  };
}

/** In a process of its own: the compiler leaves a timer behind that would keep the build waiting half a minute. */
async function compileApart(): Promise<void> {
  await promisify(execFile)(process.execPath, [import.meta.filename], { cwd: ROOT });
}

/** A build has three environments; the messages are the same in all of them. */
function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}

/** One hash over the messages, this file and the lock that names the compiler. */
function sources(): string {
  const hash = createHash('sha256');
  const files = readdirSync(FILES)
    .sort()
    .map((name) => join(FILES, name));
  for (const file of [...files, join(ROOT, 'package-lock.json')])
    hash.update(relative(ROOT, file)).update(readFileSync(file));
  return hash.digest('hex');
}

async function compileMessages(): Promise<void> {
  const from = sources();
  if (existsSync(COMPILED_FROM) && readFileSync(COMPILED_FROM, 'utf8') === from) return;
  await compileAnew();
  writeFileSync(COMPILED_FROM, from);
}

async function compileAnew(): Promise<void> {
  const names = [...new Set(readdirSync(FILES).filter((name) => name.endsWith('.json')))];
  const capabilities = [...new Set(names.map((name) => name.replace(/\.(zh|en)\.json$/, '')))].sort();
  mkdirSync(PROJECT, { recursive: true });
  // Paths of the project file are relative to the folder that holds the project.
  const from = join(PROJECT, '..');
  const settings = {
    baseLocale: 'zh',
    locales: ['zh', 'en'],
    telemetry: 'off',
    modules: [relative(from, READER)],
    'plugin.inlang.messageFormat': {
      pathPattern: capabilities.map((name) => relative(from, join(FILES, `${name}.{locale}.json`))),
    },
  };
  writeFileSync(join(PROJECT, 'settings.json'), JSON.stringify(settings, null, 2));
  const { compile } = await import('@inlang/paraglide-js');
  await compile({
    project: PROJECT,
    outdir: OUT,
    strategy: ['localStorage', 'preferredLanguage', 'baseLocale'],
    localStorageKey: 'language',
    // Other processes may be reading: files are replaced, never first taken away.
    cleanOutdir: false,
    emitTsDeclarations: true,
    emitReadme: false,
    emitPrettierIgnore: false,
    emitGitIgnore: false,
  });
  writeRefusalWords();
}

/** One table from a refusal code to its two messages, so that only the screens that show refusals load all of them. */
function writeRefusalWords(): void {
  const words = Object.keys(JSON.parse(readFileSync(join(FILES, 'refusal.zh.json'), 'utf8')) as object);
  const list = (prefix: string) =>
    words.filter((key) => key.startsWith(prefix)).map((key) => `  ${key.slice(prefix.length)}: m.${key},\n`);
  writeFileSync(
    join(OUT, 'refusals.js'),
    `import * as m from './messages/_index.js';\nexport const refusals = {\n${list('refusal_').join('')}};\nexport const remedies = {\n${list('remedy_').join('')}};\n`,
  );
  const table = 'Readonly<Record<string, (words: Record<string, unknown>) => string>>';
  writeFileSync(
    join(OUT, 'refusals.d.ts'),
    `export declare const refusals: ${table};\nexport declare const remedies: ${table};\n`,
  );
}

if (process.argv[1] === import.meta.filename) {
  await compileMessages();
  process.exit(0);
}
