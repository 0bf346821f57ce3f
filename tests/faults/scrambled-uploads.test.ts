/**
 * Uploads that come doubled, out of order, cut off at any byte and split into any requests, from either phone: what the
 * house has written in the end is, to the letter, what it writes when everything comes once and in order.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database } from '#server/platform/database.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { report, size } from '#tests/kit/fault-report.ts';
import { type Market, openMarket, type Paid, type Purse, type Trader } from '#tests/kit/market.ts';

const CASES = size(25, 5_000);
const PAYMENTS = 6;
/** After so many cases others live on: every purse is weighed against all that its owner had that day, and here it is one day. */
const CASES_OF_A_LIFE = 100;

/** People who live the same lives as those of the other world, but for how their uploads come. */
interface World {
  readonly payer: Trader;
  readonly payees: readonly Trader[];
}

/** One request: which payments it carries, how often each, who sends it; `cut` bytes of each are left when it is broken off. */
interface Request {
  readonly payments: readonly number[];
  readonly times: number;
  readonly byPayer: boolean;
  readonly cut: number | undefined;
}

/** How far the journal of a region has come. */
interface JournalEnd {
  readonly region: string;
  readonly cursor: number;
}

const requests = fc.array(
  fc.record<Request>({
    payments: fc.array(fc.nat(PAYMENTS - 1), { minLength: 1, maxLength: PAYMENTS }),
    times: fc.integer({ min: 1, max: 5 }),
    byPayer: fc.boolean(),
    cut: fc.option(fc.nat(), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 6 },
);
const amounts = fc.array(fc.integer({ min: 17, max: 99 }), { minLength: PAYMENTS, maxLength: PAYMENTS });

eachDatabase('scrambled uploads', (open) => {
  let market: Market;
  let database: Database;
  let inOrder: World;
  let scrambled: World;

  beforeAll(async () => {
    database = await open();
    market = await openMarket(database);
    inOrder = await openWorld();
    scrambled = await openWorld();
  });
  afterAll(() => market?.close());

  async function openWorld(): Promise<World> {
    const [payer, near, other] = [
      await market.person('小明'),
      await market.person('小华'),
      await market.person('阿兰'),
    ];
    const far = await market.person('北北', 'CN-BJ');
    await market.topUp(payer, 100_000_00);
    return { payer, payees: [near, other, far] };
  }

  /** A purse that `amounts` use up to the last fen, so that the next case gets a new one. */
  async function spend(world: World, amounts: readonly number[]): Promise<{ purse: Purse; paid: Paid[] }> {
    const purse = await market.purse(
      world.payer,
      amounts.reduce((sum, one) => sum + one, 0),
    );
    const paid: Paid[] = [];
    for (const [at, amount] of amounts.entries()) {
      const payee = world.payees[at % world.payees.length] ?? world.payer;
      paid.push(await purse.pay(payee, amount));
    }
    return { purse, paid };
  }

  /** Where each region's journal ends now. */
  async function ends(): Promise<readonly JournalEnd[]> {
    return await database.query<JournalEnd>('select region, cursor from ledger_journal_end');
  }

  /**
   * Everything the house wrote about these payments after `since` and what these people have, with names instead of
   * numbers. Who looked through the whole journal would look longer in each of five thousand cases than in the one before.
   */
  async function told(
    world: World,
    purse: Purse,
    paid: readonly Paid[],
    since: readonly JournalEnd[],
  ): Promise<string> {
    const names = paid.map((one) => one.name);
    const transfers = await database.query(
      `select t.region, t.kind, t.about, t.reverses, array_agg(array[m.debit, m.credit, m.amount::text] order by m.line) as moves
       from unnest($2::text[], $3::bigint[]) as e (region, cursor)
         join ledger_transfer t on t.region = e.region and t.cursor > e.cursor
         join ledger_move m on m.region = t.region and m.cursor = t.cursor
       where t.about->>'payment' = any($1::text[]) group by t.region, t.id, t.kind, t.about, t.reverses
       order by array_position($1::text[], t.about->>'payment'), t.region, t.kind`,
      [names, since.map((one) => one.region), since.map((one) => one.cursor)],
    );
    const payments = await database.query(
      `select state, number, amount, held, guaranteed, late from payment where id = any($1::bytea[]) order by number`,
      [paid.map((one) => one.id)],
    );
    const purses = await Promise.all([world.payer, ...world.payees].map((one) => market.purseOf(one)));
    const text = JSON.stringify({ transfers, payments, purses }, null, 1);
    const [hold] = await database.query<{ id: string }>('select id from allowance where reference = $1', [
      purse.allowance.id.slice(0, 16),
    ]);
    const called: [string, string][] = [
      ...names.map((name, at): [string, string] => [name, `payment ${at}`]),
      ...[world.payer, ...world.payees].map((one): [string, string] => [one.wallet, one.name]),
      ...(hold ? [[hold.id, 'purse'] as [string, string]] : []),
    ];
    return called.reduce((so, [id, name]) => so.replaceAll(id, name), text);
  }

  test(`${CASES} times the same books as in order`, async () => {
    const figures = { uploads: 0, truncated: 0 };
    let cases = 0;
    const property = fc.asyncProperty(amounts, requests, async (sums, road) => {
      cases += 1;
      if (cases % CASES_OF_A_LIFE === 0) [inOrder, scrambled] = [await openWorld(), await openWorld()];
      const since = await ends();
      const straight = await spend(inOrder, sums);
      for (const one of straight.paid) await market.upload(inOrder.payer, one);
      const bent = await spend(scrambled, sums);
      const [payee = scrambled.payer] = scrambled.payees;
      for (const { payments, times, byPayer, cut } of road) {
        const who = byPayer ? scrambled.payer : payee;
        const some = payments
          .flatMap((at) => Array.from({ length: times }, () => bent.paid[at]))
          .filter((one) => !!one);
        figures.uploads += some.length;
        if (cut === undefined) await market.upload(who, ...some);
        else {
          figures.truncated += some.length;
          const broken = some.map((one) => one.bytes.subarray(0, cut % one.bytes.length));
          const answers = await market.payments.reconcile(who.wallet, broken);
          expect(answers.every((one) => one.outcome === 'refused')).toBe(true);
        }
      }
      // In the end both phones have had signal: everything comes once more, backwards.
      await market.upload(scrambled.payer, ...bent.paid.toReversed());
      const asInOrder = await told(inOrder, straight.purse, straight.paid, since);
      expect(await told(scrambled, bent.purse, bent.paid, since)).toBe(asInOrder);
    });
    await fc.assert(property, { numRuns: CASES, endOnFailure: true });
    expect(await market.faults()).toEqual([]);
    expect(figures.truncated).toBeGreaterThan(0);
    report(`F6 scrambled uploads, ${database.kind}`, CASES, { ...figures, different: 0 });
  }, 3_600_000);

  test('cut off at each of its bytes a payment is refused, and nothing is written', async () => {
    const { paid } = await spend(scrambled, [3_00]);
    const before = await market.books();
    const [whole] = paid;
    if (!whole) throw new Error('nothing was paid');
    const cuts = Array.from(whole.bytes, (_, length) => whole.bytes.subarray(0, length));
    const answers = await market.payments.reconcile(scrambled.payer.wallet, cuts);
    expect(answers.filter((one) => one.outcome !== 'refused')).toEqual([]);
    expect(await market.books()).toBe(before);
    expect(await market.upload(scrambled.payer, whole)).toMatchObject([{ outcome: 'settled' }]);
  });
});
