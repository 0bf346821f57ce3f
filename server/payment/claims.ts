/**
 * The tree of settled claims of each region: every payment settled to one of its payees, in the order of the journal.
 * Epoch cards name its root, so that all who hold a card see one and the same list, and anybody can be shown that a payment
 * stands on it. A payment given back later stays: the tree says what was settled, not what was kept.
 * Invariant: an entry never changes and never leaves; tree and follower's cursor move in one transaction.
 */
import { follow } from '#server/ledger/follow.ts';
import type { JournalTransfer } from '#server/ledger/ledger.ts';
import type { PaymentParts } from '#server/payment/parts.ts';
import * as store from '#server/payment/store.ts';
import type { Sql } from '#server/platform/database.ts';
import { assert } from '#shared/base/assert.ts';
import { fromBase64url, joinBytes, toBase64url } from '#shared/base/bytes.ts';
import {
  type Inclusion,
  leafHash,
  nodeHash,
  pathOf,
  rangeHash,
  type Subtree,
  subtreesOf,
} from '#shared/protocol/merkle.ts';

/** Hashes in one row of the table: eight levels of the tree. */
const TILE = 256;
const TILE_LEVELS = 8;
const HASH_BYTES = 32;

/** Transfers taken into the tree in one transaction. */
const SEALED_AT_ONCE = 2000;

/** The transfers by which a payment becomes settled. */
const SETTLING: ReadonlySet<JournalTransfer['kind']> = new Set(['claim', 'late-claim', 'shortfall', 'mature']);

/** Brings the trees of all regions up to their journals. */
export function openSealing(parts: PaymentParts): () => Promise<void> {
  const { database, ledger, regions } = parts;
  const followers = regions.list().map(({ region }) =>
    follow({
      database,
      ledger,
      name: 'payment-claims',
      region,
      most: SEALED_AT_ONCE,
      step: (tx, transfers) => seal(tx, region, transfers),
    }),
  );
  return async () => {
    for (const catchUp of followers) await catchUp();
  };
}

async function seal(tx: Sql, region: string, transfers: readonly JournalTransfer[]): Promise<void> {
  const named = new Map<string, Uint8Array>();
  for (const { kind, about } of transfers) {
    const payment = SETTLING.has(kind) ? fromBase64url(String(about.payment ?? '')) : undefined;
    if (payment?.length === HASH_BYTES) named.set(toBase64url(payment), payment);
  }
  if (named.size === 0) return;
  const fresh = new Set((await store.unplaced(tx, region, [...named.values()])).map(toBase64url));
  const entries = [...named].filter(([name]) => fresh.has(name)).map(([, payment]) => payment);
  if (entries.length > 0) await append(tx, region, entries);
}

async function append(tx: Sql, region: string, entries: readonly Uint8Array[]): Promise<void> {
  const before = (await store.newestTree(tx, region))?.count ?? 0;
  await store.placeClaims(tx, region, before, entries);
  const written: store.ClaimTile[] = [];
  let start = before;
  let hashes: readonly Uint8Array[] = entries.map(leafHash);
  for (let level = 0; hashes.length > 0; level += 1) {
    const tiles = await extended(tx, region, level, start, hashes);
    written.push(...tiles);
    hashes = tiles.filter((one) => one.hashes.length === TILE * HASH_BYTES).map((one) => wholeHash(split(one.hashes)));
    start = Math.floor(start / TILE);
  }
  await store.writeTiles(tx, region, written);
  const count = before + entries.length;
  const peaks = await hashesOf(tx, region, subtreesOf(0, count));
  await store.writeTree(tx, region, count, rangeHash(peaks));
}

/** The rows of one level that `hashes`, standing from `start` on, fill or add to. */
async function extended(
  tx: Sql,
  region: string,
  level: number,
  start: number,
  hashes: readonly Uint8Array[],
): Promise<store.ClaimTile[]> {
  const first = Math.floor(start / TILE);
  const begun = start % TILE;
  const [held] = begun === 0 ? [] : await store.readTiles(tx, region, [{ level, tile: first }]);
  assert((held?.hashes.length ?? 0) === begun * HASH_BYTES, `the tree of ${region} has the hashes it counts`);
  const bytes = joinBytes(held?.hashes ?? new Uint8Array(0), ...hashes);
  const tiles: store.ClaimTile[] = [];
  for (let at = 0; at < bytes.length; at += TILE * HASH_BYTES) {
    tiles.push({ level, tile: first + tiles.length, hashes: bytes.slice(at, at + TILE * HASH_BYTES) });
  }
  return tiles;
}

function split(hashes: Uint8Array): Uint8Array[] {
  return Array.from({ length: hashes.length / HASH_BYTES }, (_, at) =>
    hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
}

/** The hash over a power of two of hashes. */
function wholeHash(hashes: readonly Uint8Array[]): Uint8Array {
  const [first, second] = hashes;
  assert(first !== undefined, 'a subtree stands on something');
  if (second === undefined) return first;
  const pairs = Array.from({ length: hashes.length / 2 }, (_, at) => hashes.slice(at * 2, at * 2 + 2));
  return wholeHash(pairs.map(([left, right]) => nodeHash(left ?? first, right ?? first)));
}

/** The hashes of whole subtrees that the tree already covers. */
async function hashesOf(tx: Sql, region: string, trees: readonly Subtree[]): Promise<Uint8Array[]> {
  const wanted = trees.map(({ level, place }) => {
    const inner = level % TILE_LEVELS;
    const first = place * 2 ** inner;
    const at = first % TILE;
    return { level: Math.floor(level / TILE_LEVELS), tile: Math.floor(first / TILE), at, until: at + 2 ** inner };
  });
  const tiles = new Map((await store.readTiles(tx, region, wanted)).map((one) => [`${one.level} ${one.tile}`, one]));
  return wanted.map(({ level, tile, at, until }) => {
    const hashes = tiles.get(`${level} ${tile}`)?.hashes.subarray(at * HASH_BYTES, until * HASH_BYTES);
    assert(hashes?.length === (until - at) * HASH_BYTES, `the tree of ${region} has the hashes it counts`);
    return wholeHash(split(hashes));
  });
}

/** An epoch card and the way from a payment up to the root it names. */
export interface SettledProof {
  readonly card: Uint8Array;
  readonly inclusion: Inclusion;
}

/** That a payment is settled under the newest card of its payee's `region`; undefined while it is not. */
export async function settledProof(
  parts: PaymentParts,
  region: string,
  payment: Uint8Array,
): Promise<SettledProof | undefined> {
  const { database, regions } = parts;
  const { bytes: card, message } = await regions.epoch(region);
  const place = await store.claimPlace(database, region, payment);
  if (message.claims === undefined || place === undefined) return undefined;
  const count = await store.countUnder(database, region, message.claims);
  if (count === undefined || place >= count) return undefined;
  const path = pathOf(place, count);
  const hashes = await hashesOf(database, region, path.flat());
  return { card, inclusion: { place, count, path: path.map((trees) => rangeHash(hashes.splice(0, trees.length))) } };
}
