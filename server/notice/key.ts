/**
 * The house's keys for push services, `push-<version>.key` beside the other keys: new phones subscribe with the newest,
 * the others are told by the one they subscribed with until they have moved over.
 */
import { hkdfSync, randomBytes } from 'node:crypto';
import { type HouseKey, houseKey } from '#server/notice/push-message.ts';
import { openText, readVersions, sealText } from '#server/platform/key-file.ts';
import { assert } from '#shared/base/assert.ts';
import { toBase64url } from '#shared/base/bytes.ts';

/** One of them; addresses of phones are sealed under it. */
export interface VersionedKey extends HouseKey {
  readonly version: number;
  readonly seal: (text: string) => Uint8Array;
  readonly open: (sealed: Uint8Array) => string;
}

/** All of them. */
export interface HouseKeys {
  readonly newest: VersionedKey;
  /** Undefined once an operator has taken its file away: phones that know only that one are told nothing more. */
  readonly find: (version: number) => VersionedKey | undefined;
  /** The one whose public half is this text, base64url. */
  readonly ofPublicKey: (text: string) => VersionedKey | undefined;
}

/** The keys kept in `folder`, the first made at the first start; `memory` makes one that dies with the process. */
export function openHouseKeys(folder: string | 'memory'): HouseKeys {
  const files = folder === 'memory' ? new Map([[1, randomBytes(32)]]) : readVersions(folder, 'push');
  const keys = [...files].map(([version, bytes]) => versioned(version, bytes));
  const newest = keys.reduce((best, one) => (one.version > best.version ? one : best));
  assert(newest !== undefined, 'there is a key for push services');
  return {
    newest,
    find: (version) => keys.find((one) => one.version === version),
    ofPublicKey: (text) => keys.find(({ publicKey }) => toBase64url(publicKey) === text),
  };
}

function versioned(version: number, bytes: Uint8Array): VersionedKey {
  const sealing = Buffer.from(hkdfSync('sha256', bytes, '', 'piaohao-notice-seal', 32));
  return {
    version,
    ...houseKey(bytes),
    seal: (text) => sealText(sealing, text),
    open: (sealed) => openText(sealing, sealed),
  };
}
