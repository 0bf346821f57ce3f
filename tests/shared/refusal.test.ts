/** Every code the protocol and its rules can refuse with stands in the one table. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { REFUSALS } from '#shared/api/refusal.ts';

test('every code of the protocol and its rules is in the table', () => {
  const files = ['protocol/refusal.ts', 'rules/spending.ts', 'rules/acceptance.ts'];
  const source = files.map((file) => readFileSync(new URL(`../../shared/${file}`, import.meta.url), 'utf8')).join('\n');
  const codes = [...source.matchAll(/\| '([a-z]+(?:-[a-z]+)*\.[a-z-]+)'/g)].map((match) => match[1] ?? '');
  expect(codes.length).toBeGreaterThan(60);
  expect(codes.filter((code) => !Object.hasOwn(REFUSALS, code))).toEqual([]);
});
