/** A dinner shared by three: each is asked for a part that adds up to the fen; one pays, one declines, the host sees both. */
import { expect, test } from 'vitest';
import { button, openTown, topUp, untilBalance, waitForAllowance, words } from '#tests/kit/story.ts';
import { find, open, settle } from '#tests/kit/transfer-story.ts';

const town = openTown();

test('a bill is shared, paid by one, declined by another, readable with no network', async () => {
  const ming = await town.newcomer('ming', { called: '小明', phone: '13900905001' });
  const hong = await town.newcomer('hong', { called: '小红', phone: '13900905002' });
  const lan = await town.newcomer('lan', { called: '阿兰', phone: '13900905003' });
  await topUp(hong, '100');
  await waitForAllowance(hong);

  await open(ming, '/split');
  await ming.page.getByLabel(words(ming, 'transfer_split_total'), { exact: true }).fill('100');
  await ming.page.getByLabel(words(ming, 'pay_memo'), { exact: true }).fill('火锅');
  for (const phone of ['13900905002', '13900905003']) {
    await button(ming, 'transfer_split_add').click();
    await find(ming, phone);
  }
  await button(ming, 'transfer_split_send').click();
  // Whoever has just asked stands before what they asked for.
  await ming.page.getByRole('radio', { name: words(ming, 'transfer_by_me'), exact: true, checked: true }).waitFor();
  await expect.poll(() => ming.page.locator('article[data-state=open]').count()).toBe(2);

  // Whoever is named first pays the odd fen.
  await open(hong, '/request');
  await hong.page.getByRole('link', { name: words(hong, 'transfer_pay'), exact: true }).click();
  const sum = hong.page.getByRole('main').locator('.phrase', { hasText: '¥' });
  await expect.poll(() => sum.first().textContent()).toBe('¥33.34');
  await settle(hong);

  await open(lan, '/request');
  await button(lan, 'transfer_decline').click();
  await lan.page.getByText(words(lan, 'transfer_ask_declined'), { exact: true }).waitFor();

  await open(ming, '/request');
  await ming.page.getByRole('radio', { name: words(ming, 'transfer_by_me'), exact: true }).check();
  await ming.page.getByText(words(ming, 'transfer_ask_paid'), { exact: true }).waitFor();
  await ming.page.getByText(words(ming, 'transfer_ask_declined'), { exact: true }).waitFor();
  await untilBalance(ming, 33_34);
  await untilBalance(hong, 66_66);

  await ming.network('cut');
  await open(ming, '/request');
  await ming.page.getByRole('radio', { name: words(ming, 'transfer_by_me'), exact: true }).check();
  await ming.page.getByText(words(ming, 'transfer_ask_paid'), { exact: true }).waitFor();
  await ming.network('open');
  await town.closeBooks();
});
