/**
 * `npm run screens`: every screen of the built app as a picture, in both languages and both themes, from a phone with
 * seeded data and no server behind it, and all of them on one sheet (data/screens/sheet.png).
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Fastify from 'fastify';
import { type Browser, chromium, type Page } from 'playwright';
import { serveApp } from '#server/platform/static.ts';
import { SEEDED_CASES, SEEDED_PAYMENT, type Seed, seedVault } from '#tests/kit/seed.ts';

const ROOT = join(import.meta.dirname, '../..');
const OUT = join(ROOT, 'data/screens');

/** One picture: where, with what data, and what is done before it is taken. */
interface Scene {
  readonly name: string;
  readonly path: string;
  readonly seed?: Seed;
  readonly offline?: boolean;
  readonly act?: (page: Page) => Promise<void>;
}

const SCENES: readonly Scene[] = [
  { name: 'home', path: '/' },
  { name: 'home-offline', path: '/', offline: true },
  { name: 'home-empty', path: '/', seed: 'empty' },
  { name: 'welcome', path: '/welcome', seed: 'none' },
  { name: 'pay', path: '/pay' },
  { name: 'pay-code', path: `/pay/code/${SEEDED_PAYMENT}` },
  { name: 'receive', path: '/receive' },
  { name: 'top-up', path: '/top-up' },
  { name: 'bills', path: '/bills' },
  {
    name: 'bills-broken',
    path: '/bills',
    act: async (page) => {
      await page.addInitScript(() => {
        IDBDatabase.prototype.transaction = () => {
          throw new DOMException('gone', 'InvalidStateError');
        };
      });
      await page.reload({ waitUntil: 'networkidle' });
    },
  },
  { name: 'bills-empty', path: '/bills', seed: 'empty' },
  { name: 'bill', path: `/bills/${SEEDED_PAYMENT}` },
  { name: 'bill-settled', path: '/bills/01900000-0000-7000-8000-000000000003' },
  { name: 'bill-missing', path: '/bills/nothing' },
  { name: 'home-case', path: '/', seed: 'cases' },
  { name: 'cases', path: '/cases', seed: 'cases' },
  { name: 'cases-never', path: '/cases' },
  { name: 'case-payer', path: `/cases/${SEEDED_CASES.payer}`, seed: 'cases' },
  { name: 'case-payee', path: `/cases/${SEEDED_CASES.payee}`, seed: 'cases' },
  {
    name: 'case-proof',
    path: `/cases/${SEEDED_CASES.payee}`,
    seed: 'cases',
    act: async (page) => await page.locator('.acts button').first().click(),
  },
  { name: 'case-missing', path: '/cases/nothing', seed: 'cases' },
  { name: 'me', path: '/me' },
  { name: 'me-sign-out', path: '/me', act: async (page) => await page.locator('button.danger').click() },
  { name: 'allowance', path: '/me/allowance' },
  { name: 'devices', path: '/me/devices' },
  { name: 'passkeys', path: '/me/passkeys' },
  { name: 'language', path: '/me/language' },
  { name: 'install', path: '/me/install' },
  { name: 'about', path: '/me/about' },
];

/** A way to look: the width and height of the glass, the theme and the language. */
interface Look {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly theme: 'light' | 'dark';
  readonly locale: 'zh-CN' | 'en-US';
}

const LOOKS: readonly Look[] = [
  { name: 'zh-light', width: 390, height: 844, theme: 'light', locale: 'zh-CN' },
  { name: 'en-dark', width: 390, height: 844, theme: 'dark', locale: 'en-US' },
  { name: 'en-small', width: 360, height: 640, theme: 'light', locale: 'en-US' },
  { name: 'zh-tablet', width: 820, height: 1180, theme: 'dark', locale: 'zh-CN' },
];

async function photograph(browser: Browser, origin: string, look: Look, scene: Scene): Promise<Buffer> {
  const context = await browser.newContext({
    viewport: { width: look.width, height: look.height },
    colorScheme: look.theme,
    locale: look.locale,
    timezoneId: 'Asia/Shanghai',
    deviceScaleFactor: 1,
    serviceWorkers: 'block',
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (said) => {
    if (/Content Security|Trusted/.test(said.text())) complaints.push(said.text());
  });
  await page.goto(`${origin}/me/about`, { waitUntil: 'networkidle' });
  await seedVault(page, scene.seed ?? 'full');
  await page.goto(origin + scene.path, { waitUntil: 'networkidle' });
  if (scene.offline) await context.setOffline(true);
  await page.waitForTimeout(350);
  await scene.act?.(page);
  await page.waitForTimeout(150);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) complaints.push(`wider than the glass by ${wide} px`);
  const picture = await page.screenshot({ fullPage: look.width < 500 });
  await context.close();
  for (const complaint of complaints) console.log(`${scene.name} ${look.name}: ${complaint}`);
  return picture;
}

/** All pictures of one look on one sheet, six in a row. */
async function layOut(browser: Browser, look: Look, scenes: readonly Scene[]): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1560, height: 900 } });
  const cells = scenes.map(({ name }) => {
    const bytes = readFileSync(join(OUT, `${name}.${look.name}.png`)).toString('base64');
    return `<figure><img src="data:image/png;base64,${bytes}"><figcaption>${name}</figcaption></figure>`;
  });
  await page.setContent(
    `<style>body{margin:16px;background:#888;font:13px sans-serif;display:grid;grid-template-columns:repeat(6,1fr);gap:12px;align-items:start}
     figure{margin:0}img{width:100%;display:block}figcaption{padding:4px}</style>${cells.join('')}`,
  );
  await page.screenshot({ path: join(OUT, `sheet.${look.name}.png`), fullPage: true });
  await page.close();
}

const [wantedScene, wantedLook] = process.argv.slice(2);
const scenes = SCENES.filter(({ name }) => !wantedScene || new RegExp(`^(?:${wantedScene})$`).test(name));
const looks = LOOKS.filter(({ name }) => !wantedLook || new RegExp(`^(?:${wantedLook})$`).test(name));
if (!wantedScene) rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
const app = Fastify();
await serveApp(app, join(ROOT, 'build'));
const origin = await app.listen({ port: 0, host: 'localhost' });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
});
for (const look of looks) {
  for (const scene of scenes) {
    writeFileSync(join(OUT, `${scene.name}.${look.name}.png`), await photograph(browser, origin, look, scene));
  }
  await layOut(browser, look, scenes);
}
await browser.close();
await app.close();
