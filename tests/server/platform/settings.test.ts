/** The operator's page names every setting the server reads, and none that it does not. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');

test('every setting stands in OPERATING.md, and every one there is read', () => {
  const code = ['server/platform/config.ts', 'server/main.ts'].map(read).join('\n');
  const asked = new Set([...code.matchAll(/\benv(?:\.|, ')([A-Z][A-Z_]+)/g)].map(([, name]) => name));
  const rows = read('OPERATING.md')
    .split('\n')
    .filter((line) => /^\| `[A-Z][A-Z_]+`/.test(line));
  const told = rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`([A-Z][A-Z_]+)`/g)].map(([, name]) => name),
  );
  expect([...told].sort()).toEqual([...asked].sort());
});

test('every command of the operator that stands in OPERATING.md is a script', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = [...read('OPERATING.md').matchAll(/npm run (?:--silent )?([\w:]+)/g)].map(([, name = '']) => name);
  expect([...new Set(named)].filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
});
