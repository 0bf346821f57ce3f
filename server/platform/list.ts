/**
 * How a list crosses to the database: in the binary form of an SQL array when the statement says the type of its elements.
 * The server reads that form many times faster than text (PostgreSQL's array_recv), and it is the shorter one.
 */

/** What fills a list: how many bytes an element takes at most, and how it is written; -1 when it is none of this type. */
interface Filling {
  /** The type's number in pg_type. */
  readonly oid: number;
  readonly most: (value: unknown) => number;
  readonly write: (into: Buffer, at: number, value: unknown) => number;
}

/** Dimensions, whether there are nulls, type; then size and first index of the one dimension. */
const HEAD = 20;
const NONE = -1;

const text: Filling = {
  oid: 25,
  // A UTF-16 unit takes three bytes of UTF-8 at most.
  most: (value) => (typeof value === 'string' ? value.length * 3 : NONE),
  write: (into, at, value) => at + into.write(value as string, at),
};

const bytes: Filling = {
  oid: 17,
  most: (value) => (value instanceof Uint8Array ? value.length : NONE),
  write(into, at, value) {
    into.set(value as Uint8Array, at);
    return at + (value as Uint8Array).length;
  },
};

/** A document comes here as its JSON. */
const documents: Filling = {
  oid: 3802,
  most: (value) => 1 + (value as string).length * 3,
  write(into, at, value) {
    // The version of the form, then the text.
    into[at] = 1;
    return at + 1 + into.write(value as string, at + 1);
  },
};

const bigint: Filling = {
  oid: 20,
  most: (value) => (Number.isSafeInteger(value) ? 8 : NONE),
  write(into, at, value) {
    const high = Math.floor((value as number) / 2 ** 32);
    into.writeInt32BE(high, at);
    return into.writeUInt32BE((value as number) - high * 2 ** 32, at + 4);
  },
};

const integer: Filling = {
  oid: 23,
  most: (value) => (Number.isSafeInteger(value) && Math.abs(value as number) < 2 ** 31 ? 4 : NONE),
  write: (into, at, value) => into.writeInt32BE(value as number, at),
};

const smallint: Filling = {
  oid: 21,
  most: (value) => (Number.isSafeInteger(value) && Math.abs(value as number) < 2 ** 15 ? 2 : NONE),
  write: (into, at, value) => into.writeInt16BE(value as number, at),
};

/** Where each byte of a UUID stands in its text. */
const UUID_BYTES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

const uuid: Filling = {
  oid: 2950,
  most: (value) => (typeof value === 'string' && value.length === 36 ? 16 : NONE),
  write(into, at, value) {
    const id = value as string;
    if (id[8] !== '-' || id[13] !== '-' || id[18] !== '-' || id[23] !== '-') return NONE;
    let next = at;
    for (const place of UUID_BYTES) {
      const byte = (digitAt(id, place) << 4) | digitAt(id, place + 1);
      if (byte < 0) return NONE;
      into[next] = byte;
      next += 1;
    }
    return next;
  },
};

/** The value of a hexadecimal digit; negative when it is none. */
function digitAt(hex: string, place: number): number {
  const code = hex.charCodeAt(place);
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : NONE;
}

const FILLINGS: ReadonlyMap<string, Filling> = new Map([
  ['text', text],
  ['bytea', bytes],
  ['jsonb', documents],
  ['bigint', bigint],
  ['integer', integer],
  ['int', integer],
  ['smallint', smallint],
  ['uuid', uuid],
]);

/** The types of the lists among the values of a statement, by the place of the value: what `$1::text[]` says of the first. */
export function listTypes(statement: string): readonly (string | undefined)[] {
  const types: (string | undefined)[] = [];
  for (const [, place, type] of statement.matchAll(/\$(\d+)::(\w+)\[\]/g)) types[Number(place) - 1] = type;
  return types;
}

/** The binary form of a list of `type`; undefined when an element is none of it, or the form is not known here. */
export function encodeList(type: string, values: readonly unknown[]): Uint8Array | undefined {
  const filling = FILLINGS.get(type);
  if (filling === undefined) return undefined;
  const elements = type === 'jsonb' ? values.map((value) => (value === null ? null : JSON.stringify(value))) : values;
  let size = HEAD;
  for (const value of elements) {
    const most = value === null ? 0 : filling.most(value);
    if (most === NONE) return undefined;
    size += 4 + most;
  }
  return fill(Buffer.allocUnsafe(size), filling, elements);
}

function fill(list: Buffer, { oid, write }: Filling, values: readonly unknown[]): Uint8Array | undefined {
  list.writeInt32BE(values.length === 0 ? 0 : 1, 0);
  list.writeInt32BE(values.includes(null) ? 1 : 0, 4);
  list.writeInt32BE(oid, 8);
  if (values.length === 0) return list.subarray(0, 12);
  list.writeInt32BE(values.length, 12);
  list.writeInt32BE(1, 16);
  let at = HEAD;
  // Many lists say the same again and again (a region, a currency, a moment): then the bytes are copied.
  let last: unknown = null;
  let [from, end] = [0, 0];
  for (const value of values) {
    const start = at + 4;
    if (value === null) {
      at = list.writeInt32BE(-1, at);
    } else if (value === last) {
      list.copyWithin(at, from, end);
      at += end - from;
    } else {
      const next = write(list, start, value);
      if (next === NONE) return undefined;
      list.writeInt32BE(next - start, at);
      [last, from, end] = [value, at, next];
      at = next;
    }
  }
  return list.subarray(0, at);
}
