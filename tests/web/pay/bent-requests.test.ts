/** Ten thousand requests and addresses somebody bent, exchanged or pieced together: whoever a payer is shown is who is paid. */
import { beforeAll, expect, test } from 'vitest';
import { joinBytes, sameBytes } from '#shared/base/bytes.ts';
import { toBase45 } from '#shared/protocol/base45.ts';
import { certificateMessage } from '#shared/protocol/certificate.ts';
import { readFrame } from '#shared/protocol/frame.ts';
import { readPayment } from '#shared/protocol/payment.ts';
import { xorshift } from '#tests/kit/xorshift.ts';
import { buyPhone, foundTown, giveAllowance, good, type Phone, type Town } from '#tests/web/vault/town.ts';
import { acceptCode, invoiceCode, makeInvoice } from '#web/pay/payee.ts';
import { type Offer, pay, paymentCode, planPayment, readOffer } from '#web/pay/payer.ts';
import { offerGift, readAddressee } from '#web/pay/send.ts';
import type { InvoiceRow } from '#web/vault/rows.ts';

const CODES = 10_000;
const CERTIFICATES = 1_000;

/** Somebody who shows a code, and what stands in it. */
interface Asking {
  readonly phone: Phone;
  readonly name: string;
  readonly row: InvoiceRow;
  readonly invoice: Uint8Array;
  readonly certificate: Uint8Array;
}

let town: Town;
let payer: Phone;
const asking: Asking[] = [];

beforeAll(async () => {
  town = await foundTown();
  payer = await buyPhone(town, '王小明');
  const most = 100_000_00;
  const room = { total: most, perPayment: most, perPayee: most, noPasskeyEach: most, noPasskeySum: most, maxCount: 50 };
  await giveAllowance(town, payer, room);
  for (const name of ['平遥牛肉店', '日升昌', '老陈醋坊']) {
    const phone = await buyPhone(town, name);
    const row = good(await makeInvoice(phone, { amount: 12_50, currency: 'CNY' }));
    const [text = ''] = good(await invoiceCode(phone, row));
    const frame = readFrame(text);
    if (!frame.ok || frame.value.kind !== 'invoice') throw new Error('no request');
    asking.push({ phone, name, row, ...frame.value });
  }
});

function bend(bytes: Uint8Array, next: () => number): Uint8Array {
  const bent = Uint8Array.from(bytes);
  for (let bends = 1 + (next() % 3); bends > 0; bends -= 1) bent[next() % bent.length] = next();
  return bent;
}

/** A code as it hangs at one till after somebody had their hands on it: bent, of another till, or pieced together of two. */
function spoiled(next: () => number): string {
  const one = asking[next() % asking.length];
  const other = asking[next() % asking.length];
  if (!one || !other) throw new Error('nobody asks');
  switch (next() % 8) {
    case 0:
      return `PH1I:${toBase45(joinBytes(one.invoice, other.certificate))}`;
    case 1:
      return `PH1A:${toBase45(other.certificate)}`;
    case 2:
      return `PH1I:${toBase45(joinBytes(one.invoice, bend(one.certificate, next)))}`;
    case 3:
      return `PH1A:${toBase45(bend(one.certificate, next))}`;
    case 4: {
      // One's own name and payee written over the other's, at the place where they stand.
      const [from, length] = [next() % one.certificate.length, 1 + (next() % 40)];
      const written = Uint8Array.from(one.certificate);
      written.set(other.certificate.subarray(from, Math.min(from + length, written.length)), from);
      return `PH1I:${toBase45(joinBytes(one.invoice, written))}`;
    }
    default:
      return `PH1I:${toBase45(joinBytes(bend(one.invoice, next), one.certificate))}`;
  }
}

/** What the payer would be asked to say yes to; undefined when the phone refuses the code. */
async function offerOf(text: string): Promise<Offer | undefined> {
  const frame = readFrame(text);
  if (!frame.ok) return undefined;
  if (frame.value.kind === 'invoice') {
    const offer = await readOffer(payer, frame.value);
    return offer.ok ? offer.value : undefined;
  }
  if (frame.value.kind !== 'address') return undefined;
  const to = await readAddressee(payer, frame.value.certificate, 'found');
  return to.ok ? good(await offerGift(payer, to.value, { amount: 1_00, currency: 'CNY' })) : undefined;
}

test('ten thousand bent requests and addresses: the payee shown is the payee paid', async () => {
  const next = xorshift(20_260_105);
  const believed = new Map<string, number>();
  let refused = 0;
  for (let at = 0; at < CODES; at += 1) {
    const text = spoiled(next);
    const times = believed.get(text);
    if (times !== undefined) {
      believed.set(text, times + 1);
      continue;
    }
    const offer = await offerOf(text);
    if (!offer) {
      refused += 1;
      continue;
    }
    believed.set(text, 1);
    const shown = asking.find(({ name }) => name === offer.certificate.message.name);
    expect(shown, 'a name that somebody has').toBeDefined();
    const row = good(await pay(payer, offer, good(await planPayment(payer, offer))));
    const [code = ''] = await paymentCode(payer.vault, row);
    const frame = readFrame(code);
    const kind = frame.ok ? frame.value.kind : 'none';
    expect(kind).toBe(offer.unasked ? 'noted' : 'payment');
    const signed = frame.ok && 'payment' in frame.value ? readPayment(frame.value.payment) : undefined;
    expect(signed?.ok && signed.value.message.payee).toBe(shown?.phone.wallet);
    expect(row.payee.name).toBe(shown?.name);
    if (!offer.unasked && shown && frame.ok && frame.value.kind !== 'part') {
      expect((await acceptCode(shown.phone, shown.row, frame.value)).ok, 'who was shown verifies it').toBe(true);
    }
  }
  // What is believed is what the three have signed themselves, and nothing else: three requests and three addresses.
  expect(believed.size).toBe(6);
  expect([...believed.values()].reduce((sum, times) => sum + times, refused)).toBe(CODES);
  expect(refused).toBeGreaterThan(CODES / 2);
}, 480_000);

test('a thousand bent certificates, and the certificates of a stranger: none is accepted', async () => {
  const next = xorshift(20_261_129);
  const stranger = await buyPhone(await foundTown(), '日升昌');
  const foreign = await stranger.vault.lists.get('certificate');
  let read = 0;
  for (let at = 0; at < CERTIFICATES; at += 1) {
    const honest = asking[at % asking.length]?.certificate ?? new Uint8Array();
    const bent = bend(honest, next);
    if (sameBytes(bent, honest)) bent[at % bent.length] = (bent[at % bent.length] ?? 0) ^ 1;
    if (certificateMessage.read(bent).ok) read += 1;
    expect((await readAddressee(payer, bent, 'found')).ok, `the ${at}th`).toBe(false);
  }
  expect(read, 'some are well-formed, so that it was the signature that was looked at').toBeGreaterThan(100);
  expect(await readAddressee(payer, foreign?.bytes ?? new Uint8Array(), 'found')).toMatchObject({
    error: { code: 'issuer.unknown' },
  });
}, 240_000);
