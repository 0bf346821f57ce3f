/**
 * The status list of a region: one bit for each allowance, set when it is revoked (after the IETF Token Status List, bits = 1).
 * It travels as ZLIB-compressed DEFLATE; the epoch card names the SHA-256 of its uncompressed bits, so any compressor will do.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { assert } from '#shared/base/assert.ts';
import { STATUS_BYTES_MOST, STATUS_ENTRIES_MOST } from '#shared/base/limits.ts';
import { ok } from '#shared/base/result.ts';
import { type Checked, no } from '#shared/protocol/refusal.ts';

/** A region's revocations as of an epoch. Entry n is bit n % 8 (from the lowest) of byte floor(n / 8). */
export interface StatusList {
  readonly epoch: number;
  readonly bits: Uint8Array;
}

/** The bits of a list of `entries` allowances of which those in `revoked` are revoked. */
export function statusBits(entries: number, revoked: Iterable<number>): Uint8Array<ArrayBuffer> {
  assert(entries <= STATUS_ENTRIES_MOST, `a status list of ${entries} entries`);
  const bits = new Uint8Array(Math.ceil(entries / 8));
  for (const index of revoked) {
    assert(index >= 0 && index < bits.length * 8, `no entry ${index} in the status list`);
    bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
  }
  return bits;
}

/** Whether the allowance with `index` is revoked. An index beyond the list is younger than the list: not known to be revoked. */
export function isRevoked(list: StatusList, index: number): boolean {
  return (((list.bits[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
}

/** The fingerprint of a list in the epoch card. */
export function statusHash(bits: Uint8Array): Uint8Array {
  return sha256(bits);
}

/** Compresses a list for the journey. */
export async function packStatus(bits: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return drain(through(bits, new CompressionStream('deflate')), Number.MAX_SAFE_INTEGER).then((packed) => {
    assert(packed !== undefined, 'compression without a bound has none to pass');
    return packed;
  });
}

/** Unpacks a list; refuses what is no compressed list or would grow beyond {@link STATUS_ENTRIES_MOST} entries. Never throws. */
export async function unpackStatus(packed: Uint8Array): Promise<Checked<Uint8Array<ArrayBuffer>>> {
  if (packed.length > STATUS_BYTES_MOST) return no('status.malformed');
  try {
    const bits = await drain(through(packed, new DecompressionStream('deflate')), STATUS_ENTRIES_MOST / 8);
    return bits === undefined ? no('status.malformed') : ok(bits);
  } catch {
    return no('status.malformed');
  }
}

function through(bytes: Uint8Array, stream: CompressionStream | DecompressionStream): ReadableStream<Uint8Array> {
  return new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(stream);
}

async function drain(stream: ReadableStream<Uint8Array>, most: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = stream.getReader();
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    length += step.value.length;
    if (length > most) {
      await reader.cancel();
      return undefined;
    }
    parts.push(step.value);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
