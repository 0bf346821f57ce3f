/** Epoch cards and the status list they name: the house's signed time, and who was revoked by then. */
import { randomInt } from 'node:crypto';
import type { Database, Sql } from '#server/platform/database.ts';
import {
  lockEpoch,
  markStatusStale,
  readRevoked,
  readStatus,
  revokeSlots,
  takeSlot,
  writeEpoch,
  writeStatus,
} from '#server/region/store.ts';
import { assert } from '#shared/base/assert.ts';
import { STATUS_ENTRIES_MOST } from '#shared/base/limits.ts';
import { type Duration, duration, type Instant, instant } from '#shared/base/time.ts';
import { type Epoch, epochMessage } from '#shared/protocol/epoch.ts';
import type { Signed } from '#shared/protocol/message.ts';
import type { Signer } from '#shared/protocol/signature.ts';
import { packStatus, statusBits, statusHash } from '#shared/protocol/status.ts';

/** A card, and the list it names with the number of the card that list began with. */
export interface Published {
  readonly card: Signed<Epoch>;
  readonly status: { readonly epoch: number; readonly packed: Uint8Array };
}

/** The root of a region's tree of settled claims, as of `tx`; undefined while nothing was settled. */
export type ClaimsRoot = (tx: Sql, region: string) => Promise<Uint8Array | undefined>;

/** What a card is made of beside the region's own state. */
export interface CardSource {
  readonly signerAt: (moment: Instant) => Signer;
  readonly keySetId: Uint8Array;
  readonly claimsRoot: ClaimsRoot;
}

/** A region signs a new card at most this often: revocations and time reach a syncing phone within it. */
export const EPOCH_PERIOD: Duration = duration(5, 's');

/** Free places are sought at random this often; with half the list taken all of them fail once in 2^40. */
const SLOT_TRIES = 40;

/**
 * The newest card of `region`, a new one when the newest is {@link EPOCH_PERIOD} old.
 * Invariant: numbers count up by one and times never go back, even when the house's own clock does.
 */
export async function newestEpoch(
  database: Database,
  region: string,
  now: Instant,
  { signerAt, keySetId, claimsRoot }: CardSource,
): Promise<Published> {
  return database.transaction(async (tx) => {
    const row = await lockEpoch(tx, region);
    assert(row !== undefined, `the epochs of ${region} were opened`);
    if (row.number > 0 && Math.abs(now - row.time_at) < EPOCH_PERIOD && !row.status_stale) {
      const held = readOwnEpoch(row.card);
      if (isFor(held.message, keySetId)) return published(tx, region, held);
    }
    const number = row.number + 1;
    const time = instant(Math.max(now, row.time_at));
    const statusList = row.status_stale ? await republish(tx, region, number, now) : row.status_hash;
    const claims = await claimsRoot(tx, region);
    const content = { region, number, time, statusList, keySet: keySetId, ...(claims === undefined ? {} : { claims }) };
    const card = await epochMessage.sign(content, signerAt(time));
    await writeEpoch(tx, region, { number, time, card });
    return published(tx, region, readOwnEpoch(card));
  });
}

async function published(tx: Sql, region: string, card: Signed<Epoch>): Promise<Published> {
  const row = await readStatus(tx, region);
  assert(row !== undefined, `the epochs of ${region} were opened`);
  return { card, status: { epoch: row.status_epoch, packed: row.status_packed } };
}

function isFor(epoch: Epoch, keySetId: Uint8Array): boolean {
  return epoch.keySet.every((byte, at) => byte === keySetId[at]);
}

function readOwnEpoch(card: Uint8Array): Signed<Epoch> {
  const read = epochMessage.read(card);
  assert(read.ok, 'an epoch card of our own can be read');
  return read.value;
}

async function republish(tx: Sql, region: string, number: number, now: Instant): Promise<Uint8Array> {
  const revoked = await readRevoked(tx, region, now);
  const bits = statusBits((revoked.at(-1) ?? -1) + 1, revoked);
  const hash = statusHash(bits);
  await writeStatus(tx, region, { number, packed: await packStatus(bits), hash });
  return hash;
}

/** A free place in the status list, held until `until`. At random: its number tells nobody who got an allowance when. */
export async function reserveSlot(tx: Sql, region: string, until: Instant, now: Instant): Promise<number> {
  for (let tries = 0; tries < SLOT_TRIES; tries += 1) {
    const slot = randomInt(STATUS_ENTRIES_MOST);
    if (await takeSlot(tx, region, slot, until, now)) return slot;
  }
  assert(false, `the status list of ${region} is full`);
}

/** Revokes the allowances at `slots`; the next epoch card says so. */
export async function setBits(tx: Sql, region: string, slots: readonly number[]): Promise<void> {
  if (slots.length === 0) return;
  await revokeSlots(tx, region, slots);
  await markStatusStale(tx, region);
}
