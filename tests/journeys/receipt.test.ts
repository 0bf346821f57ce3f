/** A receipt proves a payment to a stranger: by camera, with no network and no wallet; altered it is refused; on paper it is one page. */
import { expect, test } from 'vitest';
import { toBase64url } from '#shared/base/bytes.ts';
import { readFrame } from '#shared/protocol/frame.ts';
import { readVoucher, writeVoucher } from '#shared/protocol/voucher.ts';
import { pdfText, plain } from '#tests/kit/pdf.ts';
import type { Person } from '#tests/kit/person.ts';
import {
  ask,
  button,
  code,
  codeText,
  collect,
  network,
  openTown,
  pay,
  picture,
  told,
  topUp,
  untilBills,
  waitForAllowance,
  words,
} from '#tests/kit/story.ts';

const town = openTown();

/** Opens the newest bill and its receipt, as a person does. */
async function openReceipt(person: Person): Promise<void> {
  await person.page.goto(`${town.house.origin}/bills`);
  await person.page.getByRole('main').getByRole('listitem').first().getByRole('link').click();
  await person.page.locator('a[href$="/receipt"]').click();
  await told(person, 'receipt_open').waitFor();
  await code(person).waitFor();
}

/** The stranger opens the check and points the camera at the screen of `shown`. */
async function check(stranger: Person, shown: Person): Promise<void> {
  await stranger.lookAt(shown);
  await stranger.page.goto(`${town.house.origin}/check`);
}

/** The stranger's browser has once seen the check, with a network: the page and the network's keys stay on it. */
async function visitOnce(stranger: Person): Promise<void> {
  await stranger.page.goto(`${town.house.origin}/check`);
  await stranger.page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
  await expect
    .poll(() =>
      stranger.page.evaluate(async () => {
        const opened = indexedDB.open('piaohao');
        await new Promise((done) => opened.addEventListener('success', done));
        const read = opened.result.transaction('settings').objectStore('settings').get('networkSeen');
        await new Promise((done) => read.addEventListener('success', done));
        opened.result.close();
        return read.result !== undefined;
      }),
    )
    .toBe(true);
  await stranger.network('cut');
}

/** The proof on the screen with one bit of the region's signature turned, as the fragment of a link. */
async function altered(person: Person): Promise<string> {
  const frame = readFrame(await codeText(person));
  if (!frame.ok || frame.value.kind !== 'voucher') throw new Error('no voucher on the screen');
  const voucher = readVoucher(frame.value.voucher);
  if (!voucher.ok || voucher.value.kind !== 'final') throw new Error('no final voucher on the screen');
  const finality = voucher.value.finality.slice();
  finality[finality.length - 1] = (finality.at(-1) ?? 0) ^ 1;
  return toBase64url(writeVoucher({ ...voucher.value, finality }));
}

test('a promise before it is settled, final afterwards, refused when altered, one page when printed', async () => {
  const payer = await town.newcomer('payer', { called: '小明', phone: '13900801001' });
  const shop = await town.newcomer('shop', { called: '小红', phone: '13900801002' });
  const stranger = await town.visitor('stranger', { locale: 'zh-CN', colorScheme: 'dark' });
  await visitOnce(stranger);
  await topUp(payer, '100');
  await waitForAllowance(payer);
  await network('cut', payer, shop);
  await ask(shop, '28.80');
  await pay(payer, shop, { name: '小红 ··1002', amount: '¥28.80' });
  expect(await collect(shop, payer)).toBe('verified');

  // All three have no network: the receipt is worth what the payer's signature and the cover are worth, and says so.
  await openReceipt(shop);
  await told(shop, 'receipt_promise').waitFor();
  await check(stranger, shop);
  await told(stranger, 'receipt_check_promise').waitFor();

  await network('open', payer, shop);
  await untilBills(shop, ['小明 ··1001 +¥28.80 Settled']);
  // The phone fetches the region's word by its own key: nobody needs to be signed in.
  await shop.page.evaluate(() => fetch('/session', { method: 'DELETE' }));
  await openReceipt(shop);
  await told(shop, 'receipt_final').waitFor();
  await picture(shop, 'receipt-final');
  await shop.page.getByText('贰拾捌元捌角').waitFor();

  await shop.network('cut');
  await check(stranger, shop);
  await told(stranger, 'receipt_check_final').waitFor();
  await stranger.page.getByText('小红 ··1002').waitFor();
  await stranger.page.getByText('贰拾捌元捌角').waitFor();
  await picture(stranger, 'check-final');

  await stranger.page.goto(`${town.house.origin}/check#${await altered(shop)}`);
  await told(stranger, 'receipt_check_forged_altered').waitFor();
  await picture(stranger, 'check-altered');

  await shop.page.emulateMedia({ media: 'print' });
  expect(await told(shop, 'receipt_open').isVisible()).toBe(true);
  expect(await told(shop, 'receipt_final').isVisible()).toBe(true);
  expect(await button(shop, 'receipt_print').isVisible()).toBe(false);
  const paper = await shop.page.pdf({ format: 'A4' });
  expect(paper.toString('latin1').match(/\/Type\s*\/Page\b(?!s)/g)).toHaveLength(1);
  const read = pdfText(paper);
  for (const said of ['贰拾捌元捌角', '¥28.80', words(shop, 'receipt_final')]) expect(read).toContain(plain(said));
});
