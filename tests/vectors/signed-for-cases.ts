/** Vectors of payments without a good signature of their own: when a later payment, which names them, signs for them. */
import { toHex } from '#shared/base/bytes.ts';
import { SIGNS_FOR_STEPS } from '#shared/base/limits.ts';
import { toSeconds } from '#shared/base/time.ts';
import { encodeCbor } from '#shared/protocol/cbor.ts';
import { writeFork } from '#shared/protocol/fork.ts';
import { referenceOf } from '#shared/protocol/message.ts';
import { type PaymentCore, readPayment, type SignedPayment, signPayment } from '#shared/protocol/payment.ts';
import type { Signer } from '#shared/protocol/signature.ts';
import { flipped, keySetBytes, paid, vector } from '#tests/vectors/cases.ts';
import { idOf, minutes, NOON, PAYER, STRANGER, seed } from '#tests/vectors/cast.ts';
import type { Vector } from '#tests/vectors/replay.ts';

function read(bytes: Uint8Array): SignedPayment {
  const payment = readPayment(bytes);
  if (!payment.ok) throw new Error(payment.error.code);
  return payment.value;
}

/** The same words, the signature bent. */
function unsigned(payment: SignedPayment): SignedPayment {
  return read(flipped(payment.bytes, payment.bytes.length - 1));
}

/** The next payment after `before`, one yuan of it. */
async function next(
  before: SignedPayment,
  changes: Partial<PaymentCore> = {},
  by: Signer = PAYER,
): Promise<SignedPayment> {
  const { number, total } = before.message;
  const core = {
    ...before.message,
    ...{ number: number + 1, amount: 1_00, total: total + 1_00, previous: referenceOf(before.id) },
    ...changes,
  };
  return read(await signPayment(core, by));
}

/** Every case. */
export async function signedForCases(): Promise<Vector[]> {
  const one = await paid();
  const other = await paid({ payee: idOf('other payee') });
  const own = unsigned(one.read);
  const keySet = { keySet: toHex(await keySetBytes()) };
  const two = await next(one.read);
  const three = await next(two);
  const row: SignedPayment[] = [];
  for (let last = one.read; row.length <= SIGNS_FOR_STEPS; row.push(last)) last = await next(last);
  const fork = (name: string, expect: string, later: readonly SignedPayment[]) =>
    vector('fork', name, expect, { fork: writeFork(one.allowance, own, other.read, later) }, keySet);
  const unsignedBut = (good: number) => row.slice(0, good).map((each, at) => (at < good - 1 ? unsigned(each) : each));
  const whole = writeFork(one.allowance, own, other.read, [two]);
  const uploaded = async (name: string, expect: string, core: Partial<PaymentCore>, signedFor: boolean) => {
    const { bytes, allowance } = await paid(core);
    const times = { now: toSeconds(NOON), floor: toSeconds(minutes(-60)) };
    const payment = flipped(bytes, bytes.length - 1);
    return vector('payment', name, expect, { payment, allowance }, { ...keySet, ...times, role: 'server', signedFor });
  };
  return [
    await uploaded('uploaded with a bad signature', 'payment.signature', {}, false),
    await uploaded('the same beside a payment that signs for it', 'ok', {}, true),
    await uploaded(
      'a large sum without the passkey, signed for',
      'payment.passkey-missing',
      { amount: 150_00, total: 150_00 },
      true,
    ),
    await uploaded(
      'a payment signed for outside its allowance',
      'payment.over-each',
      { amount: 201_00, total: 201_00 },
      true,
    ),
    fork('one of them signed for by the next payment', 'ok', [two]),
    fork('signed for by the payment after the next', 'ok', [unsigned(two), three]),
    fork('signed for as many payments on as may be', 'ok', unsignedBut(SIGNS_FOR_STEPS)),
    fork('signed for one payment too far on', 'payment.signature', unsignedBut(SIGNS_FOR_STEPS + 1)),
    fork('more payments behind the two than may be', 'message.malformed', Array(2 * SIGNS_FOR_STEPS + 1).fill(two)),
    fork('nobody in the row signed', 'payment.signature', [unsigned(two), unsigned(three)]),
    fork('the payment between is not shown', 'payment.signature', [three]),
    fork('a stranger’s next payment', 'payment.signature', [await next(one.read, {}, STRANGER)]),
    fork('a next payment that names another', 'payment.signature', [
      await next(one.read, { previous: seed('other', 16) }),
    ]),
    fork('a next payment whose total does not add up', 'payment.signature', [await next(one.read, { total: 30_00 })]),
    fork('the next payment of another allowance', 'payment.signature', [
      await next(one.read, { allowance: seed('other', 16) }),
    ]),
    vector(
      'fork',
      'a row of nothing behind the two',
      'message.malformed',
      {
        fork: encodeCbor([one.allowance, own.bytes, other.read.bytes, 7]),
      },
      keySet,
    ),
    vector(
      'fork',
      'the next payment cut off',
      'message.malformed',
      { fork: whole.subarray(0, whole.length - 1) },
      keySet,
    ),
  ];
}
