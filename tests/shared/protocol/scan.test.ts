/** The one pass over canonical bytes reads exactly what the general reader reads, and takes nothing that one would not. */
import { encode } from 'cborg';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Id } from '#shared/base/id.ts';
import { AMOUNT_MOST, COUNT_MOST } from '#shared/base/limits.ts';
import { fromSeconds, type Instant } from '#shared/base/time.ts';
import { CURRENCIES, type Currency } from '#shared/money/currency.ts';
import { encodeCbor } from '#shared/protocol/cbor.ts';
import { closingMessage } from '#shared/protocol/closing.ts';
import { readFields } from '#shared/protocol/message.ts';
import { FIRST_RECEIPT_PREVIOUS, receiptMessage } from '#shared/protocol/receipt.ts';
import {
  bytes,
  currencyCode,
  id,
  type Kind,
  moment,
  optional,
  record,
  required,
  whole,
} from '#shared/protocol/schema.ts';

interface Everything {
  readonly name: Uint8Array;
  readonly count: number;
  readonly sum: number;
  readonly who: Id;
  readonly when: Instant;
  readonly inside?: { readonly currency: Currency; readonly sum: number };
  readonly last?: number;
}

/** A message with every kind that can be read in one pass. */
const everything: Kind<Everything> = record<Everything>({
  name: required(1, bytes(16)),
  count: required(2, whole(1, COUNT_MOST)),
  sum: required(3, whole(0, AMOUNT_MOST)),
  who: required(5, id),
  when: required(8, moment),
  inside: optional(9, record({ currency: required(1, currencyCode), sum: required(2, whole(1, AMOUNT_MOST)) })),
  last: optional(23, whole(0, 0xffff_ffff)),
});

const anything: fc.Arbitrary<Everything> = fc
  .record({
    name: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    count: fc.integer({ min: 1, max: COUNT_MOST }),
    sum: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: AMOUNT_MOST })),
    who: fc.uuid() as fc.Arbitrary<Id>,
    when: fc.integer({ min: 0, max: 0xffff_ffff }).map(fromSeconds),
    inside: fc.option(
      fc.record({ currency: fc.constantFrom(...CURRENCIES), sum: fc.integer({ min: 1, max: AMOUNT_MOST }) }),
    ),
    last: fc.option(fc.nat(0xffff_ffff)),
  })
  .map(({ inside, last, ...rest }) => ({ ...rest, ...(inside ? { inside } : {}), ...(last === null ? {} : { last }) }));

/** Both readers of the same bytes must say the same, refusals included. */
function agree<Message>(kind: Kind<Message>, encoded: Uint8Array): void {
  const { read, write } = kind;
  expect(readFields(kind, encoded)).toEqual(readFields({ read, write }, encoded));
}

const SAMPLES: readonly [string, Kind<unknown>, Uint8Array][] = [
  [
    'everything',
    everything as Kind<unknown>,
    encodeCbor(everything.write(fc.sample(anything, { numRuns: 1, seed: 7 })[0] as Everything)),
  ],
  [
    'a closing',
    closingMessage.kind as Kind<unknown>,
    closingMessage.encode({ allowance: new Uint8Array(16), lastNumber: 300, lastTotal: 7, last: new Uint8Array(16) }),
  ],
  [
    'a receipt',
    receiptMessage.kind as Kind<unknown>,
    receiptMessage.encode({
      payment: new Uint8Array(32),
      status: 'void',
      time: fromSeconds(1_800_000_000),
      counter: 70_000,
      previous: FIRST_RECEIPT_PREVIOUS,
    }),
  ],
];

describe.each(SAMPLES)('%s', (_name, kind, honest) => {
  test('is read in one pass', () => {
    const from = { bytes: honest, at: 0 };
    expect(kind.scan?.(from)).toBeDefined();
    expect(from.at).toBe(honest.length);
    agree(kind, honest);
  });

  test('every byte bent to every value is read alike', () => {
    for (let at = 0; at < honest.length; at += 1) {
      for (let value = 0; value < 256; value += 1) agree(kind, honest.with(at, value));
    }
  });

  test('cut off, prolonged, with bytes put in or left out: read alike', () => {
    for (let at = 0; at <= honest.length; at += 1) {
      agree(kind, honest.slice(0, at));
      agree(kind, Uint8Array.from([...honest.slice(0, at), ...honest.slice(at + 1)]));
      for (const more of [0x00, 0x18, 0x40, 0xa0, 0xf4, 0xff]) {
        agree(kind, Uint8Array.from([...honest.slice(0, at), more, ...honest.slice(at)]));
      }
    }
  });
});

test('3,000 honest messages are read in one pass, and as they were meant', () => {
  fc.assert(
    fc.property(anything, (message) => {
      const encoded = encodeCbor(everything.write(message));
      expect(readFields(everything, encoded)).toEqual({ ok: true, value: message });
      agree(everything, encoded);
    }),
    { numRuns: 3000 },
  );
});

describe('of what any map can hold, it takes nothing the general reader would not', () => {
  const value = fc.oneof(
    fc.nat(),
    fc.integer({ min: 2 ** 32, max: AMOUNT_MOST * 2 }),
    fc.uint8Array({ minLength: 15, maxLength: 17 }),
    fc.boolean(),
    fc.string({ maxLength: 4 }),
    fc.constant(-1),
    fc.constant(null),
    fc.double(),
    fc.constant(new Map([[1, 0]])),
  );
  test('maps with other keys, other kinds and other orders', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(1, 2, 3, 5, 8, 9, 23, 24, 4), value), { maxLength: 9 }),
        (pairs) => {
          agree(everything, encode(new Map(pairs)));
          agree(everything, encode(new Map(pairs), { mapSorter: () => 0 }));
        },
      ),
      { numRuns: 5000 },
    );
  });

  test('heads that are longer than they need be', () => {
    const honest = encodeCbor(everything.write(fc.sample(anything, { numRuns: 1, seed: 3 })[0] as Everything));
    for (let at = 0; at < honest.length; at += 1) {
      const first = honest[at] ?? 0;
      const short = first & 0x1f;
      if (short >= 24) continue;
      const major = first & 0xe0;
      for (const long of [
        [24, short],
        [25, 0, short],
        [26, 0, 0, 0, short],
        [27, 0, 0, 0, 0, 0, 0, 0, short],
      ]) {
        agree(
          everything,
          Uint8Array.from([...honest.slice(0, at), major | (long[0] ?? 0), ...long.slice(1), ...honest.slice(at + 1)]),
        );
      }
    }
  });
});
