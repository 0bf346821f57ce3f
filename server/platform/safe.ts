/**
 * A backup as one file: text lines, compressed, sealed under a passphrase (scrypt, AES-256-GCM), with a checksum of it all.
 * Invariant: no line is given out of a file of which one bit differs from what was written.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes, scryptSync } from 'node:crypto';
import { createReadStream, createWriteStream, linkSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { syncFile } from '#server/platform/keeper.ts';
import { linesOf } from '#server/platform/lines.ts';
import { fromBase64url, joinBytes, sameBytes, toBase64url, utf8 } from '#shared/base/bytes.ts';

/** Thrown when a file is no backup, was changed since it was written, or does not open; the message is for the operator. */
export class NotWhole extends Error {
  override readonly name = 'NotWhole';
}

/** A backup that was found whole and opened. */
export interface Safe {
  /** The lines, from the first one each time it is called. */
  readonly lines: () => AsyncGenerator<string>;
  readonly bytes: number;
}

const MAGIC = utf8('piaohao backup 1\n');
const HEAD_BYTES = 512;
const TAG_BYTES = 16;
const SUM_BYTES = 32;
/** 128 MB and about half a second a guess (OWASP's first choice of parameters for scrypt). */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 * 1024 };

/** What stands before the sealed part, in clear: how its key is made of the passphrase. */
interface Head {
  readonly salt: string;
  readonly nonce: string;
  /** Tells a wrong passphrase from a damaged file. */
  readonly check: string;
}

function keyOf(passphrase: string, salt: Uint8Array): Buffer {
  return scryptSync(passphrase.normalize('NFC'), salt, 32, SCRYPT);
}

function checkOf(key: Uint8Array): string {
  return createHmac('sha256', key).update('piaohao backup passphrase').digest('base64url');
}

/** Fixed in length, so that the sealed part begins at the same place in every file. */
function headBytes(head: Head): Uint8Array {
  return joinBytes(MAGIC, utf8(JSON.stringify(head).padEnd(HEAD_BYTES - MAGIC.length - 1)), utf8('\n'));
}

/**
 * Writes `lines` into the new file `path`, for its owner alone; it has that name only when it is whole and on the disk.
 * Throws where there is a file already. Answers its size.
 */
export async function writeSafe(path: string, passphrase: string, lines: AsyncIterable<string>): Promise<number> {
  const [salt, nonce] = [randomBytes(16), randomBytes(12)];
  const key = keyOf(passphrase, salt);
  const head = headBytes({ salt: toBase64url(salt), nonce: toBase64url(nonce), check: checkOf(key) });
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(head);
  const sum = createHash('sha256');
  let bytes = 0;
  const summed = <Part extends Uint8Array>(part: Part): Part => {
    sum.update(part);
    bytes += part.length;
    return part;
  };
  const draft = `${path}.${process.pid}.part`;
  try {
    await pipeline(
      async function* () {
        for await (const line of lines) yield `${line}\n`;
      },
      createGzip(),
      cipher,
      async function* (sealed: AsyncIterable<Buffer>) {
        yield summed(head);
        for await (const part of sealed) yield summed(part);
        yield summed(cipher.getAuthTag());
        yield sum.digest();
      },
      createWriteStream(draft, { flags: 'wx', mode: 0o600, flush: true }),
    );
    // Not a rename, which would take the place of a file that is there.
    linkSync(draft, path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
      throw new Error(`There is a file ${path} already: a backup replaces nothing.`, { cause: error });
    }
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  await syncFile(dirname(path), 'all');
  return bytes + SUM_BYTES;
}

/** Opens the backup at `path` when every byte is as it was written. Throws {@link NotWhole}. */
export async function openSafe(path: string, passphrase: string): Promise<Safe> {
  const { head, tag, size } = await readEnds(path);
  const { salt, nonce, check } = readHead(head);
  const key = keyOf(passphrase, salt);
  if (checkOf(key) !== check) throw new NotWhole(`${path} does not open with this passphrase.`);
  const last = size - SUM_BYTES - TAG_BYTES - 1;
  async function* lines(): AsyncGenerator<string> {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
      .setAAD(head)
      .setAuthTag(tag);
    const unpacked = createGunzip();
    const done = pipeline(createReadStream(path, { start: HEAD_BYTES, end: last }), decipher, unpacked);
    // Whoever reads hears of it from the stream; here only that nobody is left to be surprised.
    done.catch(() => undefined);
    yield* linesOf(unpacked);
    await done;
  }
  return { lines, bytes: size };
}

async function readEnds(path: string): Promise<{ head: Uint8Array; tag: Uint8Array; size: number }> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const head = new Uint8Array(HEAD_BYTES);
    await file.read(head, 0, HEAD_BYTES, 0);
    const isOurs = sameBytes(head.subarray(0, MAGIC.length), MAGIC);
    if (size < HEAD_BYTES + TAG_BYTES + SUM_BYTES)
      throw new NotWhole(`${path} is ${isOurs ? 'a backup cut off' : 'no backup of Piaohao'}.`);
    const sum = createHash('sha256');
    for await (const part of createReadStream(path, { end: size - SUM_BYTES - 1 })) sum.update(part as Uint8Array);
    const ends = new Uint8Array(TAG_BYTES + SUM_BYTES);
    await file.read(ends, 0, ends.length, size - ends.length);
    if (!sameBytes(sum.digest(), ends.subarray(TAG_BYTES))) {
      throw new NotWhole(
        isOurs ? `${path} is damaged: it is not what was written.` : `${path} is no backup of Piaohao.`,
      );
    }
    if (!isOurs) throw new NotWhole(`${path} is no backup of Piaohao, or of a newer version.`);
    return { head, tag: ends.subarray(0, TAG_BYTES), size };
  } finally {
    await file.close();
  }
}

function readHead(bytes: Uint8Array): { salt: Uint8Array; nonce: Uint8Array; check: string } {
  const { salt, nonce, check } = JSON.parse(new TextDecoder().decode(bytes.subarray(MAGIC.length))) as Head;
  return { salt: fromBase64url(salt) ?? new Uint8Array(), nonce: fromBase64url(nonce) ?? new Uint8Array(), check };
}
