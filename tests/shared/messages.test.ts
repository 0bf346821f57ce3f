/** The two languages say the same things: no message missing in one, none that no screen says, none that is not there. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { HOLDINGS } from '#server/account/holding.ts';
import { REFUSALS } from '#shared/api/refusal.ts';
import { sourcesIn } from '#tests/kit/sources.ts';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'web/messages');
const CAPABILITIES = [
  ...new Set(readdirSync(FOLDER).flatMap((name) => /^(.+)\.(?:zh|en)\.json$/.exec(name)?.[1] ?? [])),
].sort();

type Words = Readonly<Record<string, string>>;

function wordsOf(capability: string, language: 'zh' | 'en'): Words {
  return JSON.parse(readFileSync(join(FOLDER, `${capability}.${language}.json`), 'utf8')) as Words;
}

function placeholders(text: string): string[] {
  return [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '').sort();
}

/** Keys by which the app's own sources ask for messages. */
function keysUsed(): Set<string> {
  const sources = sourcesIn('web', /\.(?:svelte|ts)$/);
  return new Set(sources.flatMap(({ text }) => [...text.matchAll(/\bm\.(\w+)/g)].map((match) => match[1] ?? '')));
}

const REFUSAL_KEYS = new Set(
  Object.entries(REFUSALS).flatMap(([code, [, remedy]]) => [
    `refusal_${code.replaceAll(/[.-]/g, '_')}`,
    `remedy_${remedy.replaceAll('-', '_')}`,
  ]),
);

describe.each(CAPABILITIES)('%s', (capability) => {
  const zh = wordsOf(capability, 'zh');
  const en = wordsOf(capability, 'en');

  test('has the same messages in both languages', () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(zh).sort());
  });

  test('has the same placeholders in both languages', () => {
    const differing = Object.keys(zh).filter(
      (key) => placeholders(zh[key] ?? '').join() !== placeholders(en[key] ?? '').join(),
    );
    expect(differing).toEqual([]);
  });

  test('says something, and names its messages after itself', () => {
    const own = capability === 'refusal' ? /^(?:refusal|remedy)_/ : new RegExp(`^${capability.replaceAll('-', '_')}_`);
    for (const words of [zh, en]) {
      expect(Object.keys(words).filter((key) => !own.test(key))).toEqual([]);
      expect(Object.keys(words).filter((key) => words[key]?.trim() === '' && key !== 'remedy_none')).toEqual([]);
    }
  });
});

test('every message a screen asks for is there, and every message is asked for', () => {
  const there = new Set(CAPABILITIES.flatMap((capability) => Object.keys(wordsOf(capability, 'zh'))));
  const used = keysUsed();
  expect([...used].filter((key) => !there.has(key))).toEqual([]);
  const spoken = (key: string) => used.has(key) || REFUSAL_KEYS.has(key);
  expect([...there].filter((key) => !spoken(key) && !/^remedy_/.test(key))).toEqual([]);
});

test('every kind of rows that is held about a person has a name, and no other', () => {
  const named = Object.keys(wordsOf('account', 'en')).flatMap((key) => /^account_held_(.+)$/.exec(key)?.[1] ?? []);
  expect(named.sort()).toEqual(HOLDINGS.map(({ table }) => table).sort());
});
