/**
 * Private keys that sign and never show themselves. A key file readable by its owner alone stands behind each signer here;
 * an HSM fits the same interface (the protocol's Signer), for nothing asks a signer for more than a signature.
 * Invariant: the private half leaves neither this file's closures nor its key file; nothing here writes to a log.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { assert } from '#shared/base/assert.ts';
import { fromBase64url, joinBytes } from '#shared/base/bytes.ts';
import type { Signer } from '#shared/protocol/signature.ts';

/**
 * The signer whose key stands in `directory`/`name`.pem, made now when it does not exist.
 * Two processes starting together agree: both write, one link wins, both read the winner.
 */
export function openKeyFile(directory: string, name: string): Signer {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `${name}.pem`);
  if (!exists(path)) createKeyFile(directory, path);
  assert((statSync(path).mode & 0o077) === 0, `the key file ${path} may be read by others: chmod 600 it`);
  return signerOf(createPrivateKey(readFileSync(path)));
}

function createKeyFile(directory: string, path: string): void {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const draft = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
  const file = openSync(draft, 'wx', 0o600);
  try {
    writeSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  chmodSync(draft, 0o600);
  try {
    linkSync(draft, path);
    flushDirectory(directory);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    unlinkSync(draft);
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** A new name survives a power cut only when its directory is flushed as well. */
function flushDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function signerOf(privateKey: KeyObject): Signer {
  return {
    key: compressed(createPublicKey(privateKey)),
    sign: async (message) => new Uint8Array(sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' })),
  };
}

function compressed(key: KeyObject): Uint8Array<ArrayBuffer> {
  const { x, y } = key.export({ format: 'jwk' });
  const across = fromBase64url(x ?? '');
  const up = fromBase64url(y ?? '');
  assert(across?.length === 32 && up?.length === 32, 'a signer holds a P-256 key');
  return joinBytes(Uint8Array.of(((up[31] ?? 0) & 1) === 1 ? 3 : 2), across);
}
