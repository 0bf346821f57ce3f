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

const SKIPS = /\.(?:skip|skipIf|runIf|todo|fails)\b/;

/**
 * Whether `source` has a test or a group of tests of exactly this title, which nothing skips: not itself, nor a group
 * around it, nor a word inside of it. What stands around what is read off the indentation, which the formatter sees to.
 */
function isRun(source: string, title: string): boolean {
  return ["'", '"', '`'].some((quote) => {
    const at = source.indexOf(`(${quote}${title}${quote}`);
    if (at < 0) return false;
    const lines = source.split('\n');
    const line = source.slice(0, at).split('\n').length - 1;
    return ![...openingsAround(lines, line), ...bodyOf(lines, line)].some((one) => SKIPS.test(one));
  });
}

const depthOf = (line: string) => line.search(/\S/);

/** The lines by which what stands at `line` begins, and everything around it. */
function openingsAround(lines: readonly string[], line: number): string[] {
  const openings = [lines[line] ?? ''];
  let depth = depthOf(lines[line] ?? '');
  // A table of cases stands between what opens it and the title: `])('…'` belongs to the line that opened the table.
  let isInside = /^\s*[\])}`]/.test(lines[line] ?? '');
  for (let at = line - 1; at >= 0; at -= 1) {
    const text = lines[at] ?? '';
    const here = depthOf(text);
    if (here < 0 || here > depth || (here === depth && !isInside)) continue;
    openings.push(text);
    depth = here;
    isInside = /^\s*[\])}`]/.test(text);
  }
  return openings;
}

/** What stands in what begins at `line`. */
function bodyOf(lines: readonly string[], line: number): string[] {
  const depth = depthOf(lines[line] ?? '');
  const rest = lines.slice(line + 1);
  const end = rest.findIndex((text) => depthOf(text) >= 0 && depthOf(text) <= depth);
  return end < 0 ? [] : rest.slice(0, end);
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

test.each([
  ['a group', "describe.skip('g', () => {\n  test('a', () => {});\n});"],
  ['a group of groups', "describe.skip('g', () => {\n  describe('h', () => {\n    test('a', () => {});\n  });\n});"],
  ['a group under a condition', "describe.skipIf(no).each([1])('%s', () => {\n  test('a', () => {});\n});"],
  ['a group with a table', "describe.skipIf(no).each([\n  [1],\n])('g', () => {\n  test('a', () => {});\n});"],
  ['a table of its own', "test.skip.each([\n  [1],\n])('a', () => {});"],
  ['a condition of its own', "test.runIf(yes)('a', () => {});"],
  ['a word inside', "test('a', (context) => {\n  context.skip();\n});"],
])('%s that is skipped takes its tests along', (_what, source) => expect(isRun(source, 'a')).toBe(false));

test('what is skipped beside it does not', () => {
  const beside =
    "describe.skip('g', () => {\n  test('b', () => {});\n});\n\ndescribe('h', () => {\n  test.skip('c', () => {});\n";
  expect(isRun(`${beside}\n  test('a', () => {});\n});`, 'a')).toBe(true);
  expect(isRun(`${beside}\n  test.each([\n    [1],\n  ])('a', () => {});\n});`, 'a')).toBe(true);
});
