/** One signature for the payments it names: what the house takes on the word of the next payment, and what it never does. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Payments } from '#server/payment/payment.ts';
import { openSignatures, type Signatures } from '#server/payment/signatures.ts';
import { nodeVerifier } from '#server/payment/verifier.ts';
import { auditPayments } from '#server/proof/proof.ts';
import { SIGNS_FOR_STEPS } from '#shared/base/limits.ts';
import { readFork } from '#shared/protocol/fork.ts';
import { verifySync } from '#shared/protocol/signature.ts';
import { forkChecks } from '#shared/protocol/witness.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { freshSigner, type Market, openMarket, type Paid, type Trader } from '#tests/kit/market.ts';
import { flipped } from '#tests/vectors/cases.ts';

/** The same words with a signature that is none of theirs. */
function badlySigned(paid: Paid): Paid {
  return { ...paid, bytes: flipped(paid.bytes, paid.bytes.length - 1) };
}

eachDatabase('signed for by the next payment', (open) => {
  let here: Market;
  let asked = 0;
  beforeAll(async () => {
    const threads = openSignatures(0);
    const signatures: Signatures = {
      ...threads,
      ask(questions) {
        asked += questions.length;
        return threads.ask(questions);
      },
    };
    here = await openMarket(await open(), { signatures });
  });
  afterEach(async () => {
    expect(await here.faults()).toEqual([]);
    expect((await auditPayments(here.database, here.clock(), here.regions.root)).findings).toEqual([]);
  });
  afterAll(() => here.close());

  /** A payer with a purse, a payee, and the first `count` payments between them. */
  async function row(count: number) {
    const [ming, hua, lan] = [await here.person('小明'), await here.person('小华'), await here.person('阿兰')];
    await here.topUp(ming, 1000_00);
    const purse = await here.purse(ming, 100_00);
    const paid: Paid[] = [];
    for (let at = 0; at < count; at += 1) paid.push(await purse.pay(hua, 1_00));
    return { ming, hua, lan, purse, paid };
  }
  const outcomes = async (answers: ReturnType<Payments['reconcile']>) =>
    (await answers).map((one) => one.code ?? one.outcome);
  const upload = (who: Trader, ...paid: readonly Paid[]) => outcomes(here.upload(who, ...paid));

  test('twenty payments in a row cost three signatures', async () => {
    const { ming, hua, paid } = await row(20);
    asked = 0;
    expect(new Set(await upload(ming, ...paid))).toEqual(new Set(['settled']));
    expect(asked).toBe(Math.ceil(20 / (SIGNS_FOR_STEPS + 1)));
    expect(await here.purseOf(hua)).toMatchObject({ available: 20_00 });
  });

  test('what two phones paid, brought in turns by a third, costs a signature each', async () => {
    const [one, other] = [await row(5), await row(5)];
    const turns = one.paid.flatMap((paid, at) => [paid, other.paid[at] as Paid]);
    asked = 0;
    expect(new Set(await upload(one.lan, ...turns))).toEqual(new Set(['settled']));
    expect(asked).toBe(2);
  });

  test.each<[upload: string, at: (paid: readonly Paid[]) => Paid[], says: string[]]>([
    ['a bad signature alone', ([one]) => [badlySigned(one as Paid)], ['payment.signature']],
    [
      'before the payment that names it',
      ([one, two]) => [badlySigned(one as Paid), two as Paid],
      ['settled', 'settled'],
    ],
    ['after it', ([one, two]) => [two as Paid, badlySigned(one as Paid)], ['settled', 'payment.signature']],
    [
      'two steps before',
      ([one, , three]) => [badlySigned(one as Paid), three as Paid],
      ['payment.signature', 'settled'],
    ],
    [
      'with nobody in the row who signed',
      ([one, two]) => [badlySigned(one as Paid), badlySigned(two as Paid)],
      ['payment.signature', 'payment.signature'],
    ],
    [
      'the last of three good ones',
      ([one, two, three]) => [one as Paid, two as Paid, badlySigned(three as Paid)],
      ['settled', 'settled', 'payment.signature'],
    ],
  ])('%s', async (_name, pick, says) => {
    const { ming, paid } = await row(3);
    expect(await upload(ming, ...pick(paid))).toEqual(says);
  });

  test('a stranger’s next payment signs for nothing', async () => {
    const { ming, hua, purse, paid } = await row(1);
    const forged = await purse.pay(hua, 1_00, { signer: freshSigner() });
    const own = badlySigned(paid[0] as Paid);
    expect(await upload(ming, own, forged)).toEqual(['payment.signature', 'payment.signature']);
  });

  test('a next payment that names another, or does not add up, signs for nothing', async () => {
    const { ming, hua, purse, paid } = await row(1);
    const own = badlySigned(paid[0] as Paid);
    const other = await purse.clone().pay(hua, 1_00, { previous: new Uint8Array(16).fill(7) });
    expect(await upload(ming, own, other)).toEqual(['payment.signature', 'settled']);
    const more = await row(1);
    const unlike = await more.purse.pay(hua, 1_00, { total: 9_00 });
    expect(await upload(more.ming, badlySigned(more.paid[0] as Paid), unlike)).toEqual([
      'payment.signature',
      'settled',
    ]);
  });

  test('the next payment of another purse signs for nothing', async () => {
    const one = await row(1);
    await here.topUp(one.lan, 50_00);
    const purse = await here.purse(one.lan, 50_00);
    const other = await purse.pay(one.hua, 1_00, {
      number: 2,
      total: 2_00,
      previous: (one.paid[0] as Paid).id.subarray(0, 16),
    });
    expect(await upload(one.ming, badlySigned(one.paid[0] as Paid), other)).toEqual(['payment.signature', 'settled']);
  });

  test('who signs for it must be in the book beside it', async () => {
    const { ming, purse, paid } = await row(1);
    const unknown: Trader = {
      ...ming,
      device: { ...ming.device, id: '0190f3a2-0000-7000-8000-000000000000' as never },
    };
    const toNobody = await purse.pay(unknown, 1_00);
    expect(await upload(ming, badlySigned(paid[0] as Paid), toNobody)).toEqual([
      'payment.signature',
      'payment.payee-unknown',
    ]);
    expect(await upload(ming, paid[0] as Paid, toNobody)).toEqual(['settled', 'payment.payee-unknown']);
  });

  test.each([1, 3, SIGNS_FOR_STEPS])('a fork signed for %i payments on is proved to anybody', async (steps) => {
    const { ming, hua, lan, purse, paid } = await row(0);
    const copy = purse.clone();
    for (let at = 0; at <= steps; at += 1) paid.push(await purse.pay(hua, 2_00));
    const uploaded = paid.map((one, at) => (at < steps ? badlySigned(one) : one));
    expect(new Set(await upload(ming, ...uploaded))).toEqual(new Set(['settled']));
    const fork = await copy.pay(lan, 99_00);
    expect(await upload(lan, fork)).toEqual(['arriving']);
    const [found] = await here.payments.cases(ming.wallet);
    expect(found).toMatchObject({ kind: 'fork' });
    const file = await here.payments.caseFile(ming.wallet, found?.id as never);
    const bytes = Uint8Array.from(Buffer.from((file.ok && file.value.proofs[0]?.proof) || '', 'base64url'));
    const read = readFork(bytes);
    expect(read.ok && read.value.later).toHaveLength(steps);
    const { message: keySet } = await here.regions.keySet();
    expect(verifySync(forkChecks(bytes, keySet), nodeVerifier()).ok).toBe(true);
  });

  test('the auditor names a payment whose signature is bad and for which none signs', async () => {
    const { ming, paid } = await row(2);
    await here.upload(ming, ...paid);
    const bent = 'bytes = set_byte(bytes, length(bytes) - 1, get_byte(bytes, length(bytes) - 1) # 1)';
    const findings = async () => (await auditPayments(here.database, here.clock(), here.regions.root)).findings;
    const bend = (one: Paid) => here.database.query(`update payment set ${bent} where id = $1::bytea`, [one.id]);
    const [first, last] = paid as [Paid, Paid];
    await bend(first);
    expect(await findings()).toEqual([]);
    await bend(last);
    expect((await findings()).map(({ check, row: of }) => `${check} ${of}`).sort()).toEqual(
      [first, last].map(({ name }) => `payment-signature payment ${name}`).sort(),
    );
    await bend(first);
    await bend(last);
  });
});
