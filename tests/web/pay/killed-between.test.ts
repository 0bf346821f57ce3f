/**
 * F16: the app ends, really ends, at every single step of a payment, on the payer's phone and on the payee's. Nothing is
 * ever shown or signed that the disk does not know, and the same phone switched on again makes it the one payment.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Allowance } from '#shared/protocol/allowance.ts';
import { readFrame } from '#shared/protocol/frame.ts';
import type { Life, Told } from '#tests/web/pay/mortal.ts';
import { buyPhone, foundTown, giveAllowance, type Phone, type Town } from '#tests/web/vault/town.ts';
import { acceptCode, invoiceCode, makeInvoice } from '#web/pay/payee.ts';
import { pay, paymentCode, planPayment, readOffer } from '#web/pay/payer.ts';
import { compressedPoint } from '#web/vault/device-key.ts';
import type { AllowanceRow, InvoiceRow } from '#web/vault/rows.ts';
import type { Vault } from '#web/vault/vault.ts';

let town: Town;
beforeAll(async () => {
  town = await foundTown();
});

// Sixty phones each, switched on one after the other: beside other tests a minute is not enough.
vi.setConfig({ testTimeout: 240_000 });

const AMOUNT = 8_00;

const switchedOn = () => new Worker(new URL('./mortal.ts', import.meta.url), { type: 'module' });
/** Phones that are being switched on while another one lives. */
const waiting: Worker[] = [];
afterAll(() => {
  for (const phone of waiting) phone.terminate();
});

/** Starts a phone on its act and answers all it told, up to its death or its end. */
async function live(life: Life): Promise<Told[]> {
  while (waiting.length < 3) waiting.push(switchedOn());
  const phone = waiting.shift() ?? switchedOn();
  try {
    return await new Promise((resolve, reject) => {
      const heard: Told[] = [];
      phone.onmessage = ({ data }: MessageEvent<Told>) => {
        heard.push(data);
        if (data.kind !== 'signed') resolve(heard);
      };
      phone.onerror = (event) => reject(new Error(event.message));
      phone.postMessage(life);
    });
  } finally {
    phone.terminate();
    await letGo();
  }
}

/** The browser takes the locks of a dead phone away in its own time; whoever switches on again is never as quick. */
async function letGo(): Promise<void> {
  await expect.poll(async () => (await navigator.locks.query()).held, { timeout: 10_000, interval: 1 }).toEqual([]);
}

/** What is to be the same at the start of every life: the stores an act writes to. */
const WRITTEN = ['payments', 'received', 'outbox', 'allowances', 'invoices', 'contacts', 'settings'] as const;

/** Takes a picture of a phone; answers how to bring the phone back to it. */
async function picture(vault: Vault): Promise<() => Promise<void>> {
  const tables = WRITTEN.map((name) => vault.table(name));
  const rows = await Promise.all(tables.map((table) => table.toArray()));
  return () =>
    vault.transaction('rw', tables, async () => {
      for (const [at, table] of tables.entries()) {
        await table.clear();
        await table.bulkPut(rows[at] ?? []);
      }
    });
}

async function textOf(phone: Phone, invoice: InvoiceRow): Promise<string> {
  const drawn = await invoiceCode(phone, invoice);
  if (!drawn.ok) throw new Error(drawn.error.code);
  return drawn.value[0] ?? '';
}

async function newInvoice(payee: Phone, amount: number): Promise<InvoiceRow> {
  const made = await makeInvoice(payee, { amount, currency: 'CNY' });
  if (!made.ok) throw new Error(made.error.code);
  return made.value;
}

function frameIn(text: string) {
  const frame = readFrame(text);
  if (!frame.ok || frame.value.kind === 'part') throw new Error('no whole frame');
  return frame.value;
}

/** The same phone, switched on again, pays the code: its payment's id and number. */
async function payAgain(payer: Phone, text: string) {
  const offer = await readOffer(payer, frameIn(text));
  if (!offer.ok) throw new Error(offer.error.code);
  const plan = await planPayment(payer, offer.value);
  if (!plan.ok) throw new Error(plan.error.code);
  const paid = await pay(payer, offer.value, plan.value);
  if (!paid.ok) throw new Error(paid.error.code);
  return paid.value;
}

async function finger(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
}

describe('a payer', () => {
  // whether the passkey is asked
  test.each([
    ['with the device key alone', false],
    ['with a passkey', true],
  ])('%s dies at every step', async (_how, isAsked) => {
    const touched = await finger();
    const passkey = { key: await compressedPoint(touched.publicKey), backupEligible: false };
    const change: Partial<Allowance> = isAsked ? { noPasskeyEach: 1_00, passkey } : {};
    const payer = await buyPhone(town, '王小明');
    const payee = await buyPhone(town, '平遥牛肉店');
    await giveAllowance(town, payer, change);
    const code = await textOf(payee, await newInvoice(payee, AMOUNT));
    const other = await textOf(payee, await newInvoice(payee, 3_00));
    const restore = await picture(payer.vault);
    const life = { vault: payer.vault.name, time: payer.time, code, finger: touched };
    const whole = (await live({ ...life, dieAt: 0 })).at(-1);
    if (whole?.kind !== 'shown') throw new Error(JSON.stringify(whole));
    const kept = new Set<string>();
    for (let dieAt = 1; dieAt <= whole.steps; dieAt += 1) {
      await restore();
      const heard = await live({ ...life, dieAt });
      const last = heard.at(-1);
      if (last?.kind === 'refused') throw new Error(`step ${dieAt}: ${last.code}`);
      const [row, ...more] = await payer.vault.payments.toArray();
      const where = `${dieAt} ${JSON.stringify(last)}`;
      kept.add(row?.state ?? 'nothing');
      expect(more, where).toEqual([]);
      expectOneStory(await payer.vault.allowances.toArray(), row, where);
      // Whatever was signed, its number and sum were on the disk before.
      if (heard.some(({ kind }) => kind === 'signed')) expect(row, where).toBeDefined();
      if (last?.kind === 'shown') expect(row, where).toMatchObject({ id: last.id, state: 'signed' });
      const confirm: Phone['confirm'] = async () => ({ ok: false, error: { code: 'passkey.cancelled' } });
      // Where the code could have been seen, the phone shows the very same again; where not, another payee comes first.
      if (row?.state === 'signed') {
        const again = await payAgain({ ...payer, confirm }, code);
        expect(again, where).toMatchObject({ id: row.id, number: 1 });
        expect(again.bytes, where).toEqual(row.bytes);
      } else if (!isAsked) {
        expect(await payAgain(payer, other), where).toMatchObject({ number: 1, cumulative: 3_00 });
      }
    }
    expect([...kept].sort()).toEqual(['nothing', 'reserved', 'signed']);
  });

  function expectOneStory(rows: AllowanceRow[], payment: object | undefined, where: string): void {
    const spent = payment ? { count: 1, spent: AMOUNT } : { count: 0, spent: 0 };
    expect(rows, where).toMatchObject([spent]);
  }
});

test('a payee dies at every step: what it has called verified is on the disk with its receipt, once', async () => {
  const payer = await buyPhone(town, '王小明');
  const payee = await buyPhone(town, '平遥牛肉店');
  await giveAllowance(town, payer);
  const invoice = await newInvoice(payee, AMOUNT);
  const paid = await payAgain(payer, await textOf(payee, invoice));
  const [code = ''] = await paymentCode(payer.vault, paid);
  const restore = await picture(payee.vault);
  const life = { vault: payee.vault.name, time: payee.time, code, invoice: invoice.id };
  const whole = (await live({ ...life, dieAt: 0 })).at(-1);
  if (whole?.kind !== 'shown') throw new Error(JSON.stringify(whole));
  const kept = new Set<number>();
  for (let dieAt = 1; dieAt <= whole.steps; dieAt += 1) {
    await restore();
    const last = (await live({ ...life, dieAt })).at(-1);
    const where = `${dieAt} ${JSON.stringify(last)}`;
    const rows = await payee.vault.received.toArray();
    kept.add(rows.length);
    const queued = (await payee.vault.outbox.toArray()).map(({ kind }) => kind).sort();
    expect(queued, where).toEqual(rows.length === 1 ? ['payment', 'receipt'] : []);
    expect((await payee.vault.invoices.get(invoice.id))?.paidBy, where).toBe(rows[0]?.id);
    if (last?.kind === 'shown') expect(rows, where).toMatchObject([{ id: last.id }]);
    const again = await acceptCode(payee, invoice, frameIn(code));
    expect(again, where).toMatchObject({ ok: true, value: { kind: 'verified', row: { id: paid.id } } });
    if (rows[0]?.receipt) expect((await payee.vault.received.get(paid.id))?.receipt).toEqual(rows[0].receipt);
    expect((await payee.vault.settings.get('receiptHead'))?.value, where).toMatchObject({ counter: 1 });
  }
  expect([...kept].sort()).toEqual([0, 1]);
});
