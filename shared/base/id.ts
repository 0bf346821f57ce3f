/** Ids made by whoever starts an act, kept before sending, and ordered by the time they were made. */
import type { Brand } from '#shared/base/brand.ts';
import { fromHex, utf8 } from '#shared/base/bytes.ts';
import type { Instant } from '#shared/base/time.ts';

/** A UUID version 7 (RFC 9562 section 5.7) in its 36-character lower-case form. */
export type Id = Brand<string, 'Id'>;

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A new id for `now`; `random` gives ten bytes nobody can guess. */
export function newId(now: Instant, random: Uint8Array = crypto.getRandomValues(new Uint8Array(10))): Id {
  const bytes = new Uint8Array(16);
  bytes.set(random.subarray(0, 10), 6);
  for (let at = 0, rest: number = now; at < 6; at += 1) {
    bytes[5 - at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  return idFromBytes(bytes);
}

/** Stands before every id: where reading them in their order begins. */
export const BEFORE_ALL = '00000000-0000-0000-0000-000000000000' as Id;

/** The id in `text`, or undefined when it is no id. */
export function readId(text: string): Id | undefined {
  return ID.test(text) ? (text as Id) : undefined;
}

/** The 16 bytes of `id` as they stand in signed messages. */
export function idToBytes(id: Id): Uint8Array<ArrayBuffer> {
  return fromHex(id.replaceAll('-', '')) ?? new Uint8Array(16);
}

const DIGITS = utf8('0123456789abcdef');
const DASH = 0x2d;
/** The letters of the id that is being made: one text is cheaper than the five parts of one and what joins them. */
const letters: number[] = new Array(36).fill(DASH);

/** The id whose 16 bytes stand at `from`. */
export function idFromBytes(bytes: Uint8Array, from = 0): Id {
  let at = 0;
  for (let next = from; next < from + 16; next += 1) {
    const byte = bytes[next] ?? 0;
    if (at === 8 || at === 13 || at === 18 || at === 23) at += 1;
    letters[at] = DIGITS[byte >> 4] ?? DASH;
    letters[at + 1] = DIGITS[byte & 15] ?? DASH;
    at += 2;
  }
  return String.fromCharCode.apply(null, letters) as Id;
}
