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

/** Up to here a loop is quicker than the call that writes text. */
const FEW_UNITS = 16;

const text: Filling = {
  oid: 25,
  // A UTF-16 unit takes three bytes of UTF-8 at most.
  most: (value) => (typeof value === 'string' ? value.length * 3 : NONE),
  write: (into, at, value) => writeText(into, at, value as string),
};

function writeText(into: Buffer, at: number, value: string): number {
  let next = 0;
  for (; next < value.length && value.length <= FEW_UNITS; next += 1) {
    const unit = value.charCodeAt(next);
    if (unit > 0x7f) break;
    into[at + next] = unit;
  }
  return next === value.length ? at + next : at + into.write(value, at);
}

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
    return writeText(into, at + 1, value as string);
  },
};

const bigint: Filling = {
  oid: 20,
  most: (value) => (Number.isSafeInteger(value) ? 8 : NONE),
  write(into, at, value) {
    const high = Math.floor((value as number) / 2 ** 32);
    writeInteger(into, at, high);
    return writeInteger(into, at + 4, (value as number) - high * 2 ** 32);
  },
};

const integer: Filling = {
  oid: 23,
  most: (value) => (Number.isSafeInteger(value) && Math.abs(value as number) < 2 ** 31 ? 4 : NONE),
  write: (into, at, value) => writeInteger(into, at, value as number),
};

const smallint: Filling = {
  oid: 21,
  most: (value) => (Number.isSafeInteger(value) && Math.abs(value as number) < 2 ** 15 ? 2 : NONE),
  write(into, at, value) {
    into[at] = (value as number) >> 8;
    into[at + 1] = value as number;
    return at + 2;
  },
};

/** Four bytes, big end first; answers where they end. */
function writeInteger(into: Buffer, at: number, value: number): number {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
  return at + 4;
}

/** What each letter of hexadecimal counts, by its code; 255 for every other. */
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) => {
  const digit = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(digit) ? 255 : digit;
});
const UUID_BYTES = 16;

const uuid: Filling = {
  oid: 2950,
  most: (value) => (isUuid(value) ? UUID_BYTES : NONE),
  // Digit by digit, for the engine's own reading of hexadecimal wants a text without dashes, which has to be made first.
  write(into, at, value) {
    const text = value as string;
    let wrong = 0;
    let from = 0;
    for (let next = at; next < at + UUID_BYTES; next += 1) {
      if (from === 8 || from === 13 || from === 18 || from === 23) from += 1;
      const high = DIGITS[text.charCodeAt(from)] ?? 255;
      const low = DIGITS[text.charCodeAt(from + 1)] ?? 255;
      wrong |= high | low;
      into[next] = (high << 4) | low;
      from += 2;
    }
    return wrong > 15 ? NONE : at + UUID_BYTES;
  },
};

/** Whether the dashes stand where they do in an id; whether the rest are digits shows when they are read. */
function isUuid(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length === 36 &&
    value[8] === '-' &&
    value[13] === '-' &&
    value[18] === '-' &&
    value[23] === '-'
  );
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
  if (values.length === 0) return headOf(filling, values, HEAD).subarray(0, 12);
  const elements = type === 'jsonb' ? values.map((value) => (value === null ? null : JSON.stringify(value))) : values;
  const same = repeated(filling, elements);
  if (same !== undefined) {
    const list = headOf(filling, elements, HEAD + same.length);
    list.set(same, HEAD);
    return list;
  }
  let size = HEAD;
  // By place: the engine makes an object a step for a list it has seen hold many kinds of things.
  for (let place = 0; place < elements.length; place += 1) {
    const value = elements[place];
    const most = value === null ? 0 : filling.most(value);
    if (most === NONE) return undefined;
    size += 4 + most;
  }
  return fill(headOf(filling, elements, size), filling, elements);
}

function headOf({ oid }: Filling, values: readonly unknown[], size: number): Buffer {
  const list = Buffer.allocUnsafe(size);
  writeInteger(list, 0, values.length === 0 ? 0 : 1);
  writeInteger(list, 4, values.includes(null) ? 1 : 0);
  writeInteger(list, 8, oid);
  writeInteger(list, 12, values.length);
  writeInteger(list, 16, 1);
  return list;
}

/** The elements of a list that says one thing all along (a region, a currency, a moment): then bytes are copied, not written. */
function repeated(filling: Filling, values: readonly unknown[]): Buffer | undefined {
  const [value] = values;
  if (values.length < 2 || !values.every((one) => one === value)) return undefined;
  const most = value === null ? 0 : filling.most(value);
  if (most === NONE) return undefined;
  const one = Buffer.allocUnsafe(4 + most);
  const end = writeElement(one, filling, 0, value);
  return end === NONE ? undefined : Buffer.alloc(end * values.length, one.subarray(0, end));
}

function fill(list: Buffer, filling: Filling, values: readonly unknown[]): Uint8Array | undefined {
  let at = HEAD;
  let last: unknown;
  let [from, end] = [0, 0];
  for (let place = 0; place < values.length; place += 1) {
    const value = values[place];
    if (value === last) {
      list.copyWithin(at, from, end);
      at += end - from;
      continue;
    }
    const next = writeElement(list, filling, at, value);
    if (next === NONE) return undefined;
    [last, from, end] = [value, at, next];
    at = next;
  }
  return list.subarray(0, at);
}

/** Writes one element behind its length and answers where it ends. */
function writeElement(into: Buffer, { write }: Filling, at: number, value: unknown): number {
  if (value === null) return writeInteger(into, at, NONE);
  const end = write(into, at + 4, value);
  if (end !== NONE) writeInteger(into, at, end - at - 4);
  return end;
}
