/** Pay codes at the house, as a thief would try them: photographed, shown twice, altered, too late, of a stopped wallet. */
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { migrate } from '#server/platform/migrate.ts';
import { openTill, type Till, tillSchema } from '#server/till/till.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import { newId } from '#shared/base/id.ts';
import { duration, instant } from '#shared/base/time.ts';
import { invoiceMessage } from '#shared/protocol/invoice.ts';
import { referenceOf } from '#shared/protocol/message.ts';
import { type PayCode, payCodeMessage } from '#shared/protocol/pay-code.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { type Market, openMarket, type Purse, type Trader } from '#tests/kit/market.ts';

eachDatabase('pay codes', (open) => {
  interface Stage {
    readonly here: Market;
    readonly till: Till;
    readonly ming: Trader;
    readonly hua: Trader;
    readonly lan: Trader;
    readonly purse: Purse;
  }
  async function stage(): Promise<Stage> {
    const database = await open();
    const here = await openMarket(database);
    await migrate(database, [tillSchema]);
    const [ming, hua, lan] = [await here.person('小明'), await here.person('小华', 'CN-BJ'), await here.person('小兰')];
    await here.topUp(ming, 100_00);
    const purse = await here.purse(ming, 50_00);
    const { clock, allowances } = here;
    return { here, till: openTill({ database, clock, allowances }), ming, hua, lan, purse };
  }

  async function codeOf({ here, purse }: Stage, change: Partial<PayCode> = {}, signer = purse.signer) {
    const message = {
      allowance: referenceOf(purse.allowance.id),
      nonce: randomBytes(16),
      time: here.clock(),
      lifetime: 60,
    };
    const bytes = await payCodeMessage.sign({ ...message, ...change }, signer);
    const read = payCodeMessage.read(bytes);
    if (!read.ok) throw new Error(read.error.code);
    return { text: toBase64url(bytes), id: read.value.id };
  }

  async function asked({ here }: Stage, payee: Trader, code: string, amount = 5_00) {
    const invoice = await invoiceMessage.sign(
      {
        ...{ payee: payee.device.id, id: newId(here.clock(), randomBytes(10)), amount, currency: 'CNY' },
        ...{ time: here.clock(), lifetime: 120, epoch: 0 },
      },
      payee.signer,
    );
    const certificate = await here.allowances.certificate(payee.device, instant(0));
    return { code, invoice: toBase64url(invoice), certificate: toBase64url(certificate ?? new Uint8Array()) };
  }

  test('the first invoice is brought to the payer’s phone, and to nobody else; again is the same act', async () => {
    const all = await stage();
    const { till, ming, hua, lan } = all;
    const code = await codeOf(all);
    expect(await till.look(ming.device, code.id)).toEqual({ state: 'waiting' });
    const request = await asked(all, hua, code.text);
    expect(await till.present(hua.device, request)).toEqual({ ok: true, value: { state: 'presented' } });
    expect(await till.present(hua.device, request)).toEqual({ ok: true, value: { state: 'presented' } });
    expect(await till.look(lan.device, code.id)).toEqual({ state: 'waiting' });
    expect(await till.look(hua.device, code.id)).toEqual({ state: 'presented' });
    const { invoice, certificate } = request;
    expect(await till.look(ming.device, code.id)).toEqual({ state: 'presented', invoice, certificate });
    expect(await till.look(hua.device, code.id)).toEqual({ state: 'fetched' });
    expect(await all.here.purseOf(ming)).toMatchObject({ available: 50_00 });
  });

  test('two payees with one code: one is told that it is used, and so is the same payee with another sum', async () => {
    const all = await stage();
    const { till, hua, lan } = all;
    const code = await codeOf(all);
    const both = await Promise.all([
      till.present(hua.device, await asked(all, hua, code.text)),
      till.present(lan.device, await asked(all, lan, code.text)),
    ]);
    expect(both.map((one) => (one.ok ? 'ok' : one.error.code)).sort()).toEqual(['ok', 'pay-code.used']);
    const more = await till.present(hua.device, await asked(all, hua, code.text, 9_00));
    expect(more).toMatchObject({ ok: false, error: { code: 'pay-code.used' } });
  });

  // what is tried | what the house says
  test.each<[string, string, (all: Stage) => Promise<{ by: Trader; code: string; invoiceOf?: Trader }>]>([
    [
      'a code photographed more than a minute ago',
      'pay-code.expired',
      async (all) => {
        const { text } = await codeOf(all);
        all.here.pass(duration(71, 's'));
        return { by: all.hua, code: text };
      },
    ],
    [
      'a code of a clock far ahead',
      'pay-code.expired',
      async (all) => ({
        by: all.hua,
        code: (await codeOf(all, { time: instant(all.here.clock() + 12_000) })).text,
      }),
    ],
    [
      'a code signed by another key',
      'pay-code.signature',
      async (all) => ({
        by: all.hua,
        code: (await codeOf(all, {}, all.lan.signer)).text,
      }),
    ],
    [
      'a code of an allowance nobody issued',
      'allowance.unknown',
      async (all) => ({
        by: all.hua,
        code: (await codeOf(all, { allowance: randomBytes(16) })).text,
      }),
    ],
    ['one’s own code', 'allowance.payee-self', async (all) => ({ by: all.ming, code: (await codeOf(all)).text })],
    [
      'an invoice of somebody else',
      'invoice.wrong-payee',
      async (all) => ({
        by: all.hua,
        code: (await codeOf(all)).text,
        invoiceOf: all.lan,
      }),
    ],
    [
      'a code of a wallet that was stopped',
      'allowance.revoked',
      async (all) => {
        const { text } = await codeOf(all);
        const { allowances, database, clock } = all.here;
        const { region, id } = all.purse.allowance.message;
        await database.transaction((tx) => allowances.stop(tx, { region, id }, 'wallet-frozen', clock()));
        return { by: all.hua, code: text };
      },
    ],
    ['no code at all', 'message.malformed', async (all) => ({ by: all.hua, code: 'AAAA' })],
  ])('%s: %s', async (_what, answer, attempt) => {
    const all = await stage();
    const { by, code, invoiceOf } = await attempt(all);
    const presented = await all.till.present(by.device, await asked(all, invoiceOf ?? by, code));
    expect(presented.ok ? 'ok' : presented.error.code).toBe(answer);
    const rows = await all.here.database.query('select 1 from till_code');
    expect(rows).toEqual([]);
  });

  test('what was presented an hour ago is let go of, and its code is worth nothing', async () => {
    const all = await stage();
    const { till, hua, ming, here } = all;
    const old = await codeOf(all);
    await till.present(hua.device, await asked(all, hua, old.text));
    here.pass(duration(61, 'min'));
    await till.present(hua.device, await asked(all, hua, (await codeOf(all)).text));
    expect(await till.look(ming.device, old.id)).toEqual({ state: 'waiting' });
    expect(await till.present(hua.device, await asked(all, hua, old.text))).toMatchObject({
      error: { code: 'pay-code.expired' },
    });
    expect(fromBase64url(old.text)?.length).toBeLessThan(160);
  });
});
