/**
 * What a hundred thousand bills cost a phone that has them: the app's own code over the database of a real browser. A
 * page, a search and the sums of a month; as the machine is, and with its CPU slowed four times.
 */
import Fastify from 'fastify';
import { chromium, type Page } from 'playwright';
import { build } from 'vite';
import { manyBills } from '#tests/kit/bills.ts';
import type { BillsPage } from '#tests/load/bills-page.ts';

const BILLS = 100_000;
const ROUNDS = 9;
const SLOWER = 4;
/** Nothing in a hundred thousand bills has it but one: the search has to look at every day. */
const RARE = '独一无二';

declare const billsPage: BillsPage;

function report(name: string, value: number, unit: string, more: Record<string, number | string>): void {
  console.log(JSON.stringify({ name, value, unit, ...more }));
}

function middle(times: readonly number[]): number {
  const found = [...times].sort((left, right) => left - right)[Math.floor(times.length / 2)] ?? Number.NaN;
  return Math.round(found * 10) / 10;
}

/** The page's part as one script. */
async function script(): Promise<string> {
  const made = await build({
    configFile: false,
    logLevel: 'silent',
    root: import.meta.dirname,
    build: { write: false, lib: { entry: 'bills-page.ts', formats: ['es'], fileName: 'page' } },
  });
  const [output] = Array.isArray(made) ? made : [made];
  const chunk = output && 'output' in output ? output.output[0] : undefined;
  if (chunk === undefined || !('code' in chunk)) throw new Error('no script of the bench was made');
  return chunk.code;
}

async function withPage(work: (page: Page, slow: (rate: number) => Promise<void>) => Promise<void>): Promise<void> {
  const code = await script();
  const all = manyBills(BILLS, Date.now());
  const oldest = all[7];
  if (oldest?.peer) all[7] = { ...oldest, memo: RARE };
  const app = Fastify();
  app.get('/', (_request, reply) =>
    reply.type('text/html').send('<!doctype html><script type="module" src="/page.js"></script>'),
  );
  app.get('/page.js', (_request, reply) => reply.type('text/javascript').send(code));
  app.get<{ Querystring: { after: string; limit: string; count: string } }>('/bills', async ({ query }) => {
    const [after, limit, count] = [Number(query.after), Number(query.limit), Number(query.count)];
    const bills = all.slice(after, Math.min(after + limit, count));
    return { bills, cursor: after + bills.length, more: after + bills.length < count };
  });
  const origin = await app.listen({ port: 0, host: 'localhost' });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  });
  try {
    const page = await browser.newPage();
    await page.goto(origin, { waitUntil: 'networkidle' });
    const devtools = await page.context().newCDPSession(page);
    const slow = async (rate: number) => {
      await devtools.send('Emulation.setCPUThrottlingRate', { rate });
    };
    await work(page, slow);
  } finally {
    await browser.close();
    await app.close();
  }
}

/** The middle of some rounds of each question; the first, with nothing in memory, stands by itself. */
async function questions(page: Page): Promise<Record<'firstPage' | 'laterPage' | 'monthTotals' | 'month', number[]>> {
  const times = {
    firstPage: [] as number[],
    laterPage: [] as number[],
    monthTotals: [] as number[],
    month: [] as number[],
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    times.firstPage.push(await page.evaluate(() => billsPage.firstPage()));
    times.laterPage.push(await page.evaluate(() => billsPage.laterPage()));
    times.monthTotals.push(await page.evaluate(() => billsPage.monthTotals()));
    times.month.push(await page.evaluate(() => billsPage.month()));
  }
  return times;
}

async function searches(page: Page, text: string): Promise<{ times: number[]; found: number }> {
  const times: number[] = [];
  let found = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const one = await page.evaluate((asked) => billsPage.search(asked), text);
    times.push(one.ms);
    ({ found } = one);
  }
  return { times, found };
}

async function bills(): Promise<void> {
  await withPage(async (page, slow) => {
    await page.evaluate(([count]) => billsPage.fill(count), [BILLS] as const);
    const usual = await questions(page);
    const cold = await searches(page, RARE);
    const hold = await page.evaluate(() => billsPage.hold());
    const rare = await searches(page, RARE);
    const initials = await searches(page, 'jwmg lwdxm');
    await slow(SLOWER);
    const slowed = await questions(page);
    const slowedHold = await page.evaluate(() => billsPage.hold());
    const slowedRare = await searches(page, RARE);
    const rounded = (number: number) => Math.round(number * 10) / 10;
    const one = (name: string, key: keyof typeof usual) =>
      report(name, middle(usual[key]), 'ms', {
        slower4x: middle(slowed[key]),
        worst: rounded(Math.max(...usual[key])),
      });
    one('bills.firstPage.ms', 'firstPage');
    one('bills.laterPage.ms', 'laterPage');
    one('bills.monthTotals.ms', 'monthTotals');
    one('bills.month.ms', 'month');
    report('bills.search.ms', middle(rare.times), 'ms', {
      ...{ slower4x: middle(slowedRare.times), worst: rounded(Math.max(...rare.times)), found: rare.found },
      ...{ unprepared: middle(cold.times), prepare: rounded(hold), slowedPrepare: rounded(slowedHold) },
      ...{ initials: middle(initials.times), initialsFound: initials.found },
    });
  });
}

/** The benches of this file. */
export const benches = {
  'bills (bills.firstPage.ms, bills.laterPage.ms, bills.monthTotals.ms, bills.month.ms, bills.search.ms)': bills,
};
