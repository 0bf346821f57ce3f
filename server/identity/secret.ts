/**
 * The house's secrets for identity: what makes stored hashes useless without them, kept in a file beside the database.
 * Invariant: the 32 bytes stand in one file only its owner may read, never in the database and never in a log.
 */
import { createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { makeFolder } from '#server/platform/folder.ts';
import { openText, readKey, readVersions, sealText } from '#server/platform/key-file.ts';
import { assert } from '#shared/base/assert.ts';

/** Keyed hashing and sealing; each `purpose` has its own key. */
export interface Secrets {
  /** HMAC-SHA-256 of `text` under the key of `purpose`: 32 bytes that nobody can search without the key. */
  readonly hash: (purpose: 'phone' | 'code' | 'caller' | 'number' | 'recovery' | 'email', text: string) => Uint8Array;
  /** AES-256-GCM: nonce, tag and ciphertext in one. */
  readonly seal: (text: string) => Uint8Array;
  /** What was sealed; throws when the bytes were altered. */
  readonly open: (sealed: Uint8Array) => string;
}

/** The secrets kept in `folder`, made at the first start; `memory` makes some that die with the process (tests). */
export function openSecrets(folder: string | 'memory'): Secrets {
  const root = folder === 'memory' ? randomBytes(32) : readRoot(folder);
  const keyOf = (purpose: string) => Buffer.from(hkdfSync('sha256', root, '', `piaohao-identity-${purpose}`, 32));
  const keys = {
    phone: keyOf('phone'),
    code: keyOf('code'),
    caller: keyOf('caller'),
    number: keyOf('number'),
    recovery: keyOf('recovery'),
    email: keyOf('email'),
  };
  const sealing = keyOf('seal');
  return {
    hash: (purpose, text) => createHmac('sha256', keys[purpose]).update(text).digest(),
    seal: (text) => sealText(sealing, text),
    open: (sealed) => openText(sealing, sealed),
  };
}

function readRoot(folder: string): Buffer {
  makeFolder(folder);
  return readKey(join(folder, 'identity.key'));
}

/**
 * What is mixed into a payment password before it is hashed, so that a stolen database is worth nothing without it. Each
 * version is a file `pepper-<version>.key`; an operator adds the next one, and a hash is renewed when its password is used.
 */
export interface Peppers {
  readonly newest: number;
  /** HMAC-SHA-256 of `text` under the pepper of `version`. Throws when that one is gone: its hashes are then lost. */
  readonly mix: (version: number, text: string) => Uint8Array;
}

/** The peppers kept in `folder`, the first made at the first start; `memory` makes one that dies with the process. */
export function openPeppers(folder: string | 'memory'): Peppers {
  const peppers = folder === 'memory' ? new Map([[1, randomBytes(32)]]) : readVersions(folder, 'pepper');
  return {
    newest: Math.max(...peppers.keys()),
    mix: (version, text) => {
      const pepper = peppers.get(version);
      assert(pepper !== undefined, `the file pepper-${version}.key is missing`);
      return createHmac('sha256', pepper).update(text).digest();
    },
  };
}

/** SHA-256 of `bytes`: enough for tokens and challenges, which are random already. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}
