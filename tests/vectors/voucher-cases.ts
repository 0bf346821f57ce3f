/** The cases of the code of an electronic receipt: what an honest one proves, and what a forger tries. */
import { sha256 } from '@noble/hashes/sha2.js';
import { toHex } from '#shared/base/bytes.ts';
import { toSeconds } from '#shared/base/time.ts';
import { allowanceMessage } from '#shared/protocol/allowance.ts';
import { encodeCbor } from '#shared/protocol/cbor.ts';
import { certificateMessage } from '#shared/protocol/certificate.ts';
import { type Finality, finalityMessage } from '#shared/protocol/finality.ts';
import { referenceOf } from '#shared/protocol/message.ts';
import { encodeCore, paymentIdOf, signPayment } from '#shared/protocol/payment.ts';
import { FIRST_RECEIPT_PREVIOUS, receiptMessage } from '#shared/protocol/receipt.ts';
import { type Voucher, writeVoucher } from '#shared/protocol/voucher.ts';
import { flipped, keySetBytes, paid, vector } from '#tests/vectors/cases.ts';
import {
  ALLOWANCE,
  BEIJING,
  CERTIFICATE,
  coreOf,
  INVOICE,
  idOf,
  minutes,
  NOON,
  PAYEE,
  SHANXI,
  STRANGER,
} from '#tests/vectors/cast.ts';
import type { Vector } from '#tests/vectors/replay.ts';

/** Everything an honest payer and payee hold of one payment. */
async function held() {
  const one = await paid();
  const core = encodeCore(one.read.message);
  const said: Finality = {
    region: 'CN-BJ',
    payment: one.read.id,
    payee: INVOICE.payee,
    invoice: one.read.message.invoice,
    amount: 18_00,
    currency: 'CNY',
    time: minutes(90),
  };
  const accepted = {
    payment: one.read.id,
    status: 'accepted',
    time: NOON,
    counter: 1,
    previous: FIRST_RECEIPT_PREVIOUS,
  } as const;
  return {
    ...{ core, said, accepted, payment: one.bytes, allowance: one.allowance },
    finality: await finalityMessage.sign(said, BEIJING),
    certificate: await certificateMessage.sign(CERTIFICATE, BEIJING),
    receipt: await receiptMessage.sign(accepted, PAYEE),
  };
}

/** Every case of vouchers. */
export async function voucherCases(): Promise<Vector[]> {
  const given = await held();
  return [...(await finalCases(given)), ...(await promiseCases(given)), ...(await formCases(given))];
}

type Held = Awaited<ReturnType<typeof held>>;

async function row(name: string, expect: string, voucher: Voucher | Uint8Array, now = minutes(100)): Promise<Vector> {
  const bytes = voucher instanceof Uint8Array ? voucher : writeVoucher(voucher);
  const context = { now: toSeconds(now), floor: 0, keySet: toHex(await keySetBytes()) };
  return vector('voucher', name, expect, { voucher: bytes }, context);
}

function finalCases({ finality, core, certificate, said }: Held): Promise<Vector[]> {
  const final = { kind: 'final', finality, core, certificate } as const;
  const forged = (change: Partial<Finality>, by = BEIJING) => finalityMessage.sign({ ...said, ...change }, by);
  const otherCore = coreOf(new Uint8Array(16), said.invoice);
  return Promise.all([
    row('settled', 'ok', final),
    row('settled, looked at after the certificate has ended', 'ok', final, minutes(1440 * 60)),
    row('settled, the issuer’s word alone', 'ok', { kind: 'final', finality }),
    row('a sum altered in the issuer’s word', 'finality.signature', {
      ...final,
      finality: altered(finality, [0x19, 0x07, 0x08], [0x19, 0x07, 0x09]),
    }),
    row('a broken signature', 'finality.signature', { ...final, finality: flipped(finality, finality.length - 1) }),
    (async () =>
      row('signed by an issuer of the forger’s own', 'issuer.unknown', {
        ...final,
        finality: await forged({}, STRANGER),
      }))(),
    (async () =>
      row('a Beijing payee settled by Shanxi’s key', 'issuer.unknown', {
        ...final,
        finality: await forged({}, SHANXI),
      }))(),
    row('the payload of another payment', 'finality.wrong-payment', { ...final, core: encodeCore(otherCore) }),
    (async () => {
      const more = coreOf(new Uint8Array(16), said.invoice, { amount: 19_00, total: 19_00 });
      const payment = paymentIdOf(more);
      return row('a payload that says another sum than the issuer', 'finality.wrong-payment', {
        ...{ ...final, core: encodeCore(more) },
        finality: await forged({ payment }),
      });
    })(),
    (async () =>
      row('the certificate of somebody else', 'payment.wrong-payee', {
        ...final,
        certificate: await certificateMessage.sign({ ...CERTIFICATE, payee: idOf('other payee') }, BEIJING),
      }))(),
    (async () =>
      row('a name the issuer never gave', 'issuer.unknown', {
        ...final,
        certificate: await certificateMessage.sign({ ...CERTIFICATE, name: '省财政厅' }, STRANGER),
      }))(),
    (async () =>
      row('a certificate that had ended when it was paid', 'certificate.expired', {
        ...final,
        certificate: await certificateMessage.sign({ ...CERTIFICATE, expires: minutes(-60) }, BEIJING),
      }))(),
    row('a name altered in the certificate', 'certificate.signature', {
      ...final,
      certificate: flipped(certificate, certificate.length - 1),
    }),
  ]);
}

function promiseCases({ payment, allowance, certificate, receipt, accepted }: Held): Promise<Vector[]> {
  const promise = { kind: 'promise', payment, allowance, certificate } as const;
  /** Whole, however long: a writer of codes would leave the receipt out where it does not fit. */
  const witnessed = (by: Uint8Array) => map([3, payment], [4, allowance], [5, certificate], [6, by]);
  return Promise.all([
    row('a promise the payee has accepted', 'ok', witnessed(receipt)),
    row('a promise to a payee with a name', 'ok', promise),
    row('a promise alone', 'ok', { kind: 'promise', payment, allowance }),
    row('a promise nobody uploaded in time', 'ok', promise, minutes(1440 * 30)),
    row('a promise with a sum altered', 'payment.signature', {
      ...promise,
      payment: altered(
        altered(payment, [0x19, 0x07, 0x08], [0x19, 0x07, 0x09]),
        [0x19, 0x07, 0x08],
        [0x19, 0x07, 0x09],
      ),
    }),
    (async () => {
      const own = { ...ALLOWANCE, deviceKey: STRANGER.key };
      const reference = referenceOf(sha256(allowanceMessage.encode(own)));
      return row('a promise on an allowance the forger issued himself', 'issuer.unknown', {
        kind: 'promise',
        payment: await signPayment(coreOf(reference, accepted.payment.slice(0, 16)), STRANGER),
        allowance: await allowanceMessage.sign(own, STRANGER),
      });
    })(),
    (async () =>
      row(
        'a receipt the forger wrote for the payee',
        'receipt.signature',
        witnessed(await receiptMessage.sign(accepted, STRANGER)),
      ))(),
    (async () =>
      row(
        'a receipt of another payment',
        'receipt.wrong-payment',
        witnessed(await receiptMessage.sign({ ...accepted, payment: sha256(payment) }, PAYEE)),
      ))(),
    (async () =>
      row(
        'a promise the payee has declared void',
        'receipt.wrong-payment',
        witnessed(await receiptMessage.sign({ ...accepted, status: 'void' }, PAYEE)),
      ))(),
  ]);
}

function formCases({ finality, payment, allowance, receipt }: Held): Promise<Vector[]> {
  return Promise.all([
    row('nothing', 'message.malformed', encodeCbor(new Map())),
    row('final and promise at once', 'message.malformed', map([1, finality], [3, payment], [4, allowance])),
    row('a promise without its allowance', 'message.malformed', map([3, payment])),
    row('a receipt nobody can ask for a key', 'message.malformed', map([3, payment], [4, allowance], [6, receipt])),
    row('a part nobody knows', 'message.malformed', map([1, finality], [7, receipt])),
    row('a finality receipt as it is, not in a voucher', 'message.malformed', finality),
  ]);
}

function map(...entries: [number, Uint8Array][]): Uint8Array {
  return encodeCbor(new Map(entries));
}

/** The same bytes with the first `from` in them made `to`. */
function altered(bytes: Uint8Array, from: readonly number[], to: readonly number[]): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(bytes);
  const at = copy.findIndex((_, start) => from.every((byte, offset) => copy[start + offset] === byte));
  if (at < 0) throw new Error('nothing to alter');
  copy.set(to, at);
  return copy;
}
