/** The rules of the house that can be read off the imports: who may know whom, and what stands where. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sourcesIn } from '#tests/kit/sources.ts';

const ROOT = join(import.meta.dirname, '..');

/** Lowest rung first; rooms on one rung do not know each other. */
const LADDERS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  shared: [['base'], ['money'], ['statement'], ['protocol'], ['rules'], ['api']],
  server: [
    ['platform'],
    ['ledger'],
    ['logbook'],
    ['region'],
    ['identity'],
    ['allowance'],
    ['loyalty'],
    ['merchant'],
    ['payment'],
    ['transfer'],
    ['till'],
    ['funding'],
    ['account'],
    ['bill'],
    ['proof'],
    ['notice'],
    ['sync'],
    ['notebook'],
    ['support'],
    ['app'],
  ],
  web: [
    ['paraglide'],
    ['ui'],
    ['vault'],
    ['sync'],
    ['identity'],
    ['pay', 'transfer', 'funding', 'bill', 'notebook', 'notice', 'merchant', 'support'],
    ['routes', 'app'],
  ],
};

interface Source {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

function sourcesOf(place: string): Source[] {
  return sourcesIn(place, /\.(ts|svelte)$/).map(({ path, text }) => {
    // At the start of a line or after a closing brace: an import, not the text of one inside a string.
    const found = text.matchAll(
      /(?:^\s*import\s*|^(?:(?!["'`]).)*[}\w*]\s+from\s*|^(?:(?!["'`]).)*\bimport\s*\(\s*)['"]([^'"]+)['"]/gm,
    );
    return { path, text, imports: [...found].map((match) => match[1] ?? '') };
  });
}

const PRODUCT = ['shared', 'server', 'web'].flatMap(sourcesOf);
const EVERYTHING = [...PRODUCT, ...sourcesOf('tests')];

/** `shared/base/id.ts` -> ['shared', 'base']; a file directly in a storey is the storey's own top ('app'). */
function roomOf(path: string): readonly [storey: string, room: string] {
  const [storey = '', room = ''] = path.split('/');
  return [storey, /\.(ts|svelte)$/.test(room) ? 'app' : room];
}

/** The height of a room on its ladder; the sandbox and the setup scripts stand beside the ladder. */
function heightOf(storey: string, room: string): number | undefined {
  const height = LADDERS[storey]?.findIndex((rung) => rung.includes(room)) ?? -1;
  return height < 0 ? undefined : height;
}

function inside(imported: string): string | undefined {
  return imported.startsWith('#') ? imported.slice(1) : undefined;
}

function breaksLadder(from: string, to: string): string | undefined {
  const [storey, room] = roomOf(from);
  const [otherStorey, otherRoom] = roomOf(to);
  if (otherStorey === 'tests') return 'the product does not know its tests';
  if (storey === 'server' && room === 'sandbox') {
    const mayKnow =
      otherStorey === 'shared' || (otherStorey === 'server' && ['platform', 'sandbox'].includes(otherRoom));
    return mayKnow ? undefined : 'the outside world knows only shared and the platform';
  }
  if (otherStorey === 'shared' && storey !== 'shared') return undefined;
  if (storey !== otherStorey) return `${storey} does not know ${otherStorey}`;
  if (room === otherRoom || otherRoom === 'app.css') return undefined;
  const mine = heightOf(storey, room);
  const other = heightOf(storey, otherRoom);
  if (mine === undefined || other === undefined) return `no rung for ${mine === undefined ? room : otherRoom}`;
  return other < mine ? undefined : `${otherRoom} does not stand below ${room}`;
}

function isBackDoor(from: string, to: string): boolean {
  const [storey, room] = roomOf(from);
  const [otherStorey, otherRoom] = roomOf(to);
  if (storey !== 'server' || otherStorey !== 'server' || room === otherRoom) return false;
  if (otherRoom === 'platform' || otherRoom === 'ledger' || otherRoom === 'app') return false;
  const frontDoor = `server/${otherRoom}/${otherRoom}.ts`;
  return to !== frontDoor && !(room === 'app' && to === `server/${otherRoom}/routes.ts`);
}

function violations(check: (source: Source) => readonly string[]): string[] {
  return PRODUCT.flatMap((source) => check(source).map((fault) => `${source.path}: ${fault}`));
}

test('every room imports only its own rung and lower ones', () => {
  const faults = violations(({ path, imports }) =>
    imports.flatMap((imported) => {
      const to = inside(imported);
      const fault = to && breaksLadder(path, to);
      return fault ? [`${imported} (${fault})`] : [];
    }),
  );
  expect(faults).toEqual([]);
});

test('a capability of the server is entered by its front door', () => {
  const faults = violations(({ path, imports }) =>
    imports.flatMap((imported) => {
      const to = inside(imported);
      return to && isBackDoor(path, to) ? [imported] : [];
    }),
  );
  expect(faults).toEqual([]);
});

test('an import names the file it means: an alias with its ending, never a climb, never a barrel', () => {
  const faults = EVERYTHING.flatMap(({ path, text, imports }) => [
    ...imports
      .filter((imported) => /^\.\.?\//.test(imported) && !/^\.\/(\$types|ready\.mjs)/.test(imported))
      .map((name) => `${path}: ${name}`),
    ...imports
      .filter((imported) => imported.startsWith('#') && !/\.\w+(\?\w+(&\w+)?)?$/.test(imported))
      .map((name) => `${path}: ${name}`),
    ...(/^export \* /m.test(text) ? [`${path}: export *`] : []),
  ]);
  expect(faults).toEqual([]);
});

/** What may stand only in some files, told by a pattern on the code without its comments. */
const PLACES: readonly (readonly [rule: string, pattern: RegExp, where: (path: string) => boolean])[] = [
  [
    'SQL stands only in store.ts, schema.sql and the platform',
    /\b(?:SELECT\s[\s\S]{1,200}?\sFROM\s|INSERT INTO\s|UPDATE\s+\w+\s+SET\s|DELETE FROM\s)/,
    (path) => !path.startsWith('server/') || /\/store\.ts$|^server\/platform\/|^server\/sandbox\//.test(path),
  ],
  [
    'the network is touched only in web/sync, the service worker, the platform and the sandbox',
    /(?<![\w.])fetch\(/,
    (path) => /^(?:web\/sync\/|web\/service-worker\.ts|server\/platform\/|server\/sandbox\/)/.test(path),
  ],
  [
    'the vault is watched by web/vault/follow.ts alone',
    /\bliveQuery\b/,
    (path) => !path.startsWith('web/') || path === 'web/vault/follow.ts',
  ],
  [
    'the clock is read only in clock.ts',
    /\bDate\.now\(\)|\bnew Date\(\)/,
    (path) => /\/clock\.ts$|^web\/service-worker\.ts$|^server\/sandbox\//.test(path),
  ],
  [
    'a transaction is one connection, and is asked one thing at a time, except where batches of money are settled',
    /Promise\.all\(\[(?:(?!\]\))[\s\S])*?\(tx\b/,
    // The platform keeps the order of what is asked at once; it gains time only where a statement carries a thousand rows.
    (path) => !path.startsWith('server/') || path === 'server/payment/settle.ts',
  ],
  [
    'shared has no clock, network, storage or Node',
    /\b(?:indexedDB|localStorage|process\.env|from 'node:)/,
    (path) => !path.startsWith('shared/'),
  ],
];

test.each(PLACES)('%s', (_rule, pattern, where) => {
  const faults = PRODUCT.filter(({ path, text }) => !where(path) && pattern.test(withoutComments(text))).map(
    ({ path }) => path,
  );
  expect(faults).toEqual([]);
});

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, '');
}

test('every file opens with a sentence saying what it is for', () => {
  const faults = PRODUCT.filter(({ path, text }) =>
    path.endsWith('.ts') ? !text.startsWith('/**') : !text.startsWith('<!--'),
  ).map(({ path }) => path);
  expect(faults).toEqual([]);
});

test('every exported name of shared and of a front door says what it is', () => {
  const spoken = PRODUCT.filter(({ path }) => {
    const [storey, room] = roomOf(path);
    return storey === 'shared' || path === `server/${room}/${room}.ts`;
  });
  const faults = spoken.flatMap(({ path, text }) =>
    [...text.matchAll(/(^.*\n)?^export (?:async )?(?:function\*?|const|class|type|interface) (\w+)/gm)]
      .filter((match) => !/(?:\*\/|^\s*\*.*)\s*$/.test(match[1] ?? '') && !isOverloadOrTypeTwin(text, match[2] ?? ''))
      .map((match) => `${path}: ${match[2]}`),
  );
  expect(faults).toEqual([]);
});

/** A contract's type has the name of its schema: one sentence serves both. */
function isOverloadOrTypeTwin(text: string, name: string): boolean {
  return [...text.matchAll(new RegExp(`^export (?:const|type|function|interface) ${name}\\b`, 'gm'))].length > 1;
}

test('html5-qrcode still asks for its decoder by the name that vite.config.ts puts ours in place of', () => {
  const asks = readFileSync(join(ROOT, 'node_modules/html5-qrcode/esm/code-decoder.js'), 'utf8');
  expect(asks).toMatch(/from "\.\/zxing-html5-qrcode-decoder"/);
});
