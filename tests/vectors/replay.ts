/** Plays one frozen vector: everything a verifier is given, as bytes and plain figures, and the answer it must come to. */
import { createPublicKey, verify } from 'node:crypto';
import { fromHex, toBase64url } from '#shared/base/bytes.ts';
import { fromSeconds } from '#shared/base/time.ts';
import { type Money, money } from '#shared/money/money.ts';
import { certificateMessage } from '#shared/protocol/certificate.ts';
import { type HeldPayment, heldOf } from '#shared/protocol/chain.ts';
import { readFrame } from '#shared/protocol/frame.ts';
import { invoiceMessage } from '#shared/protocol/invoice.ts';
import { type KeySet, keySetMessage } from '#shared/protocol/key-set.ts';
import { noteAsInvoice, readNote } from '#shared/protocol/note.ts';
import { payCodeChecks } from '#shared/protocol/pay-code.ts';
import { readPayment } from '#shared/protocol/payment.ts';
import { expandPoint } from '#shared/protocol/point.ts';
import { receiptMessage } from '#shared/protocol/receipt.ts';
import type { Checked, ProtocolRefusal } from '#shared/protocol/refusal.ts';
import type { Checks, SignatureQuestion } from '#shared/protocol/signature.ts';
import { unpackStatus } from '#shared/protocol/status.ts';
import {
  allowanceChecks,
  certificateChecks,
  epochChecks,
  finalityChecks,
  keySetChecks,
  knownAllowance,
  settledChecks,
  statusListOf,
} from '#shared/protocol/trust.ts';
import { paymentChecks } from '#shared/protocol/verify.ts';
import { readVoucher, voucherChecks } from '#shared/protocol/voucher.ts';
import { closingChecks, forkChecks, invoiceChecks, receiptChecks } from '#shared/protocol/witness.ts';

/** One vector. Bytes are hexadecimal, times whole seconds. `expect` is `ok`, `ok repeat`, `ok alarm <kinds>` or a refusal code. */
export interface Vector {
  readonly name: string;
  readonly check: string;
  readonly expect: string;
  readonly given: Readonly<Record<string, string>>;
  readonly context: {
    readonly role?: 'payee' | 'server';
    readonly signedFor?: boolean;
    readonly now?: number;
    readonly floor?: number;
    readonly keySet?: string;
    readonly root?: string;
    readonly heldEpoch?: number;
    readonly certificate?: string;
    readonly invoice?: string;
    readonly note?: string;
    readonly held?: readonly string[];
    readonly status?: string;
    readonly allowance?: string;
    readonly key?: string;
    readonly payment?: string;
    readonly neighbour?: string;
    readonly place?: number;
    readonly count?: number;
    readonly rate?: { readonly card: string; readonly numerator: number; readonly denominator: number };
  };
}

/** Answers a question with node:crypto, at once. */
export function nodeVerifier({ key, message, signature }: SignatureQuestion): boolean {
  const point = expandPoint(key);
  if (point === undefined) return false;
  const jwk = { kty: 'EC', crv: 'P-256', x: toBase64url(point.subarray(1, 33)), y: toBase64url(point.subarray(33)) };
  const imported = createPublicKey({ key: jwk, format: 'jwk' });
  return verify('sha256', message, { key: imported, dsaEncoding: 'ieee-p1363' }, signature);
}

/** Plays `vector` with `drive`; answers what {@link Vector.expect} says. */
export async function replay(
  vector: Vector,
  drive: <Answer>(checks: Checks<Answer>) => Promise<Answer>,
): Promise<string> {
  const { given, context } = vector;
  const trust = () => ({ keySet: keySetOf(context.keySet), now: seconds(context.now), floor: seconds(context.floor) });
  switch (vector.check) {
    case 'payment':
      return playPayment(vector, drive);
    case 'invoice':
      return spoken(
        await drive(invoiceChecks({ invoice: hex(given['invoice']), certificate: hex(given['certificate']) }, trust())),
      );
    case 'certificate':
      return spoken(await drive(certificateChecks(hex(given['certificate']), trust())));
    case 'allowance':
      return spoken(await drive(allowanceChecks(hex(given['allowance']), keySetOf(context.keySet))));
    case 'key-set': {
      const times = { now: seconds(context.now), floor: seconds(context.floor) };
      const held = context.keySet === undefined ? {} : { held: keySetOf(context.keySet) };
      return spoken(await drive(keySetChecks(hex(given['keySet']), hex(context.root), { ...times, ...held })));
    }
    case 'receipt': {
      const payment = context.payment === undefined ? {} : { payment: hex(context.payment) };
      const neighbour =
        context.neighbour === undefined ? {} : { neighbour: must(receiptMessage.read(hex(context.neighbour))) };
      return spoken(await drive(receiptChecks(hex(given['receipt']), hex(context.key), { ...payment, ...neighbour })));
    }
    case 'pay-code': {
      const allowance = must(knownAllowance(hex(given['allowance'])));
      return spoken(await drive(payCodeChecks(hex(given['code']), allowance, seconds(context.now))));
    }
    case 'closing': {
      const allowance = must(knownAllowance(hex(context.allowance)));
      return spoken(await drive(closingChecks(hex(given['closing']), allowance, heldIn(vector))));
    }
    case 'epoch': {
      const held = context.heldEpoch;
      const read = await drive(epochChecks(hex(given['epoch']), keySetOf(context.keySet)));
      if (!read.ok || given['statusBits'] !== undefined)
        return read.ok ? spoken(statusListOf(read.value.message, hex(given['statusBits']))) : spoken(read);
      if (held === undefined) return 'ok';
      const older = { ...read.value.message, number: held };
      return spoken(await drive(epochChecks(hex(given['epoch']), keySetOf(context.keySet), older)));
    }
    case 'finality': {
      const invoice = context.invoice === undefined ? undefined : must(invoiceMessage.read(hex(context.invoice)));
      return spoken(await drive(finalityChecks(hex(given['finality']), keySetOf(context.keySet), invoice)));
    }
    case 'fork':
      return spoken(await drive(forkChecks(hex(given['fork']), keySetOf(context.keySet))));
    case 'voucher': {
      const read = readVoucher(hex(given['voucher']));
      return read.ok ? spoken(await drive(voucherChecks(read.value, trust()))) : read.error.code;
    }
    case 'settled': {
      const hashes = hex(given['path']);
      const path = Array.from({ length: hashes.length / 32 }, (_, at) => hashes.subarray(at * 32, at * 32 + 32));
      const inclusion = { place: context.place ?? 0, count: context.count ?? 0, path };
      const proof = { card: hex(given['card']), inclusion };
      return spoken(await drive(settledChecks(hex(given['payment']), proof, keySetOf(context.keySet))));
    }
    case 'note':
      return spoken(readNote(hex(given['note'])));
    case 'frame':
      return spoken(readFrame(given['text'] ?? ''));
    case 'status':
      return spoken(await unpackStatus(hex(given['packed'])));
    default:
      throw new Error(`no check called ${vector.check}`);
  }
}

async function playPayment(
  vector: Vector,
  drive: <Answer>(checks: Checks<Answer>) => Promise<Answer>,
): Promise<string> {
  const { given, context } = vector;
  const status = context.status === undefined ? {} : { status: { epoch: 1, bits: hex(context.status) } };
  const { rate } = context;
  const rates =
    rate === undefined
      ? {}
      : {
          rate: (card: string, sum: Money, into: Money['currency']) =>
            card === rate.card ? money(Math.floor((sum.minor * rate.numerator) / rate.denominator), into) : undefined,
        };
  const common = {
    keySet: keySetOf(context.keySet),
    now: seconds(context.now),
    floor: seconds(context.floor),
    held: heldIn(vector),
    ...status,
    ...rates,
  };
  const side =
    context.role === 'server'
      ? { ...common, role: 'server' as const, signedFor: context.signedFor === true }
      : {
          ...common,
          role: 'payee' as const,
          certificate: must(certificateMessage.read(hex(context.certificate))).message,
          invoice: must(
            context.note === undefined ? invoiceMessage.read(hex(context.invoice)) : noteAsInvoice(hex(context.note)),
          ),
        };
  const allowance = given['allowance'] === undefined ? {} : { allowance: hex(given['allowance']) };
  const answer = await drive(paymentChecks({ payment: hex(given['payment']), ...allowance }, side));
  if (!answer.ok) return answer.error.code;
  if (answer.value.repeat) return 'ok repeat';
  const kinds = answer.value.alarms.map((alarm) => alarm.kind);
  return kinds.length === 0 ? 'ok' : `ok alarm ${kinds.join(' ')}`;
}

function heldIn(vector: Vector): HeldPayment[] {
  return (vector.context.held ?? []).map((bytes) => heldOf(must(readPayment(hex(bytes)))));
}

function spoken(answer: Checked<unknown> | { ok: false; error: ProtocolRefusal }): string {
  return answer.ok ? 'ok' : answer.error.code;
}

function keySetOf(bytes: string | undefined): KeySet {
  return must(keySetMessage.read(hex(bytes))).message;
}

function seconds(value: number | undefined): ReturnType<typeof fromSeconds> {
  return fromSeconds(value ?? 0);
}

function hex(value: string | undefined): Uint8Array<ArrayBuffer> {
  const bytes = fromHex(value ?? '-');
  if (bytes === undefined) throw new Error(`a vector lacks bytes: ${value}`);
  return bytes;
}

function must<Value>(answer: Checked<Value>): Value {
  if (!answer.ok) throw new Error(answer.error.code);
  return answer.value;
}
