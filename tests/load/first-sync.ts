/**
 * What the past of an old wallet costs a new phone: the real app with its list of bills open, while a hundred thousand
 * bills come by the feed. The longest task of the screen's thread, as the machine is and with its CPU slowed four times;
 * and slowed once more with the turn at the core a phone gives it, for here the house, its database and the worker want
 * the same two cores.
 */
import { setPriority } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { manyBills } from '#tests/kit/bills.ts';
import { startHouse } from '#tests/kit/house.ts';
import { giveThePast } from '#tests/kit/past.ts';
import { openPerson, type Person } from '#tests/kit/person.ts';
import { register, synced } from '#tests/kit/story.ts';
import { watchTasks } from '#tests/load/phone.ts';

const BILLS = 100_000;
const SLOWER = 4;
/** Bills after which a trace ends and the next begins: one of all of them would be larger than a text can be. */
const TRACED = 10_000;
/** How Android ranks the screen's thread of the app in front (THREAD_PRIORITY_TOP_APP_BOOST in its ActivityManager). */
const IN_FRONT = -10;
/** Between two looks at how far the phone is: each is a task of the screen's thread as well. */
const LOOK_MS = 1_000;

interface TraceEvent {
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Thread time of the task in microseconds: what it took of the CPU, whoever else wanted it. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** A task longer than this is a long one (W3C Long Tasks), in milliseconds. */
const LONG = 50;

/** The CPU time of the longest task of the page's own thread in a trace, and of all long ones, in milliseconds. */
function longTasks(trace: Buffer): { readonly longest: number; readonly long: readonly number[] } {
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] };
  const mains = new Set(
    traceEvents
      .filter(({ ph, args }) => ph === 'M' && args?.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const tasks = traceEvents.filter(({ pid, tid, tdur }) => tdur !== undefined && mains.has(`${pid} ${tid}`));
  const times = tasks.map(({ tdur = 0 }) => tdur / 1_000);
  return { longest: times.reduce((most, time) => Math.max(most, time), 0), long: times.filter((time) => time > LONG) };
}

interface Measured {
  /** The longest task by the CPU it took, in ms, of all traces; between two of them some go unseen. */
  readonly longest: number;
  /** Tasks over 50 ms by the CPU they took, in ms. */
  readonly byCpu: readonly number[];
  /** Tasks over 50 ms by the clock (W3C Long Tasks), in ms: a busy machine makes any task long. */
  readonly byClock: readonly number[];
  readonly seconds: number;
}

/** A phone as it is measured: its CPU so many times slower, its screen's thread with the others or before them. */
interface Phone {
  readonly rate: number;
  readonly isInFront?: true;
}
const PHONES: readonly Phone[] = [{ rate: 1 }, { rate: SLOWER }, { rate: SLOWER, isInFront: true }];

/** Gives the screens' threads their rank; only the machine's owner may (on Linux a process's own thread has its id). */
async function putInFront({ context }: Person): Promise<void> {
  const devtools = await context.browser()?.newBrowserCDPSession();
  const { processInfo = [] } = (await devtools?.send('SystemInfo.getProcessInfo')) ?? {};
  for (const { id, type } of processInfo) if (type === 'renderer') setPriority(id, IN_FRONT);
}

/** A new phone with its list of bills open, to which the whole past comes. */
async function firstSync(origin: string, person: Person, { rate, isInFront }: Phone): Promise<Measured> {
  const past = await giveThePast(person, manyBills(BILLS, Date.now()));
  const { page, context } = person;
  await page.goto(`${origin}/bills`, { waitUntil: 'networkidle' });
  if (isInFront) await putInFront(person);
  const devtools = await context.newCDPSession(page);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate });
  const long = await watchTasks(page);
  const browser = context.browser();
  if (!browser) throw new Error('a browser is needed to trace its tasks');
  const traced: ReturnType<typeof longTasks>[] = [];
  const started = performance.now();
  await past.begin();
  for (let cursor = 0; cursor < past.last; ) {
    await browser.startTracing(page, { categories: ['toplevel', '__metadata'] });
    const end = Math.min(cursor + TRACED, past.last);
    while (cursor < end) {
      await pause(LOOK_MS);
      cursor = await past.cursor();
    }
    traced.push(longTasks(await browser.stopTracing()));
  }
  const seconds = (performance.now() - started) / 1_000;
  return {
    longest: Math.max(...traced.map(({ longest }) => longest)),
    byCpu: traced.flatMap(({ long }) => long),
    byClock: await long(),
    seconds,
  };
}

async function bench(): Promise<void> {
  const house = await startHouse({ build: true });
  const phones = process.getuid?.() === 0 ? PHONES : PHONES.filter(({ isInFront }) => !isInFront);
  const measured: Measured[] = [];
  try {
    for (const [at, phone] of phones.entries()) {
      const person = await openPerson(`new-${at}`, { origin: house.origin, prf: false });
      try {
        await register(house, person, { called: 'Li Ming', phone: `1380013900${at}`, region: 'CN-SX' });
        await synced(person);
        measured.push(await firstSync(house.origin, person, phone));
      } finally {
        await person.close();
      }
    }
  } finally {
    await house.stop();
  }
  const [usual, slowed, front] = measured;
  const rounded = (number = Number.NaN) => Math.round(number * 10) / 10;
  const told = (name: string, one: Measured | undefined) =>
    one && {
      [name]: {
        ...{ longest: rounded(one.longest), over50: one.byCpu.length, over50ByClock: one.byClock.length },
        ...{ longestByClock: Math.max(0, ...one.byClock), seconds: rounded(one.seconds) },
      },
    };
  console.log(
    JSON.stringify({
      ...{ name: 'bills.firstSync.longestTask.ms', value: rounded(usual?.longest), unit: 'ms', bills: BILLS },
      ...{ ...told('usual', usual), ...told('slower4x', slowed), ...told('slower4xInFront', front) },
    }),
  );
}

/** The benches of this file. */
export const benches = { 'bills.firstSync.longestTask.ms': bench };
