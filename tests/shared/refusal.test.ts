/** Every refusal of the table, and every remedy, has words in both languages; every code of the protocol is in the table. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { REFUSALS } from '#shared/api/refusal.ts';

function words(language: string): Record<string, string> {
  return JSON.parse(readFileSync(new URL(`../../web/messages/refusal.${language}.json`, import.meta.url), 'utf8'));
}

const rows = Object.entries(REFUSALS);

describe.each(['zh', 'en'])('in %s', (language) => {
  const held = words(language);
  test('every refusal has words', () => {
    const wanting = rows.map(([code]) => `refusal_${code.replaceAll(/[.-]/g, '_')}`).filter((key) => !held[key]);
    expect(wanting).toEqual([]);
  });

  test('every remedy has words', () => {
    const wanting = rows.map(([, [, remedy]]) => `remedy_${remedy.replaceAll('-', '_')}`).filter((key) => !held[key]);
    expect(wanting).toEqual([]);
  });
});

test('every code of the protocol and its rules is in the table', () => {
  const files = ['protocol/refusal.ts', 'rules/spending.ts', 'rules/acceptance.ts'];
  const source = files.map((file) => readFileSync(new URL(`../../shared/${file}`, import.meta.url), 'utf8')).join('\n');
  const codes = [...source.matchAll(/\| '([a-z]+(?:-[a-z]+)*\.[a-z-]+)'/g)].map((match) => match[1] ?? '');
  expect(codes.length).toBeGreaterThan(60);
  expect(codes.filter((code) => !Object.hasOwn(REFUSALS, code))).toEqual([]);
});
