/** The settlement table of the protocol, row by row, on both databases: who is credited, who pays, what is owed. */
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Payments } from '#server/payment/payment.ts';
import { openSignatures } from '#server/payment/signatures.ts';
import { nodeVerifier } from '#server/payment/verifier.ts';
import { auditPayments } from '#server/proof/proof.ts';
import { sameBytes } from '#shared/base/bytes.ts';
import { duration } from '#shared/base/time.ts';
import { verifySync } from '#shared/protocol/signature.ts';
import { finalityChecks } from '#shared/protocol/trust.ts';
import { forkChecks } from '#shared/protocol/witness.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { freshSigner, type Market, openMarket, paddedOf, twinOf } from '#tests/kit/market.ts';

eachDatabase('settlement', (open) => {
  // One market for all rows of the table: every test brings its own people, and the clock only goes forward.
  let here: Market;
  beforeAll(async () => {
    here = await openMarket(await open(), { signatures: openSignatures(1) });
  });
  afterEach(async () => {
    expect(await here.faults()).toEqual([]);
    expect((await auditPayments(here.database, here.clock(), here.regions.root)).findings).toEqual([]);
  });
  afterAll(() => here.close());

  async function three() {
    const [ming, hua, lan] = [await here.person('小明'), await here.person('小华'), await here.person('阿兰')];
    await here.topUp(ming, 1000_00);
    return { ming, hua, lan, purse: await here.purse(ming, 100_00) };
  }
  const outcomes = async (answers: ReturnType<Payments['reconcile']>) =>
    (await answers).map((one) => (one.code === undefined ? one.outcome : `${one.outcome} ${one.code}`));

  test('a claim within the hold credits the payee at once', async () => {
    const { ming, hua, purse } = await three();
    expect(await outcomes(here.upload(hua, await purse.pay(hua, 30_00)))).toEqual(['settled']);
    expect(await here.purseOf(hua)).toEqual({ available: 30_00, arriving: 0, owed: 0 });
    expect(await here.purseOf(ming)).toEqual({ available: 900_00, arriving: 0, owed: 0 });
  });

  test('a fork pays both payees: what the hold lacks comes from the guarantee, the payer owes it and is stopped', async () => {
    const { ming, hua, lan, purse } = await three();
    const copy = purse.clone();
    const [one, other] = [await purse.pay(hua, 80_00), await copy.pay(lan, 70_00)];
    expect(await outcomes(here.upload(hua, one))).toEqual(['settled']);
    expect(await outcomes(here.upload(lan, other))).toEqual(['arriving']);
    expect(await here.purseOf(hua)).toEqual({ available: 80_00, arriving: 0, owed: 0 });
    expect(await here.purseOf(lan)).toEqual({ available: 20_00, arriving: 50_00, owed: 0 });
    expect(await here.purseOf(ming)).toEqual({ available: 900_00, arriving: 0, owed: 50_00 });

    const again = await here.allowances.issue(ming.device, {
      key: 'A'.repeat(44),
      currency: 'CNY',
      total: 50_00,
      wrapped: true,
    });
    expect(again.ok).toBe(false);

    const [first] = await here.payments.cases(ming.wallet);
    expect(first).toMatchObject({ kind: 'fork', role: 'payer', amount: 50_00 });
    const file = await here.payments.caseFile(ming.wallet, first?.id as never);
    const proof = file.ok ? file.value.proofs[0]?.proof : undefined;
    const bytes = Uint8Array.from(Buffer.from(proof ?? '', 'base64url'));
    const { message: keySet } = await here.regions.keySet();
    expect(verifySync(forkChecks(bytes, keySet), nodeVerifier()).ok).toBe(true);
  });

  test('each payee reads its own part of the case, a stranger nothing', async () => {
    const { hua, lan, purse } = await three();
    const stranger = await here.person('路人');
    const copy = purse.clone();
    await here.upload(hua, await purse.pay(hua, 80_00), await copy.pay(lan, 70_00));
    const [seen] = await here.payments.cases(lan.wallet);
    const file = await here.payments.caseFile(lan.wallet, seen?.id as never);
    const text = JSON.stringify(file);
    expect(text).toContain('paid-by-guarantee');
    expect(text).not.toContain('小华');
    expect(text).not.toContain(hua.wallet);
    expect(await here.payments.cases(stranger.wallet)).toEqual([]);
    expect((await here.payments.caseFile(stranger.wallet, seen?.id as never)).ok).toBe(false);
  });

  test('what arrives becomes spendable after the claim window, and not before', async () => {
    const { hua, lan, purse } = await three();
    const copy = purse.clone();
    await here.upload(hua, await purse.pay(hua, 100_00), await copy.pay(lan, 40_00));
    await here.payments.ripen();
    expect(await here.purseOf(lan)).toEqual({ available: 0, arriving: 40_00, owed: 0 });
    here.pass(duration(18, 'd'));
    expect(await here.payments.ripen()).toBeGreaterThan(0);
    expect(await here.payments.ripen()).toBe(0);
    expect(await here.purseOf(lan)).toEqual({ available: 40_00, arriving: 0, owed: 0 });
  });

  test('the next credit of the payer pays the debt first', async () => {
    const { ming, hua, lan, purse } = await three();
    const copy = purse.clone();
    await here.upload(hua, await purse.pay(hua, 100_00), await copy.pay(lan, 40_00));
    await here.payments.recoverDebts();
    const before = await here.purseOf(ming);
    await here.topUp(ming, 25_00);
    await here.payments.recoverDebts();
    const { available, owed } = await here.purseOf(ming);
    expect(available + 40_00 - owed).toBe(before.available + 25_00 + 40_00 - before.owed);
    expect(owed).toBe(0);
  });

  test.each<[name: string, twist: { epoch?: number }, code: string, amount: number]>([
    ['the newest epoch card', {}, '', 100_00],
    ['an epoch card of last week', { epoch: 0 }, 'guarantee.stale-epoch', 100_00],
    ['an epoch card nobody can hold yet', { epoch: 1_000_000 }, 'guarantee.stale-epoch', 100_00],
    ['more than the fund pays one payee', {}, 'guarantee.payee-cap', 2500_00],
  ])('the guarantee with %s', async (_name, twist, code, amount) => {
    const [ming, hua, lan] = [await here.person('小明'), await here.person('小华'), await here.person('阿兰')];
    here.pass(duration(5, 'd'));
    await here.payments.ripen();
    await here.topUp(ming, 5000_00);
    const purse = await here.purse(ming, amount);
    const copy = purse.clone();
    await here.upload(hua, await purse.pay(hua, amount));
    const answer = await outcomes(here.upload(lan, await copy.pay(lan, amount, twist)));
    expect(answer).toEqual([code === '' ? 'arriving' : `disputed ${code}`]);
    const credited = code === '' ? amount : 0;
    expect(await here.purseOf(lan)).toEqual({ available: 0, arriving: credited, owed: 0 });
    expect((await here.bills.feed(lan, 0, 10)).bills.map((one) => one.state)).toEqual(code === '' ? [] : ['disputed']);
  });

  test('who forks to himself is not paid by the guarantee', async () => {
    const { ming, hua, purse } = await three();
    const copy = purse.clone();
    await here.upload(hua, await purse.pay(hua, 100_00));
    expect(await outcomes(here.upload(ming, await copy.pay(ming, 100_00)))).toEqual(['disputed guarantee.linked']);
  });

  test('a late claim is paid from the payer’s balance if it covers it, else it is a dispute', async () => {
    const { ming, hua, lan, purse } = await three();
    const [one, other] = [await purse.pay(hua, 30_00), await purse.pay(lan, 40_00)];
    here.pass(duration(30, 'd'));
    expect(await here.allowances.releaseDue()).toBeGreaterThan(0);
    expect(await outcomes(here.upload(hua, one))).toEqual(['settled']);
    expect(await here.purseOf(ming)).toEqual({ available: 970_00, arriving: 0, owed: 0 });
    await here.purse(ming, 950_00);
    expect(await outcomes(here.upload(lan, other))).toEqual(['disputed payment.late-uncovered']);
    expect(await outcomes(here.upload(lan, other))).toEqual(['disputed payment.late-uncovered']);
    expect(await here.purseOf(lan)).toEqual({ available: 0, arriving: 0, owed: 0 });
  });

  test.each(['before', 'after'] as const)('a void %s the claim leaves the payee with nothing', async (when) => {
    const { ming, hua, purse } = await three();
    const paid = await purse.pay(hua, 30_00);
    const word = await here.receipt(hua, paid.id, 'void');
    if (when === 'after') await here.upload(ming, paid);
    expect(await here.payments.takeReceipts(hua.wallet, [word])).toEqual([undefined]);
    expect(await outcomes(here.upload(ming, paid))).toEqual(['refused payment.voided']);
    expect(await here.payments.takeReceipts(hua.wallet, [word])).toEqual([undefined]);
    expect(await here.purseOf(hua)).toEqual({ available: 0, arriving: 0, owed: 0 });
    here.pass(duration(30, 'd'));
    await here.allowances.releaseDue();
    expect(await here.purseOf(ming)).toEqual({ available: 1000_00, arriving: 0, owed: 0 });
  });

  test('a void signed by somebody else changes nothing', async () => {
    const { ming, hua, lan, purse } = await three();
    const paid = await purse.pay(hua, 30_00);
    const word = await here.receipt(lan, paid.id, 'void');
    await here.payments.takeReceipts(lan.wallet, [word]);
    expect(await outcomes(here.upload(ming, paid))).toEqual(['settled']);
    expect(await here.payments.takeReceipts(lan.wallet, [word])).toEqual([{ code: 'receipt.signature' }]);
    expect(await here.purseOf(hua)).toMatchObject({ available: 30_00 });
  });

  test.each([0, 1, 2])('a void of what the guarantee paid goes back to the fund (%i)', async (stage) => {
    const { ming, hua, lan, purse } = await three();
    const copy = purse.clone();
    const fork = await copy.pay(lan, 40_00);
    await here.upload(hua, await purse.pay(hua, 100_00), fork);
    if (stage >= 1) {
      here.pass(duration(17, 'd'));
      await here.payments.ripen();
    }
    if (stage >= 2) {
      await here.topUp(ming, 15_00);
      await here.payments.recoverDebts();
    }
    expect(await here.payments.takeReceipts(lan.wallet, [await here.receipt(lan, fork.id, 'void')])).toEqual([
      undefined,
    ]);
    expect(await here.purseOf(lan)).toEqual({ available: 0, arriving: 0, owed: 0 });
    expect((await here.purseOf(ming)).owed).toBe(0);
    expect((await here.purseOf(ming)).available).toBe(stage >= 2 ? 915_00 : 900_00);
  });

  test('a payee of another region is paid over the clearing accounts, a fork of it too', async () => {
    const [ming, hua, bei] = [
      await here.person('小明'),
      await here.person('小华', 'CN-BJ'),
      await here.person('北北', 'CN-BJ'),
    ];
    await here.topUp(ming, 200_00);
    const purse = await here.purse(ming, 100_00);
    const copy = purse.clone();
    const [one, other] = [await purse.pay(hua, 80_00), await copy.pay(bei, 50_00)];
    expect(await outcomes(here.upload(hua, one, other))).toEqual(['settled', 'arriving']);
    expect(await here.purseOf(hua)).toEqual({ available: 80_00, arriving: 0, owed: 0 });
    expect(await here.purseOf(bei)).toEqual({ available: 20_00, arriving: 30_00, owed: 0 });
    await here.bills.catchUp();
    expect((await here.bills.feed(hua, 0, 9)).bills).toMatchObject([
      { direction: 'in', state: 'settled', amount: 80_00, peer: { name: '小明', region: 'CN-SX' } },
    ]);
    expect((await here.bills.feed(ming, 0, 9)).bills.map((bill) => bill.kind)).toEqual([
      'top-up',
      'payment',
      'payment',
    ]);
  });

  test.each([2, 5, 20])('a purse cloned %i times: every copy is found, every payee is paid in full', async (clones) => {
    const ming = await here.person('小明');
    await here.topUp(ming, 45_00);
    const purse = await here.purse(ming, 45_00);
    const payees = await Promise.all(Array.from({ length: clones }, (_, at) => here.person(`摊主${at}`)));
    const forks = await Promise.all(payees.map((payee) => purse.clone().pay(payee, 45_00)));
    for (const [at, fork] of forks.entries()) {
      const [answer] = await here.upload(payees[at] ?? ming, fork);
      expect(answer?.outcome).toBe(at === 0 ? 'settled' : 'arriving');
    }
    for (const payee of payees) {
      const { available, arriving } = await here.purseOf(payee);
      expect(available + arriving).toBe(45_00);
    }
    expect((await here.purseOf(ming)).owed).toBe((clones - 1) * 45_00);
    const [found] = await here.payments.cases(ming.wallet);
    const file = await here.payments.caseFile(ming.wallet, found?.id as never);
    expect(file.ok && file.value.proofs.length).toBe(clones - 1);
  });

  test('a broken chain with no fork stops the payer as well', async () => {
    const { ming, hua, lan, purse } = await three();
    const copy = purse.clone();
    const [one] = [await purse.pay(hua, 60_00)];
    const other = await copy.pay(lan, 60_00, { number: 2, total: 61_00 });
    expect(await outcomes(here.upload(hua, one, other))).toEqual(['settled', 'arriving']);
    expect(await here.payments.cases(ming.wallet)).toMatchObject([{ kind: 'overspent' }]);
  });

  test('fifty uploads of one payment at once are one posting and fifty equal answers', async () => {
    const { ming, hua, purse } = await three();
    const paid = await purse.pay(hua, 30_00);
    const answers = await Promise.all(Array.from({ length: 50 }, (_, at) => here.upload(at % 2 ? ming : hua, paid)));
    expect(new Set(answers.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(await here.purseOf(hua)).toEqual({ available: 30_00, arriving: 0, owed: 0 });
  });

  test('twin, padded, truncated, altered and foreign-signed bytes change nothing', async () => {
    const { hua, purse } = await three();
    const paid = await purse.pay(hua, 30_00);
    const books = await here.books();
    const stranger = await purse.clone().pay(hua, 1_00, { number: 2, total: 31_00, signer: freshSigner() });
    const flipped = Uint8Array.from(paid.bytes);
    flipped[60] = (flipped[60] ?? 0) ^ 1;
    const bad = [twinOf(paid), paddedOf(paid), flipped, stranger.bytes];
    for (let length = 0; length < paid.bytes.length; length += 1) bad.push(paid.bytes.subarray(0, length));
    const answers = await here.payments.reconcile(hua.wallet, bad);
    expect(new Set(answers.map((one) => one.outcome))).toEqual(new Set(['refused']));
    expect(await here.books()).toBe(books);
    await here.upload(hua, paid);
    const settled = await here.books();
    await here.payments.reconcile(hua.wallet, bad);
    expect(await here.books()).toBe(settled);
  });

  test('signatures verified in threads give the same answers', async () => {
    const { hua, purse } = await three();
    const paid = [];
    for (let at = 0; at < 60; at += 1) paid.push(await purse.pay(hua, 1_00));
    const forged = await purse.pay(hua, 1_00, { signer: freshSigner() });
    const answers = await here.upload(hua, ...paid, forged);
    expect(answers.filter((one) => one.outcome === 'settled')).toHaveLength(60);
    expect(answers.at(-1)).toMatchObject({ outcome: 'refused', code: 'payment.signature' });
  });

  test('an allowance the house does not know is refused', async () => {
    const { hua, purse } = await three();
    const paid = await purse.pay(hua, 1_00, { allowance: new Uint8Array(16).fill(9) });
    expect(await outcomes(here.upload(hua, paid))).toEqual(['refused allowance.unknown']);
  });

  test('a settled payment has one finality receipt that any payee can verify', async () => {
    const { hua, purse } = await three();
    const paid = await purse.pay(hua, 30_00);
    expect(await here.payments.finality(paid.id)).toBeUndefined();
    await here.upload(hua, paid);
    const first = await here.payments.finality(paid.id);
    const again = await here.payments.finality(paid.id);
    expect(first && again && sameBytes(first, again)).toBe(true);
    const { message: keySet } = await here.regions.keySet();
    expect(verifySync(finalityChecks(first ?? new Uint8Array(), keySet), nodeVerifier()).ok).toBe(true);
  });

  test('what was given back is not called final again, and its receipt is told as reversed', async () => {
    const { hua, purse } = await three();
    const paid = await purse.pay(hua, 30_00);
    await here.upload(hua, paid);
    expect(await here.payments.finality(paid.id)).toBeDefined();
    expect(await here.payments.receiptState(paid.id)).toEqual({ ok: true, value: { state: 'settled' } });
    await here.payments.takeReceipts(hua.wallet, [await here.receipt(hua, paid.id, 'void')]);
    expect(await here.payments.finality(paid.id)).toBeUndefined();
    expect(await here.payments.receiptState(paid.id)).toEqual({ ok: true, value: { state: 'reversed' } });
  });

  test('whatever the order, the split and the repeats of uploads, the ledger ends the same', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(5), fc.boolean(), fc.nat(3)), { minLength: 6, maxLength: 24 }),
        async (script) => {
          const { ming, hua, lan, purse } = await three();
          const paid = [];
          for (let at = 0; at < 6; at += 1) paid.push(await purse.pay(at % 2 ? hua : lan, 10_00 + at));
          const before = [await here.purseOf(hua), await here.purseOf(lan)];
          for (const [at, byPayer, together] of script) {
            const some = paid.slice(at, at + 1 + together);
            await here.upload(byPayer ? ming : hua, ...some, ...some.slice(0, 1));
          }
          await here.upload(ming, ...paid.toReversed());
          const [huaNow, lanNow] = [await here.purseOf(hua), await here.purseOf(lan)];
          expect(huaNow.available - (before[0]?.available ?? 0)).toBe(10_01 + 10_03 + 10_05);
          expect(lanNow.available - (before[1]?.available ?? 0)).toBe(10_00 + 10_02 + 10_04);
          const transfers = await here.database.query<{ count: number }>(
            `select count(*)::int as count from ledger_transfer where about->>'payment' = any($1::text[])`,
            [paid.map((one) => one.name)],
          );
          expect(transfers[0]?.count).toBe(6);
        },
      ),
      { numRuns: 25 },
    );
  });

  test('uploading everything again, backwards and twice, leaves the books as they were to the byte', async () => {
    const { ming, hua, lan, purse } = await three();
    const paid = [];
    for (let at = 0; at < 8; at += 1) paid.push(await purse.pay(at % 2 ? hua : lan, 5_00));
    for (const one of paid) await here.upload(ming, one);
    const forwards = await here.books();
    await here.upload(hua, ...paid.toReversed(), ...paid);
    expect(await here.books()).toBe(forwards);
  });
});
