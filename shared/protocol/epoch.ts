/** The epoch card: the issuer's signed time, and the fingerprints of the lists that go with it. */
import type { Instant } from '#shared/base/time.ts';
import { type MessageType, messageType } from '#shared/protocol/message.ts';
import { bytes, moment, optional, regionCode, required, whole } from '#shared/protocol/schema.ts';

/** Signed by the region's issuer. Its time is a floor under every clock that has seen it. */
export interface Epoch {
  readonly region: string;
  /** Counts up by one. */
  readonly number: number;
  readonly time: Instant;
  /** SHA-256 of the status list's bits (not of their compressed form): 32 bytes. */
  readonly statusList: Uint8Array;
  /** Id of the key set in force: 32 bytes. */
  readonly keySet: Uint8Array;
  /**
   * Root of the Merkle tree of payments settled to payees of this region, by their ids in the order they were settled
   * (merkle.ts): 32 bytes. Absent from cards of a region that keeps no such tree yet.
   */
  readonly claims?: Uint8Array;
}

/** How an epoch card is written, signed and read. */
export const epochMessage: MessageType<Epoch> = messageType<Epoch>('epoch', {
  region: required(1, regionCode),
  number: required(2, whole(0, 0xffff_ffff)),
  time: required(3, moment),
  statusList: required(4, bytes(32)),
  keySet: required(5, bytes(32)),
  claims: optional(6, bytes(32)),
});
