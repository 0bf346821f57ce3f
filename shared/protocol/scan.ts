/**
 * One pass over bytes that are in canonical form already, as an honest program's always are: fields come out of it and
 * nothing else is made on the way. It refuses nothing: what it does not take goes to cbor.ts, which says why.
 * Invariant: it takes nothing that cbor.ts and schema.ts together would not, and reads the same out of it.
 */

/** Where a scan stands in the bytes it goes over. */
export interface Scanner {
  readonly bytes: Uint8Array;
  at: number;
}

/** What {@link scanHead} answers when it does not take what is there. */
export const NONE = -1;

/** The argument of the item of `major` type that stands here, in its shortest form of at most five bytes. */
export function scanHead(from: Scanner, major: number): number {
  const { bytes, at } = from;
  const first = bytes[at];
  if (first === undefined || first >> 5 !== major) return NONE;
  const short = first & 0x1f;
  if (short < 24) {
    from.at = at + 1;
    return short;
  }
  if (short > 26) return NONE;
  const length = 1 << (short - 24);
  const end = at + 1 + length;
  if (end > bytes.length) return NONE;
  let value = 0;
  for (let next = at + 1; next < end; next += 1) value = value * 256 + (bytes[next] ?? 0);
  // A smaller number has a shorter form.
  if (value < (length === 1 ? 24 : 2 ** (length * 4))) return NONE;
  from.at = end;
  return value;
}

/** The byte string of `least` to `most` bytes that stands here, as a view. */
export function scanBytes(from: Scanner, least: number, most: number): Uint8Array | undefined {
  const length = scanHead(from, 2);
  const end = from.at + length;
  if (length === NONE || length < least || length > most || end > from.bytes.length) return undefined;
  const value = from.bytes.subarray(from.at, end);
  from.at = end;
  return value;
}
