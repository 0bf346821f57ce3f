/** What no honest writer can make: well-signed messages of forbidden content or borrowed signatures, and false proofs of settlement. */
import { sha256 } from '@noble/hashes/sha2.js';
import { joinBytes, toHex, utf8 } from '#shared/base/bytes.ts';
import { idToBytes } from '#shared/base/id.ts';
import { toSeconds } from '#shared/base/time.ts';
import { allowanceMessage } from '#shared/protocol/allowance.ts';
import { encodeCbor, type Wire } from '#shared/protocol/cbor.ts';
import { certificateMessage } from '#shared/protocol/certificate.ts';
import { closingMessage } from '#shared/protocol/closing.ts';
import { sealEnvelope } from '#shared/protocol/cose.ts';
import { type Epoch, epochMessage } from '#shared/protocol/epoch.ts';
import { invoiceMessage } from '#shared/protocol/invoice.ts';
import { leafHash, nodeHash } from '#shared/protocol/merkle.ts';
import { referenceOf } from '#shared/protocol/message.ts';
import { encodeCore, type PaymentCore } from '#shared/protocol/payment.ts';
import { receiptMessage } from '#shared/protocol/receipt.ts';
import type { Signer } from '#shared/protocol/signature.ts';
import { keySetBytes, vector } from '#tests/vectors/cases.ts';
import {
  ALLOWANCE,
  BEIJING,
  CERTIFICATE,
  coreOf,
  INVOICE,
  minutes,
  NOON,
  PASSKEY,
  PAYEE,
  PAYER,
  SHANXI,
  STRANGER,
  seed,
} from '#tests/vectors/cast.ts';
import type { Vector } from '#tests/vectors/replay.ts';

const PAYMENT = utf8('piaohao-v1:payment');
const INVOICE_DOMAIN = utf8('piaohao-v1:invoice');

/** The fields of a message as they stand on the wire, some of them bent. */
function bent(fields: Wire, changes: ReadonlyMap<number, Wire>): Uint8Array<ArrayBuffer> {
  return encodeCbor(
    new Map([...(fields as ReadonlyMap<number, Wire>), ...changes].sort(([one], [other]) => one - other)),
  );
}

/** A core as a map; what its writer would never write can then be put into it. */
function coreFields(core: PaymentCore): Map<number, Wire> {
  return new Map<number, Wire>([
    ...([
      [1, core.allowance],
      [2, core.number],
      [3, core.amount],
      [4, core.total],
    ] as const),
    ...([
      [5, idToBytes(core.payee)],
      [6, core.previous],
      [7, core.invoice],
    ] as const),
    ...([
      [8, toSeconds(core.time)],
      [9, core.epoch],
    ] as const),
  ]);
}

/** A core that says its amount twice, one of them for the eye of a reader who takes the last. */
function twice(core: PaymentCore): Uint8Array<ArrayBuffer> {
  const bytes = encodeCore(core);
  const amount = encodeCbor(new Map([[3, 1]])).subarray(1);
  return joinBytes(Uint8Array.of((bytes[0] ?? 0) + 1), bytes.subarray(1), amount);
}

/** Payments and invoices that a thief signs himself. */
export async function forgedCases(): Promise<Vector[]> {
  const allowance = await allowanceMessage.sign(ALLOWANCE, SHANXI);
  const invoice = await invoiceMessage.sign(INVOICE, PAYEE);
  const certificate = await certificateMessage.sign(CERTIFICATE, BEIJING);
  const core = coreOf(
    referenceOf(sha256(allowanceMessage.encode(ALLOWANCE))),
    referenceOf(sha256(invoiceMessage.encode(INVOICE))),
  );
  const times = { now: toSeconds(NOON), floor: toSeconds(minutes(-60)), keySet: toHex(await keySetBytes()) };
  const paying = { ...times, role: 'payee' as const, certificate: toHex(certificate), invoice: toHex(invoice) };
  const payment = async (
    name: string,
    expect: string,
    payload: Uint8Array,
    domain: Uint8Array = PAYMENT,
    by: Signer = PAYER,
  ) => {
    const bytes = joinBytes(Uint8Array.of(0x81), await sealEnvelope(domain, payload, by));
    return vector('payment', name, expect, { payment: bytes, allowance }, paying);
  };
  const asked = async (name: string, changes: ReadonlyMap<number, Wire>) => {
    const payload = bent(invoiceMessage.kind.write(INVOICE), changes);
    const bytes = await sealEnvelope(INVOICE_DOMAIN, payload, PAYEE);
    return vector('invoice', name, 'message.malformed', { invoice: bytes, certificate }, times);
  };
  const fields = coreFields(core);
  const signed = encodeCore(core);
  return Promise.all([
    payment('a core written field by field', 'ok', bent(fields, new Map())),
    payment('a payment signed as a receipt', 'payment.signature', signed, receiptMessage.domain),
    payment('a payment signed as a closing', 'payment.signature', signed, closingMessage.domain),
    payment('a payment signed by the passkey alone', 'payment.signature', signed, PAYMENT, PASSKEY),
    payment('a payment signed by its payee', 'payment.signature', signed, PAYMENT, PAYEE),
    payment('a payment of nothing', 'message.malformed', bent(fields, new Map([[3, 0]]))),
    payment('a payment of less than nothing', 'message.malformed', bent(fields, new Map([[3, -18_00]]))),
    payment('a total below nothing', 'message.malformed', bent(fields, new Map([[4, -1]]))),
    payment('more than any message may move', 'message.malformed', bent(fields, new Map([[3, 100_000_000_001]]))),
    payment('payment number nought', 'message.malformed', bent(fields, new Map([[2, 0]]))),
    payment('an amount in words', 'message.malformed', bent(fields, new Map([[3, '1800']]))),
    payment('a field nobody knows', 'message.malformed', bent(fields, new Map([[11, 1]]))),
    payment('an amount said twice', 'message.not-canonical', twice(core)),
    payment('a moment after the year 2106', 'message.malformed', bent(fields, new Map([[8, 2 ** 32]]))),
    asked('a memo that turns the line around', new Map([[5, '\u202e00.81 ¥']])),
    asked('a memo with a line below it', new Map([[5, '牛肉面\n收款人 平遥县政府']])),
    asked('an invoice that lives a day', new Map([[7, 86_400]])),
    asked('an invoice for nothing', new Map([[3, 0]])),
  ]);
}

/** Proofs that a payment stands in the tree of settled claims. */
export async function settledCases(): Promise<Vector[]> {
  const payments = ['one', 'two', 'three', 'four', 'five'].map((name) => seed(`settled ${name}`));
  const [a = seed(''), b = seed(''), c = seed(''), d = seed(''), e = seed('')] = payments.map(leafHash);
  const four = nodeHash(nodeHash(a, b), nodeHash(c, d));
  const card: Epoch = {
    ...{ region: 'CN-SX', number: 3021, time: NOON, statusList: seed('list'), keySet: seed('key set') },
    claims: nodeHash(four, e),
  };
  const signed = await epochMessage.sign(card, SHANXI);
  const { claims: _none, ...without } = card;
  const keySet = toHex(await keySetBytes());
  const path = [d, nodeHash(a, b), e];
  const settled = (
    name: string,
    expect: string,
    change: Partial<Record<'card' | 'payment' | 'path', Uint8Array>> = {},
    at = 2,
  ) =>
    vector(
      'settled',
      name,
      expect,
      { card: signed, payment: payments[2] ?? seed(''), path: joinBytes(...path), ...change },
      { keySet, place: at, count: 5 },
    );
  return [
    settled('the third of five payments', 'ok'),
    settled('the last of five payments', 'ok', { payment: payments[4] ?? seed(''), path: four }, 4),
    settled('a payment that was never settled', 'finality.not-under-card', { payment: seed('settled six') }),
    settled('in the place of another', 'finality.not-under-card', {}, 3),
    settled('with an altered hash', 'finality.not-under-card', { path: joinBytes(d, nodeHash(a, b), seed('e')) }),
    settled('with a hash left out', 'finality.not-under-card', { path: joinBytes(d, nodeHash(a, b)) }),
    settled('with a hash too many', 'finality.not-under-card', { path: joinBytes(...path, e) }),
    settled('under a card that names no claims', 'finality.not-under-card', {
      card: await epochMessage.sign(without, SHANXI),
    }),
    settled('under a card with a broken signature', 'epoch.signature', {
      card: signed.map((byte, at) => (at === signed.length - 1 ? byte ^ 1 : byte)),
    }),
    settled('under a card the thief signed', 'issuer.unknown', { card: await epochMessage.sign(card, STRANGER) }),
    settled('under a card of Shanxi signed by Beijing', 'issuer.unknown', {
      card: await epochMessage.sign(card, BEIJING),
    }),
  ];
}
