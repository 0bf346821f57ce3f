/**
 * The network's key set: made anew only when what it says changes, numbered, signed by the root, the same for all processes.
 * Invariant: an origin keeps its place for ever, for payments name it by that place.
 */
import { type Entry, writeDown } from '#server/logbook/logbook.ts';
import type { Database, Sql } from '#server/platform/database.ts';
import {
  GENERATION_LIFE,
  generationOf,
  generationStart,
  type IssuerKeys,
  type Rotation,
} from '#server/region/issuer-key.ts';
import { readKeySet, readKeySets, readRotations, writeKeySet } from '#server/region/store.ts';
import { assert } from '#shared/base/assert.ts';
import { sameBytes, toBase64url } from '#shared/base/bytes.ts';
import { ORIGINS_MOST } from '#shared/base/limits.ts';
import { after, type Instant } from '#shared/base/time.ts';
import { kidOf } from '#shared/protocol/cose.ts';
import { type KeySet, keySetMessage } from '#shared/protocol/key-set.ts';
import type { Signed } from '#shared/protocol/message.ts';

/** What the key set is made of. */
export interface KeySetSource {
  readonly database: Database;
  readonly keys: IssuerKeys;
  readonly regions: readonly string[];
  readonly rpId: string;
  readonly origins: readonly string[];
}

/** Reads a key set this house signed itself. A Fault when it cannot be read or another root signed it. */
function readOwnKeySet(bytes: Uint8Array, root: Uint8Array): Signed<KeySet> {
  const read = keySetMessage.read(bytes);
  assert(read.ok, 'a key set of our own can be read');
  assert(
    sameBytes(read.value.kid, kidOf(root)),
    'the database was started with another network root key: put the folder of keys back that belongs to it',
  );
  return read.value;
}

/** Every key set this house ever published, the oldest first; a Fault as of {@link readOwnKeySet}. */
export async function everyOwnKeySet(tx: Sql, root: Uint8Array): Promise<Signed<KeySet>[]> {
  return (await readKeySets(tx)).map((bytes) => readOwnKeySet(bytes, root));
}

/** The key set in force at `now`; publishes a new one when the newest says something else. */
export async function currentKeySet(source: KeySetSource, now: Instant): Promise<Signed<KeySet>> {
  const { database, keys } = source;
  for (let tries = 0; tries < 5; tries += 1) {
    const newest = await readKeySet(database);
    const held = newest === undefined ? undefined : readOwnKeySet(newest.bytes, keys.root.key);
    // Read anew, not remembered: a process that had not heard of a rotation would take its key out again.
    const wanted = contentOf(source, held?.message, now, await readRotations(database));
    if (held !== undefined && saysTheSame(held.message, wanted)) return held;
    assertKeysKept(held?.message, wanted);
    const epoch = (held?.message.epoch ?? 0) + 1;
    const bytes = await keySetMessage.sign({ ...wanted, epoch }, keys.root);
    await database.transaction(async (tx) => {
      if (await writeKeySet(tx, epoch, bytes)) await writeDown(tx, wanted.issuers.map(publishedLine(epoch, now)));
    });
  }
  assert(false, 'processes publish one key set');
}

/**
 * What verifies a receipt of years ago: key sets before `current`, the newest first, as few as name every issuer key that
 * `current` no longer names.
 */
export async function pastKeySets(
  database: Database,
  current: Signed<KeySet>,
  root: Uint8Array,
): Promise<Signed<KeySet>[]> {
  const kidsOf = ({ message }: Signed<KeySet>): string[] => message.issuers.map(({ key }) => toBase64url(kidOf(key)));
  const named = new Set(kidsOf(current));
  return (await everyOwnKeySet(database, root)).reverse().filter((keySet) => {
    const kids = kidsOf(keySet).filter((kid) => !named.has(kid));
    for (const kid of kids) named.add(kid);
    return kids.length > 0;
  });
}

function publishedLine(epoch: number, at: Instant): (issuer: KeySet['issuers'][number]) => Entry {
  return ({ region, key, from, until }) => ({
    region,
    at,
    act: 'keys-published',
    who: 'house',
    about: { epoch, key: toBase64url(kidOf(key)), from, until },
  });
}

function contentOf(
  source: KeySetSource,
  held: KeySet | undefined,
  now: Instant,
  rotations: readonly Rotation[],
): KeySet {
  const origins = [...new Set([...(held?.origins ?? []), ...source.origins])];
  assert(origins.length <= ORIGINS_MOST, `the network has had ${origins.length} origins; ${ORIGINS_MOST} are possible`);
  return {
    epoch: held?.epoch ?? 0,
    issued: now,
    expires: after(generationStart(generationOf(now) + 1), GENERATION_LIFE),
    rpId: source.rpId,
    origins,
    issuers: source.keys.published(source.regions, now, rotations),
  };
}

function saysTheSame(held: KeySet, wanted: KeySet): boolean {
  const like = (one: KeySet): Uint8Array => keySetMessage.encode({ ...one, epoch: 0, issued: wanted.issued });
  return sameBytes(like(held), like(wanted));
}

/** A lost key file must not pass unseen: what its key signed could no longer be verified. */
function assertKeysKept(held: KeySet | undefined, wanted: KeySet): void {
  for (const old of held?.issuers ?? []) {
    const now = wanted.issuers.find((one) => one.region === old.region && one.from === old.from);
    assert(
      now === undefined || sameBytes(now.key, old.key),
      `the issuer key of ${old.region} (${toBase64url(kidOf(old.key))}) is missing from the folder of keys`,
    );
  }
}
