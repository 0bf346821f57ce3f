/** A hundred thousand codes nobody meant: no reader throws, none takes another form for the one, memory stays. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fromHex, toHex } from '#shared/base/bytes.ts';
import { decodeCbor, encodeCbor } from '#shared/protocol/cbor.ts';
import { readFrame } from '#shared/protocol/frame.ts';
import { readPayment } from '#shared/protocol/payment.ts';

const vectors: { expect: string; given: Record<string, string> }[] = JSON.parse(
  readFileSync(new URL('../vectors/payment.json', import.meta.url), 'utf8'),
);
const honest = fromHex(vectors.find((one) => one.expect === 'ok')?.given.payment ?? '') ?? new Uint8Array();
const CODES = 100_000;
const MOST_GROWTH = 50 * 1024 * 1024;

/** xorshift32: the same codes every time. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

test('a hundred thousand malformed codes', () => {
  const next = chance(20_260_105);
  expect(honest.length).toBeGreaterThan(100);
  const before = process.memoryUsage().heapUsed;
  let read = 0;
  for (let at = 0; at < CODES; at += 1) {
    const bent = at % 2 === 0 ? Uint8Array.from(honest) : Uint8Array.from({ length: next() % 300 }, next);
    for (let bends = 1 + (next() % 4); bends > 0 && bent.length > 0; bends -= 1) bent[next() % bent.length] = next();
    const cut = at % 3 === 0 ? bent.subarray(0, next() % (bent.length + 1)) : bent;
    const value = decodeCbor(cut);
    if (value.ok) {
      read += 1;
      expect(toHex(encodeCbor(value.value))).toBe(toHex(cut));
    }
    expect(typeof readPayment(cut).ok).toBe('boolean');
    expect(typeof readFrame(`PH1P:${Buffer.from(cut).toString('latin1')}`).ok).toBe('boolean');
  }
  expect(read, 'some of it is well-formed, so the second look was taken').toBeGreaterThan(100);
  globalThis.gc?.();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(MOST_GROWTH * 4);
});
