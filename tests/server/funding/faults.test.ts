/**
 * Every way for money to come in and out x every story of its provider x the house killed at each of its steps, on both
 * databases, with the real sandbox process: the balance is right exactly once, in the end, whatever happened on the way.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { eachDatabase } from '#tests/kit/databases.ts';
import { type Lives, type Lot, openLives, type Turned } from '#tests/kit/lives.ts';
import { PLOTS, type Plot, unheardOf, WAYS } from '#tests/kit/plots.ts';

/**
 * The steps of one act at which the house can die: before, undone and after each transaction, and around each ask. Kept,
 * claimed, asked, heard, and the second look at what was not over then: claimed, asked, heard.
 */
const LAST_STEP = 18;
const STEPS = [...Array(LAST_STEP + 1).keys()];

/** Nobody dies. */
const unharmed = (plot: Plot): Lot => ({ plot, steps: Number.POSITIVE_INFINITY });

/** What a tester can turn at the outside world, and what it is turned back to after a while where nothing would ever end. */
const SWITCHES: readonly [what: string, turned: Turned, back?: Turned][] = [
  ['answers that take their time', { answers: 'slow' }],
  ['no answer though the work is done, for a while', { answers: 'silent' }, { answers: 'prompt' }],
  ['providers that are closed for a while', { bank: 'closed' }, { bank: 'open' }],
  ['every notice twice', { notices: 'twice' }],
  ['every notice late', { notices: 'late' }],
  ['old notices after the new ones', { notices: 'disordered' }],
  ['every notice lost', { notices: 'lost' }],
];
const USUAL = { answers: 'prompt', bank: 'open', notices: 'sent' };

/** How long what is turned back stays as it was turned. */
const WHILE_MS = 1_200;

vi.setConfig({ testTimeout: 240_000 });

eachDatabase('money through every fault', (open) => {
  let lives: Lives;
  beforeAll(async () => {
    lives = await openLives(await open());
  });
  afterAll(() => lives?.close());

  test.each(WAYS)('all stories of %s, the house dying after each of its steps', async (way) => {
    const plots = PLOTS.filter((plot) => plot.way === way);
    // Every step and every story on both databases; which story at which step takes turns between them.
    const turn = lives.kind === 'pglite' ? 0 : 1;
    const deaths = STEPS.flatMap((steps) =>
      plots.filter((_, place) => (place + steps) % 2 === turn).map((plot) => ({ plot, steps })),
    );
    const lots = [...deaths, ...plots.map(unharmed)];
    const ends = await lives.through(lots);
    expect(ends).toHaveLength(lots.length);
    // Not every end is another one that is right too: each story has also come to its own.
    const own = ends.filter(({ plot, end }) => end === plot.ends[0]).map(({ plot }) => plot);
    expect(plots.filter((plot) => !plot.isSentBack && !own.includes(plot))).toEqual([]);
  });

  test('all stories of every way, the providers dying just after they were asked, and again', async () => {
    await lives.through(PLOTS.map(unharmed), () => lives.killProviders(3, 60));
  });

  test.each(SWITCHES)('all stories of every way under %s', async (_what, turned, back) => {
    await lives.turn(turned);
    const plots = turned.notices === 'lost' ? PLOTS.map(unheardOf) : PLOTS;
    const meanwhile = async () => {
      if (back === undefined) return;
      await new Promise((resolve) => setTimeout(resolve, WHILE_MS));
      await lives.turn(back);
    };
    await lives.through(plots.map(unharmed), meanwhile).finally(() => lives.turn(USUAL));
  });
});
