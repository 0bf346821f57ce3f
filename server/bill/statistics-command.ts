/**
 * `npm run statistics -- REGION YYYY-MM-DD`: how wallets of a region were used on a day (UTC), kind by kind.
 * Invariant: only people who agree to it now are counted, and no figure is told of fewer than five of them.
 */
import { readConsenting } from '#server/account/account.ts';
import { readUse, type UseRow } from '#server/bill/store.ts';
import type { Command } from '#server/platform/command.ts';
import type { Database } from '#server/platform/database.ts';
import { BEFORE_ALL } from '#shared/base/id.ts';
import { duration } from '#shared/base/time.ts';
import { isCurrency } from '#shared/money/currency.ts';
import { money, toDecimal } from '#shared/money/money.ts';

const USAGE = 'npm run statistics -- REGION YYYY-MM-DD';

/** Fewer people than these could be told from one another. */
const FEWEST_PEOPLE = 5;

/** People counted in one question. */
const AT_ONCE = 1_000;

/** Ends with 0 when it has told them; what too few people did is said to be left out. */
export const statisticsCommand: Command = {
  name: 'statistics',
  book: 'bill',
  run: async ({ database, say }, words) => {
    const [region = '', day = '', ...more] = words;
    const from = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
    if (region === '' || !Number.isSafeInteger(from) || more.length > 0) throw new Error(USAGE);
    const { people, use } = await countUse(database, region, from);
    if (people < FEWEST_PEOPLE) {
      await say(`${region} ${day}: fewer than ${FEWEST_PEOPLE} people agree to figures of use.`);
      return 0;
    }
    await say(`${region} ${day}: of ${people} people who agree to figures of use.`);
    const [told, few] = [
      use.filter((row) => row.people >= FEWEST_PEOPLE),
      use.filter((row) => row.people < FEWEST_PEOPLE),
    ];
    for (const row of told) await say(lineOf(row));
    if (few.length > 0) await say(`Left out, done by fewer than ${FEWEST_PEOPLE}: ${few.map(nameOf).join(', ')}.`);
    return 0;
  },
};

async function countUse(database: Database, region: string, from: number): Promise<{ people: number; use: UseRow[] }> {
  const until = from + duration(1, 'd');
  const totals = new Map<string, UseRow>();
  let people = 0;
  let after = BEFORE_ALL;
  for (;;) {
    const wallets = await readConsenting(database, region, after, AT_ONCE);
    // Nobody is in two of these groups, so people add up as their bills do.
    for (const row of await readUse(database, { region, wallets, from, until })) {
      const before = totals.get(nameOf(row));
      const bills = (before?.bills ?? 0) + row.bills;
      const sum = (before?.sum ?? 0) + row.sum;
      totals.set(nameOf(row), { ...row, people: (before?.people ?? 0) + row.people, bills, sum });
    }
    people += wallets.length;
    const last = wallets.at(-1);
    if (last === undefined || wallets.length < AT_ONCE) break;
    after = last;
  }
  const use = [...totals.values()].sort((left, right) => (nameOf(left) < nameOf(right) ? -1 : 1));
  return { people, use };
}

function nameOf({ kind, direction, currency }: UseRow): string {
  return [kind, ...(direction === 'neutral' ? [] : [direction]), currency].join(' ');
}

function lineOf(row: UseRow): string {
  const sum = isCurrency(row.currency) ? toDecimal(money(row.sum, row.currency)) : String(row.sum);
  return `${nameOf(row)}: ${row.people} people, ${row.bills} bills, ${sum}`;
}
