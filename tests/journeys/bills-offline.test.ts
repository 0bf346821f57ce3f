/** Bills with no network: found by their first letters, understood, taken out in the formats of others; and another wallet's brought in twice. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { pdfText } from '#tests/kit/pdf.ts';
import type { Person } from '#tests/kit/person.ts';
import {
  ask,
  bills,
  button,
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

const EXPORT = `支付宝交易明细
交易时间,交易分类,交易对方,对方账号,商品说明,收/支,金额,收/付款方式,交易状态,交易订单号,商家订单号,备注,
2026-01-05 08:15:02,餐饮美食,平遥牛肉店,,牛肉,支出,38.00,余额宝,交易成功,2026010522001400000000000001	,,,
2026-01-06 09:00:00,退款,平遥牛肉店,,退款,不计收支,8.00,余额宝,退款成功,2026010622001400000000000002	,,,
`;

/** The text of the file that a row of the export screen makes. */
async function saved(person: Person, row: string): Promise<{ name: string; text: string }> {
  const coming = person.page.waitForEvent('download');
  await person.page.getByRole('button', { name: words(person, row) }).click();
  const file = await coming;
  return { name: file.suggestedFilename(), text: readFileSync(await file.path(), 'utf8') };
}

/** What the browser would print, had it a printer. */
async function printed(person: Person, row: string): Promise<Uint8Array> {
  const { page } = person;
  await page.evaluate(() => Object.assign(globalThis, { print: () => document.body.setAttribute('data-printed', '') }));
  await page.getByRole('button', { name: words(person, row) }).click();
  await page.locator('body[data-printed]').waitFor();
  return await page.pdf({ format: 'A4' });
}

/** Chooses the export and keeps it; answers what the screen says of it. */
async function bringIn(person: Person): Promise<string> {
  const file = { name: 'alipay.csv', mimeType: 'text/csv', buffer: Buffer.from(EXPORT) };
  await person.page.getByLabel(words(person, 'bill_import_pick')).setInputFiles(file);
  await button(person, 'bill_import_keep').click();
  const said = person.page.locator('.notice.good strong');
  await said.waitFor();
  return (await said.textContent()) ?? '';
}

test('search and export with no network, and bring a file in twice', async () => {
  const payer = await town.newcomer('payer', { called: '小明', phone: '13901101001' });
  const shop = await town.newcomer('shop', { called: '面馆', phone: '13901101002' });
  await topUp(payer, '100');
  await waitForAllowance(payer);
  await ask(shop, '28.80');
  await pay(payer, shop, { name: '面馆 ··1002', amount: '¥28.80' });
  // Both phones have a network: the payment may arrive by it before the code is read.
  expect(['verified', 'arrived']).toContain(await collect(shop, payer));
  await untilBills(payer, ['面馆 ··1002 −¥28.80 Settled', 'Top-up ¥100.00 Settled']);

  // Who took it, and whose phone brought it in, is asked for while there is a network, and stays.
  await payer.page.getByRole('main').getByRole('listitem').first().getByRole('link').click();
  await payer.page.getByText(/ · by (your|the payee’s) phone/).waitFor();
  await network('cut', payer);
  await bills(payer);

  await payer.page.getByRole('searchbox').fill('mg');
  await expect.poll(() => payer.page.getByRole('main').getByRole('listitem').count()).toBe(1);
  await payer.page.getByText(words(payer, 'bill_summary_count', { count: 1 })).waitFor();
  await payer.page.getByRole('searchbox').fill('100.0');
  await payer.page.getByText(words(payer, 'bill_kind_top_up')).waitFor();
  await payer.page.getByRole('searchbox').fill('');

  await payer.page.getByRole('link', { name: words(payer, 'bill_way_export'), exact: true }).click();
  const csv = await saved(payer, 'bill_export_csv');
  const ofx = await saved(payer, 'bill_export_ofx');
  expect(csv.text.match(/-28\.80,CNY/g)).toHaveLength(1);
  expect(ofx.name).toMatch(/-CNY\.ofx$/);
  expect(ofx.text).toContain('<BALAMT>71.20</BALAMT>');
  // One number in both: whoever takes both in has the payment once.
  const number = /<TRNAMT>-28\.80<\/TRNAMT><FITID>([0-9a-f]{32})</.exec(ofx.text)?.[1] ?? 'none';
  expect(csv.text).toContain(number);
  // The paper says the same: printed with no network, read by a reader of PDF.
  const paper = pdfText(await printed(payer, 'bill_export_pdf'));
  for (const said of [number, '-28.80', '71.20', '面馆··1002']) expect(paper).toContain(said);
  await picture(payer, 'export');

  await payer.page.getByRole('link', { name: words(payer, 'bill_import'), exact: true }).click();
  expect(await bringIn(payer)).toBe(words(payer, 'bill_import_done', { fresh: 2 }));
  expect(await bringIn(payer)).toBe(words(payer, 'bill_import_done', { fresh: 0 }));
  await picture(payer, 'import');
  await button(payer, 'bill_import_look')
    .or(payer.page.getByRole('link', { name: words(payer, 'bill_import_look') }))
    .click();
  await expect.poll(() => payer.page.getByRole('main').getByRole('listitem').count()).toBe(4);
  await payer.page.getByText('平遥牛肉店').first().waitFor();
  await payer.page.goto(`${town.house.origin}/bills/month/2026-01`);
  await payer.page.getByText(words(payer, 'bill_month_brought', { count: 2 })).waitFor();
  await payer.page.getByText('¥38.00').first().waitFor();
  await picture(payer, 'month');

  await payer.page.goto(`${town.house.origin}/bills/import`);
  await payer.page.getByRole('switch').click();
  await payer.page.goto(`${town.house.origin}/bills`);
  await told(payer, 'bill_end').waitFor();
  expect(await payer.page.getByText('平遥牛肉店').count()).toBe(0);
});
