/** Payee and server agree: whatever an honest payee accepts, the server credits; and both ways of driving the checks ask the same. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex } from '#shared/base/bytes.ts';
import { instant } from '#shared/base/time.ts';
import { certificateMessage } from '#shared/protocol/certificate.ts';
import { type HeldPayment, heldOf } from '#shared/protocol/chain.ts';
import { invoiceMessage } from '#shared/protocol/invoice.ts';
import { referenceOf } from '#shared/protocol/message.ts';
import { paymentIdOf, readPayment, signPayment } from '#shared/protocol/payment.ts';
import { verifySync } from '#shared/protocol/signature.ts';
import { allowanceReference, knownAllowance } from '#shared/protocol/trust.ts';
import { paymentChecks } from '#shared/protocol/verify.ts';
import { coreOf, KEY_SET, NOON, PAYER, packed, seed } from '#tests/vectors/cast.ts';
import { nodeVerifier, replay, type Vector } from '#tests/vectors/replay.ts';

const vectors: Vector[] = JSON.parse(readFileSync(new URL('../../vectors/payment.json', import.meta.url), 'utf8'));
const [bowl] = vectors;

function bytesOf(text: string | undefined): Uint8Array<ArrayBuffer> {
  const bytes = fromHex(text ?? '-');
  if (bytes === undefined) throw new Error('a vector lacks bytes');
  return bytes;
}

function must<Value>(answer: { ok: true; value: Value } | { ok: false; error: { code: string } }): Value {
  if (!answer.ok) throw new Error(answer.error.code);
  return answer.value;
}

describe('what a payee accepts', () => {
  const accepted = vectors.filter((one) => one.expect === 'ok' && one.context.role === 'payee');
  test.each(accepted.map((one) => [one.name, one] as const))('the server credits: %s', async (_name, vector) => {
    const uploaded: Vector = { ...vector, context: { ...vector.context, role: 'server' } };
    expect(await replay(uploaded, async (checks) => verifySync(checks, nodeVerifier))).toMatch(/^ok/);
  });

  test('the server credits, in 1,500 random exchanges', async () => {
    const allowance = must(knownAllowance(bytesOf(bowl?.given['allowance'])));
    const invoice = must(invoiceMessage.read(bytesOf(bowl?.context.invoice)));
    const certificate = must(certificateMessage.read(bytesOf(bowl?.context.certificate))).message;
    const base = coreOf(allowanceReference(allowance), referenceOf(invoice.id));
    const exchange = fc.record({
      number: fc.integer({ min: 1, max: 12 }),
      before: fc.integer({ min: 0, max: 260_00 }),
      time: fc.integer({ min: -400, max: 400 }),
      now: fc.integer({ min: -130, max: 4400 }),
      asserted: fc.integer({ min: 0, max: 3 }).map((draw) => draw > 0),
      heldNumber: fc.option(fc.integer({ min: 1, max: 12 }), { freq: 1 }),
    });
    let both = 0;
    await fc.assert(
      fc.asyncProperty(exchange, async ({ number, before, time, now, asserted, heldNumber }) => {
        const total = (number === 1 ? 0 : before) + base.amount;
        const previous = number === 1 ? base.previous : seed(`previous ${number}`, 16);
        const core = { ...base, number, total, previous, time: instant(NOON + time * 1000) };
        const assertion = asserted ? packed(paymentIdOf(core)) : undefined;
        const payment = must(readPayment(await signPayment(core, PAYER, assertion)));
        const held: HeldPayment[] =
          heldNumber === null ? [] : [{ ...heldOf(payment), id: seed('held'), number: heldNumber }];
        const common = { keySet: KEY_SET, now: instant(NOON + now * 60_000), floor: instant(0), held };
        const input = { payment, known: allowance };
        const payee = verifySync(
          paymentChecks(input, { ...common, role: 'payee', certificate, invoice }),
          nodeVerifier,
        );
        const server = verifySync(paymentChecks(input, { ...common, role: 'server' }), nodeVerifier);
        if (payee.ok) both += 1;
        expect(!payee.ok || server.ok).toBe(true);
      }),
      { numRuns: 1500, seed: 18 },
    );
    expect(both).toBeGreaterThan(100);
  });
});

test('a known allowance saves the issuer’s signature, and nothing else', () => {
  const payment = bytesOf(bowl?.given['payment']);
  const allowance = bytesOf(bowl?.given['allowance']);
  const context = { keySet: KEY_SET, now: NOON, floor: NOON, held: [], role: 'server' as const };
  const asked = { fresh: 0, known: 0 };
  verifySync(paymentChecks({ payment, allowance }, context), (question) => {
    asked.fresh += 1;
    return nodeVerifier(question);
  });
  verifySync(paymentChecks({ payment, known: must(knownAllowance(allowance)) }, context), (question) => {
    asked.known += 1;
    return nodeVerifier(question);
  });
  expect(asked).toEqual({ fresh: 2, known: 1 });
});
