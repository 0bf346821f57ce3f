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
/** A phone of today's middle is played by slowing a quick machine down so much; Lighthouse's own measure of one is a little above. */
const SLOWDOWN = 4;
const QUICK = 1_533;

/** What was said of a screen. */
export interface Verdict {
  /** Of a hundred each. */
  readonly points: Readonly<Record<(typeof CATEGORIES)[number], number>>;
  /** What took points away, one line each. */
  readonly losses: readonly string[];
  /** The errors the screen printed where only its makers look. */
  readonly printed: readonly string[];
  /** How quick the machine was meanwhile, in Lighthouse's own measure. */
  readonly machine: number;
}

/** Lighthouse before one browser. */
export interface Lighthouse {
  /** Looks at a screen on a phone of today's middle; on a machine known to be as slow as `machine` less is left to slow down. */
  look(url: string, machine?: number): Promise<Verdict>;
  close(): Promise<void>;
}

/** The parts of a report that are used. */
interface Report {
  readonly environment: { readonly benchmarkIndex: number };
  readonly runtimeError?: { readonly message: string };
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
        readonly details?: { readonly items?: readonly { readonly description?: string }[] };
      }
    >
  >;
}

type Run = (url: string, flags: object) => Promise<{ readonly lhr: Report } | undefined>;

/** Opens the profile of a phone that was killed in a browser of Lighthouse's own. */
export async function openLighthouse(profile: string): Promise<Lighthouse> {
  const { default: run } = (await import(pathToFileURL(ensureLighthouse()).href)) as { readonly default: Run };
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
    async look(url, machine = QUICK) {
      const flags = {
        port,
        logLevel: 'error',
        onlyCategories: CATEGORIES,
        // What the phone holds stays: a wallet whose vault was cleared first is nobody's.
        disableStorageReset: true,
        disableFullPageScreenshot: true,
        throttling: { cpuSlowdownMultiplier: slowdownOf(machine) },
      };
      const report = (await run(url, flags))?.lhr;
      if (!report || report.runtimeError) throw new Error(report?.runtimeError?.message ?? 'no report');
      return verdictOf(report);
    },
    async close() {
      process.removeListener('exit', end);
      end();
      await gone;
    },
  };
}

/** How much a machine is slowed down to be that phone: the steps of Lighthouse's own calculator, at most its usual four. */
function slowdownOf(machine: number): number {
  if (machine >= QUICK) return SLOWDOWN;
  if (machine >= 1_300) return 3 + (machine - 1_300) / 233;
  return machine >= 800 ? 2 + (machine - 800) / 500 : Math.max(1, 1 + (machine - 150) / 650);
}

/** The port the browser chose: it writes it into its profile. */
async function portIn(file: string): Promise<number> {
  for (const until = Date.now() + READY_MS; Date.now() < until; await pause(50)) {
    const port = existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : 0;
    if (port > 0) return port;
  }
  throw new Error('the browser did not open');
}

function verdictOf({ categories, audits, environment }: Report): Verdict {
  const points = CATEGORIES.map((name) => [name, Math.round((categories[name]?.score ?? 0) * 100)]);
  const losses = Object.values(categories)
    .flatMap(({ auditRefs }) => auditRefs)
    .filter(({ id, weight }) => weight > 0 && (audits[id]?.score ?? 1) < 0.995)
    .map(({ id }) => `${id}: ${audits[id]?.displayValue ?? audits[id]?.score}`);
  const printed = audits['errors-in-console']?.details?.items?.map(({ description }) => description ?? '');
  return { points: Object.fromEntries(points), losses, printed: printed ?? [], machine: environment.benchmarkIndex };
}
