/** The app on the phone: it opens with the server dead, refuses a forged new version, and takes a true one when told. */
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { serveApp } from '#server/platform/static.ts';
import { seedVault } from '#tests/kit/seed.ts';

const BUILD = join(import.meta.dirname, '../../build');
const HOME = '[data-ready="home"]';
let folder: string;
let server: FastifyInstance;
let port = 0;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let complaints: string[];

async function serve(): Promise<void> {
  server = Fastify({ forceCloseConnections: true });
  await serveApp(server, folder);
  await server.listen({ port, host: 'localhost' });
  port = (server.server.address() as AddressInfo).port;
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'piaohao-open-'));
  cpSync(BUILD, folder, { recursive: true });
  port = 0;
  await serve();
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  });
  context = await browser.newContext({ locale: 'en-US' });
  page = await context.newPage();
  complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (said) => {
    if (/Content Security Policy|Trusted/.test(said.text())) complaints.push(said.text());
  });
  await page.goto(`http://localhost:${port}/me/about`, { waitUntil: 'networkidle' });
  await seedVault(page, 'full');
  await page.evaluate(async () => await navigator.serviceWorker.ready);
  await page.reload({ waitUntil: 'networkidle' });
});

afterEach(async () => {
  await browser.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

/** Puts a changed script and a worker that lists it on the server; `honest` says whether the list names its hash. */
async function release(honest: boolean): Promise<void> {
  const path = join(folder, 'service-worker.js');
  const worker = readFileSync(path, 'utf8');
  const [, url = '', hash = ''] =
    /\{"url":"(\/manifest\.webmanifest)","revision":"[^"]+","integrity":"(sha256-[^"]+)"\}/.exec(worker) ?? [];
  const changed = readFileSync(join(folder, url), 'utf8').replace('"finance"', '"finance", "shopping"');
  writeFileSync(join(folder, url), changed);
  const digest = createHash('sha256').update(changed).digest('base64');
  const listed = honest ? `sha256-${digest}` : hash;
  const entry = JSON.stringify({ url, revision: digest, integrity: listed });
  writeFileSync(
    path,
    worker.replace(/\{"url":"\/manifest\.webmanifest"[^}]+\}/, () => entry),
  );
  for (const name of ['service-worker.js', 'manifest.webmanifest'])
    for (const ending of ['br', 'gz']) rmSync(join(folder, `${name}.${ending}`), { force: true });
  await server.close();
  await serve();
}

async function lookForVersion(): Promise<string> {
  return await page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    const found = new Promise<string>((resolve) => {
      registration.addEventListener('updatefound', () => {
        const coming = registration.installing;
        coming?.addEventListener('statechange', () => {
          if (coming.state === 'installed' || coming.state === 'redundant') resolve(coming.state);
        });
      });
    });
    await registration.update().catch(() => undefined);
    return await found;
  });
}

test('with the server dead and no network every screen opens from a cold start, deep links too', async () => {
  await server.close();
  await context.setOffline(true);
  await page.close();
  const cold = await context.newPage();
  await cold.goto(`http://localhost:${port}/`);
  await cold.waitForSelector(HOME);
  expect(await cold.textContent('main')).toContain('12,864.50');
  for (const path of ['/bills', '/me/language', '/receive', '/pay']) {
    await cold.goto(`http://localhost:${port}${path}`);
    await cold.waitForSelector('h1');
  }
  expect(complaints).toEqual([]);
});

test('a file that is not what the list says stops the whole new version, and the old one goes on', async () => {
  await release(false);
  expect(await lookForVersion()).toBe('redundant');
  await page.goto(`http://localhost:${port}/`);
  await page.waitForSelector(HOME);
  expect(await page.getByText('A new version is ready').count()).toBe(0);
});

test('a true new version waits, is offered where nothing is under way, and takes over when the person says so', async () => {
  await page.goto(`http://localhost:${port}/receive`);
  await release(true);
  expect(await lookForVersion()).toBe('installed');
  expect(await page.getByText('A new version is ready').count()).toBe(0);
  await page.goto(`http://localhost:${port}/`, { waitUntil: 'networkidle' });
  // Chromium ends the worker before as soon as it rests. One that is asked for a file in just that moment it starts once
  // more instead, and lets it rest for a minute.
  const reloaded = page.waitForEvent('load', { timeout: 120_000 });
  await page.getByRole('button', { name: 'Update now' }).click();
  await reloaded;
  await page.waitForSelector(HOME);
  await expect.poll(() => page.evaluate(async () => (await navigator.serviceWorker.ready).waiting === null)).toBe(true);
});

test('the browser runs no script that was slipped in, and no markup made of text', async () => {
  await page.goto(`http://localhost:${port}/`);
  await page.waitForSelector(HOME);
  await page.evaluate(() => {
    const slip = (name: string) => `globalThis.slipped = '${name}'`;
    const attempts: readonly (() => void)[] = [
      () => setTimeout(slip('text as code') as unknown as () => void),
      () => {
        document.body.innerHTML = `<img src=x onerror="${slip('markup from text')}">`;
      },
      () => {
        const script = document.createElement('script');
        script.textContent = slip('a new script');
        document.body.append(script);
      },
      () => {
        const frame = document.createElement('iframe');
        frame.setAttribute('srcdoc', `<script>parent.${slip('a frame')}</script>`);
        document.body.append(frame);
      },
      () => {
        const button = document.createElement('button');
        button.setAttribute('onclick', slip('a handler'));
        document.body.append(button);
        button.click();
      },
    ];
    for (const attempt of attempts) {
      try {
        attempt();
      } catch {
        // Trusted Types or the policy throws: that is what is asked for.
      }
    }
  });
  await page.waitForTimeout(500);
  expect(await page.evaluate(() => (globalThis as { slipped?: string }).slipped)).toBeUndefined();
  expect(complaints.length).toBeGreaterThan(0);
});
