/**
 * What a payment costs two phones that are offline, on the real screens in real browsers: from the payer's yes to the
 * code on the screen, from the code's text to "verified" on the payee's, and the bytes of the sync that follows.
 */
import { gzipSync } from 'node:zlib';
import type { Locator, Page } from 'playwright';
import { startHouse } from '#tests/kit/house.ts';
import { openPerson, type Person } from '#tests/kit/person.ts';
import { ask, button, code, codeText, register, scan, topUp, waitForAllowance, words } from '#tests/kit/story.ts';

/** As many as one allowance of a newcomer carries. */
const ROUNDS = 5;
const SLOWER = 4;

/** Milliseconds in the page from the press to the first sight of `seen`. */
async function timed(page: Page, press: Locator, seen: string): Promise<number> {
  const pressed = await press.elementHandle();
  return await page.evaluate(
    ([element, selector]) =>
      new Promise<number>((resolve) => {
        const started = performance.now();
        const observer = new MutationObserver(() => {
          if (!document.querySelector(selector)) return;
          observer.disconnect();
          resolve(performance.now() - started);
        });
        observer.observe(document.body, { subtree: true, childList: true, attributes: true });
        (element as HTMLElement).click();
      }),
    [pressed, seen] as const,
  );
}

function middle(times: readonly number[]): number {
  return Math.round([...times].sort((left, right) => left - right)[Math.floor(times.length / 2)] ?? Number.NaN);
}

/** Tasks of the screen's thread over 50 ms since the call, in milliseconds (W3C Long Tasks: shorter ones are not told). */
export async function watchTasks(page: Page): Promise<() => Promise<number[]>> {
  const seen = await page.evaluateHandle(() => {
    const long: number[] = [];
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) long.push(Math.round(duration));
    }).observe({ type: 'longtask' });
    return long;
  });
  return () => seen.jsonValue();
}

interface Times {
  readonly toCode: number[];
  readonly toVerified: number[];
  /** Long tasks from the opening of the camera to the payee's name on the payer's screen. */
  readonly whileScanning: number[];
}

async function payments(payer: Person, payee: Person): Promise<Times> {
  const times: Times = { toCode: [], toVerified: [], whileScanning: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    await ask(payee, '1.00');
    const longTasks = await watchTasks(payer.page);
    await scan(payer, payee);
    times.whileScanning.push(...(await longTasks()));
    times.toCode.push(await timed(payer.page, button(payer, 'pay_confirm'), 'main svg[data-version]'));
    await code(payer).waitFor();
    const text = await codeText(payer);
    await button(payee, 'pay_receive_scan').click();
    await button(payee, 'pay_paste').click();
    const field = payee.page.getByLabel(words(payee, 'pay_paste_label'));
    await field.fill(text);
    times.toVerified.push(await timed(payee.page, button(payee, 'pay_paste_read'), '[data-state="verified"]'));
  }
  return times;
}

async function slow(person: Person, rate: number): Promise<void> {
  const devtools = await person.context.newCDPSession(person.page);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate });
}

/** Gzipped bytes of the first sync that carries payments up, with its answer. */
function syncBytes(person: Person): Promise<{ up: number; down: number; payments: number }> {
  return new Promise((resolve) => {
    person.page.on('response', async (response) => {
      const sent = response.request().postData();
      if (!response.url().endsWith('/sync') || sent === null) return;
      const carried = (JSON.parse(sent) as { payments: unknown[] }).payments.length;
      if (carried === 0) return;
      const body = await response.body();
      resolve({ up: gzipSync(sent).length, down: gzipSync(body).length, payments: carried });
    });
  });
}

function report(name: string, value: number, unit: string, more: Record<string, number>): void {
  console.log(JSON.stringify({ name, value, unit, ...more }));
}

async function phones(): Promise<void> {
  const house = await startHouse({ build: true });
  const [payer, payee] = await Promise.all(
    ['payer', 'payee'].map((name) => openPerson(name, { origin: house.origin, prf: false })),
  );
  if (!payer || !payee) throw new Error('two phones');
  try {
    await register(house, payer, { called: 'Li Ming', phone: '13800139001', region: 'CN-SX' });
    await register(house, payee, { called: 'Li Hong', phone: '13800139002', region: 'CN-SX' });
    await topUp(payer, '500');
    await waitForAllowance(payer);
    await Promise.all([payer.network('cut'), payee.network('cut')]);
    const usual = await payments(payer, payee);
    await payer.network('open');
    await payer.page.waitForResponse((response) => response.url().endsWith('/sync'));
    await waitForAllowance(payer);
    await payer.network('cut');
    await Promise.all([slow(payer, SLOWER), slow(payee, SLOWER)]);
    const slowed = await payments(payer, payee);
    await Promise.all([slow(payer, 1), slow(payee, 1)]);
    report('pay.confirmToCode.ms', middle(usual.toCode), 'ms', { slower4x: middle(slowed.toCode), rounds: ROUNDS });
    report('payee.verify.ms', middle(usual.toVerified), 'ms', { slower4x: middle(slowed.toVerified), rounds: ROUNDS });
    report('pay.scan.longestTask.ms', Math.max(0, ...usual.whileScanning), 'ms', {
      long: usual.whileScanning.length,
      slower4x: Math.max(0, ...slowed.whileScanning),
      longSlower4x: slowed.whileScanning.length,
      rounds: ROUNDS,
    });
    const seen = syncBytes(payee);
    await payee.network('open');
    const { up, down, payments: carried } = await seen;
    report('sync.bytes', up + down, 'bytes', { up, down, payments: carried });
  } finally {
    await Promise.all([payer.close(), payee.close()]);
    await house.stop();
  }
}

/** The benches of this file. */
export const benches = { 'phone (pay.confirmToCode.ms, payee.verify.ms, pay.scan.longestTask.ms, sync.bytes)': phones };
