/** A look at a provider that was overtaken by the next one: what it heard comes too late, for that one undid it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '#shared/base/id.ts';
import { duration } from '#shared/base/time.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { CREDIT_CARD, type FundingStage, openFundingStage } from '#tests/kit/funding.ts';

/** Long enough for the first look to book what it heard, were it let to. */
const BOOKED_MS = 300;

eachDatabase('a look that was overtaken', (open) => {
  let stage: FundingStage;
  const heard = Promise.withResolvers<void>();
  const overtaken = Promise.withResolvers<void>();
  beforeAll(async () => {
    stage = await openFundingStage(await open(), (doors) => ({
      ...doors,
      'credit-card': {
        ...doors['credit-card'],
        // The network has answered in time, and the process stands still before it books that.
        ask: async (order) => {
          const word = await doors['credit-card'].ask(order);
          heard.resolve();
          await overtaken.promise;
          return word;
        },
        query: async (order) => {
          const word = await doors['credit-card'].query(order);
          overtaken.resolve();
          await new Promise((resolve) => setTimeout(resolve, BOOKED_MS));
          return word;
        },
      },
    }));
  });
  afterAll(() => stage?.close());

  test('a charge that was reversed meanwhile does not arrive, though its own answer said yes', async () => {
    const owner = await stage.person();
    const card = await stage.bind(owner, CREDIT_CARD);
    const id = newId(stage.now());
    const asked = stage.funding.start(owner, { id, channel: 'credit-card', amount: 100_00, currency: 'CNY', card });
    await heard.promise;
    await stage.pass(duration(30, 's'));
    await asked;
    const read = await stage.funding.read(owner, id);
    expect(read).toMatchObject({ ok: true, value: { state: 'declined', reason: '68' } });
    expect(await stage.balanceOf(owner)).toBe(0);
  });
});
