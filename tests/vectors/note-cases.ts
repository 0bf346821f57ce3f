/** Money nobody asked for: a payment that names the payer's own note, and the codes that carry it. */
import { sha256 } from '@noble/hashes/sha2.js';
import { joinBytes, toHex } from '#shared/base/bytes.ts';
import { toSeconds } from '#shared/base/time.ts';
import { allowanceMessage } from '#shared/protocol/allowance.ts';
import { toBase45 } from '#shared/protocol/base45.ts';
import { encodeCbor } from '#shared/protocol/cbor.ts';
import { certificateMessage } from '#shared/protocol/certificate.ts';
import { writeFrame } from '#shared/protocol/frame.ts';
import { invoiceMessage } from '#shared/protocol/invoice.ts';
import { referenceOf } from '#shared/protocol/message.ts';
import { type Note, writeNote } from '#shared/protocol/note.ts';
import { type PaymentCore, signPayment } from '#shared/protocol/payment.ts';
import { keySetBytes, vector } from '#tests/vectors/cases.ts';
import {
  ALLOWANCE,
  BEIJING,
  CERTIFICATE,
  coreOf,
  INVOICE,
  idOf,
  minutes,
  NOON,
  PAYER,
  SHANXI,
} from '#tests/vectors/cast.ts';
import type { Vector } from '#tests/vectors/replay.ts';

/** Eighteen yuan for a bowl, given unasked. */
const NOTE: Note = {
  payee: CERTIFICATE.payee,
  id: idOf('note'),
  amount: 18_00,
  currency: 'CNY',
  memo: '上次的面钱',
  time: minutes(-1),
};

/** A payment that names `note`. */
async function given(note: Uint8Array, core: Partial<PaymentCore> = {}) {
  const allowance = await allowanceMessage.sign(ALLOWANCE, SHANXI);
  const reference = referenceOf(sha256(allowanceMessage.encode(ALLOWANCE)));
  const named = coreOf(reference, referenceOf(sha256(note)), { epoch: 0, ...core });
  return { allowance, core: named, payment: await signPayment(named, PAYER) };
}

/** Every case of notes. */
export async function noteCases(): Promise<Vector[]> {
  const certificate = toHex(await certificateMessage.sign(CERTIFICATE, BEIJING));
  const own = writeNote(NOTE);
  const times = { now: toSeconds(NOON), floor: toSeconds(minutes(-60)), keySet: toHex(await keySetBytes()) };
  const paid = async (name: string, expect: string, note: Uint8Array, core: Partial<PaymentCore> = {}, held = note) => {
    const { payment, allowance } = await given(note, core);
    const context = { ...times, role: 'payee' as const, certificate, note: toHex(held) };
    return vector('payment', name, expect, { payment, allowance }, context);
  };
  const read = (name: string, expect: string, note: Uint8Array) => vector('note', name, expect, { note }, {});
  const other = writeNote({ ...NOTE, payee: idOf('somebody else') });
  const dearer = writeNote({ ...NOTE, amount: 19_00 });
  return [
    await paid('money nobody asked for', 'ok', own),
    await paid('money nobody asked for, for somebody else', 'payment.wrong-payee', other),
    await paid('a note of more than the payment', 'payment.wrong-amount', dearer),
    await paid('a note the payment does not name', 'payment.wrong-invoice', own, {}, dearer),
    await paid('a note that claims a fresh list', 'payment.wrong-invoice', own, { epoch: INVOICE.epoch }),
    await paid('a note of two hours ago', 'payment.outside-lifetime', writeNote({ ...NOTE, time: minutes(-120) })),
    await paid('a note of an hour from now', 'payment.outside-lifetime', writeNote({ ...NOTE, time: minutes(60) })),
    read('a note', 'ok', own),
    read('an invoice called a note', 'message.malformed', invoiceMessage.encode(INVOICE)),
    read('a note for nothing', 'message.malformed', encodeCbor(new Map([[3, 0]]))),
    read('a note and a byte', 'message.malformed', joinBytes(own, Uint8Array.of(0))),
  ];
}

/** The codes of an address and of a payment with its note. */
export async function addressFrames(): Promise<Vector[]> {
  const certificate = await certificateMessage.sign(CERTIFICATE, BEIJING);
  const note = writeNote(NOTE);
  const { payment, allowance } = await given(note);
  const row = (name: string, expect: string, text: string): Vector => ({
    name,
    check: 'frame',
    expect,
    given: { text },
    context: {},
  });
  const [noted = ''] = writeFrame({ kind: 'noted', note, payment, allowance });
  const [again = ''] = writeFrame({ kind: 'noted', note, payment });
  const [address = ''] = writeFrame({ kind: 'address', certificate });
  return [
    row('where money may be sent', 'ok', address),
    row('a payment with its note', 'ok', noted),
    row('a payment with its note on a repeat visit', 'ok', again),
    row('a note alone', 'frame.malformed', `PH1N:${toBase45(note)}`),
    row('four messages', 'frame.malformed', `PH1N:${toBase45(joinBytes(note, payment, allowance, allowance))}`),
    row('no address', 'frame.malformed', 'PH1A:'),
  ];
}

/** The note itself, beside the other messages; nobody signs it, so it has no domain. */
export function noteRow(): { name: string; domain: string; payload: string; id: string } {
  const payload = writeNote(NOTE);
  return { name: 'note', domain: '', payload: toHex(payload), id: toHex(sha256(payload)) };
}
