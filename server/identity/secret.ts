/**
 * The house's secrets for identity: what makes stored hashes useless without them, kept in a file beside the database.
 * Invariant: the 32 bytes stand in one file only its owner may read, never in the database and never in a log.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { writeNewFile } from '#server/platform/keeper.ts';
import { assert } from '#shared/base/assert.ts';
import { utf8 } from '#shared/base/bytes.ts';

/** Keyed hashing and sealing; each `purpose` has its own key. */
export interface Secrets {
  /** HMAC-SHA-256 of `text` under the key of `purpose`: 32 bytes that nobody can search without the key. */
  readonly hash: (purpose: 'phone' | 'code' | 'caller' | 'number' | 'recovery', text: string) => Uint8Array;
  /** AES-256-GCM: nonce, tag and ciphertext in one. */
  readonly seal: (text: string) => Uint8Array;
  /** What was sealed; throws when the bytes were altered. */
  readonly open: (sealed: Uint8Array) => string;
}

const NONCE = 12;
const TAG = 16;

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
  };
  const sealing = keyOf('seal');
  return {
    hash: (purpose, text) => createHmac('sha256', keys[purpose]).update(text).digest(),
    seal: (text) => {
      const nonce = randomBytes(NONCE);
      const cipher = createCipheriv('aes-256-gcm', sealing, nonce);
      const body = Buffer.concat([cipher.update(utf8(text)), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), body]);
    },
    open: (sealed) => {
      const cipher = createDecipheriv('aes-256-gcm', sealing, sealed.subarray(0, NONCE));
      cipher.setAuthTag(sealed.subarray(NONCE, NONCE + TAG));
      return Buffer.concat([cipher.update(sealed.subarray(NONCE + TAG)), cipher.final()]).toString('utf8');
    },
  };
}

function readRoot(folder: string): Buffer {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'identity.key');
  if (!statSync(path, { throwIfNoEntry: false })) makeRoot(path);
  assert((statSync(path).mode & 0o077) === 0, `the key file ${path} may be read by others: chmod 600 it`);
  const root = readFileSync(path);
  assert(root.length === 32, `the key file ${path} is not 32 bytes`);
  return root;
}

/** Two processes starting together agree: both write a draft, one link wins, both read the winner. */
function makeRoot(path: string): void {
  const draft = `${path}.${process.pid}`;
  writeNewFile(draft, randomBytes(32));
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    unlinkSync(draft);
  }
}

/** SHA-256 of `bytes`: enough for tokens and challenges, which are random already. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}
