/**
 * The Merkle tree of settled claims: RFC 9162 section 2.1 (the hashing of RFC 6962) over SHA-256. Pure: whoever keeps the
 * nodes looks them up, this file says which ones and puts them together.
 * Invariant: a leaf is never taken for a node, for the two are hashed under different first bytes.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { assert } from '#shared/base/assert.ts';
import { joinBytes, sameBytes } from '#shared/base/bytes.ts';
import { CLAIMS_MOST } from '#shared/base/limits.ts';

/** A whole subtree: `level` 0 is a leaf, level n stands on 2^n leaves; `place` counts those of one level from the left. */
export interface Subtree {
  readonly level: number;
  readonly place: number;
}

/** Where an entry stands in the tree of `count` entries, and the hashes beside its way up to the root, lowest first. */
export interface Inclusion {
  readonly place: number;
  readonly count: number;
  readonly path: readonly Uint8Array[];
}

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** The root of the tree of nothing. */
export const EMPTY_ROOT: Uint8Array = sha256(new Uint8Array(0));

/** The hash of an entry. */
export function leafHash(entry: Uint8Array): Uint8Array<ArrayBuffer> {
  return sha256(joinBytes(LEAF, entry)) as Uint8Array<ArrayBuffer>;
}

/** The hash of what stands on `left` and `right`. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array<ArrayBuffer> {
  return sha256(joinBytes(NODE, left, right)) as Uint8Array<ArrayBuffer>;
}

/**
 * The whole subtrees whose hashes make the hash of the entries from `start` up to `end`, largest first; `start` must be a
 * multiple of the largest one's size, as it is for every range a tree is made of.
 */
export function subtreesOf(start: number, end: number): Subtree[] {
  const trees: Subtree[] = [];
  for (let from = start; from < end; ) {
    const level = Math.floor(Math.log2(end - from));
    assert(from % 2 ** level === 0, `a range from ${start} to ${end} is no part of a tree`);
    trees.push({ level, place: from / 2 ** level });
    from += 2 ** level;
  }
  return trees;
}

/** The hash of a range, given those of {@link subtreesOf} it; {@link EMPTY_ROOT} of none. */
export function rangeHash(hashes: readonly Uint8Array[]): Uint8Array {
  return hashes.length === 0 ? EMPTY_ROOT : hashes.reduceRight((right, left) => nodeHash(left, right));
}

/** For each hash of an inclusion path, lowest first, the whole subtrees it is made of. */
export function pathOf(place: number, count: number): Subtree[][] {
  assert(place >= 0 && place < count, `no entry ${place} in a tree of ${count}`);
  const path: Subtree[][] = [];
  let [from, until] = [0, count];
  while (until - from > 1) {
    const middle = from + split(until - from);
    path.push(place < middle ? subtreesOf(middle, until) : subtreesOf(from, middle));
    if (place < middle) until = middle;
    else from = middle;
  }
  return path.reverse();
}

/** The largest power of two below `count` (at least 2). */
function split(count: number): number {
  return 2 ** (Math.ceil(Math.log2(count)) - 1);
}

/** Whether `entry` stands where `inclusion` says under `root` (RFC 9162 section 2.1.3.2). Never throws. */
export function isIncluded(entry: Uint8Array, inclusion: Inclusion, root: Uint8Array): boolean {
  const { place, count, path } = inclusion;
  if (!Number.isSafeInteger(place) || !Number.isSafeInteger(count)) return false;
  if (place < 0 || place >= count || count > CLAIMS_MOST) return false;
  let [at, last] = [place, count - 1];
  let hash: Uint8Array = leafHash(entry);
  for (const beside of path) {
    if (last === 0 || beside.length !== 32) return false;
    if (at % 2 === 1 || at === last) {
      hash = nodeHash(beside, hash);
      while (at % 2 === 0 && at !== 0) [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
    } else {
      hash = nodeHash(hash, beside);
    }
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 && sameBytes(hash, root);
}
