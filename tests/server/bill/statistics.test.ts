/** Figures of use: of those alone whose switch is on, of no fewer than five, and gone for whoever turns it off or leaves it off. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { statisticsCommand } from '#server/bill/bill.ts';
import type { Desk } from '#server/platform/command.ts';
import { type Duration, duration, instant } from '#shared/base/time.ts';
import { fund, openStage, type Stage } from '#tests/attack/stage.ts';
import { freshPostgres } from '#tests/kit/databases.ts';
import { good, type Member, openMember } from '#tests/kit/member.ts';

describe.each(['pglite', 'postgres'] as const)('on %s', (kind) => {
  let stage: Stage;
  let now = Date.parse('2026-11-26T23:40:00Z');
  const people: Member[] = [];
  const agree = (who: Member | undefined, analytics: boolean) =>
    good((who as Member).ask('PUT', '/account/consent', { analytics }));

  async function figures(...words: string[]): Promise<string[]> {
    const said: string[] = [];
    const desk = { database: stage.house.database, say: async (line: string) => said.push(line) } as unknown as Desk;
    expect(await statisticsCommand.run(desk, words)).toBe(0);
    return said;
  }

  beforeAll(async () => {
    const databaseUrl = kind === 'postgres' ? await freshPostgres() : undefined;
    stage = await openStage(databaseUrl === undefined ? {} : { databaseUrl }, () => instant(now));
    for (let count = 0; count < 7; count += 1) {
      now += duration(1, 'min') as Duration;
      const who = await openMember(stage.place, { phone: `1390071002${count}`, name: '常用' });
      await fund(stage, who, 100_00 + count);
      await good(who.ask('GET', '/bills'));
      people.push(who);
    }
  });
  afterAll(() => stage.close());

  test('nobody is counted who has not said yes, and nothing is told of four', async () => {
    expect(await figures('CN-SX', '2026-11-26')).toEqual([
      'CN-SX 2026-11-26: fewer than 5 people agree to figures of use.',
    ]);
    for (const who of people.slice(0, 4)) await agree(who, true);
    expect(await figures('CN-SX', '2026-11-26')).toEqual([
      'CN-SX 2026-11-26: fewer than 5 people agree to figures of use.',
    ]);
  });

  test('of five it is told how many they were, how often and how much; of one of them nothing', async () => {
    await agree(people[4], true);
    await fund(stage, people[0] as Member, 7_00);
    await good((people[0] as Member).ask('GET', '/bills'));
    expect(await figures('CN-SX', '2026-11-26')).toEqual([
      'CN-SX 2026-11-26: of 5 people who agree to figures of use.',
      'top-up CNY: 5 people, 6 bills, 507.10',
    ]);
    expect(await figures('CN-SX', '2026-11-25')).toEqual([
      'CN-SX 2026-11-25: of 5 people who agree to figures of use.',
    ]);
    expect(await figures('CN-BJ', '2026-11-26')).toEqual([
      'CN-BJ 2026-11-26: fewer than 5 people agree to figures of use.',
    ]);
    await agree(people[5], true);
    await agree(people[6], true);
    now += duration(25, 'min') as Duration;
    for (const who of people.slice(0, 4)) {
      await fund(stage, who, 1_00);
      await good(who.ask('GET', '/bills'));
    }
    expect(await figures('CN-SX', '2026-11-27')).toEqual([
      'CN-SX 2026-11-27: of 7 people who agree to figures of use.',
      'Left out, done by fewer than 5: top-up CNY.',
    ]);
  });

  test('whoever turns it off is counted no more, of no day', async () => {
    now += duration(1, 's') as Duration;
    for (const who of people.slice(4)) await agree(who, false);
    expect(await figures('CN-SX', '2026-11-26')).toEqual([
      'CN-SX 2026-11-26: fewer than 5 people agree to figures of use.',
    ]);
  });

  test.each([[[]], [['CN-SX']], [['CN-SX', '26.11.2026']], [['CN-SX', '2026-11-26', 'more']]])(
    '%o is no question',
    async (words) => {
      await expect(figures(...words)).rejects.toThrow('npm run statistics -- REGION YYYY-MM-DD');
    },
  );
});
