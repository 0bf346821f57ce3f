/** The table of threats in SECURITY.md names a proof for each; here it is seen that every proof is there and is run. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

interface Row {
  readonly threat: string;
  readonly defence: string;
  readonly proofs: readonly { readonly file: string; readonly title: string }[];
}

const rows: readonly Row[] = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8')
  .split('\n')
  .filter((line) => /^\| T\d+ \|/.test(line))
  .map((line) => {
    const [, threat = '', , defence = '', proof = ''] = line.split(/ ?\| ?/);
    const named = proof.matchAll(/`([^`]+)` "([^"]+)"/g);
    return { threat, defence, proofs: [...named].map(([, file = '', title = '']) => ({ file, title })) };
  });

/** Whether `source` has a test or a group of tests of exactly this title, which nothing skips. */
function isRun(source: string, title: string): boolean {
  return ["'", '"', '`'].some((quote) => {
    const at = source.indexOf(`(${quote}${title}${quote}`);
    return at >= 0 && !/\.(?:skip|todo|fails)\w*$/.test(source.slice(0, at));
  });
}

test('fifteen threats, each with a defence and a proof', () => {
  expect(rows.map(({ threat }) => threat)).toEqual(Array.from({ length: 15 }, (_, at) => `T${at + 1}`));
  for (const { threat, defence, proofs } of rows) {
    expect(defence.length, threat).toBeGreaterThan(20);
    expect(proofs.length, threat).toBeGreaterThan(1);
  }
});

describe.each(rows)('$threat', ({ proofs }) => {
  test.each(proofs)('$file: $title', ({ file, title }) => {
    expect(file).toMatch(/^tests\/.+\.test\.ts$/);
    expect(existsSync(join(ROOT, file)), file).toBe(true);
    expect(isRun(readFileSync(join(ROOT, file), 'utf8'), title)).toBe(true);
  });
});

test('a proof that is not there, is skipped or is only spoken of is no proof', () => {
  expect(isRun("test('a', () => {})", 'a')).toBe(true);
  expect(isRun("test('ab', () => {})", 'a')).toBe(false);
  expect(isRun("test.skip('a', () => {})", 'a')).toBe(false);
  expect(isRun('// a', 'a')).toBe(false);
});
