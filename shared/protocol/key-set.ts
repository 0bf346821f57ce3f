/** The key set: which issuer keys speak for which region, and where passkeys may be asserted. Signed by the network root. */
import { ISSUERS_MOST, ORIGIN_BYTES, ORIGINS_MOST } from '#shared/base/limits.ts';
import type { Instant } from '#shared/base/time.ts';
import { type MessageType, messageType } from '#shared/protocol/message.ts';
import { bytes, list, moment, pattern, record, regionCode, required, whole } from '#shared/protocol/schema.ts';

/** A region's signing key. It may sign from `from` until `until`; what it signed in that time stays good. */
export interface IssuerKey {
  readonly region: string;
  /** 33 bytes. */
  readonly key: Uint8Array;
  readonly from: Instant;
  readonly until: Instant;
}

/** All keys of the network. `epoch` counts up with every change; a phone never goes back to a lower one. */
export interface KeySet {
  readonly epoch: number;
  readonly issued: Instant;
  readonly expires: Instant;
  /** Relying party id of the passkeys (WebAuthn), a host name. */
  readonly rpId: string;
  /** Origins of the wallet. Only ever appended to: payments name an origin by its place. */
  readonly origins: readonly string[];
  readonly issuers: readonly IssuerKey[];
}

const origin = pattern(/^https?:\/\/[a-z0-9.-]+(?::\d{1,5})?$/, ORIGIN_BYTES);

/** How a key set is written, signed and read. */
export const keySetMessage: MessageType<KeySet> = messageType<KeySet>('key-set', {
  epoch: required(1, whole(0, 0xffff_ffff)),
  issued: required(2, moment),
  expires: required(3, moment),
  rpId: required(4, pattern(/^[a-z0-9.-]+$/, 253)),
  origins: required(5, list(origin, 1, ORIGINS_MOST)),
  issuers: required(
    6,
    list(
      record<IssuerKey>({
        region: required(1, regionCode),
        key: required(2, bytes(33)),
        from: required(3, moment),
        until: required(4, moment),
      }),
      1,
      ISSUERS_MOST,
    ),
  ),
});
