/** A day in the market in which everything happens: the books an auditor is tried on. */
import { expect } from 'vitest';
import { guaranteeFund } from '#server/ledger/chart.ts';
import { duration } from '#shared/base/time.ts';
import { bank, idOf, SHANXI, transfer, walletOf } from '#tests/kit/ledger.ts';
import type { Market } from '#tests/kit/market.ts';

/** Payments, a fork, a debt, a late claim, a void and a payee of the other region: every kind of account has been used. */
export async function liveThrough(market: Market): Promise<void> {
  const [ming, hua, lan] = [await market.person('小明'), await market.person('小华'), await market.person('阿兰')];
  const bei = await market.person('北北', 'CN-BJ');
  await market.topUp(ming, 1000_00);
  await market.topUp(hua, 70_00);
  const late = await market.purse(hua, 20_00);
  const old = await late.pay(lan, 5_00);
  market.pass(duration(30, 'd'));
  await market.allowances.releaseDue();
  await market.payments.ripen();
  await market.upload(lan, old);
  const purse = await market.purse(ming, 300_00);
  const copy = purse.clone();
  await market.upload(hua, await purse.pay(hua, 60_00), await purse.pay(lan, 20_00));
  await market.upload(bei, await purse.pay(bei, 90_00));
  const voided = await purse.pay(hua, 15_00);
  await market.upload(hua, voided);
  await market.payments.takeReceipts(hua.wallet, [await market.receipt(hua, voided.id, 'void')]);
  const [shortfall] = await market.upload(lan, await copy.pay(lan, 250_00));
  expect(shortfall).toMatchObject({ outcome: 'arriving' });
  await market.purse(hua, 30_00);
  const back = { region: SHANXI, original: idOf('transfer wrong'), id: idOf('back'), at: market.clock() };
  for (const unit of [
    transfer('fund', bank(), guaranteeFund(SHANXI, 'CNY'), 500_00),
    transfer('told', bank(), walletOf('Ai'), 10_00, { about: { slip: 'A' } }),
    transfer('wrong', walletOf('Ai'), walletOf('Bo'), 2_00),
  ]) {
    expect(await market.ledger.post([unit])).toMatchObject({ ok: true });
  }
  await market.ledger.reverse(back);
  await market.bills.feed(hua, 0, 10);
  for (let at = 0; at < 4; at += 1) await market.ledger.post([transfer(`last ${at}`, bank(), walletOf('Bo'), 1 + at)]);
}
