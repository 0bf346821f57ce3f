/** Codes that are old, altered, copied or meant for somebody else, as the two screens refuse them: what it is, and what to do. */
import { describe, expect, test } from 'vitest';
import type { RefusalCode } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import { type Frame, readFrame, writeFrame } from '#shared/protocol/frame.ts';
import type { Person } from '#tests/kit/person.ts';
import {
  ask,
  button,
  codeText,
  collect,
  confirm,
  go,
  home,
  look,
  network,
  openTown,
  paste,
  refusal,
  refusalWords,
  scan,
  topUp,
  tryToAsk,
  untilBalance,
  waitForAllowance,
} from '#tests/kit/story.ts';

const town = openTown();
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

describe('somebody shows what they should not', () => {
  let payer: Person;
  let payee: Person;
  let other: Person;
  let honest = '';

  const says = async (person: Person, code: RefusalCode) =>
    expect.poll(() => refusal(person), { timeout: 10_000 }).toBe(refusalWords(person, code));

  test('three people come to the town and lose the network', async () => {
    payer = await town.newcomer('payer', { called: '小明', phone: '13800138001' });
    payee = await town.newcomer('payee', { called: '小红', phone: '13800138002', locale: 'zh-CN' });
    other = await town.newcomer('other', { called: '小兰', phone: '13800138003' });
    await topUp(payer, '100');
    await waitForAllowance(payer);
    await network('cut', payer, payee, other);
  });

  test('a request to pay from a while ago', async () => {
    await ask(payee, '12.50');
    await turnClock(payer, 8 * MINUTE);
    await look(payer, payee);
    await says(payer, 'invoice.expired');
    await turnClock(payer, 0);
  });

  test('a request whose sum somebody raised', async () => {
    const text = alter(await codeText(payee), (frame) =>
      frame.kind === 'invoice' ? { ...frame, invoice: raised(frame.invoice) } : frame,
    );
    await payer.lookAt(other);
    await go(payer, 'pay');
    await paste(payer, text);
    await says(payer, 'invoice.signature');
    await button(payer, 'pay_scan_again').click();
    await paste(payer, 'https://example.com/');
    await says(payer, 'frame.unknown');
  });

  test('a payment whose signature or sum somebody changed', async () => {
    await scan(payer, payee);
    await confirm(payer);
    honest = await codeText(payer);
    await payee.lookAt(other);
    await button(payee, 'pay_receive_scan').click();
    for (const [change, code] of [
      [lastBitTurned, 'payment.signature'],
      [raised, 'payment.wrong-amount'],
    ] as const) {
      await paste(
        payee,
        alter(honest, (frame) => (frame.kind === 'payment' ? { ...frame, payment: change(frame.payment) } : frame)),
      );
      await says(payee, code);
    }
  });

  test('a photograph of somebody else’s payment', async () => {
    await ask(other, '12.50');
    await other.lookAt(payer);
    await button(other, 'pay_receive_scan').click();
    await says(other, 'payment.wrong-payee');
  });

  test('the payment as it was signed is taken', async () => {
    await home(payee);
    await ask(payee, '1');
    await scan(payer, payee);
    await confirm(payer);
    expect(await collect(payee, payer)).toBe('verified');
  });

  test('a payment that has paid already', async () => {
    const shown = await codeText(payer);
    await button(payee, 'pay_receive_next').click();
    await ask(payee, '1');
    await payee.lookAt(other);
    await button(payee, 'pay_receive_scan').click();
    await paste(payee, shown);
    await says(payee, 'payment.wrong-invoice');
  });

  test('a clock turned back, on either side', async () => {
    await ask(payee, '1');
    await turnClock(payer, -DAY);
    await look(payer, payee);
    await says(payer, 'clock.turned-back');
    await turnClock(payer, 0);
    await turnClock(other, -DAY);
    await tryToAsk(other, '1');
    await says(other, 'clock.turned-back');
    await turnClock(other, 0);
  });

  test('only what was honestly signed is in the books', async () => {
    await network('open', payer, payee, other);
    await untilBalance(payer, 86_50);
    const books = await town.closeBooks();
    expect(books.lines('claim', 'shortfall', 'late-claim').sort()).toEqual([
      'claim 1.00 hold payer -> payee',
      'claim 12.50 hold payer -> payee',
    ]);
  });
});

/** Sets the clock of a phone `ahead` of the true one. */
async function turnClock(person: Person, ahead: number): Promise<void> {
  await person.page.clock.setSystemTime(Date.now() + ahead);
}

/** The text of a code after `change` was made to what it holds. */
function alter(text: string, change: (frame: Frame) => Frame): string {
  const frame = readFrame(text);
  assert(frame.ok && frame.value.kind !== 'part', 'these codes are whole');
  return writeFrame(change(frame.value)).join('\n');
}

/** 12.50 becomes 12.51 wherever it stands in the bytes: CBOR writes 1250 as 19 04 e2. */
function raised(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(bytes);
  for (let at = 0; at + 2 < copy.length; at += 1) {
    if (copy[at] === 0x19 && copy[at + 1] === 0x04 && copy[at + 2] === 0xe2) copy[at + 2] = 0xe3;
  }
  return copy;
}

function lastBitTurned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(bytes);
  copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
  return copy;
}
