/** The tree of settled claims: as the reference implementation of RFC 6962 has it, and as its recursive definition says. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fromHex, joinBytes, toHex } from '#shared/base/bytes.ts';
import {
  EMPTY_ROOT,
  type Inclusion,
  isIncluded,
  leafHash,
  nodeHash,
  pathOf,
  rangeHash,
  type Subtree,
  subtreesOf,
} from '#shared/protocol/merkle.ts';
import { seed } from '#tests/vectors/cast.ts';

interface Reference {
  leaves: string[];
  leafHashes: string[];
  roots: string[];
  paths: { place: number; count: number; path: string[] }[];
}

const source = new URL('../../vectors/public/merkle.json', import.meta.url);
const reference: Reference = JSON.parse(readFileSync(source, 'utf8'));

function hex(text: string): Uint8Array<ArrayBuffer> {
  const bytes = fromHex(text);
  if (bytes === undefined) throw new Error(`not hexadecimal: ${text}`);
  return bytes;
}

/** MTH of RFC 9162 section 2.1.1, word for word. */
function treeHash(entries: readonly Uint8Array[]): Uint8Array {
  const [first] = entries;
  if (first === undefined) return EMPTY_ROOT;
  if (entries.length === 1) return leafHash(first);
  let half = 1;
  while (half * 2 < entries.length) half *= 2;
  return nodeHash(treeHash(entries.slice(0, half)), treeHash(entries.slice(half)));
}

function subtreeOf(entries: readonly Uint8Array[]) {
  return ({ level, place }: Subtree) => treeHash(entries.slice(place * 2 ** level, (place + 1) * 2 ** level));
}

function inclusionOf(entries: readonly Uint8Array[], place: number): Inclusion {
  const hashOf = subtreeOf(entries);
  const path = pathOf(place, entries.length).map((trees) => rangeHash(trees.map(hashOf)));
  return { place, count: entries.length, path };
}

describe('the reference tree', () => {
  const entries = reference.leaves.map(hex);

  test('has these leaves', () => {
    expect(entries.map((entry) => toHex(leafHash(entry)))).toEqual(reference.leafHashes);
  });

  test.each(reference.roots.map((root, count) => [count, root] as const))(
    'of %i entries has root %s',
    (count, root) => {
      const hashOf = subtreeOf(entries.slice(0, count));
      expect(toHex(rangeHash(subtreesOf(0, count).map(hashOf)))).toBe(root);
    },
  );

  test.each(reference.paths)('the path of entry $place of $count', ({ place, count, path }) => {
    const inclusion = inclusionOf(entries.slice(0, count), place);
    expect(inclusion.path.map(toHex)).toEqual(path);
    expect(isIncluded(entries[place] ?? new Uint8Array(), inclusion, hex(reference.roots[count] ?? ''))).toBe(true);
  });
});

describe('a tree of any size', () => {
  const entries = Array.from({ length: 70 }, (_, at) => seed(`claim ${at}`));

  test('proves each of its entries, and no other in its place', () => {
    for (let count = 1; count <= entries.length; count += 1) {
      const some = entries.slice(0, count);
      const root = treeHash(some);
      for (const [place, entry] of some.entries()) {
        const inclusion = inclusionOf(some, place);
        expect(isIncluded(entry, inclusion, root)).toBe(true);
        expect(isIncluded(seed('stranger'), inclusion, root)).toBe(false);
        expect(isIncluded(entry, { ...inclusion, place: count }, root)).toBe(false);
      }
    }
  });

  test('a path with one altered, one missing or one more hash proves nothing', () => {
    const root = treeHash(entries);
    for (const place of [0, 1, 37, 63, 64, 69]) {
      const inclusion = inclusionOf(entries, place);
      const entry = entries[place] ?? new Uint8Array();
      const bent: Inclusion[] = [
        ...inclusion.path.map((_, at) => ({
          ...inclusion,
          path: inclusion.path.map((hash, each) => (each === at ? seed('other') : hash)),
        })),
        { ...inclusion, path: inclusion.path.slice(1) },
        { ...inclusion, path: inclusion.path.slice(0, -1) },
        { ...inclusion, path: [...inclusion.path, seed('other')] },
        { ...inclusion, path: inclusion.path.map((hash) => hash.subarray(1)) },
        { ...inclusion, place: place ^ 1 },
        { ...inclusion, place: -1 },
        { ...inclusion, place: 0.5 },
        { ...inclusion, count: Number.NaN },
        { ...inclusion, count: 2 ** 41 },
      ];
      for (const one of bent) expect(isIncluded(entry, one, root)).toBe(false);
    }
  });

  test('an inner node is not taken for an entry, nor the tree of nothing for a tree of one', () => {
    const [left, right] = [seed('claim 0'), seed('claim 1')].map(leafHash);
    const root = treeHash(entries.slice(0, 4));
    const inner = joinBytes(left ?? new Uint8Array(), right ?? new Uint8Array());
    const path = [treeHash(entries.slice(2, 4))];
    expect(isIncluded(inner, { place: 0, count: 2, path }, root)).toBe(false);
    expect(isIncluded(new Uint8Array(0), { place: 0, count: 0, path: [] }, EMPTY_ROOT)).toBe(false);
  });
});
