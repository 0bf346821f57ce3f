/** Every frozen vector comes to its answer, with node:crypto and with WebCrypto, and every refusal of the protocol has a vector. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { verifyAsync, verifySync, webVerifier } from '#shared/protocol/signature.ts';
import { nodeVerifier, replay, type Vector } from '#tests/vectors/replay.ts';

const folder = new URL('../../vectors/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.json') && name !== 'message.json');
const vectors = files.flatMap((name): Vector[] => JSON.parse(readFileSync(new URL(name, folder), 'utf8')));

describe('a verifier answers', () => {
  const web = webVerifier();
  test.each(vectors)('$check: $name -> $expect', async (vector) => {
    expect(await replay(vector, async (checks) => verifySync(checks, nodeVerifier))).toBe(vector.expect);
    expect(await replay(vector, (checks) => verifyAsync(checks, web))).toBe(vector.expect);
  });
});

/** Refusals that come from handling several codes or from packing on the phone; their tests are frame.test.ts and assertion.test.ts. */
const ELSEWHERE = ['frame.other-message'];

test('every refusal of the protocol has a vector', () => {
  const source = readFileSync(new URL('../../../shared/protocol/refusal.ts', import.meta.url), 'utf8');
  const codes = [...source.matchAll(/^ {2}\| '([a-z.-]+)'/gm)].map((match) => match[1] ?? '');
  const shown = new Set(vectors.map((vector) => vector.expect));
  expect(codes.length).toBeGreaterThan(50);
  expect(codes.filter((code) => !shown.has(code) && !ELSEWHERE.includes(code))).toEqual([]);
});
