/** The cases behind the vectors: each bends one thing of an honest exchange and says what a verifier must answer. */

import { sha256 } from '@noble/hashes/sha2.js';
import { joinBytes, sameBytes, toHex } from '#shared/base/bytes.ts';
import { toSeconds } from '#shared/base/time.ts';
import { type Allowance, allowanceMessage } from '#shared/protocol/allowance.ts';
import type { Assertion } from '#shared/protocol/assertion.ts';
import { toBase45 } from '#shared/protocol/base45.ts';
import { encodeCbor } from '#shared/protocol/cbor.ts';
import { type Certificate, certificateMessage } from '#shared/protocol/certificate.ts';
import { type Closing, closingMessage } from '#shared/protocol/closing.ts';
import { type Epoch, epochMessage } from '#shared/protocol/epoch.ts';
import { type Finality, finalityMessage } from '#shared/protocol/finality.ts';
import { writeFork } from '#shared/protocol/fork.ts';
import { writeFrame } from '#shared/protocol/frame.ts';
import { type Invoice, invoiceMessage } from '#shared/protocol/invoice.ts';
import { type KeySet, keySetMessage } from '#shared/protocol/key-set.ts';
import { referenceOf } from '#shared/protocol/message.ts';
import { type PayCode, payCodeMessage } from '#shared/protocol/pay-code.ts';
import {
  encodeCore,
  type PaymentCore,
  paymentIdOf,
  readPayment,
  type SignedPayment,
  signPayment,
} from '#shared/protocol/payment.ts';
import { ORDER, toBytes, toNumber } from '#shared/protocol/point.ts';
import { FIRST_RECEIPT_PREVIOUS, type Receipt, receiptMessage } from '#shared/protocol/receipt.ts';
import type { Signer } from '#shared/protocol/signature.ts';
import { packStatus, statusBits, statusHash } from '#shared/protocol/status.ts';
import {
  ALLOWANCE,
  BEIJING,
  CERTIFICATE,
  coreOf,
  INVOICE,
  idOf,
  KEY_SET,
  minutes,
  NOON,
  PAYEE,
  PAYER,
  packed,
  ROOT,
  SHANXI,
  SHANXI_NEXT,
  STRANGER,
  seed,
} from '#tests/vectors/cast.ts';
import type { Vector } from '#tests/vectors/replay.ts';

/** What of an honest payment is bent. */
interface Bend {
  allowance?: Partial<Allowance>;
  core?: Partial<PaymentCore>;
  invoice?: Partial<Invoice>;
  certificate?: Partial<Certificate>;
  issuer?: Signer;
  signer?: Signer;
  assertion?: (challenge: Uint8Array) => Assertion;
  context?: Partial<Vector['context']>;
  /** Held payments: cores on the same allowance. */
  held?: Partial<PaymentCore>[];
  spoil?: (payment: Uint8Array, allowance: Uint8Array) => { payment?: Uint8Array; allowance?: Uint8Array };
  withoutAllowance?: boolean;
}

const HONG_KONG = { currency: 'HKD', amount: 19_50, rateCard: idOf('rate card') } as const;
const RATE = { card: idOf('rate card'), numerator: 109, denominator: 100 };

/** The key set every context holds. */
export async function keySetBytes(): Promise<Uint8Array> {
  return keySetMessage.sign(KEY_SET, ROOT);
}

async function payment(name: string, expect: string, bend: Bend = {}): Promise<Vector> {
  const terms = { ...ALLOWANCE, ...bend.allowance };
  const allowance = await allowanceMessage.sign(terms, bend.issuer ?? SHANXI);
  const reference = referenceOf(sha256(allowanceMessage.encode(terms)));
  const invoice = await invoiceMessage.sign({ ...INVOICE, ...bend.invoice }, PAYEE);
  const asked = referenceOf(sha256(invoiceMessage.encode({ ...INVOICE, ...bend.invoice })));
  const core = coreOf(reference, asked, bend.core);
  const assertion = bend.assertion?.(paymentIdOf(core));
  const honest = await signPayment(core, bend.signer ?? PAYER, assertion);
  const bytes = { payment: honest, allowance, ...bend.spoil?.(honest, allowance) };
  const held = await Promise.all((bend.held ?? []).map((one) => signPayment(coreOf(reference, asked, one), PAYER)));
  const certificate = await certificateMessage.sign({ ...CERTIFICATE, ...bend.certificate }, BEIJING);
  const server = bend.context?.role === 'server';
  return {
    name,
    check: 'payment',
    expect,
    given: { payment: toHex(bytes.payment), ...(bend.withoutAllowance ? {} : { allowance: toHex(bytes.allowance) }) },
    context: {
      role: 'payee',
      now: toSeconds(NOON),
      floor: toSeconds(minutes(-60)),
      keySet: toHex(await keySetBytes()),
      ...(server ? {} : { certificate: toHex(certificate), invoice: toHex(invoice) }),
      ...(held.length === 0 ? {} : { held: held.map((one) => toHex(one)) }),
      ...bend.context,
    },
  };
}

/** The twin (r, n-s) of the 64 signature bytes that start at `at`. */
export function twinAt(bytes: Uint8Array, at: number): Uint8Array<ArrayBuffer> {
  const twin = Uint8Array.from(bytes);
  twin.set(toBytes(ORDER - toNumber(bytes.subarray(at + 32, at + 64))), at + 32);
  return twin;
}

/** The same bytes with one bit turned. */
export function flipped(bytes: Uint8Array, at: number): Uint8Array<ArrayBuffer> {
  const other = Uint8Array.from(bytes);
  other[at] = (other[at] ?? 0) ^ 1;
  return other;
}

/** The same payload with its first key written in two bytes where one would do, in an envelope of fitting length. */
function longKey(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = bytes[0] === 0x84 ? 0 : 1;
  const at = head + 13;
  const length = bytes[at] ?? 0;
  const out = new Uint8Array(bytes.length + 1);
  out.set(bytes.subarray(0, at + 2));
  out[at] = length + 1;
  out.set([0x18, bytes[at + 2] ?? 0], at + 2);
  out.set(bytes.subarray(at + 3), at + 4);
  return out;
}

const SERVER = { role: 'server' as const };
const BIG = { core: { amount: 150_00, total: 150_00 }, invoice: { amount: 150_00 } };
const LOCKED: Partial<Allowance> = { payees: [idOf('payee')] };
const UNBACKED: Partial<Allowance> = { passkey: { key: SHANXI.key, backupEligible: false } };
const second = (core: Partial<PaymentCore> = {}): Partial<PaymentCore> => ({
  number: 2,
  total: 36_00,
  previous: seed('other', 16),
  ...core,
});

/** Every case of a payment. */
export async function paymentCases(): Promise<Vector[]> {
  return Promise.all([
    payment('a bowl of noodles', 'ok'),
    payment('the same, uploaded', 'ok', { context: SERVER }),
    payment('the same again', 'ok repeat', { held: [{}] }),
    payment('the same again for another invoice', 'payment.wrong-invoice', {
      core: { invoice: seed('another invoice', 16) },
      held: [{ invoice: seed('another invoice', 16) }],
    }),
    payment('the same again after the allowance has ended', 'ok repeat', {
      held: [{}],
      context: { now: toSeconds(minutes(1440 * 9)) },
    }),
    payment('uploaded a second time', 'ok repeat', { held: [{}], context: SERVER }),
    payment('a large sum with the passkey', 'ok', { ...BIG, assertion: (id) => packed(id) }),
    payment('a large sum with the passkey, on the other origin', 'ok', {
      ...BIG,
      assertion: (id) => packed(id, { origin: 'https://beijing.piaohao.example' }),
    }),
    payment('a large sum with the passkey, extra members in the client data', 'ok', {
      ...BIG,
      assertion: (id) =>
        packed(id, { tail: ',"other_keys_can_be_added_here":"do not compare clientDataJSON against a template."' }),
    }),
    payment('a payment locked to this payee', 'ok', { allowance: LOCKED }),
    payment('an allowance nobody guarantees', 'ok', { allowance: { guarantee: 'none' } }),
    payment('paid in Hong Kong dollars at the locked rate', 'ok', {
      allowance: { rateCard: idOf('rate card') },
      core: { converted: HONG_KONG },
      invoice: { currency: 'HKD', amount: 19_50 },
      context: { rate: RATE },
    }),
    payment('an allowance signed by the next key of its region', 'ok', {
      issuer: SHANXI_NEXT,
      allowance: { notBefore: minutes(1440 * 25), expires: minutes(1440 * 28), claimUntil: minutes(1440 * 40) },
      core: { time: minutes(1440 * 26) },
      invoice: { time: minutes(1440 * 26) },
      context: { now: toSeconds(minutes(1440 * 26)) },
    }),
    payment('four minutes after the end of the allowance', 'ok', { allowance: { expires: minutes(-4) } }),
    payment('a clock turned back behind the time floor', 'allowance.expired', {
      allowance: { expires: minutes(-20) },
      context: { now: toSeconds(minutes(-600)), floor: toSeconds(minutes(-2)) },
    }),
    payment('a clock turned forward', 'allowance.expired', { context: { now: toSeconds(minutes(1440 * 4)) } }),
    payment('a payer whose clock is a day behind', 'payment.outside-validity', {
      core: { time: minutes(-1440) },
      context: SERVER,
    }),
    payment('six minutes after the end of the allowance', 'allowance.expired', { allowance: { expires: minutes(-6) } }),
    payment('six minutes before its start', 'allowance.not-yet-valid', { allowance: { notBefore: minutes(6) } }),
    payment('signed before the allowance began', 'payment.outside-validity', { core: { time: minutes(-126) } }),
    payment('signed after the allowance ended, then uploaded', 'payment.outside-validity', {
      core: { time: minutes(1440 * 3) },
      context: SERVER,
    }),
    payment('uploaded a fortnight late', 'ok alarm late', {
      context: { ...SERVER, now: toSeconds(minutes(1440 * 20)) },
    }),
    payment('a revoked payer, to a payee with a new list', 'allowance.revoked', {
      context: { status: toHex(statusBits(8192, [4711])) },
    }),
    payment('a revoked payer, to a payee with an old list', 'ok', {
      context: { status: toHex(statusBits(8192, [4710, 4712])) },
    }),
    payment('a revoked payer, uploaded by a payee with an old list', 'ok alarm revoked', {
      context: { ...SERVER, status: toHex(statusBits(8192, [4711])) },
    }),
    payment('an allowance nobody has shown', 'allowance.unknown', { withoutAllowance: true }),
    payment('a payment on another allowance than the one shown', 'allowance.unknown', {
      core: { allowance: seed('no allowance', 16) },
    }),
    payment('an allowance signed by a stranger', 'issuer.unknown', { issuer: STRANGER }),
    payment('an allowance of Shanxi signed by Beijing', 'issuer.unknown', { issuer: BEIJING }),
    payment('an allowance issued before its key was in force', 'issuer.unknown', { issuer: SHANXI_NEXT }),
    payment('an allowance with a broken signature', 'allowance.signature', {
      spoil: (_, allowance) => ({ allowance: flipped(allowance, allowance.length - 1) }),
    }),
    payment('an allowance of a newer version', 'message.version', { allowance: { version: 2 } }),
    payment('an allowance of an older version with lower demands', 'message.version', {
      allowance: { version: 0, noPasskeyEach: 500_00, noPasskeySum: 500_00 },
    }),
    payment('the same number twice', 'payment.fork', { held: [{ time: minutes(-1) }] }),
    payment('the same number twice, uploaded', 'ok alarm fork', {
      held: [{ time: minutes(-1), payee: idOf('other payee') }],
      context: SERVER,
    }),
    payment('the same number twice, but never signed by the payer', 'payment.signature', {
      held: [{ time: minutes(-1) }],
      signer: STRANGER,
    }),
    payment('a second payment that forgets the first', 'payment.inconsistent', {
      held: [{ time: minutes(-1) }],
      core: second(),
    }),
    payment('a second payment that forgets the first, uploaded', 'ok alarm inconsistent', {
      held: [{ time: minutes(-1) }],
      core: second(),
      context: SERVER,
    }),
    payment('a third payment whose total went down', 'payment.inconsistent', {
      held: [{ time: minutes(-1), amount: 100_00, total: 100_00 }],
      core: { number: 3, total: 50_00, previous: seed('other', 16) },
    }),
    payment('a first payment that names another anchor', 'payment.inconsistent', {
      core: { previous: seed('other', 16) },
    }),
    payment('a first payment with money spent before it', 'payment.inconsistent', {
      core: { total: 36_00 },
      context: SERVER,
    }),
    payment('a payment to somebody else', 'payment.wrong-payee', { core: { payee: idOf('other payee') } }),
    payment('a payment locked to somebody else', 'payment.payee-not-allowed', {
      allowance: { payees: [idOf('other payee')] },
    }),
    payment('a payment locked to somebody else, uploaded', 'payment.payee-not-allowed', {
      allowance: { payees: [idOf('other payee')] },
      context: SERVER,
    }),
    payment('a payment for another invoice', 'payment.wrong-invoice', {
      core: { invoice: seed('another invoice', 16) },
    }),
    payment('a payment that claims fresher lists for the payee', 'payment.wrong-invoice', { core: { epoch: 9999 } }),
    payment('a payment signed when the invoice was stale', 'payment.outside-lifetime', {
      invoice: { time: minutes(-30) },
    }),
    payment('a yuan too little', 'payment.wrong-amount', { core: { amount: 17_00, total: 17_00 } }),
    payment('yuan for an invoice in dollars', 'payment.wrong-currency', { invoice: { currency: 'HKD' } }),
    payment('converted into its own currency', 'payment.wrong-currency', {
      core: { converted: { ...HONG_KONG, currency: 'CNY', amount: 18_00 } },
      context: SERVER,
    }),
    payment('converted on a rate card that is not held', 'payment.rate-unknown', {
      allowance: { rateCard: idOf('rate card') },
      core: { converted: HONG_KONG },
      invoice: { currency: 'HKD', amount: 19_50 },
    }),
    payment('converted on a rate card the allowance does not name', 'payment.rate-unknown', {
      core: { converted: HONG_KONG },
      invoice: { currency: 'HKD', amount: 19_50 },
      context: { rate: RATE },
    }),
    payment('converted at a better rate than the card gives', 'payment.wrong-amount', {
      allowance: { rateCard: idOf('rate card') },
      core: { converted: { ...HONG_KONG, amount: 19_90 } },
      context: { ...SERVER, rate: RATE },
    }),
    payment('more than one payment may be', 'payment.over-each', {
      core: { amount: 200_01, total: 200_01 },
      invoice: { amount: 200_01 },
    }),
    payment('more than one payee may get', 'payment.over-payee', {
      held: [{ amount: 190_00, total: 190_00 }],
      core: { number: 3, total: 300_00, previous: seed('other', 16) },
    }),
    payment('more than one payee may get, uploaded', 'ok alarm over-payee', {
      held: [{ amount: 190_00, total: 190_00 }],
      core: { number: 3, total: 300_00, previous: seed('other', 16) },
      assertion: (id) => packed(id),
      context: SERVER,
    }),
    payment('more than the allowance holds', 'payment.over-total', {
      core: { number: 9, total: 500_01, previous: seed('other', 16) },
    }),
    payment('more than the allowance holds, uploaded', 'payment.over-total', {
      core: { number: 9, total: 500_01, previous: seed('other', 16) },
      context: SERVER,
    }),
    payment('an eleventh payment', 'payment.over-count', {
      core: { number: 11, total: 90_00, previous: seed('other', 16) },
    }),
    payment('a payment signed by a stranger', 'payment.signature', { signer: STRANGER }),
    payment('an amount altered after signing', 'payment.signature', {
      core: {},
      invoice: {},
      spoil: (bytes) => ({ payment: flipped(bytes, bytes.length - 1) }),
    }),
    payment('a large sum without the passkey', 'payment.passkey-missing', BIG),
    payment('a small sum above the cumulative limit without the passkey', 'payment.passkey-missing', {
      core: { number: 5, total: 100_01, previous: seed('other', 16) },
    }),
    payment('a passkey where the allowance has none', 'payment.passkey-unknown', {
      allowance: passkeyless(),
      assertion: (id) => packed(id),
    }),
    payment('a passkey that did not verify its owner', 'payment.passkey-flags', {
      ...BIG,
      assertion: (id) => packed(id, { flags: 0x19 }),
    }),
    payment('a passkey nobody touched', 'payment.passkey-flags', {
      ...BIG,
      assertion: (id) => packed(id, { flags: 0x1c }),
    }),
    payment('a passkey whose backup bit has changed', 'payment.passkey-flags', {
      ...BIG,
      assertion: (id) => packed(id, { flags: 0x05 }),
    }),
    payment('a passkey backed up though it never may be', 'payment.passkey-flags', {
      ...BIG,
      allowance: UNBACKED,
      assertion: (id) => packed(id, { flags: 0x15 }),
    }),
    payment('a passkey with attested data', 'payment.passkey-flags', {
      ...BIG,
      assertion: (id) => ({ ...packed(id), flags: 0x5d }),
    }),
    payment('a passkey asserted on a preview origin', 'payment.passkey-signature', {
      ...BIG,
      assertion: (id) => previewAssertion(id),
    }),
    payment('a passkey of an origin the key set does not list', 'payment.passkey-origin', {
      ...BIG,
      assertion: (id) => ({ ...packed(id), origin: 5 }),
    }),
    payment('a passkey asserted inside a foreign frame', 'payment.passkey-client-data', {
      ...BIG,
      assertion: (id) => ({ ...packed(id), tail: ',"topOrigin":"https://evil.example"' }),
    }),
    payment('client data with a second challenge', 'payment.passkey-client-data', {
      ...BIG,
      assertion: (id) => ({ ...packed(id), tail: ',"challenge":"AAAA"' }),
    }),
    payment('a passkey over another payment', 'payment.passkey-signature', {
      ...BIG,
      assertion: () => packed(seed('another payment')),
    }),
    payment('a passkey of a stranger', 'payment.passkey-signature', {
      ...BIG,
      assertion: (id) => packed(id, { by: STRANGER }),
    }),
    payment('the twin of the device signature', 'message.twin-signature', {
      spoil: (bytes) => ({ payment: twinAt(bytes, bytes.length - 64) }),
    }),
    payment('the twin of the passkey signature', 'message.twin-signature', {
      ...BIG,
      assertion: (id) => packed(id),
      spoil: (bytes) => ({ payment: twinAt(bytes, bytes.length - 64) }),
    }),
    payment('a key written in two bytes instead of one', 'message.not-canonical', {
      spoil: (bytes) => ({ payment: longKey(bytes) }),
    }),
    payment('a byte after the end', 'message.malformed', {
      spoil: (bytes) => ({ payment: Uint8Array.of(...bytes, 0) }),
    }),
    payment('an empty payment', 'message.malformed', { spoil: () => ({ payment: new Uint8Array(0) }) }),
    payment('five thousand bytes', 'message.too-large', { spoil: () => ({ payment: new Uint8Array(5000) }) }),
  ]);
}

function passkeyless(): Partial<Allowance> {
  return { passkey: undefined } as unknown as Partial<Allowance>;
}

function previewAssertion(id: Uint8Array): Assertion {
  const evil = packedElsewhere(id);
  return { ...packed(id), signature: evil.signature };
}

function packedElsewhere(id: Uint8Array): Assertion {
  return packed(id, { rpId: KEY_SET.rpId, counter: 9 });
}

async function invoiceCase(
  name: string,
  expect: string,
  bend: {
    invoice?: Partial<Invoice>;
    certificate?: Partial<Certificate>;
    signer?: Signer;
    issuer?: Signer;
    context?: Partial<Vector['context']>;
    spoil?: (bytes: Uint8Array) => Uint8Array;
  } = {},
): Promise<Vector> {
  const invoice = await invoiceMessage.sign({ ...INVOICE, ...bend.invoice }, bend.signer ?? PAYEE);
  const certificate = await certificateMessage.sign({ ...CERTIFICATE, ...bend.certificate }, bend.issuer ?? BEIJING);
  return {
    name,
    check: 'invoice',
    expect,
    given: { invoice: toHex(invoice), certificate: toHex(bend.spoil?.(certificate) ?? certificate) },
    context: {
      now: toSeconds(NOON),
      floor: toSeconds(minutes(-60)),
      keySet: toHex(await keySetBytes()),
      ...bend.context,
    },
  };
}

/** Every case of an invoice with its certificate. */
export async function invoiceCases(): Promise<Vector[]> {
  return Promise.all([
    invoiceCase('eighteen yuan for a bowl', 'ok'),
    invoiceCase('without a memo', 'ok', { invoice: { memo: undefined } as unknown as Partial<Invoice> }),
    invoiceCase('a certificate signed by a stranger', 'issuer.unknown', { issuer: STRANGER }),
    invoiceCase('a certificate with a broken signature', 'certificate.signature', {
      spoil: (bytes) => flipped(bytes, bytes.length - 1),
    }),
    invoiceCase('a name altered after signing', 'certificate.signature', { spoil: (bytes) => flipped(bytes, 80) }),
    invoiceCase('a certificate that has ended', 'certificate.expired', { certificate: { expires: minutes(-6) } }),
    invoiceCase('an invoice with another payee’s certificate', 'invoice.wrong-payee', {
      certificate: { payee: idOf('other payee') },
    }),
    invoiceCase('a code stuck over another', 'invoice.signature', { signer: STRANGER }),
    invoiceCase('a stale or photographed code', 'invoice.expired', { invoice: { time: minutes(-8) } }),
    invoiceCase('seven minutes old, within two minutes of life and five of skew', 'ok', {
      invoice: { time: minutes(-7) },
    }),
    invoiceCase('a stale code and a clock turned back', 'invoice.expired', {
      invoice: { time: minutes(-60) },
      context: { now: toSeconds(minutes(-60)), floor: toSeconds(NOON) },
    }),
    invoiceCase('a code from the future', 'invoice.from-future', { invoice: { time: minutes(6) } }),
    invoiceCase('a currency the payee does not take', 'invoice.currency-not-taken', { invoice: { currency: 'JPY' } }),
  ]);
}

/** One vector, its bytes as hexadecimal. */
export function vector(
  check: string,
  name: string,
  expect: string,
  given: Record<string, Uint8Array>,
  context: Vector['context'] = {},
): Vector {
  return {
    name,
    check,
    expect,
    given: Object.fromEntries(Object.entries(given).map(([key, bytes]) => [key, toHex(bytes)])),
    context,
  };
}

/** Every case of the key set. */
export async function keySetCases(): Promise<Vector[]> {
  const context = { now: toSeconds(NOON), floor: 0, root: toHex(ROOT.key) };
  const newer = await keySetMessage.sign({ ...KEY_SET, epoch: 8 }, ROOT);
  const double: KeySet = { ...KEY_SET, issuers: [...KEY_SET.issuers.slice(0, 1), ...KEY_SET.issuers.slice(0, 1)] };
  const honest = await keySetBytes();
  return [
    vector('key-set', 'the keys of two regions', 'ok', { keySet: honest }, context),
    vector('key-set', 'a newer one than the one held', 'ok', { keySet: newer }, { ...context, keySet: toHex(honest) }),
    vector(
      'key-set',
      'signed by a stranger',
      'key-set.signature',
      { keySet: await keySetMessage.sign(KEY_SET, STRANGER) },
      context,
    ),
    vector(
      'key-set',
      'with a broken signature',
      'key-set.signature',
      { keySet: flipped(honest, honest.length - 1) },
      context,
    ),
    vector(
      'key-set',
      'half a year old',
      'key-set.expired',
      { keySet: honest },
      { ...context, now: toSeconds(minutes(1440 * 180)) },
    ),
    vector(
      'key-set',
      'half a year old by the time floor',
      'key-set.expired',
      { keySet: honest },
      { ...context, floor: toSeconds(minutes(1440 * 180)) },
    ),
    vector(
      'key-set',
      'older than the one held',
      'key-set.older',
      { keySet: honest },
      { ...context, keySet: toHex(newer) },
    ),
    vector(
      'key-set',
      'one key twice',
      'message.malformed',
      { keySet: await keySetMessage.sign(double, ROOT) },
      context,
    ),
  ];
}

/** Every case of an allowance by itself and of a certificate by itself. */
export async function issuedCases(): Promise<Vector[]> {
  const keySet = { keySet: toHex(await keySetBytes()) };
  const times = { now: toSeconds(NOON), floor: 0 };
  const full: Allowance = { ...ALLOWANCE, payees: [idOf('payee'), idOf('other payee')], rateCard: idOf('rate card') };
  return [
    vector(
      'allowance',
      'five hundred yuan',
      'ok',
      { allowance: await allowanceMessage.sign(ALLOWANCE, SHANXI) },
      keySet,
    ),
    vector('allowance', 'with every field', 'ok', { allowance: await allowanceMessage.sign(full, SHANXI) }, keySet),
    vector(
      'allowance',
      'without a passkey',
      'ok',
      { allowance: await allowanceMessage.sign({ ...ALLOWANCE, ...passkeyless() }, SHANXI) },
      keySet,
    ),
    vector(
      'certificate',
      'a noodle shop',
      'ok',
      { certificate: await certificateMessage.sign(CERTIFICATE, BEIJING) },
      { ...keySet, ...times },
    ),
  ];
}

/** An honest payment of the invoice, as signed and as read, with its allowance. */
export async function paid(
  core: Partial<PaymentCore> = {},
): Promise<{ bytes: Uint8Array; read: SignedPayment; allowance: Uint8Array }> {
  const allowance = await allowanceMessage.sign(ALLOWANCE, SHANXI);
  const reference = referenceOf(sha256(allowanceMessage.encode(ALLOWANCE)));
  const bytes = await signPayment(coreOf(reference, referenceOf(sha256(invoiceMessage.encode(INVOICE))), core), PAYER);
  const read = readPayment(bytes);
  if (!read.ok) throw new Error(read.error.code);
  return { bytes, read: read.value, allowance };
}

/** Every case of receipts. */
export async function receiptCases(): Promise<Vector[]> {
  const one = await paid();
  const first: Receipt = {
    payment: one.read.id,
    status: 'accepted',
    time: NOON,
    counter: 1,
    previous: FIRST_RECEIPT_PREVIOUS,
  };
  const firstBytes = await receiptMessage.sign(first, PAYEE);
  const next: Receipt = {
    ...first,
    counter: 2,
    status: 'void',
    previous: referenceOf(sha256(receiptMessage.encode(first))),
  };
  const context = { key: toHex(PAYEE.key), payment: toHex(one.read.id) };
  return [
    vector('receipt', 'accepted', 'ok', { receipt: firstBytes }, context),
    vector(
      'receipt',
      'void, next in the chain',
      'ok',
      { receipt: await receiptMessage.sign(next, PAYEE) },
      { ...context, neighbour: toHex(firstBytes) },
    ),
    vector(
      'receipt',
      'signed by a stranger',
      'receipt.signature',
      { receipt: await receiptMessage.sign(first, STRANGER) },
      context,
    ),
    vector(
      'receipt',
      'for another payment',
      'receipt.wrong-payment',
      { receipt: firstBytes },
      { ...context, payment: toHex(seed('other')) },
    ),
    vector(
      'receipt',
      'that skips the one before',
      'receipt.inconsistent',
      { receipt: await receiptMessage.sign({ ...next, previous: seed('other', 16) }, PAYEE) },
      { ...context, neighbour: toHex(firstBytes) },
    ),
    vector(
      'receipt',
      'with a counter used before',
      'receipt.inconsistent',
      { receipt: await receiptMessage.sign({ ...first, status: 'void' }, PAYEE) },
      { ...context, neighbour: toHex(firstBytes) },
    ),
  ];
}

/** Every case of pay codes. */
export async function payCodeCases(): Promise<Vector[]> {
  const allowance = await allowanceMessage.sign(ALLOWANCE, SHANXI);
  const held = allowanceMessage.read(allowance);
  if (!held.ok) throw new Error(held.error.code);
  const code: PayCode = { allowance: referenceOf(held.value.id), nonce: seed('nonce', 16), time: NOON, lifetime: 60 };
  const given = async (bent: Partial<PayCode> = {}, signer: Signer = PAYER) => ({
    allowance: toHex(allowance),
    code: toHex(await payCodeMessage.sign({ ...code, ...bent }, signer)),
  });
  const at = (name: string, expect: string, secondsLater: number, of: Record<string, string>): Vector => ({
    ...{ check: 'pay-code', name, given: of, expect },
    context: { now: toSeconds(NOON) + secondsLater },
  });
  const honest = await given();
  const closing: Closing = { allowance: code.allowance, lastNumber: 0, lastTotal: 0, last: ALLOWANCE.anchor };
  const other = toHex(await closingMessage.sign(closing, PAYER));
  return [
    at('a pay code in its minute', 'ok', 30, honest),
    at('a pay code at the last moment two clocks allow', 'ok', 70, honest),
    at('a pay code photographed and shown too late', 'pay-code.expired', 71, honest),
    at('a pay code of a clock too far ahead', 'pay-code.expired', -11, honest),
    at('a pay code signed by a stranger', 'pay-code.signature', 30, await given({}, STRANGER)),
    at('a pay code of another allowance', 'allowance.unknown', 30, await given({ allowance: seed('other', 16) })),
    at('a closing shown as a pay code', 'message.malformed', 30, { ...honest, code: other }),
  ];
}

/** Every case of closings. */
export async function closingCases(): Promise<Vector[]> {
  const one = await paid();
  const reference = referenceOf(sha256(allowanceMessage.encode(ALLOWANCE)));
  const closing: Closing = { allowance: reference, lastNumber: 1, lastTotal: 18_00, last: referenceOf(one.read.id) };
  const context = { allowance: toHex(one.allowance), held: [toHex(one.bytes)] };
  const row = async (
    name: string,
    expect: string,
    bent: Partial<Closing>,
    signer: Signer = PAYER,
    held = context.held,
  ) =>
    vector(
      'closing',
      name,
      expect,
      { closing: await closingMessage.sign({ ...closing, ...bent }, signer) },
      { ...context, held },
    );
  const none = { lastNumber: 0, lastTotal: 0, last: ALLOWANCE.anchor };
  return [
    await row('after one payment', 'ok', {}),
    await row('after none', 'ok', none, PAYER, []),
    await row('after more payments than have arrived', 'ok', {
      lastNumber: 3,
      lastTotal: 60_00,
      last: seed('other', 16),
    }),
    await row('signed by a stranger', 'closing.signature', {}, STRANGER),
    await row('of another allowance', 'closing.wrong-allowance', { allowance: seed('other', 16) }),
    await row('after none, though one has arrived', 'closing.inconsistent', none),
    await row('with a lower total than arrived', 'closing.inconsistent', { lastTotal: 17_00 }),
    await row('with another last payment than arrived', 'closing.inconsistent', { last: seed('other', 16) }),
    await row('of more than the allowance holds', 'closing.inconsistent', { lastNumber: 2, lastTotal: 500_01 }),
    await row(
      'after none, but with another anchor',
      'closing.inconsistent',
      { ...none, last: seed('other', 16) },
      PAYER,
      [],
    ),
  ];
}

/** Every case of epoch cards and status lists. */
export async function epochCases(): Promise<Vector[]> {
  const bits = statusBits(8192, [1, 4711, 8191]);
  const keySet = await keySetBytes();
  const epoch: Epoch = {
    region: 'CN-SX',
    number: 3021,
    time: NOON,
    statusList: statusHash(bits),
    keySet: sha256(keySetMessage.encode(KEY_SET)),
    claims: seed('claims'),
  };
  const bytes = await epochMessage.sign(epoch, SHANXI);
  const bare = await epochMessage.sign({ ...epoch, claims: undefined } as unknown as Epoch, SHANXI);
  const context = { keySet: toHex(keySet) };
  const packedBits = await packStatus(bits);
  return [
    vector('epoch', 'noon in Shanxi', 'ok', { epoch: bytes }, context),
    vector('epoch', 'without a Merkle root', 'ok', { epoch: bare }, context),
    vector('epoch', 'newer than the one held', 'ok', { epoch: bytes }, { ...context, heldEpoch: 3020 }),
    vector('epoch', 'with the list it names', 'ok', { epoch: bytes, statusBits: bits }, context),
    vector(
      'epoch',
      'with another list',
      'epoch.list-differs',
      { epoch: bytes, statusBits: statusBits(8192, [1, 8191]) },
      context,
    ),
    vector('epoch', 'older than the one held', 'epoch.older', { epoch: bytes }, { ...context, heldEpoch: 3022 }),
    vector('epoch', 'with a broken signature', 'epoch.signature', { epoch: flipped(bytes, bytes.length - 1) }, context),
    vector(
      'epoch',
      'of Shanxi signed by Beijing',
      'issuer.unknown',
      { epoch: await epochMessage.sign(epoch, BEIJING) },
      context,
    ),
    vector('status', 'a thousand bytes of bits', 'ok', { packed: packedBits }),
    vector('status', 'cut short', 'status.malformed', { packed: packedBits.subarray(0, packedBits.length - 6) }),
    vector('status', 'not compressed', 'status.malformed', { packed: bits }),
    vector('status', 'a bomb of a megabyte', 'status.malformed', {
      packed: await packStatus(new Uint8Array(1_048_576)),
    }),
  ];
}

/** Every case of finality receipts. */
export async function finalityCases(): Promise<Vector[]> {
  const one = await paid();
  const finality: Finality = {
    region: 'CN-BJ',
    payment: one.read.id,
    payee: INVOICE.payee,
    invoice: one.read.message.invoice,
    amount: 18_00,
    currency: 'CNY',
    time: NOON,
  };
  const bytes = await finalityMessage.sign(finality, BEIJING);
  const context = { keySet: toHex(await keySetBytes()), invoice: toHex(await invoiceMessage.sign(INVOICE, PAYEE)) };
  return [
    vector('finality', 'settled', 'ok', { finality: bytes }, context),
    vector(
      'finality',
      'with a broken signature',
      'finality.signature',
      { finality: flipped(bytes, bytes.length - 1) },
      context,
    ),
    vector(
      'finality',
      'signed by a stranger',
      'issuer.unknown',
      { finality: await finalityMessage.sign(finality, STRANGER) },
      context,
    ),
    vector(
      'finality',
      'of another invoice',
      'finality.wrong-payment',
      { finality: await finalityMessage.sign({ ...finality, invoice: seed('other', 16) }, BEIJING) },
      context,
    ),
    vector(
      'finality',
      'of less than was asked',
      'finality.wrong-payment',
      { finality: await finalityMessage.sign({ ...finality, amount: 17_00 }, BEIJING) },
      context,
    ),
  ];
}

/** Every case of fork proofs. */
export async function forkCases(): Promise<Vector[]> {
  const one = await paid();
  const other = await paid({ payee: idOf('other payee') });
  const third = await paid({ number: 2, total: 36_00, previous: referenceOf(one.read.id) });
  const forged = readPayment(await signPayment({ ...one.read.message, time: minutes(1) }, STRANGER));
  const elsewhere = readPayment(await signPayment({ ...other.read.message, allowance: seed('other', 16) }, PAYER));
  if (!forged.ok || !elsewhere.ok) throw new Error('a case is broken');
  const keySet = { keySet: toHex(await keySetBytes()) };
  const proof = writeFork(one.allowance, one.read, other.read);
  const byStranger = await allowanceMessage.sign(ALLOWANCE, STRANGER);
  return [
    vector('fork', 'two payees, one number', 'ok', { fork: proof }, keySet),
    vector(
      'fork',
      'one payment twice',
      'fork.not-a-fork',
      { fork: writeFork(one.allowance, one.read, one.read) },
      keySet,
    ),
    vector('fork', 'two numbers', 'fork.not-a-fork', { fork: writeFork(one.allowance, one.read, third.read) }, keySet),
    vector(
      'fork',
      'two allowances',
      'fork.not-a-fork',
      { fork: writeFork(one.allowance, one.read, elsewhere.value) },
      keySet,
    ),
    vector(
      'fork',
      'one of them forged',
      'payment.signature',
      { fork: writeFork(one.allowance, one.read, forged.value) },
      keySet,
    ),
    vector(
      'fork',
      'on an allowance nobody issued',
      'issuer.unknown',
      { fork: writeFork(byStranger, one.read, other.read) },
      keySet,
    ),
    vector(
      'fork',
      'an allowance with a broken signature',
      'allowance.signature',
      { fork: writeFork(flipped(one.allowance, one.allowance.length - 1), one.read, other.read) },
      keySet,
    ),
  ];
}

/** Every case of frames: the texts in QR codes. */
export async function frameCases(): Promise<Vector[]> {
  const one = await paid();
  const invoice = await invoiceMessage.sign(INVOICE, PAYEE);
  const certificate = await certificateMessage.sign(CERTIFICATE, BEIJING);
  const row = (name: string, expect: string, text: string): Vector => ({
    name,
    check: 'frame',
    expect,
    given: { text },
    context: {},
  });
  const [asks = ''] = writeFrame({ kind: 'invoice', invoice, certificate });
  const [pays = ''] = writeFrame({ kind: 'payment', payment: one.bytes, allowance: one.allowance });
  const [again = ''] = writeFrame({ kind: 'payment', payment: one.bytes });
  const wrapped = `PH1I:${toBase45(encodeCbor([invoice, certificate]))}`;
  const thrice = `PH1P:${toBase45(joinBytes(one.bytes, one.allowance, one.allowance))}`;
  return [
    row('an invoice with its certificate', 'ok', asks),
    row('a payment with its allowance', 'ok', pays),
    row('a payment on a repeat visit', 'ok', again),
    row('a web address', 'frame.unknown', 'https://example.org/pay?to=me'),
    row('a kind nobody knows', 'frame.unknown', `PH1Q:${pays.slice(5)}`),
    row('lower case', 'frame.unknown', pays.toLowerCase()),
    row('a character lost', 'frame.malformed', pays.slice(0, -2)),
    row('nothing behind the colon', 'frame.malformed', 'PH1P:'),
    row('a group above 65,535', 'frame.malformed', 'PH1R:GGW'),
    row('an invoice without its certificate', 'frame.malformed', `PH1I:${again.slice(5)}`),
    row('two messages with an array around them', 'frame.malformed', wrapped),
    row('three messages', 'frame.malformed', thrice),
  ];
}

/** The messages themselves, for a reader who wants to see each field in its bytes. */
export async function messageRows(): Promise<{ name: string; domain: string; payload: string; id: string }[]> {
  const one = await paid();
  const rows: [string, Uint8Array][] = [
    ['key-set', keySetMessage.encode(KEY_SET)],
    ['allowance', allowanceMessage.encode(ALLOWANCE)],
    ['certificate', certificateMessage.encode(CERTIFICATE)],
    ['invoice', invoiceMessage.encode(INVOICE)],
    ['payment', encodeCore(one.read.message)],
  ];
  if (!sameBytes(sha256(encodeCore(one.read.message)), one.read.id)) throw new Error('an id hashes the core');
  return rows.map(([name, payload]) => ({
    name,
    domain: `piaohao-v1:${name}`,
    payload: toHex(payload),
    id: toHex(sha256(payload)),
  }));
}
