/**
 * Private keys that sign and never show themselves. A key file readable by its owner alone stands behind each signer here;
 * an HSM fits the same interface (the protocol's Signer), for nothing asks a signer for more than a signature.
 * Invariant: the private half leaves neither this file's closures nor its key file; nothing here writes to a log.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { chmodSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '#server/platform/folder.ts';
import { nameOnce, syncFile, writeNewFile } from '#server/platform/keeper.ts';
import { assert } from '#shared/base/assert.ts';
import { fromBase64url, joinBytes } from '#shared/base/bytes.ts';
import type { Signer } from '#shared/protocol/signature.ts';

/**
 * The signer whose key stands in `directory`/`name`.pem, made now when it does not exist.
 * Two processes starting together agree: both write, one link wins, both read the winner.
 */
export function openKeyFile(directory: string, name: string): Signer {
  makeFolder(directory);
  const path = join(directory, `${name}.pem`);
  const kept = exists(path) ? Promise.resolve() : createKeyFile(directory, path);
  assert((statSync(path).mode & 0o077) === 0, `the key file ${path} may be read by others: chmod 600 it`);
  return signerOf(createPrivateKey(readFileSync(path)), kept);
}

/** Resolves when a power cut cannot take the file away any more: its bytes are on the disk before it gets its name. */
function createKeyFile(directory: string, path: string): Promise<void> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const draft = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
  writeNewFile(draft, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  chmodSync(draft, 0o600);
  nameOnce(draft, path);
  const kept = syncFile(directory, 'all');
  // Who signs hears of a failure; without anybody waiting it must not end the process.
  kept.catch(() => undefined);
  return kept;
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Signs nothing before the key is `kept`: what it signed would otherwise outlive it. */
function signerOf(privateKey: KeyObject, kept: Promise<void>): Signer {
  return {
    key: compressed(createPublicKey(privateKey)),
    sign: async (message) => {
      await kept;
      return new Uint8Array(sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }));
    },
  };
}

function compressed(key: KeyObject): Uint8Array<ArrayBuffer> {
  const { x, y } = key.export({ format: 'jwk' });
  const across = fromBase64url(x ?? '');
  const up = fromBase64url(y ?? '');
  assert(across?.length === 32 && up?.length === 32, 'a signer holds a P-256 key');
  return joinBytes(Uint8Array.of(((up[31] ?? 0) & 1) === 1 ? 3 : 2), across);
}
