/**
 * Secrets of the house in files beside the database: 32 random bytes each, and what is sealed with them.
 * Invariant: the bytes stand in a file only its owner may read, never in the database and never in a log.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '#server/platform/folder.ts';
import { nameOnce, writeNewFile } from '#server/platform/keeper.ts';
import { assert } from '#shared/base/assert.ts';
import { utf8 } from '#shared/base/bytes.ts';

/** The 32 bytes of the file `path`, made when it is not there. */
export function readKey(path: string): Buffer {
  if (!statSync(path, { throwIfNoEntry: false })) makeKey(path);
  assert((statSync(path).mode & 0o077) === 0, `the key file ${path} may be read by others: chmod 600 it`);
  const root = readFileSync(path);
  assert(root.length === 32, `the key file ${path} is not 32 bytes`);
  return root;
}

/** The keys `name-<version>.key` in `folder` by their versions, the first made when there is none. */
export function readVersions(folder: string, name: 'pepper' | 'push'): Map<number, Buffer> {
  makeFolder(folder);
  const called = new RegExp(`^${name}-([1-9]\\d{0,3})\\.key$`);
  const there = readdirSync(folder).flatMap((file) => called.exec(file)?.[1] ?? []);
  const versions = there.length === 0 ? [1] : there.map(Number);
  return new Map(versions.map((version) => [version, readKey(join(folder, `${name}-${version}.key`))]));
}

/** Two processes starting together agree: both write a draft, one link wins, both read the winner. */
function makeKey(path: string): void {
  const draft = `${path}.${process.pid}`;
  writeNewFile(draft, randomBytes(32));
  nameOnce(draft, path);
}

const NONCE = 12;
const TAG = 16;

/** `text` sealed by AES-256-GCM: nonce, tag and ciphertext in one. */
export function sealText(key: Uint8Array, text: string): Uint8Array {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const body = Buffer.concat([cipher.update(utf8(text)), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), body]);
}

/** What was sealed; throws when the bytes were altered. */
export function openText(key: Uint8Array, sealed: Uint8Array): string {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE));
  decipher.setAuthTag(sealed.subarray(NONCE, NONCE + TAG));
  return Buffer.concat([decipher.update(sealed.subarray(NONCE + TAG)), decipher.final()]).toString('utf8');
}
