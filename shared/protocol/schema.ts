/** Closed schemas: which integer key holds which field of a message, and how each field is read from the wire and written to it. */
import { assert } from '#shared/base/assert.ts';
import { utf8 } from '#shared/base/bytes.ts';
import { type Id, idFromBytes, idToBytes } from '#shared/base/id.ts';
import { AMOUNT_MOST, SECOND_MOST } from '#shared/base/limits.ts';
import { fromSeconds, type Instant, toSeconds } from '#shared/base/time.ts';
import { CURRENCIES, type Currency } from '#shared/money/currency.ts';
import type { Wire } from '#shared/protocol/cbor.ts';
import { NONE, type Scanner, scanBytes, scanHead } from '#shared/protocol/scan.ts';

/**
 * One kind of value: `read` answers undefined for anything it is not; `write` throws a Fault for a value of ours out of bounds.
 * `scan` reads the value straight from canonical bytes, or answers undefined and leaves them to `read`.
 */
export interface Kind<Value> {
  readonly read: (wire: Wire) => Value | undefined;
  readonly write: (value: Value) => Wire;
  readonly scan?: (from: Scanner) => Value | undefined;
}

/** A field: its integer key, its kind, and whether a message may lack it. */
export interface Field<Value> {
  readonly key: number;
  readonly kind: Kind<Value>;
  readonly optional: boolean;
}

/** A field every message has. */
export function required<Value>(key: number, kind: Kind<Value>): Field<Value> {
  return { key, kind, optional: false };
}

/** A field a message may lack. */
export function optional<Value>(key: number, kind: Kind<Value>): Field<Value> {
  return { key, kind, optional: true };
}

/** A field for every property of `Message`. */
export type Fields<Message> = { readonly [Name in keyof Message]-?: Field<Exclude<Message[Name], undefined>> };

/** A map with exactly these keys: an unknown key is refused, so that an older program never skips what it does not understand. */
export function record<Message extends object>(fields: Fields<Message>): Kind<Message> {
  const entries = Object.entries(fields) as [string, Field<unknown>][];
  const scan = scanOf(entries);
  return {
    ...(scan ? { scan: scan as (from: Scanner) => Message | undefined } : {}),
    read(wire) {
      if (!(wire instanceof Map)) return undefined;
      const message: Record<string, unknown> = {};
      let seen = 0;
      for (const [name, field] of entries) {
        const raw = wire.get(field.key) as Wire | undefined;
        if (raw === undefined) {
          if (field.optional) continue;
          return undefined;
        }
        const value = field.kind.read(raw);
        if (value === undefined) return undefined;
        message[name] = value;
        seen += 1;
      }
      return seen === wire.size ? (message as Message) : undefined;
    },
    write(message) {
      const map = new Map<number, Wire>();
      for (const [name, field] of entries) {
        const value = (message as Record<string, unknown>)[name];
        assert(value !== undefined || field.optional, `a message lacks ${name}`);
        if (value !== undefined) map.set(field.key, field.kind.write(value));
      }
      return map;
    },
  };
}

/** Keys below this are one byte, and their order is the canonical one. */
const SHORT_KEYS = 24;

/** How a map of `entries` is read in one pass; undefined when one of its kinds cannot be. */
function scanOf(
  entries: readonly [string, Field<unknown>][],
): ((from: Scanner) => Record<string, unknown> | undefined) | undefined {
  const steps = entries.flatMap(([name, { key, kind, optional }]) =>
    kind.scan && key < SHORT_KEYS ? [{ name, key, scan: kind.scan, optional }] : [],
  );
  if (steps.length < entries.length) return undefined;
  steps.sort((left, right) => left.key - right.key);
  return (from) => {
    let left = scanHead(from, 5);
    const message: Record<string, unknown> = {};
    for (const { name, key, scan, optional } of steps) {
      // Each key is looked for behind the one before: one out of order, twice or unknown stays over.
      if (left <= 0 || from.bytes[from.at] !== key) {
        if (optional) continue;
        return undefined;
      }
      from.at += 1;
      left -= 1;
      const value = scan(from);
      if (value === undefined) return undefined;
      message[name] = value;
    }
    return left === 0 ? message : undefined;
  };
}

function checked<Value>(name: string, valid: (wire: unknown) => wire is Value & Wire): Kind<Value> {
  return {
    read: (wire) => (valid(wire) ? wire : undefined),
    write(value) {
      assert(valid(value), `not ${name}: ${String(value)}`);
      return value;
    },
  };
}

/** A whole number from `least` to `most`. */
export function whole(least: number, most: number): Kind<number> {
  return {
    ...checked(
      `a whole number ${least}..${most}`,
      (wire): wire is number => Number.isSafeInteger(wire) && (wire as number) >= least && (wire as number) <= most,
    ),
    scan(from) {
      const value = scanHead(from, 0);
      return value === NONE || value < least || value > most ? undefined : value;
    },
  };
}

/** Minor units, from nothing to {@link AMOUNT_MOST}. */
export const minorUnits: Kind<number> = whole(0, AMOUNT_MOST);

/** Exactly `length` bytes. */
export function bytes(length: number): Kind<Uint8Array> {
  return bytesWithin(length, length);
}

/** From `least` to `most` bytes. */
export function bytesWithin(least: number, most: number): Kind<Uint8Array> {
  return {
    ...checked(
      `${least}..${most} bytes`,
      (wire): wire is Uint8Array => wire instanceof Uint8Array && wire.length >= least && wire.length <= most,
    ),
    scan: (from) => scanBytes(from, least, most),
  };
}

/** Controls, line breaks, and the marks that turn text around on a screen: a name or memo may not lie about itself. */
const UNFIT = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u;

/** From 1 to `most` UTF-8 bytes of text a person can read, without control or direction marks. */
export function text(most: number): Kind<string> {
  return checked(`text of 1..${most} bytes`, (wire): wire is string => {
    return typeof wire === 'string' && wire.length > 0 && isFit(wire) && utf8(wire).length <= most;
  });
}

/** Whether `line` holds only what a screen shows as it is: well-formed, no control or direction marks. */
export function isFit(line: string): boolean {
  return line.isWellFormed() && !UNFIT.test(line);
}

/** Text of exactly this shape, at most `most` characters. */
export function pattern(shape: RegExp, most: number): Kind<string> {
  return checked(
    `text like ${shape}`,
    (wire): wire is string => typeof wire === 'string' && wire.length <= most && shape.test(wire),
  );
}

/** A region's code: ISO 3166-2, such as `CN-SX`. */
export const regionCode: Kind<string> = pattern(/^[A-Z]{2}-[A-Z0-9]{1,3}$/, 6);

/** An {@link Id} as its 16 bytes. */
export const id: Kind<Id> = {
  read: (wire) => (wire instanceof Uint8Array && wire.length === 16 ? idFromBytes(wire) : undefined),
  write: (value) => idToBytes(value),
  scan(from) {
    if (scanHead(from, 2) !== 16 || from.at + 16 > from.bytes.length) return undefined;
    from.at += 16;
    return idFromBytes(from.bytes, from.at - 16);
  },
};

/** A moment in whole seconds; what a clock says is rounded down. */
export const moment: Kind<Instant> = {
  read: (wire) =>
    Number.isSafeInteger(wire) && (wire as number) >= 0 && (wire as number) <= SECOND_MOST
      ? fromSeconds(wire as number)
      : undefined,
  write(value) {
    const seconds = toSeconds(value);
    assert(seconds >= 0 && seconds <= SECOND_MOST, `not a moment: ${value}`);
    return seconds;
  },
  scan(from) {
    const seconds = scanHead(from, 0);
    return seconds === NONE || seconds > SECOND_MOST ? undefined : fromSeconds(seconds);
  },
};

/** One of `names`, as its place in the list counted from `first`; lists are only ever appended to. */
export function choice<Name extends string>(names: readonly Name[], first: number): Kind<Name> {
  return {
    read: (wire) => (typeof wire === 'number' ? names[wire - first] : undefined),
    write(value) {
      const place = names.indexOf(value);
      assert(place >= 0, `not one of ${names.join(', ')}: ${value}`);
      return place + first;
    },
    scan(from) {
      const place = scanHead(from, 0);
      return place === NONE ? undefined : names[place - first];
    },
  };
}

/** A currency as its place in {@link CURRENCIES}, from 0. */
export const currencyCode: Kind<Currency> = choice(CURRENCIES, 0);

/** From `least` to `most` values of one kind. */
export function list<Value>(kind: Kind<Value>, least: number, most: number): Kind<readonly Value[]> {
  return {
    read(wire) {
      if (!Array.isArray(wire) || wire.length < least || wire.length > most) return undefined;
      const values: Value[] = [];
      for (const raw of wire) {
        const value = kind.read(raw);
        if (value === undefined) return undefined;
        values.push(value);
      }
      return values;
    },
    write(values) {
      assert(values.length >= least && values.length <= most, `not a list of ${least}..${most}`);
      return values.map((value) => kind.write(value));
    },
  };
}
