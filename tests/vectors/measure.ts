/** Measures the specification's figures: bytes of each message, QR versions, and the time of a verification. `node tests/vectors/measure.ts` */

import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { sha256 } from '@noble/hashes/sha2.js';
import { correction, generate, mode } from 'lean-qr';
import { toBase64url, toHex } from '#shared/base/bytes.ts';
import { allowanceMessage } from '#shared/protocol/allowance.ts';
import { certificateMessage } from '#shared/protocol/certificate.ts';
import { closingMessage } from '#shared/protocol/closing.ts';
import { epochMessage } from '#shared/protocol/epoch.ts';
import { finalityMessage } from '#shared/protocol/finality.ts';
import { writeFork } from '#shared/protocol/fork.ts';
import { writeFrame } from '#shared/protocol/frame.ts';
import { invoiceMessage } from '#shared/protocol/invoice.ts';
import { keySetMessage } from '#shared/protocol/key-set.ts';
import { referenceOf } from '#shared/protocol/message.ts';
import { writeNote } from '#shared/protocol/note.ts';
import { paymentIdOf, readPayment, signPayment } from '#shared/protocol/payment.ts';
import { expandPoint } from '#shared/protocol/point.ts';
import { FIRST_RECEIPT_PREVIOUS, receiptMessage } from '#shared/protocol/receipt.ts';
import { type SignatureQuestion, verifyAsync, verifySync, webVerifier } from '#shared/protocol/signature.ts';
import { statusBits, statusHash } from '#shared/protocol/status.ts';
import { knownAllowance } from '#shared/protocol/trust.ts';
import { type PayeeContext, paymentChecks } from '#shared/protocol/verify.ts';
import { writeVoucher } from '#shared/protocol/voucher.ts';
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
  seed,
} from '#tests/vectors/cast.ts';

function version(text: string, level: 'L' | 'M'): string {
  const modules = generate(text, {
    minCorrectionLevel: correction[level],
    maxCorrectionLevel: correction[level],
    modes: [mode.alphaNumeric],
  }).size;
  return `v${(modules - 17) / 4}`;
}

function row(name: string, bytes: Uint8Array, texts: string[] = []): void {
  const [text] = texts;
  const codes = text === undefined ? ['', ''] : [version(text, 'L'), version(text, 'M')];
  console.log(
    `| ${name} | ${bytes.length} | ${codes[0]} | ${codes[1]} |${texts.length > 1 ? ` ${texts.length} parts` : ''}`,
  );
}

const keySet = await keySetMessage.sign(KEY_SET, ROOT);
const { passkey: _none, ...bareTerms } = ALLOWANCE;
const bare = await allowanceMessage.sign(bareTerms, SHANXI);
const allowance = await allowanceMessage.sign(ALLOWANCE, SHANXI);
const full = await allowanceMessage.sign(
  { ...ALLOWANCE, payees: [idOf('payee')], rateCard: idOf('rate card') },
  SHANXI,
);
const certificate = await certificateMessage.sign(CERTIFICATE, BEIJING);
const invoice = await invoiceMessage.sign(INVOICE, PAYEE);
const longest = await invoiceMessage.sign({ ...INVOICE, memo: '刀'.repeat(32), amount: 999_999_99 }, PAYEE);
const longName = await certificateMessage.sign({ ...CERTIFICATE, name: '山'.repeat(20) }, BEIJING);
const core = coreOf(
  referenceOf(sha256(allowanceMessage.encode(ALLOWANCE))),
  referenceOf(sha256(invoiceMessage.encode(INVOICE))),
  { amount: 150_00, total: 150_00 },
);
const device = await signPayment(core, PAYER);
const both = await signPayment(core, PAYER, packed(paymentIdOf(core)));
const tailed = await signPayment(
  core,
  PAYER,
  packed(paymentIdOf(core), {
    tail: ',"other_keys_can_be_added_here":"do not compare clientDataJSON against a template. See https://goo.gl/yabPex"',
  }),
);
const converted = await signPayment(
  { ...core, converted: { currency: 'HKD', amount: 160_00, rateCard: idOf('rate card') } },
  PAYER,
  packed(seed('x')),
);
const receipt = await receiptMessage.sign(
  { payment: seed('x'), status: 'accepted', time: NOON, counter: 300, previous: FIRST_RECEIPT_PREVIOUS },
  PAYEE,
);
const closing = await closingMessage.sign(
  { allowance: core.allowance, lastNumber: 7, lastTotal: 300_00, last: seed('x', 16) },
  PAYER,
);
const epoch = await epochMessage.sign(
  {
    region: 'CN-SX',
    number: 3021,
    time: NOON,
    statusList: statusHash(statusBits(64, [])),
    keySet: seed('k'),
    claims: seed('c'),
  },
  SHANXI,
);
const finality = await finalityMessage.sign(
  {
    region: 'CN-BJ',
    payment: seed('x'),
    payee: INVOICE.payee,
    invoice: core.invoice,
    amount: 18_00,
    currency: 'CNY',
    time: NOON,
  },
  BEIJING,
);
const left = readPayment(device);
const right = readPayment(await signPayment({ ...core, time: minutes(1) }, PAYER));
if (!left.ok || !right.ok) throw new Error('a payment cannot be read');
const fork = writeFork(allowance, left.value, right.value);

console.log('| message | bytes | QR at L | QR at M |');
row('key set, 3 keys', keySet);
row('allowance without passkey', bare);
row('allowance', allowance);
row('allowance, every field', full);
row('certificate', certificate);
row('invoice', invoice);
row(
  'invoice + certificate',
  new Uint8Array(invoice.length + certificate.length),
  writeFrame({ kind: 'invoice', invoice, certificate }),
);
row(
  'invoice + certificate, longest memo and name',
  new Uint8Array(longest.length + longName.length),
  writeFrame({ kind: 'invoice', invoice: longest, certificate: longName }),
);
row('payment, device key', device, writeFrame({ kind: 'payment', payment: device }));
row('payment, passkey', both, writeFrame({ kind: 'payment', payment: both }));
row(
  'payment, device key + allowance',
  new Uint8Array(device.length + allowance.length),
  writeFrame({ kind: 'payment', payment: device, allowance }),
);
row(
  'payment, passkey + allowance',
  new Uint8Array(both.length + allowance.length),
  writeFrame({ kind: 'payment', payment: both, allowance }),
);
row(
  'payment, passkey with tail + allowance',
  new Uint8Array(tailed.length + allowance.length),
  writeFrame({ kind: 'payment', payment: tailed, allowance }),
);
row(
  'payment, passkey, converted + allowance, every field',
  new Uint8Array(converted.length + full.length),
  writeFrame({ kind: 'payment', payment: converted, allowance: full }),
);
const { lifetime: _lifetime, epoch: _epoch, ...unasked } = INVOICE;
for (const [name, note] of [
  ['note + payment, passkey + allowance', writeNote(unasked)],
  ['the same, longest memo', writeNote({ ...unasked, memo: '刀'.repeat(32), amount: 999_999_99 })],
] as const) {
  row(
    name,
    new Uint8Array(note.length + both.length + allowance.length),
    writeFrame({ kind: 'noted', note, payment: both, allowance }),
  );
}
row('address', certificate, writeFrame({ kind: 'address', certificate }));
row('receipt', receipt, writeFrame({ kind: 'receipt', receipt }));
row('closing', closing);
row('epoch card', epoch, writeFrame({ kind: 'epoch', epoch }));
row('finality receipt', finality, writeFrame({ kind: 'finality', finality }));
for (const [name, voucher] of [
  ['voucher, final', { kind: 'final', finality, core: left.value.payload, certificate }],
  ['voucher, promise, device key', { kind: 'promise', payment: device, allowance, certificate, receipt }],
  ['voucher, promise, passkey', { kind: 'promise', payment: both, allowance, certificate, receipt }],
] as const) {
  const bytes = writeVoucher(voucher);
  row(name, bytes, writeFrame({ kind: 'voucher', voucher: bytes }));
}
row('fork proof', fork, writeFrame({ kind: 'fork', fork }));
console.log(`core ${left.value.payload.length} bytes: ${toHex(left.value.payload)}`);

const keys = new Map<string, KeyObject>();
function cached({ key, message, signature }: SignatureQuestion): boolean {
  const name = toHex(key);
  let imported = keys.get(name);
  if (imported === undefined) {
    const point = expandPoint(key) ?? new Uint8Array(65);
    imported = createPublicKey({
      key: { kty: 'EC', crv: 'P-256', x: toBase64url(point.subarray(1, 33)), y: toBase64url(point.subarray(33)) },
      format: 'jwk',
    });
    keys.set(name, imported);
  }
  return verify('sha256', message, { key: imported, dsaEncoding: 'ieee-p1363' }, signature);
}

const opened = invoiceMessage.read(await invoiceMessage.sign({ ...INVOICE, amount: 150_00 }, PAYEE));
const known = knownAllowance(allowance);
if (!opened.ok || !known.ok) throw new Error('a message cannot be read');
const bound = { ...core, invoice: referenceOf(opened.value.id) };
const paying = await signPayment(bound, PAYER, packed(paymentIdOf(bound)));
const context: PayeeContext = {
  role: 'payee',
  now: NOON,
  floor: NOON,
  keySet: KEY_SET,
  held: [],
  certificate: CERTIFICATE,
  invoice: opened.value,
};
const server = { role: 'server' as const, now: NOON, floor: NOON, keySet: KEY_SET, held: [] };
const plain = await signPayment({ ...core, amount: 18_00, total: 18_00 }, PAYER);

async function timed(name: string, work: () => Promise<unknown> | unknown, rounds = 2000): Promise<void> {
  for (let round = 0; round < 200; round += 1) await work();
  const start = performance.now();
  for (let round = 0; round < rounds; round += 1) await work();
  const each = (performance.now() - start) / rounds;
  console.log(`${name}: ${each.toFixed(3)} ms, ${Math.round(1000 / each)}/s`);
}

const web = webVerifier();
const answer = await verifyAsync(paymentChecks({ payment: paying, allowance }, context), web);
if (!answer.ok) throw new Error(answer.error.code);
await timed('read only', () => readPayment(plain), 20_000);
await timed(
  'everything but signatures',
  () => verifySync(paymentChecks({ payment: plain, known: known.value }, server), () => true),
  20_000,
);
await timed('server, allowance known, device key (node:crypto)', () =>
  verifySync(paymentChecks({ payment: plain, known: known.value }, server), cached),
);
await timed('payee, new payer, passkey: 3 signatures (WebCrypto)', () =>
  verifyAsync(paymentChecks({ payment: paying, allowance }, context), web),
);
