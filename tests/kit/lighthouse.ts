/** What Lighthouse says of a screen as somebody's own phone has it: the published program, over the profile of a phone that was killed. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { ensureLighthouse } from '#server/setup/lighthouse.mjs';
import { BROWSER_FLAGS } from '#tests/kit/person.ts';

const CATEGORIES = ['performance', 'accessibility', 'best-practices'] as const;
const READY_MS = 15_000;
/** A phone of today's middle is played by slowing the machine down so much, and what holds it longer than this can be felt. */
const SLOWDOWN = 4;
const LONG_MS = 50;
/** Lighthouse's word for a record without a beginning. */
const NOTHING_SEEN = 'NO_NAVSTART';
const BLOCKING = 'total-blocking-time';
/** By how much of it Lighthouse gives 90 and 50 points. */
const CURVE = { p10: 200, median: 600 };

/** What was said of a screen. */
export interface Verdict {
  /**
   * Of a hundred each. Performance is told as of a machine without company: how long the screen holds the phone is counted
   * as Lighthouse counts it, but by what the processor worked, not by the clock that goes on while others work.
   */
  readonly points: Readonly<Record<(typeof CATEGORIES)[number], number>>;
  /** What took points away, one line each. */
  readonly losses: readonly string[];
  /** The errors the screen printed where only its makers look, and of what. */
  readonly printed: readonly string[];
}

/** Lighthouse before one browser. */
export interface Lighthouse {
  /** What it says of a screen; nothing when the browser's record of it was lost, as happens on a busy machine. */
  look(url: string): Promise<Verdict | undefined>;
  close(): Promise<void>;
}

interface Printed {
  readonly description?: string;
  readonly sourceLocation?: { readonly url?: string };
}

/** The parts of a report that are used. */
interface Report {
  readonly runtimeError?: { readonly code: string; readonly message: string };
  readonly categories: Readonly<
    Record<
      string,
      { readonly score: number; readonly auditRefs: readonly { readonly id: string; readonly weight: number }[] }
    >
  >;
  readonly audits: Readonly<
    Record<
      string,
      {
        readonly score: number | null;
        readonly displayValue?: string;
        readonly details?: { readonly items?: readonly Printed[] };
      }
    >
  >;
}

/** One stretch of work in a trace; times in microseconds. */
interface Stretch {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args: { readonly data?: { readonly documentLoaderURL?: string } };
}

interface Artifacts {
  readonly Trace: { readonly traceEvents: readonly Stretch[] };
}

interface Scoring {
  readonly Audit: { computeLogNormalScore(curve: typeof CURVE, value: number): number };
}

type Run = (url: string, flags: object) => Promise<{ readonly lhr: Report; readonly artifacts: Artifacts } | undefined>;

/** Opens the profile of a phone that was killed in a browser of Lighthouse's own. */
export async function openLighthouse(profile: string): Promise<Lighthouse> {
  const program = pathToFileURL(ensureLighthouse());
  const { default: run } = (await import(program.href)) as { readonly default: Run };
  const { Audit } = (await import(new URL('audits/audit.js', program).href)) as Scoring;
  const portFile = join(profile, 'DevToolsActivePort');
  rmSync(portFile, { force: true });
  const browser = spawn(
    process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    ['--headless=new', '--remote-debugging-port=0', `--user-data-dir=${profile}`, ...BROWSER_FLAGS, 'about:blank'],
    { stdio: 'ignore', detached: true },
  );
  const gone = new Promise<void>((resolve) => browser.once('exit', () => resolve()));
  const end = () => {
    // The whole group: a child that outlives its browser would go on writing to the profile.
    if (browser.pid !== undefined && browser.exitCode === null) process.kill(-browser.pid, 'SIGKILL');
  };
  process.once('exit', end);
  const port = await portIn(portFile);
  return {
    async look(url) {
      // What the phone holds stays: a wallet whose vault was cleared first is nobody's.
      const flags = { port, logLevel: 'error', onlyCategories: CATEGORIES, disableStorageReset: true };
      const done = await run(url, { ...flags, disableFullPageScreenshot: true });
      if (done?.lhr.runtimeError?.code === NOTHING_SEEN) return undefined;
      if (!done || done.lhr.runtimeError) throw new Error(done?.lhr.runtimeError?.message ?? 'no report');
      const held = heldIn(done.artifacts.Trace.traceEvents);
      return verdictOf(done.lhr, held, Audit.computeLogNormalScore(CURVE, held));
    },
    async close() {
      process.removeListener('exit', end);
      end();
      await gone;
    },
  };
}

/** The port the browser chose: it writes it into its profile. */
async function portIn(file: string): Promise<number> {
  for (const until = Date.now() + READY_MS; Date.now() < until; await pause(50)) {
    const port = existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : 0;
    if (port > 0) return port;
  }
  throw new Error('the browser did not open');
}

function verdictOf({ categories, audits }: Report, held: number, heldScore: number): Verdict {
  const scores: Report['audits'] = {
    ...audits,
    [BLOCKING]: { score: heldScore, displayValue: `${held} ms worked, by the clock ${audits[BLOCKING]?.displayValue}` },
  };
  const points = CATEGORIES.map((name) => {
    const refs =
      categories[name]?.auditRefs.filter(({ id, weight }) => weight > 0 && typeof scores[id]?.score === 'number') ?? [];
    const whole = refs.reduce((sum, { weight }) => sum + weight, 0);
    return [
      name,
      Math.round((100 * refs.reduce((sum, { id, weight }) => sum + weight * (scores[id]?.score ?? 0), 0)) / whole),
    ];
  });
  const losses = Object.values(categories)
    .flatMap(({ auditRefs }) => auditRefs)
    .filter(({ id, weight }) => weight > 0 && (scores[id]?.score ?? 1) < 0.995)
    .map(({ id }) => `${id}: ${scores[id]?.displayValue ?? scores[id]?.score}`);
  const printed = audits['errors-in-console']?.details?.items?.map(
    ({ description, sourceLocation }) => `${sourceLocation?.url}: ${description}`,
  );
  return { points: Object.fromEntries(points), losses, printed: printed ?? [] };
}

/** Milliseconds from the first picture on by which work on the screen's thread is too long on that phone. */
function heldIn(events: readonly Stretch[]): number {
  const opened = events.findLast((one) => one.name === 'navigationStart' && one.args.data?.documentLoaderURL);
  const drawn = events.find(
    ({ name, pid, ts }) => name === 'firstContentfulPaint' && pid === opened?.pid && ts > (opened?.ts ?? 0),
  );
  if (!opened || !drawn) throw new Error('the trace shows no first picture');
  const tasks = events.filter(
    ({ name, pid, tid, ts, dur = 0 }) =>
      /\bRunTask$/.test(name) && pid === opened.pid && tid === opened.tid && ts + dur > drawn.ts,
  );
  const long = tasks.map(({ tdur = 0 }) => Math.max(0, (tdur * SLOWDOWN) / 1_000 - LONG_MS));
  return Math.round(long.reduce((sum, one) => sum + one, 0));
}
