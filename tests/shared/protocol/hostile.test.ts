/** Random and bent bytes: no reader throws, nothing is accepted that is not the one form, no bent payment counts as another. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex, sameBytes, toHex } from '#shared/base/bytes.ts';
import { allowanceMessage } from '#shared/protocol/allowance.ts';
import { fromBase45, toBase45 } from '#shared/protocol/base45.ts';
import { decodeCbor, encodeCbor } from '#shared/protocol/cbor.ts';
import { certificateMessage } from '#shared/protocol/certificate.ts';
import { closingMessage } from '#shared/protocol/closing.ts';
import { epochMessage } from '#shared/protocol/epoch.ts';
import { finalityMessage } from '#shared/protocol/finality.ts';
import { readFork } from '#shared/protocol/fork.ts';
import { readFrame } from '#shared/protocol/frame.ts';
import { invoiceMessage } from '#shared/protocol/invoice.ts';
import { keySetMessage } from '#shared/protocol/key-set.ts';
import { encodeCore, readPayment } from '#shared/protocol/payment.ts';
import { receiptMessage } from '#shared/protocol/receipt.ts';
import { fromDer, isLowS, verifySync } from '#shared/protocol/signature.ts';
import { nodeVerifier, replay, type Vector } from '#tests/vectors/replay.ts';

const payments: Vector[] = JSON.parse(readFileSync(new URL('../../vectors/payment.json', import.meta.url), 'utf8'));
const honest = payments.filter((one) => one.expect === 'ok');

const READERS: [string, (bytes: Uint8Array) => { ok: boolean }][] = [
  ['cbor', decodeCbor],
  ['key set', keySetMessage.read],
  ['allowance', allowanceMessage.read],
  ['certificate', certificateMessage.read],
  ['invoice', invoiceMessage.read],
  ['payment', readPayment],
  ['receipt', receiptMessage.read],
  ['closing', closingMessage.read],
  ['epoch', epochMessage.read],
  ['finality', finalityMessage.read],
  ['fork', readFork],
];

describe('a reader never throws', () => {
  test.each(READERS)('%s, on random bytes', (_name, read) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        expect(typeof read(bytes).ok).toBe('boolean');
      }),
      { numRuns: 2000 },
    );
  });

  test('frame, on any text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `PH1P:${text.toUpperCase()}`),
        ),
        (text) => {
          expect(typeof readFrame(text).ok).toBe('boolean');
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('ten thousand nested arrays are refused, not followed', () => {
    expect(decodeCbor(new Uint8Array(4096).fill(0x81))).toMatchObject({
      ok: false,
      error: { code: 'message.malformed' },
    });
  });
});

describe('only the one form is accepted', () => {
  test('what CBOR decodes, re-encodes to the same bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        const read = decodeCbor(bytes);
        if (read.ok) expect(toHex(encodeCbor(read.value))).toBe(toHex(bytes));
      }),
      { numRuns: 50_000 },
    );
  });

  test('what Base45 reads, it writes again', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:') }), (text) => {
        const bytes = fromBase45(text);
        if (bytes !== undefined) expect(toBase45(bytes)).toBe(text);
      }),
      { numRuns: 5000 },
    );
  });

  test('a DER signature has one form', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 72 }), fc.nat(71), fc.nat(255), (bytes, at, byte) => {
        bytes[0] = 0x30;
        bytes[1] = bytes.length - 2;
        bytes[at % bytes.length] = byte;
        expect([undefined, 64]).toContain(fromDer(bytes)?.length);
      }),
    );
  });
});

describe('one byte bent anywhere', () => {
  const rows = honest.slice(0, 4).map((vector) => [vector.name, vector] as const);
  test.each(rows)('never makes another payment of "%s"', async (_name, vector) => {
    const bytes = fromHex(vector.given['payment'] ?? '') ?? new Uint8Array();
    const given = readPayment(bytes);
    for (let at = 0; at < bytes.length; at += 1) {
      const bent = Uint8Array.from(bytes);
      bent[at] = (bent[at] ?? 0) ^ (1 << (at % 8));
      const answer = await replay({ ...vector, given: { ...vector.given, payment: toHex(bent) } }, async (checks) =>
        verifySync(checks, nodeVerifier),
      );
      const read = readPayment(bent);
      const same = read.ok && given.ok && sameBytes(read.value.id, given.value.id);
      // The key id and the signature are no part of the id; a bent key id names no key but changes nothing that is verified.
      if (answer.startsWith('ok')) expect(same).toBe(true);
    }
  });

  test('or several: 5,000 bent messages are read or refused, and what is read is canonical', () => {
    const bytes = fromHex(honest[0]?.given['payment'] ?? '') ?? new Uint8Array();
    const bend = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(bend, (bends) => {
        const bent = Uint8Array.from(bytes);
        for (const [at, byte] of bends) bent[at] = byte;
        const read = readPayment(bent);
        if (!read.ok) return;
        expect(toHex(encodeCore(read.value.message))).toBe(toHex(read.value.payload));
        expect(isLowS(read.value.signature)).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });
});
