/** The end of the day: statements of every provider against the books, the planted mistake found, and what clears up. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Owner, statementAudit } from '#server/funding/funding.ts';
import { readConfig } from '#server/platform/config.ts';
import type { Channel } from '#shared/api/funding.ts';
import { assert } from '#shared/base/assert.ts';
import { type Id, newId } from '#shared/base/id.ts';
import { duration } from '#shared/base/time.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { CREDIT_CARD, DEBIT_CARD, type FundingStage, openFundingStage } from '#tests/kit/funding.ts';

eachDatabase('statements', (open) => {
  let stage: FundingStage;
  let owner: Owner;
  let debit: Id;
  let credit: Id;
  beforeAll(async () => {
    stage = await openFundingStage(await open());
    owner = await stage.person(20_000_00);
    debit = await stage.bind(owner, DEBIT_CARD);
    credit = await stage.bind(owner, CREDIT_CARD);
  });
  beforeEach(() => stage.turn({ notices: 'sent', answers: 'prompt' }));
  afterAll(() => stage?.close());

  async function settle(channel: Channel | 'payout', amount: number): Promise<string> {
    const id = newId(stage.now());
    const request = { id, amount, currency: 'CNY' };
    const kept =
      channel === 'payout'
        ? await stage.funding.withdraw(owner, { ...request, card: debit })
        : await stage.funding.start(owner, {
            ...request,
            channel,
            ...(channel === 'credit-card' ? { card: credit } : {}),
          });
    assert(kept.ok, 'it is kept');
    const { reference } = kept.value;
    await stage.funding.idle();
    if (channel === 'third-party') await stage.submit(`/pay/${reference}/choose`, { choice: 'pay' });
    if (channel === 'counter') await stage.submit(`/counter/${reference}/choose`, { choice: 'pay' });
    // Before a day has passed by the sandbox's pace: what is sent back then has only been settled yet.
    await stage.pass(duration(100, 'ms'));
    return reference;
  }
  const findings = async () =>
    (await stage.funding.reconciling.findings(stage.region)).map(({ service, kind, reference, ours, theirs }) =>
      [service, kind, reference, ours, theirs].join(' '),
    );
  async function nextDay(): Promise<void> {
    await stage.pass(duration(1, 'd'));
    await stage.funding.reconciling.run();
  }

  test('a day on which all agree leaves nothing to say, however often it is looked at', async () => {
    for (const channel of ['bank-transfer', 'third-party', 'counter', 'credit-card', 'payout'] as const)
      await settle(channel, 100_00);
    await nextDay();
    await stage.funding.reconciling.run();
    expect(await findings()).toEqual([]);
    expect(await stage.database.query('select count(*)::integer as count from funding_entry')).toEqual([{ count: 5 }]);
  });

  test.each([
    ['bank-transfer', 'bank'],
    ['third-party', 'pay'],
    ['counter', 'counter'],
    ['credit-card', 'card'],
    ['payout', 'payout'],
  ] as const)(
    'the planted mistake in the statement of %s is found, counted, named, and stays',
    async (channel, service) => {
      const reference = await settle(channel, 100_77);
      const before = await findings();
      await nextDay();
      const told = await findings();
      expect(told.filter((one) => !before.includes(one))).toEqual([`${service} sum ${reference} 10077 10177`]);
      expect(stage.warnings.at(-1)).toBe('a statement differs from the books');
      await stage.funding.reconciling.run();
      expect(await findings()).toEqual(told);
      expect(await stage.funding.reconciling.counts()).toEqual([
        { region: stage.region, kind: 'sum', count: told.length },
      ]);

      const lines: string[] = [];
      const desk = {
        database: stage.database,
        config: readConfig({}),
        say: async (line: string) => void lines.push(line),
      };
      expect(await statementAudit.run(desk, [])).toBe(1);
      expect(lines.join('\n')).toContain(`${reference}: another sum (ours 10077, theirs 10177 CNY)`);
    },
  );

  test('a withdrawal returned while its notice was lost comes home by the statement', async () => {
    const before = await stage.balanceOf(owner);
    const open = await findings();
    await settle('payout', 100_52);
    expect(await stage.balanceOf(owner)).toBe(before - 100_52);
    await nextDay();
    await nextDay();
    expect(await stage.balanceOf(owner)).toBe(before);
    expect((await stage.funding.listWithdrawals(owner))[0]).toMatchObject({ state: 'returned', reason: 'AC04' });
    expect(await findings()).toEqual(open);
  });

  test('what the books hold otherwise is found, and closes by itself once both sides agree', async () => {
    const open = await findings();
    const [known, ghost] = [await settle('bank-transfer', 200_00), await settle('bank-transfer', 201_00)];
    const rename = (to: string, from: string) =>
      stage.database.query('update funding set reference = $2 where region = $1 and reference = $3', [
        stage.region,
        to,
        from,
      ]);
    const other = newId(stage.now());
    await rename(other, ghost);
    await stage.database.query("update funding set state = 'declined' where region = $1 and reference = $2", [
      stage.region,
      known,
    ]);
    await nextDay();
    const told = (await findings()).filter((one) => !open.includes(one));
    expect(told.toSorted()).toEqual(
      [
        `bank missing-there ${other} 20100 `,
        `bank state ${known} 20000 20000`,
        `bank unknown-here ${ghost}  20100`,
      ].toSorted(),
    );
    await rename(ghost, other);
    await stage.database.query("update funding set state = 'settled' where region = $1 and reference = $2", [
      stage.region,
      known,
    ]);
    await stage.funding.reconciling.run();
    expect(await findings()).toEqual(open);
  });

  test('a provider that is silent is read in a later round', async () => {
    const open = await findings();
    await settle('bank-transfer', 300_77);
    await stage.turn({ answers: 'silent' });
    await nextDay();
    expect(await findings()).toEqual(open);
    await stage.turn({ answers: 'prompt' });
    await stage.funding.reconciling.run();
    expect(await findings()).toHaveLength(open.length + 1);
  });
});
