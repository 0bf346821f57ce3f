/** The tree of settled claims, on both databases: what is settled stands under the next card, once, and a phone can see it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSignatures } from '#server/payment/signatures.ts';
import { nodeVerifier } from '#server/payment/verifier.ts';
import { fromBase64url, toBase64url, toHex } from '#shared/base/bytes.ts';
import { duration } from '#shared/base/time.ts';
import { leafHash, nodeHash } from '#shared/protocol/merkle.ts';
import { verifySync } from '#shared/protocol/signature.ts';
import { settledChecks } from '#shared/protocol/trust.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { type Market, openMarket, type Paid, type Trader } from '#tests/kit/market.ts';

function treeHash(entries: readonly Uint8Array[]): Uint8Array {
  const [first] = entries;
  if (first === undefined || entries.length === 1) return leafHash(first ?? new Uint8Array());
  let half = 1;
  while (half * 2 < entries.length) half *= 2;
  return nodeHash(treeHash(entries.slice(0, half)), treeHash(entries.slice(half)));
}

eachDatabase('settled claims', (open) => {
  let here: Market;
  beforeAll(async () => {
    here = await openMarket(await open(), { signatures: openSignatures(1), policy: { maxCount: 5000 } });
  });
  afterAll(() => here.close());

  /** What the phone of `who` finds when it asks for the proof of `paid` and checks it as it is. */
  async function looks(who: Trader, paid: Paid, payment: Uint8Array = paid.id): Promise<string> {
    const view = await here.payments.view(who.wallet, paid.id, { finality: true });
    if (!view.ok) return view.error.code;
    const { settled } = view.value;
    if (settled === undefined) return 'no proof';
    const bytes = (text: string) => fromBase64url(text) ?? new Uint8Array();
    const inclusion = { ...settled, path: settled.path.map(bytes) };
    const { message: keySet } = await here.regions.keySet();
    const checks = settledChecks(payment, { card: bytes(settled.card), inclusion }, keySet);
    const checked = verifySync(checks, nodeVerifier());
    return checked.ok ? `under a card of ${checked.value.message.region}` : checked.error.code;
  }

  async function nextCard(): Promise<void> {
    await here.payments.sealClaims();
    here.pass(duration(6, 's'));
  }

  test('a payment has its proof once a card was signed since, and nobody else’s', async () => {
    const [ming, hua] = [await here.person('小明'), await here.person('小华')];
    await here.topUp(ming, 100_00);
    const purse = await here.purse(ming, 100_00);
    const [first, second] = [await purse.pay(hua, 10_00), await purse.pay(hua, 20_00)];
    await here.upload(hua, first);
    expect(await looks(hua, first)).toBe('no proof');
    await nextCard();
    expect(await looks(hua, first)).toBe('under a card of CN-SX');
    expect(await looks(ming, first)).toBe('under a card of CN-SX');
    expect(await looks(hua, first, second.id)).toBe('finality.not-under-card');
    await here.upload(ming, second, first);
    await nextCard();
    for (const paid of [first, second]) expect(await looks(hua, paid)).toBe('under a card of CN-SX');
  });

  test('a payment into another region stands in the tree of its payee’s region alone', async () => {
    const [ming, lan] = [await here.person('小明'), await here.person('阿兰', 'CN-BJ')];
    await here.topUp(ming, 50_00);
    const paid = await (await here.purse(ming, 50_00)).pay(lan, 30_00);
    await here.upload(lan, paid);
    await nextCard();
    expect(await looks(lan, paid)).toBe('under a card of CN-BJ');
    const places = await here.database.query('select region from payment_claim where payment = $1::bytea', [paid.id]);
    expect(places).toEqual([{ region: 'CN-BJ' }]);
  });

  test('what the guarantee paid stands there when it is spendable, what was voided never, what was given back keeps its place', async () => {
    const [ming, hua, lan] = [await here.person('小明'), await here.person('小华'), await here.person('阿兰')];
    await here.topUp(ming, 100_00);
    const purse = await here.purse(ming, 100_00);
    const copy = purse.clone();
    const [whole, short] = [await purse.pay(hua, 80_00), await copy.pay(lan, 70_00)];
    const voided = await purse.pay(hua, 5_00);
    await here.payments.takeReceipts(hua.wallet, [await here.receipt(hua, voided.id, 'void')]);
    await here.upload(hua, whole, voided);
    await here.upload(lan, short);
    await nextCard();
    expect(await looks(hua, whole)).toBe('under a card of CN-SX');
    expect(await looks(lan, short)).toBe('no proof');
    expect(await looks(hua, voided)).toBe('no proof');
    await here.payments.takeReceipts(hua.wallet, [await here.receipt(hua, whole.id, 'void')]);
    here.pass(duration(20, 'd'));
    await here.payments.ripen();
    await nextCard();
    expect(await looks(lan, short)).toBe('under a card of CN-SX');
    // The house gives no proof of what no longer stands; the tree still says that it was settled.
    expect(await looks(hua, whole)).toBe('no proof');
    const kept = await here.database.query('select 1 as one from payment_claim where payment = $1::bytea', [whole.id]);
    expect(kept).toHaveLength(1);
  });

  test('the root is that of all claims in their order, over many rows of hashes and however often it is sealed', async () => {
    const [ming, hua] = [await here.person('小明'), await here.person('小华')];
    await here.topUp(ming, 1000_00);
    const purse = await here.purse(ming, 1000_00);
    const paid: Paid[] = [];
    for (let at = 0; at < 700; at += 1) paid.push(await purse.pay(hua, 1_00));
    for (let at = 0; at < paid.length; at += 90) {
      await here.upload(hua, ...paid.slice(at, at + 90));
      await Promise.all([here.payments.sealClaims(), here.payments.sealClaims()]);
    }
    await nextCard();
    const claims = await here.database.query<{ payment: Uint8Array; place: number }>(
      `select payment, place from payment_claim where region = 'CN-SX' order by place`,
    );
    expect(claims.map((row) => row.place)).toEqual(claims.map((_, place) => place));
    expect(new Set(claims.map((row) => toBase64url(row.payment))).size).toBe(claims.length);
    const { message: card } = await here.regions.epoch('CN-SX');
    expect(toHex(card.claims ?? new Uint8Array())).toBe(toHex(treeHash(claims.map((row) => row.payment))));
    for (const at of [0, 1, 255, 256, 511, 512, 699]) {
      expect(await looks(hua, paid[at] as Paid)).toBe('under a card of CN-SX');
    }
  });
});
