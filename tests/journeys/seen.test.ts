/**
 * What no rule of a machine judges for us: codes are dark on white in the dark and keep the screen awake, every drawing
 * of a month says the same in a picture, in words and as a table, and a list of thousands draws what is near the glass.
 */
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { manyBills } from '#tests/kit/bills.ts';
import { buildApp } from '#tests/kit/house.ts';
import { lookOf, openPhone, openStage, type Stage, sceneOf, visit } from '#tests/kit/scenes.ts';
import { keepRows } from '#tests/kit/seed.ts';

const DARK = lookOf('en-dark');
const LIGHT = lookOf('en-light');
/** How long a busy machine may take. */
const PATIENCE_MS = 15_000;

let stage: Stage;
beforeAll(async () => {
  buildApp();
  stage = await openStage(join(import.meta.dirname, '../../build'));
});
afterAll(() => stage?.close());

async function see(phone: BrowserContext, wanted: string): Promise<Page> {
  const { page, complaints } = await visit(stage, phone, sceneOf(wanted));
  expect(complaints).toEqual([]);
  return page;
}

describe('codes', () => {
  /** A phone that counts the locks it is asked for; no browser without a display gives one. */
  async function countingPhone(): Promise<BrowserContext> {
    const phone = await openPhone(stage, DARK, 'full');
    await phone.addInitScript(() => {
      const counted = Object.assign(globalThis, { locks: 0 });
      const request = async () => {
        counted.locks += 1;
        const release = async () => {
          counted.locks -= 1;
        };
        return { release } as unknown as WakeLockSentinel;
      };
      Object.defineProperty(navigator, 'wakeLock', { value: { request } });
    });
    return phone;
  }
  const locks = (page: Page) => page.evaluate(() => (globalThis as unknown as { locks: number }).locks);

  // One component draws every code of the app (web/ui/QrCode.svelte).
  test('are dark on white in the dark, and keep the screen awake while they are shown', async () => {
    const phone = await countingPhone();
    const page = await see(phone, 'pay-code');
    const code = page.locator('.code svg').first();
    await code.waitFor();
    await expect.poll(() => locks(page), { timeout: PATIENCE_MS }).toBe(1);
    for (const forcedColors of ['none', 'active'] as const) {
      await page.emulateMedia({ colorScheme: 'dark', forcedColors });
      // A corner of the quiet edge, and of the first square that a camera looks for.
      expect(await colours(page, await code.screenshot())).toEqual({ edge: [255, 255, 255], square: [0, 0, 0] });
    }
    await page.emulateMedia({ forcedColors: 'none' });
    await page.locator('a[href], button').first().click();
    await expect.poll(() => locks(page)).toBe(0);
    await phone.close();
  });

  async function colours(page: Page, picture: Buffer): Promise<{ edge: number[]; square: number[] }> {
    return await page.evaluate(async (base64) => {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
      const pen = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
      if (!pen) throw new Error('no canvas');
      pen.drawImage(bitmap, 0, 0);
      const at = (x: number, y: number) => [...pen.getImageData(x, y, 1, 1).data.slice(0, 3)];
      const middle = Math.round(bitmap.width / 2);
      // Down the diagonal from the corner: the first pixel that is not of the edge is of the square.
      let square = at(0, 0);
      for (let step = 4; step < middle && Math.min(...square) > 0; step += 1) square = at(step, step);
      return { edge: at(4, 4), square };
    }, picture.toString('base64'));
  }
});

describe('drawings of a month', () => {
  test('each has its name, its words and its table, opened and closed by keys alone, and the sums are those of the month', async () => {
    const phone = await openPhone(stage, LIGHT, 'full');
    const page = await see(phone, 'month');
    const figures = page.locator('figure');
    await expect.poll(() => figures.count()).toBe(3);
    const told: Record<string, string[][]> = {};
    for (const figure of await figures.all()) {
      const title = (await figure.locator('figcaption').textContent()) ?? '';
      const drawings = figure.locator('svg[role="img"]');
      for (const drawing of await drawings.all()) {
        expect(await drawing.getAttribute('aria-label'), title).toMatch(/\S/);
      }
      const summary = figure.locator('summary');
      await summary.focus();
      await page.keyboard.press('Enter');
      const table = figure.getByRole('table', { name: title, exact: true });
      await table.waitFor();
      const rows = await table.getByRole('row').all();
      const cells = await Promise.all(rows.map((row) => row.locator('th, td').allTextContents()));
      expect(cells.length, title).toBeGreaterThan(1);
      expect(await table.locator('tbody th[scope="row"]').count()).toBe(cells.length - 1);
      expect(await table.locator('thead th[scope="col"]').count()).toBe(cells[0]?.length);
      told[title] = cells;
      await page.keyboard.press('Enter');
      await table.waitFor({ state: 'hidden' });
    }
    const minor = (text: string | undefined) => Math.round(Number(text?.replace(/[^\d.]/g, '')) * 100);
    const spent = minor((await page.locator('dl.sums dd').first().textContent()) ?? '');
    const sumOf = (title: string) => (told[title] ?? []).slice(1).reduce((sum, [, out]) => sum + minor(out), 0);
    const titles = Object.keys(told);
    expect(spent).toBeGreaterThan(0);
    // By category and by day: all of what was spent, each time.
    for (const title of titles.slice(0, 2)) expect([title, sumOf(title)]).toEqual([title, spent]);
    await phone.close();
  });
});

describe('a list of three thousand bills', () => {
  test('goes by smoothly, draws what is near the glass alone, and leaves no hole behind', async () => {
    const phone = await openPhone(stage, LIGHT, 'full');
    const filling = await phone.newPage();
    await filling.goto(`${stage.origin}/me/about`, { waitUntil: 'networkidle' });
    await fill(filling);
    await filling.close();
    const page = await see(phone, 'bills');
    const rows = page.getByRole('main').getByRole('listitem');
    await rows.first().waitFor();
    const frames = page.evaluate(framesWhileScrolling, { steps: 240, by: 260 });
    const { middle, most, lowest } = await frames;
    console.log(`frames of a list of 3,000: ${Math.round(middle)} ms, ${most} rows drawn at most`);
    expect(lowest).toBeGreaterThan(40_000);
    expect(most).toBeLessThan(250);
    expect(middle).toBeLessThan(50);
    // Where one stops, bills stand, and on the way back too.
    for (const top of [30_000, 200, 20_000, 900]) {
      await page.evaluate((to) => scrollTo(0, to), top);
      await expect.poll(() => page.evaluate(isBillInTheMiddle), { timeout: PATIENCE_MS }).toBe(true);
    }
    await phone.close();
  });

  async function fill(page: Page): Promise<void> {
    const bills = manyBills(3_000, Date.now()).map((bill) => {
      const at = bill.times.signed ?? 0;
      const sequence = bill.sequence + 10_000;
      return { ...bill, sequence, at, month: new Date(at + 8 * 3_600_000).toISOString().slice(0, 7) };
    });
    await keepRows(page, { bills });
  }
});

/** Scrolls step by step, a frame each; answers the middle time of a frame, the most rows drawn, and how deep it came. Runs in the page. */
async function framesWhileScrolling({ steps, by }: { steps: number; by: number }) {
  const frame = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));
  const times: number[] = [];
  let most = 0;
  let lowest = 0;
  for (let step = 0, before = await frame(); step < steps; step += 1) {
    scrollBy(0, by);
    const now = await frame();
    times.push(now - before);
    before = now;
    most = Math.max(most, document.querySelectorAll('main li').length);
    lowest = Math.max(lowest, scrollY);
  }
  const middle = times.sort((left, right) => left - right)[Math.floor(times.length / 2)] ?? 0;
  return { middle, most, lowest };
}

function isBillInTheMiddle(): boolean {
  const heights = [0.3, 0.5, 0.7].map((part) => innerHeight * part);
  return heights.some((y) => document.elementFromPoint(innerWidth / 2, y)?.closest('main li') !== null);
}
