/**
 * What opening the app costs: bytes of JavaScript until home stands for a person who has a wallet, and the time from
 * opening to home with no network and no server.
 */
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import Fastify from 'fastify';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright';
import { serveApp } from '#server/platform/static.ts';
import { seedVault } from '#tests/kit/seed.ts';

const BUILD = join(import.meta.dirname, '../../build');
const ROUNDS = 7;
const BALANCE = '[data-ready="home"]';

async function withBrowser(work: (browser: Browser) => Promise<void>): Promise<void> {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  });
  try {
    await work(browser);
  } finally {
    await browser.close();
  }
}

async function seeded(context: BrowserContext, origin: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${origin}/me/about`, { waitUntil: 'networkidle' });
  await seedVault(page, 'full');
  return page;
}

function report(name: string, value: number, unit: string, more: Record<string, number> = {}): void {
  console.log(JSON.stringify({ name, value, unit, ...more }));
}

/** The scripts home needs to stand for a signed-in person: kB, each packed by gzip at level 9, and how many files; with the sync all of them. */
export async function firstLoad(): Promise<{ kilobytes: number; files: number; withSync: number }> {
  const app = Fastify();
  await serveApp(app, BUILD);
  const origin = await app.listen({ port: 0, host: 'localhost' });
  const loaded = new Map<string, number>();
  const kilobytes = (scripts: Iterable<string>) =>
    Math.round([...scripts].reduce((sum, script) => sum + (loaded.get(script) ?? Number.NaN), 0) / 100) / 10;
  let first: readonly string[] = [];
  try {
    await withBrowser(async (browser) => {
      const context = await browser.newContext({ serviceWorkers: 'block' });
      const page = await seeded(context, origin);
      await page.addInitScript(noteHome, BALANCE);
      page.on('response', async (response) => {
        if (!response.url().endsWith('.js')) return;
        const body = await response.body().catch(() => undefined);
        if (body) loaded.set(response.url(), gzipSync(body, { level: 9 }).length);
      });
      // What is asked for until home stands is the first load; the sync, which home does not wait for, comes after.
      await page.goto(origin, { waitUntil: 'networkidle' });
      await page.waitForTimeout(1_000);
      first = await page.evaluate(scriptsUntilHome);
    });
  } finally {
    await app.close();
  }
  return { kilobytes: kilobytes(first), files: first.length, withSync: kilobytes(loaded.keys()) };
}

/** Notes when home stands: by the page's own clock, for who looks from outside comes late on a busy machine. Runs in the page. */
function noteHome(sign: string): void {
  new MutationObserver((_changes, eye) => {
    if (!document.querySelector(sign)) return;
    performance.mark('home');
    eye.disconnect();
  }).observe(document, { subtree: true, childList: true, attributes: true });
}

/** The scripts asked for before home stood. Runs in the page. */
function scriptsUntilHome(): string[] {
  const home = performance.getEntriesByName('home')[0]?.startTime ?? Number.NaN;
  const asked = performance.getEntriesByType('resource');
  return asked.filter(({ name, startTime }) => name.endsWith('.js') && startTime <= home).map(({ name }) => name);
}

async function scripts(): Promise<void> {
  const { kilobytes, ...more } = await firstLoad();
  report('app.js.gzip', kilobytes, 'kB', more);
}

/** From opening to a drawn home, with the server dead and the network off; the median of several fresh pages. */
async function coldStart(): Promise<void> {
  const app = Fastify({ forceCloseConnections: true });
  await serveApp(app, BUILD);
  const origin = await app.listen({ port: 0, host: 'localhost' });
  await withBrowser(async (browser) => {
    const context = await browser.newContext();
    const first = await seeded(context, origin);
    await first.evaluate(async () => await navigator.serviceWorker.ready);
    await first.reload({ waitUntil: 'networkidle' });
    await app.close();
    await context.setOffline(true);
    await first.close();
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const page = await context.newPage();
      const started = performance.now();
      await page.goto(origin, { waitUntil: 'commit' });
      await page.waitForSelector(BALANCE);
      times.push(performance.now() - started);
      await page.close();
    }
    times.sort((left, right) => left - right);
    const middle = times[Math.floor(times.length / 2)] ?? Number.NaN;
    report('app.coldStart.offline.ms', Math.round(middle), 'ms', { worst: Math.round(times.at(-1) ?? Number.NaN) });
  });
}

/** The benches of this file. */
export const benches = { 'app.js.gzip': scripts, 'app.coldStart.offline.ms': coldStart };
