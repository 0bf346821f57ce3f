/**
 * Every screen, in both languages, both themes and for elders, by the rules of WCAG 2.2 AA that a machine can judge, and
 * by the size of what a finger has to hit; for elders by the size of every word as well, by the room between lines and
 * by the contrast of large words too: nothing to object to. A page is opened once in each language: for elders it is the
 * same page drawn larger, by one attribute that only styles look at.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type axe from 'axe-core';
import type { BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildApp } from '#tests/kit/house.ts';
import {
  lookOf,
  openPhone,
  openStage,
  SCENES,
  type Scene,
  type Stage,
  sceneOf,
  tooWide,
  visit,
} from '#tests/kit/scenes.ts';

const RULES = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const LEVELS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
/** The theme is colours alone (web/app.css), so what else a screen is need not be judged again in the other one. */
const COLOURS = ['color-contrast', 'link-in-text-block'];
/** Each language as usual and then for elders, who see the same page drawn larger: once with the least of their sizes, once with the greatest. */
const SEEN = [
  { name: 'zh', look: lookOf('zh-light'), elder: 20 },
  { name: 'en', look: lookOf('en-light'), elder: 30 },
] as const;
/** The least width and height of a target in px: our own, and what the MIIT asks for elders. */
const TARGET = { usual: 48, elder: 60 } as const;
/** For elders (MIIT, 移动互联网应用适老化通用设计规范, 2021): the least size of a word in px, and of a line among others by its words. */
const WORDS = { size: 18, line: 1.3 } as const;
/** Axe's own way to judge contrast, but asking of large words what it asks of all others. */
const ALL_4_5: axe.Spec = {
  checks: [
    {
      id: 'color-contrast',
      options: {
        ...{ ignoreUnicode: true, ignoreLength: false, ignorePseudo: false, boldValue: 700, boldTextPt: 14 },
        ...{ largeTextPt: 18, contrastRatio: { normal: { expected: 4.5 }, large: { expected: 4.5 } } },
        ...{ pseudoSizeThreshold: 0.25, shadowOutlineEmMax: 0.2, textStrokeEmMin: 0.03 },
      },
    },
  ],
};

let stage: Stage;
beforeAll(async () => {
  buildApp();
  stage = await openStage(join(import.meta.dirname, '../../build'));
});
afterAll(() => stage?.close());

describe.each(SEEN)('$name', ({ look, elder }) => {
  // Phones are shared by the scenes that need the same one; whoever changes theirs has one alone.
  const phones = new Map<string, Promise<BrowserContext>>();
  const phoneFor = ({ name: scene, seed = 'full', offline = false, alone }: Scene) => {
    const name = alone || offline ? scene : seed;
    const phone = phones.get(name) ?? openPhone(stage, look, seed);
    phones.set(name, phone);
    return phone;
  };
  afterAll(async () => {
    for (const phone of phones.values()) await (await phone).close();
  });

  test.concurrent.each(SCENES)('$name', async (scene) => {
    const { page, complaints, leave } = await visit(stage, await phoneFor(scene), scene);
    // By the debugger: the page's own policy lets no foreign script in.
    await page.evaluate(RULES);
    const usual = await faultsOf(page);
    await page.evaluate(configure, ALL_4_5);
    await page.evaluate(drawForElders, elder);
    const large = [...(await page.evaluate(tooWide)), ...(await faultsOf(page))];
    await leave();
    expect([...complaints, ...usual, ...large.map((fault) => `elder ${elder}: ${fault}`)]).toEqual([]);
  });

  test('what is kept for elders is how the app opens', async () => {
    const phone = await openPhone(stage, { ...look, elder }, 'full');
    const { page } = await visit(stage, phone, sceneOf('home'));
    expect(await page.evaluate(() => document.documentElement.dataset.elder)).toBe(String(elder));
    await phone.close();
  });
});

/** What there is to object to in a page as it is drawn, and in its colours in the other theme; back in light afterwards. */
async function faultsOf(page: Page): Promise<string[]> {
  const found = await page.evaluate(judge, { type: 'tag', values: LEVELS } as const);
  const small = await page.evaluate(smallTargets, TARGET);
  const hard = await page.evaluate(hardToRead, WORDS);
  await page.emulateMedia({ colorScheme: 'dark' });
  const dark = await page.evaluate(judge, { type: 'rule', values: COLOURS } as const);
  await page.emulateMedia({ colorScheme: 'light' });
  return [...found, ...small, ...hard, ...dark.map((fault) => `dark: ${fault}`)];
}

/** What axe objects to by the rules asked for. Runs in the page. */
async function judge(runOnly: {
  readonly type: 'tag' | 'rule';
  readonly values: readonly string[];
}): Promise<string[]> {
  const { axe: judging } = globalThis as unknown as { axe: typeof axe };
  const { violations } = await judging.run({
    runOnly: { type: runOnly.type, values: [...runOnly.values] },
    // What it does not object to need not be told.
    resultTypes: ['violations'],
  });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}

/** What can be pressed and is smaller than it should be; a link inside a sentence is as high as its line (WCAG 2.5.8). Runs in the page. */
function smallTargets({ usual, elder }: typeof TARGET): string[] {
  // A vault that cannot be read does not say for whom the app is drawn.
  const least = document.documentElement.dataset.elder === undefined ? usual : elder;
  const pressed = [
    ...document.querySelectorAll<HTMLElement>('a[href], button, label:has(input), select, summary, input, textarea'),
  ];
  return pressed.flatMap((element) => {
    if (element.matches('label input') || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
      return [];
    const isInSentence = element.matches('p a') && getComputedStyle(element).display === 'inline';
    const { width, height } = element.getBoundingClientRect();
    // A hair less is how a fraction of a px is drawn.
    const fits = width > least - 0.6 && height > least - 0.6;
    return fits || isInSentence
      ? []
      : [`${Math.round(width)}x${Math.round(height)}: ${element.outerHTML.slice(0, 120)}`];
  });
}

/** Draws the page as for somebody who keeps large text (web/ui/theme.ts), and waits until it is. Runs in the page. */
async function drawForElders(text: number): Promise<void> {
  document.documentElement.dataset.elder = String(text);
  const frame = () => new Promise(requestAnimationFrame);
  // Lists and drawings measure themselves in the first, and are drawn anew by the second.
  for (let count = 0; count < 3; count += 1) await frame();
}

/** Has axe judge in another way. Runs in the page. */
function configure(spec: axe.Spec): void {
  (globalThis as unknown as { axe: typeof axe }).axe.configure(spec);
}

/** Words that are drawn too small for elders, and lines too near to each other. Runs in the page. */
function hardToRead({ size, line }: typeof WORDS): string[] {
  if (document.documentElement.dataset.elder === undefined) return [];
  const faults = new Set<string>();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    const text = node.textContent?.trim() ?? '';
    const isDrawn = element?.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    if (!element || text === '' || !isDrawn || element.closest('.heard, [hidden], option')) continue;
    // A drawing's words are as large as the drawing is scaled.
    const scale = element instanceof SVGGraphicsElement ? (element.getScreenCTM()?.a ?? 1) : 1;
    const { fontSize, lineHeight } = getComputedStyle(element);
    const drawn = Number.parseFloat(fontSize) * scale;
    const range = document.createRange();
    range.selectNodeContents(node);
    const lines = new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size;
    // A hair less is how a fraction of a px is drawn.
    if (drawn < size - 0.05)
      faults.add(`${drawn.toFixed(1)} px: ${text.slice(0, 40)} in ${element.outerHTML.slice(0, 90)}`);
    if (lines > 1 && Number.parseFloat(lineHeight) < Number.parseFloat(fontSize) * line - 0.05)
      faults.add(
        `lines of ${lineHeight} with words of ${fontSize}: ${text.slice(0, 40)} in ${element.outerHTML.slice(0, 90)}`,
      );
  }
  return [...faults];
}
