/** Two phones without a network: what one signs the other verifies, and no crash, second tab or trick makes a second payment. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Bill } from '#shared/api/bill.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import { ok } from '#shared/base/result.ts';
import { instant } from '#shared/base/time.ts';
import type { Allowance } from '#shared/protocol/allowance.ts';
import { type Frame, readFrame } from '#shared/protocol/frame.ts';
import { readPayment, signPayment } from '#shared/protocol/payment.ts';
import { receiptMessage } from '#shared/protocol/receipt.ts';
import { statusBits } from '#shared/protocol/status.ts';
import {
  buyPhone,
  foundTown,
  giveAllowance,
  good,
  NOON,
  type Phone,
  phoneOn,
  type Town,
  type TownRegion,
} from '#tests/web/vault/town.ts';
import { offlineView } from '#web/pay/allowance.ts';
import { isBacked } from '#web/pay/backing.ts';
import { declinedFor } from '#web/pay/decline.ts';
import {
  acceptCode,
  invoiceCode,
  listStanding,
  makeInvoice,
  openInvoices,
  receiptCode,
  settledFor,
} from '#web/pay/payee.ts';
import { acceptReceipt, type Offer, pay, paymentCode, planPayment, readOffer, recover } from '#web/pay/payer.ts';
import { agoText } from '#web/ui/format.ts';
import { allowanceSigner } from '#web/vault/allowance-key.ts';
import { keepBills } from '#web/vault/bills.ts';
import { waiting } from '#web/vault/outbox.ts';
import { keep, type Order, reserve, takeBack, unfinished } from '#web/vault/payments.ts';
import type { InvoiceRow, PaymentRow } from '#web/vault/rows.ts';
import { keepSetting } from '#web/vault/settings.ts';
import { whileSigning } from '#web/vault/signing-lock.ts';
import { keepList, statusName } from '#web/vault/trust.ts';

let town: Town;
beforeAll(async () => {
  town = await foundTown();
});

function code(result: { ok: true } | { ok: false; error: { code: string } }): string {
  return result.ok ? 'ok' : result.error.code;
}

function frameOf(texts: readonly string[]): Frame {
  const frame = readFrame(texts[0] ?? '');
  if (!frame.ok || frame.value.kind === 'part') throw new Error('no whole frame');
  return frame.value;
}

async function ask(payee: Phone, amount: number): Promise<{ invoice: InvoiceRow; frame: Frame }> {
  const invoice = good(await makeInvoice(payee, { amount, currency: 'CNY' }));
  return { invoice, frame: frameOf(good(await invoiceCode(payee, invoice))) };
}

async function payFor(payer: Phone, frame: Frame): Promise<PaymentRow> {
  const offer = good(await readOffer(payer, frame));
  return good(await pay(payer, offer, good(await planPayment(payer, offer))));
}

async function tryToPay(payer: Phone, frame: Frame): Promise<string> {
  const offer = await readOffer(payer, frame);
  if (!offer.ok) return offer.error.code;
  const plan = await planPayment(payer, offer.value);
  if (!plan.ok) return plan.error.code;
  return code(await pay(payer, offer.value, plan.value));
}

async function twoPhones(change: Partial<Allowance> = {}): Promise<{ payer: Phone; payee: Phone }> {
  const payer = await buyPhone(town, '王小明');
  const payee = await buyPhone(town, '平遥牛肉店');
  await giveAllowance(town, payer, change);
  return { payer, payee };
}

describe('one payment', () => {
  test('is verified by the payee, kept on both phones, and receipted', async () => {
    const { payer, payee } = await twoPhones();
    const { invoice, frame } = await ask(payee, 12_50);
    const row = await payFor(payer, frame);
    const shown = frameOf(await paymentCode(payer.vault, row));
    const got = good(await acceptCode(payee, invoice, shown));
    expect(got.kind).toBe('verified');
    expect([await waiting(payer.vault), await waiting(payee.vault)]).toEqual([1, 2]);
    const held = got.kind === 'verified' ? got.row : undefined;
    expect(await settledFor(payee.vault, invoice)).toBeUndefined();
    expect(held).toMatchObject({ id: row.id, amount: 12_50, state: 'kept', region: 'CN-SX' });
    good(await acceptReceipt(payer, row, frameOf(held ? receiptCode(held) : [])));
    expect((await payer.vault.payments.get(row.id))?.state).toBe('handed');
  });

  test.each([
    ['somebody with a proved name', undefined, true],
    ['somebody without', 'none', false],
  ] as const)(
    'of %s: payer and payee read alike whether the fund stands behind it',
    async (_whose, guarantee, backed) => {
      const { payer, payee } = await twoPhones(guarantee === undefined ? {} : { guarantee });
      expect(await offlineView(payer)).toMatchObject({ backed });
      const { invoice, frame } = await ask(payee, 5_00);
      const shown = frameOf(await paymentCode(payer.vault, await payFor(payer, frame)));
      const got = good(await acceptCode(payee, invoice, shown));
      expect(got.kind === 'verified' && isBacked(got.row.allowanceBytes)).toBe(backed);
    },
  );

  test('is one payment however often the code is scanned, confirmed or shown again', async () => {
    const { payer, payee } = await twoPhones();
    const { invoice, frame } = await ask(payee, 5_00);
    const first = await payFor(payer, frame);
    const second = await payFor(payer, frame);
    expect(second.id).toBe(first.id);
    const shown = frameOf(await paymentCode(payer.vault, first));
    const both = await Promise.all([acceptCode(payee, invoice, shown), acceptCode(payee, invoice, shown)]);
    expect(both.map(code)).toEqual(['ok', 'ok']);
    expect(await payee.vault.received.count()).toBe(1);
    expect(await payee.vault.outbox.where('kind').equals('receipt').count()).toBe(1);
    expect(await payer.vault.payments.count()).toBe(1);
  });

  test('made out to one payee is refused by another', async () => {
    const { payer, payee } = await twoPhones();
    const other = await buyPhone(town, '别家');
    const { frame } = await ask(payee, 5_00);
    const stray = await ask(other, 5_00);
    const shown = frameOf(await paymentCode(payer.vault, await payFor(payer, frame)));
    expect(code(await acceptCode(other, stray.invoice, shown))).toBe('payment.wrong-payee');
    expect(await other.vault.received.count()).toBe(0);
  });

  test('ten receipts of one phone form one chain', async () => {
    const { payer, payee } = await twoPhones({ maxCount: 20 });
    for (let count = 0; count < 4; count += 1) {
      const { invoice, frame } = await ask(payee, 1_00);
      good(await acceptCode(payee, invoice, frameOf(await paymentCode(payer.vault, await payFor(payer, frame)))));
    }
    const head = (await payee.vault.settings.get('receiptHead'))?.value as { counter: number };
    expect(head.counter).toBe(4);
  });
});

describe('what a region lets its payees do', () => {
  const TERMS = { invoiceLifetime: 45, statusAge: 3_600, staleEach: 5_00 };

  test('an invoice lives as long as the region says, and 120 s before it has said so', async () => {
    const payee = await buyPhone(town, '平遥牛肉店');
    const lifetime = async () => ((await ask(payee, 1_00)).invoice.expiresAt - NOON) / 1000;
    expect(await lifetime()).toBe(120);
    await keepSetting(payee.vault, 'payeeTerms', TERMS);
    expect(await lifetime()).toBe(45);
  });

  // how old the list of the payee's own region is, in seconds | what it asks for | what comes of it | what it is told before
  test.each([
    [3_600, 80_00, 'ok', false],
    [3_601, 5_00, 'ok', true],
    [3_601, 5_01, 'acceptance.list-old', true],
    [undefined, 5_00, 'ok', true],
    [undefined, 5_01, 'acceptance.list-old', true],
  ] as const)('a list of %s s ago, asked for %i: %s', async (age, amount, answer, isOld) => {
    const payee = await buyPhone(town, '平遥牛肉店');
    await keepSetting(payee.vault, 'payeeTerms', TERMS);
    if (age === undefined) await payee.vault.lists.delete('status:CN-SX');
    else await payee.vault.lists.update('status:CN-SX', { asOf: NOON - age * 1000 });
    expect(await listStanding(payee)).toMatchObject({ isOld, most: 5_00 });
    expect(code(await makeInvoice(payee, { amount, currency: 'CNY' }))).toBe(answer);
    expect(await payee.vault.invoices.count()).toBe(answer === 'ok' ? 1 : 0);
  });

  test('what was signed for an open invoice is taken although the list grew old meanwhile', async () => {
    const { payer, payee } = await twoPhones();
    const { invoice, frame } = await ask(payee, 80_00);
    const shown = frameOf(await paymentCode(payer.vault, await payFor(payer, frame)));
    await payee.vault.lists.update('status:CN-SX', { asOf: NOON - 80 * 3_600_000 });
    expect(code(await acceptCode(payee, invoice, shown))).toBe('ok');
    expect((await listStanding(payee, 'CN-SX')).isOld).toBe(true);
  });
});

describe('an invoice that waits for its payment', () => {
  const SECOND = 1_000;

  // seconds after it was made | whether its payee is still asked for the payer's code
  test.each([
    [0, true],
    [119, true],
    [121, true],
    [120 + 599, true],
    [120 + 601, false],
  ])('after %i s: %s', async (seconds, isOpen) => {
    const payee = await buyPhone(town, '平遥牛肉店');
    await ask(payee, 12_50);
    const open = await openInvoices(payee.vault, instant(NOON + seconds * SECOND));
    expect(open.map((row) => row.amount)).toEqual(isOpen ? [12_50] : []);
  });

  test('is waiting no more once it was paid by a code, or a settled bill tells of it; the newest stands first', async () => {
    const { payer, payee } = await twoPhones();
    const scanned = await ask(payee, 5_00);
    payee.time = instant(NOON + SECOND);
    const told = await ask(payee, 7_00);
    payee.time = instant(NOON + 2 * SECOND);
    await ask(payee, 9_00);
    const waitingFor = async () => (await openInvoices(payee.vault, payee.clock())).map((row) => row.amount);
    expect(await waitingFor()).toEqual([9_00, 7_00, 5_00]);
    const shown = frameOf(await paymentCode(payer.vault, await payFor(payer, scanned.frame)));
    good(await acceptCode(payee, scanned.invoice, shown));
    expect(await waitingFor()).toEqual([9_00, 7_00]);
    await keepBills(payee.vault, [billFor(told.invoice)], 1);
    expect(await waitingFor()).toEqual([9_00]);
  });

  test('of two that ask the same sum at once, a settled bill ends the one it names', async () => {
    const payee = await buyPhone(town, '平遥牛肉店');
    const [left, right] = [await ask(payee, 6_00), await ask(payee, 6_00)];
    await keepBills(payee.vault, [billFor(right.invoice)], 1);
    expect(await settledFor(payee.vault, left.invoice)).toBeUndefined();
    expect(await settledFor(payee.vault, right.invoice)).toBe('paid-online');
    expect((await openInvoices(payee.vault, payee.clock())).map((row) => row.id)).toEqual([left.invoice.id]);
  });

  test('is not settled by a bill that is still arriving, nor by one that names no invoice', async () => {
    const payee = await buyPhone(town, '平遥牛肉店');
    const { invoice } = await ask(payee, 6_00);
    const { invoice: _named, ...nameless } = billFor(invoice);
    await keepBills(payee.vault, [nameless, { ...billFor(invoice), id: 'other', sequence: 2, state: 'arriving' }], 2);
    expect(await settledFor(payee.vault, invoice)).toBeUndefined();
    await keepBills(payee.vault, [{ ...billFor(invoice), id: 'other', sequence: 3 }], 3);
    expect(await settledFor(payee.vault, invoice)).toBe('paid-online');
  });
});

/** The settled bill of the payment that paid `invoice`. */
function billFor(invoice: InvoiceRow): Bill {
  return {
    ...{ id: 'bill', sequence: 1, kind: 'payment', direction: 'in', state: 'settled', region: 'CN-SX' },
    ...{ amount: invoice.amount, currency: 'CNY', payment: 'paid-online', times: { signed: invoice.madeAt } },
    invoice: toBase64url((fromBase64url(invoice.id) ?? new Uint8Array()).slice(0, 16)),
  };
}

describe('a payer whom its region has stopped, at a payee of another region', () => {
  const HOUR = 3_600_000;
  const STOPPED = statusBits(64, [1]);
  const NOBODY = statusBits(64, []);

  // the lists the Beijing payee holds | answer | how old the list is that the payer was looked up in
  test.each<[string, [TownRegion, Uint8Array, number][], string, string | undefined]>([
    ['Shanxi names the payer', [['CN-SX', STOPPED, 0]], 'allowance.revoked', undefined],
    [
      'both, and Shanxi names the payer',
      [
        ['CN-BJ', NOBODY, 0],
        ['CN-SX', STOPPED, 5 * HOUR],
      ],
      'allowance.revoked',
      undefined,
    ],
    ['Shanxi of before the payer was stopped', [['CN-SX', NOBODY, 5 * HOUR]], 'ok', '5 hours ago'],
    ['Beijing alone, where that place is somebody else’s', [['CN-BJ', STOPPED, 0]], 'ok', undefined],
    ['none', [], 'ok', undefined],
  ])('%s', async (_name, held, answer, age) => {
    const payer = await buyPhone(town, '王小明');
    await giveAllowance(town, payer, { statusIndex: 1 });
    const payee = await buyPhone(town, '京味馆', 'CN-BJ');
    for (const [region, bytes, old] of held) {
      await keepList(payee.vault, { name: statusName(region), bytes, version: 4, keptAt: NOON, asOf: NOON - old });
    }
    const { invoice, frame } = await ask(payee, 2_00);
    const shown = frameOf(await paymentCode(payer.vault, await payFor(payer, frame)));
    expect(code(await acceptCode(payee, invoice, shown))).toBe(answer);
    const [row] = await payee.vault.received.filter(({ state }) => state === 'kept').toArray();
    expect(row?.region).toBe(answer === 'ok' ? 'CN-SX' : undefined);
    expect(row?.statusAsOf === undefined ? undefined : agoText(row.statusAsOf, NOON)).toBe(age);
    if (answer !== 'ok') return;
    // The allowance is known now: the next payment is looked up in the same list.
    await keepList(payee.vault, { name: 'status:CN-SX', bytes: STOPPED, version: 5, keptAt: NOON, asOf: NOON });
    const next = await ask(payee, 3_00);
    const second = frameOf(await paymentCode(payer.vault, await payFor(payer, next.frame)));
    expect(code(await acceptCode(payee, next.invoice, second))).toBe('allowance.revoked');
  });
});

describe('a payment its payee refuses', () => {
  const STOPPED = statusBits(64, [1]);

  async function refused() {
    const { payer, payee } = await twoPhones();
    const { invoice, frame } = await ask(payee, 5_00);
    const row = await payFor(payer, frame);
    const shown = frameOf(await paymentCode(payer.vault, row));
    await keepList(payee.vault, { name: 'status:CN-SX', bytes: STOPPED, version: 4, keptAt: NOON, asOf: NOON });
    expect(code(await acceptCode(payee, invoice, shown))).toBe('allowance.revoked');
    return { payer, payee, invoice, row, shown };
  }

  test('is given up in its own hand: the word waits for the server, and the payer who scans it knows', async () => {
    const { payer, payee, invoice, row } = await refused();
    const queued = await payee.vault.outbox.toArray();
    expect(queued.map(({ kind, id }) => [kind, id])).toEqual([['receipt', row.id]]);
    const word = receiptMessage.read(queued[0]?.bytes ?? new Uint8Array());
    expect(word).toMatchObject({ ok: true, value: { message: { status: 'void', counter: 1 } } });
    const declined = await declinedFor(payee.vault, invoice);
    expect(declined).toMatchObject({ id: row.id, state: 'refused', code: 'allowance.revoked' });
    expect((await payee.vault.invoices.get(invoice.id))?.paidBy).toBeUndefined();
    good(await acceptReceipt(payer, row, frameOf(declined ? receiptCode(declined) : [])));
    expect(await payer.vault.payments.get(row.id)).toMatchObject({ state: 'refused', code: 'payment.voided' });
    // What was signed stays signed: its number is not given to another payment.
    expect((await payer.vault.allowances.toArray())[0]).toMatchObject({ count: 1, spent: 5_00 });
  });

  test('is not taken later, once its wallet goes on; nor given up twice', async () => {
    const { payee, invoice, shown } = await refused();
    expect(code(await acceptCode(payee, invoice, shown))).toBe('allowance.revoked');
    await keepList(payee.vault, {
      ...{ name: 'status:CN-SX', bytes: statusBits(64, []), version: 5, keptAt: NOON, asOf: NOON },
    });
    expect(code(await acceptCode(payee, invoice, shown))).toBe('allowance.revoked');
    expect([await payee.vault.received.count(), await payee.vault.outbox.count()]).toEqual([1, 1]);
  });

  test('is not given up when nobody signed it, or not for this payee', async () => {
    const { payee, shown } = await refused();
    if (shown.kind !== 'payment') throw new Error('no payment');
    const other = await buyPhone(town, '别家');
    await keepList(other.vault, { name: 'status:CN-SX', bytes: STOPPED, version: 4, keptAt: NOON, asOf: NOON });
    expect(code(await acceptCode(other, (await ask(other, 5_00)).invoice, shown))).toBe('allowance.revoked');
    const altered = Uint8Array.from(shown.payment);
    altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1;
    const { invoice } = await ask(payee, 5_00);
    expect(code(await acceptCode(payee, invoice, { ...shown, payment: altered }))).not.toBe('ok');
    expect([await other.vault.outbox.count(), await payee.vault.outbox.count()]).toEqual([0, 1]);
  });
});

describe('a crash', () => {
  const STEPS = ['before reserving', 'after reserving', 'after signing', 'after keeping'] as const;

  test.each(STEPS)(
    '%s leaves at most one signed payment, and the next try pays the same invoice once',
    async (step) => {
      const { payer, payee } = await twoPhones();
      const { invoice, frame } = await ask(payee, 8_00);
      const offer = good(await readOffer(payer, frame));
      const reserved = await crashAt(step, payer, offer);
      const again = phoneOn(payer.vault, payer.wallet);
      const row = await payFor(again, frame);
      if (reserved) expect(row.id).toBe(reserved);
      expect(await payer.vault.payments.count()).toBe(1);
      expect(row).toMatchObject({ number: 1, cumulative: 8_00, state: 'signed' });
      expect((await payer.vault.allowances.toArray())[0]).toMatchObject({ count: 1, spent: 8_00 });
      expect(await waiting(payer.vault)).toBe(1);
      good(await acceptCode(payee, invoice, frameOf(await paymentCode(payer.vault, row))));
    },
  );

  test.each(STEPS.slice(0, 3))('%s never blocks the next payee, nor leaks a number', async (step) => {
    const { payer, payee } = await twoPhones();
    const offer = good(await readOffer(payer, (await ask(payee, 8_00)).frame));
    await crashAt(step, payer, offer);
    const next = await ask(payee, 3_00);
    const row = await payFor(phoneOn(payer.vault, payer.wallet), next.frame);
    expect(row).toMatchObject({ number: 1, cumulative: 3_00 });
    good(await acceptCode(payee, next.invoice, frameOf(await paymentCode(payer.vault, row))));
  });

  test('whose invoice is long over is taken back at the next start', async () => {
    const { payer, payee } = await twoPhones();
    await crashAt('after reserving', payer, good(await readOffer(payer, (await ask(payee, 8_00)).frame)));
    payer.time = instant(NOON + 2 * 3_600_000);
    expect(await recover(payer)).toBe(1);
    expect((await payer.vault.allowances.toArray())[0]).toMatchObject({ count: 0, spent: 0 });
    expect([await payer.vault.payments.count(), await payer.vault.outbox.count()]).toEqual([0, 0]);
  });

  async function crashAt(step: (typeof STEPS)[number], payer: Phone, offer: Offer): Promise<string | undefined> {
    const plan = good(await planPayment(payer, offer));
    if (step === 'before reserving' || plan.kind !== 'ready') return undefined;
    const row = good(await reserve(payer.vault, orderFor(offer, plan.allowance.id), () => ok(undefined), NOON));
    // Signed bytes that were never kept die with the tab: nothing of them may matter.
    if (step === 'after keeping') {
      await takeBack(payer.vault, row.id);
      return good(await pay(payer, offer, plan)).id;
    }
    expect(await unfinished(payer.vault)).toHaveLength(1);
    const signer = await allowanceSigner(payer.vault, plan.allowance.key);
    if (step === 'after signing' && signer) await signPayment(row.core, signer);
    return row.id;
  }
});

function orderFor(offer: Offer, allowance: string): Order {
  const { certificate, invoice } = offer;
  return {
    allowance,
    payee: { id: certificate.message.payee, name: certificate.message.name, region: 'CN-SX' },
    invoice: { id: invoice.id, bytes: invoice.bytes },
    certificate: certificate.bytes,
    amount: invoice.message.amount,
    currency: 'CNY',
    match: offer.match,
    time: NOON,
    epoch: invoice.message.epoch,
  };
}

describe('only reserved entries', () => {
  test('may be taken back: a kept payment stays for ever', async () => {
    const { payer, payee } = await twoPhones();
    const row = await payFor(payer, (await ask(payee, 1_00)).frame);
    expect(await takeBack(payer.vault, row.id)).toBe(false);
    expect(await payer.vault.payments.count()).toBe(1);
  });

  test('may be kept: keeping twice is our own fault', async () => {
    const { payer, payee } = await twoPhones();
    const row = await payFor(payer, (await ask(payee, 1_00)).frame);
    await expect(keep(payer.vault, row.id, new Uint8Array(1), NOON)).rejects.toThrow('only a reserved payment');
  });

  test('a cancelled passkey takes the reservation back', async () => {
    const { payer, payee } = await twoPhones({
      noPasskeyEach: 10_00,
      passkey: { key: new Uint8Array(33).fill(2), backupEligible: false },
    });
    expect(await tryToPay(payer, (await ask(payee, 50_00)).frame)).toBe('passkey.cancelled');
    expect(await payer.vault.payments.count()).toBe(0);
    expect((await payer.vault.allowances.toArray())[0]).toMatchObject({ count: 0, spent: 0 });
  });
});

describe('a second tab', () => {
  test('signs nothing while the first is signing', async () => {
    const { payer, payee } = await twoPhones();
    const { frame } = await ask(payee, 2_00);
    let second = '';
    await whileSigning(payer.vault, async () => {
      second = await tryToPay(phoneOn(payer.vault, payer.wallet), frame);
      return ok(undefined);
    });
    expect(second).toBe('payment.other-tab');
    expect(await payer.vault.payments.count()).toBe(0);
  });

  test('racing the first over one invoice makes one payment', async () => {
    const { payer, payee } = await twoPhones();
    const { frame } = await ask(payee, 2_00);
    const tabs = [payer, phoneOn(payer.vault, payer.wallet), phoneOn(payer.vault, payer.wallet)];
    const answers = await Promise.all(tabs.map((tab) => tryToPay(tab, frame)));
    expect(answers.filter((answer) => answer === 'ok').length).toBeGreaterThanOrEqual(1);
    expect(answers.every((answer) => answer === 'ok' || answer === 'payment.other-tab')).toBe(true);
    expect(await payer.vault.payments.count()).toBe(1);
  });
});

describe('limits on the device', () => {
  // limits | payments made before | amount | answer
  test.each<[string, Partial<Allowance>, number[], number, string]>([
    ['the whole', { total: 30_00 }, [10_00, 15_00], 5_00, 'ok'],
    ['above the whole', { total: 30_00 }, [10_00, 15_00], 5_01, 'spending.over-total'],
    ['the last payment', { maxCount: 3 }, [1_00, 1_00], 1_00, 'ok'],
    ['one payment too many', { maxCount: 2 }, [1_00, 1_00], 1_00, 'spending.over-count'],
    ['as much as one may carry', { perPayment: 20_00 }, [], 20_00, 'ok'],
    ['more than one may carry', { perPayment: 20_00 }, [], 20_01, 'spending.over-each'],
    ['as much as a payee may get', { perPayee: 20_00 }, [15_00], 5_00, 'ok'],
    ['more than a payee may get', { perPayee: 20_00 }, [15_00], 5_01, 'spending.over-payee'],
    ['an allowance that is over', { expires: instant(NOON - 1000) }, [], 1_00, 'allowance.none'],
    [
      'one locked to somebody else',
      { payees: ['0192f1c0-0000-7000-8000-000000000001' as never] },
      [],
      1_00,
      'allowance.none',
    ],
    ['above the passkey limit with no passkey', { noPasskeyEach: 1_00 }, [], 2_00, 'spending.passkey-missing'],
  ])('%s', async (_name, change, before, amount, answer) => {
    const { payer, payee } = await twoPhones(change);
    for (const sum of before) await payFor(payer, (await ask(payee, sum)).frame);
    const count = await payer.vault.payments.count();
    expect(await tryToPay(payer, (await ask(payee, amount)).frame)).toBe(answer);
    expect(await payer.vault.payments.count()).toBe(count + (answer === 'ok' ? 1 : 0));
  });
});

describe('time', () => {
  // who | minutes the clock says later than noon | answer
  test.each<[string, number, string]>([
    ['the same minute', 0, 'ok'],
    ['a payer five minutes ahead', 5, 'ok'],
    ['a payer four minutes behind', -4, 'ok'],
    ['a payer whose clock was turned back', -10, 'clock.turned-back'],
    ['a code that lay too long', 8, 'invoice.expired'],
  ])('%s', async (_name, minutes, answer) => {
    const { payer, payee } = await twoPhones();
    const { frame } = await ask(payee, 1_00);
    payer.time = instant(NOON + minutes * 60_000);
    expect(await tryToPay(payer, frame)).toBe(answer);
  });

  test('a payee whose clock was turned back verifies nothing', async () => {
    const { payer, payee } = await twoPhones();
    const { invoice, frame } = await ask(payee, 1_00);
    const shown = frameOf(await paymentCode(payer.vault, await payFor(payer, frame)));
    payee.time = instant(NOON - 86_400_000);
    expect(code(await acceptCode(payee, invoice, shown))).toBe('clock.turned-back');
  });
});

describe('a cloned phone', () => {
  test('paying the same payee twice with one number is a fork, and the proof waits in the outbox', async () => {
    const { payer, payee } = await twoPhones();
    const one = await ask(payee, 10_00);
    const two = await ask(payee, 20_00);
    const first = await payFor(payer, one.frame);
    good(await acceptCode(payee, one.invoice, frameOf(await paymentCode(payer.vault, first))));
    await restoreBefore(payer, first);
    const second = await payFor(payer, two.frame);
    expect(second.number).toBe(first.number);
    const shown = frameOf(await paymentCode(payer.vault, second));
    expect(code(await acceptCode(payee, two.invoice, shown))).toBe('payment.fork');
    expect(await payee.vault.outbox.where('kind').equals('fork').count()).toBe(1);
    expect((await payee.vault.received.toArray()).map(({ state }) => state).sort()).toEqual(['kept', 'refused']);
  });

  /** What a restored backup does: the phone forgets its newest payment. */
  async function restoreBefore(phone: Phone, row: PaymentRow): Promise<void> {
    await phone.vault.payments.delete(row.id);
    await phone.vault.outbox.clear();
    await phone.vault.allowances.update(row.allowance, { count: 0, spent: 0, previous: row.core.previous });
  }
});

test('cleared storage holds neither allowance nor key: nothing can be paid and nothing is promised', async () => {
  const { payer, payee } = await twoPhones();
  const { frame } = await ask(payee, 1_00);
  await payer.vault.delete();
  await payer.vault.open();
  expect(await tryToPay(payer, frame)).toBe('wallet.none');
});

test('an altered payment is refused by its signature', async () => {
  const { payer, payee } = await twoPhones();
  const { invoice, frame } = await ask(payee, 9_00);
  const shown = frameOf(await paymentCode(payer.vault, await payFor(payer, frame)));
  if (shown.kind !== 'payment') throw new Error('no payment');
  const altered = Uint8Array.from(shown.payment);
  const read = readPayment(altered);
  altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1;
  expect(read.ok).toBe(true);
  expect(code(await acceptCode(payee, invoice, { ...shown, payment: altered }))).toBe('payment.signature');
});
