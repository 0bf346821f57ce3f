/**
 * The one deterministic CBOR of signed messages (RFC 8949 section 4.2.1), narrowed to what they use.
 * Invariant: whatever decodes re-encodes to exactly the same bytes.
 */
import { decode, encode } from 'cborg';
import { sameBytes } from '#shared/base/bytes.ts';
import { MESSAGE_BYTES, MESSAGE_DEPTH } from '#shared/base/limits.ts';
import { ok } from '#shared/base/result.ts';
import { type Checked, no } from '#shared/protocol/refusal.ts';

/** A value of a message: no floats, no tags, no null, no indefinite lengths; maps have whole numbers as keys. */
export type Wire = number | boolean | string | Uint8Array | readonly Wire[] | ReadonlyMap<number, Wire>;

const DECODING = {
  strict: true,
  useMaps: true,
  rejectDuplicateMapKeys: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  allowBigInt: false,
} as const;

/** The only bytes `value` has. */
export function encodeCbor(value: Wire): Uint8Array<ArrayBuffer> {
  return encode(value) as Uint8Array<ArrayBuffer>;
}

/** The value of `bytes`; refuses what is too long, nests too deep, is no CBOR, or is not in its one canonical form. Never throws. */
export function decodeCbor(bytes: Uint8Array): Checked<Wire> {
  if (bytes.length > MESSAGE_BYTES) return no('message.too-large', { bytes: bytes.length });
  if (!isPlain(bytes)) return no('message.malformed');
  try {
    const value: Wire = decode(bytes, DECODING);
    return sameBytes(encodeCbor(value), bytes) ? ok(value) : no('message.not-canonical');
  } catch {
    return no(isReadable(bytes) ? 'message.not-canonical' : 'message.malformed');
  }
}

/** Only asked of what is refused anyway, so that a second implementation learns which rule it broke. */
function isReadable(bytes: Uint8Array): boolean {
  try {
    decode(bytes, { useMaps: true });
    return true;
  } catch {
    return false;
  }
}

/** Whether `bytes` are exactly one item of our six kinds. */
function isPlain(bytes: Uint8Array): boolean {
  return itemEnd(bytes, 0) === bytes.length;
}

/**
 * Where the item that starts at `start` ends: undefined when it is cut off, nests deeper than {@link MESSAGE_DEPTH} or has
 * anything but our six kinds. Walks the heads once, without recursion; says nothing about canonical form.
 */
export function itemEnd(bytes: Uint8Array, start: number): number | undefined {
  const left: number[] = [];
  let at = start;
  while (at < bytes.length) {
    const first = bytes[at] ?? 0;
    const major = first >> 5;
    const head = readHead(bytes, at);
    if (head === undefined || major === 6 || (major === 7 && first !== 0xf4 && first !== 0xf5)) return undefined;
    at = head.next + (major === 2 || major === 3 ? head.value : 0);
    if (at > bytes.length) return undefined;
    const items = major === 4 ? head.value : major === 5 ? head.value * 2 : 0;
    if (items > bytes.length - at) return undefined;
    if (items > 0) left.push(items + 1);
    if (left.length > MESSAGE_DEPTH) return undefined;
    while (left.length > 0) {
      const rest = (left.pop() ?? 0) - 1;
      if (rest > 0) {
        left.push(rest);
        break;
      }
    }
    if (left.length === 0) return at;
  }
  return undefined;
}

function readHead(bytes: Uint8Array, at: number): { value: number; next: number } | undefined {
  const short = (bytes[at] ?? 0) & 0x1f;
  if (short < 24) return { value: short, next: at + 1 };
  const length = { 24: 1, 25: 2, 26: 4, 27: 8 }[short];
  if (length === undefined || at + 1 + length > bytes.length) return undefined;
  let value = 0;
  for (let step = 1; step <= length; step += 1) value = value * 256 + (bytes[at + step] ?? 0);
  return Number.isSafeInteger(value) ? { value, next: at + 1 + length } : undefined;
}
