/**
 * Every screen, in both languages, both themes and for elders, by the rules of WCAG 2.2 AA that a machine can judge, and
 * by the size of what a finger has to hit: nothing to object to.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type axe from 'axe-core';
import type { BrowserContext } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildApp } from '#tests/kit/house.ts';
import { LOOKS, openPhone, openStage, SCENES, type Scene, type Stage, visit } from '#tests/kit/scenes.ts';

const RULES = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const LEVELS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
/** The theme is colours alone (web/app.css), so what else a screen is need not be judged again in the other one. */
const COLOURS = ['color-contrast', 'link-in-text-block'];
/** Each language, and the drawing for elders at both its ends; each of them is seen in both themes. */
const SEEN = LOOKS.filter(({ name }) => ['zh-light', 'en-light', 'zh-elder', 'en-eldest'].includes(name));
/** The least width and height of a target in px: our own, and what the MIIT asks for elders. */
const TARGET = { usual: 48, elder: 60 } as const;

let stage: Stage;
beforeAll(async () => {
  buildApp();
  stage = await openStage(join(import.meta.dirname, '../../build'));
});
afterAll(() => stage?.close());

describe.each(SEEN)('$name', (look) => {
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
    const { page, complaints } = await visit(stage, await phoneFor(scene), scene);
    // By the debugger: the page's own policy lets no foreign script in.
    await page.evaluate(RULES);
    const found = await page.evaluate(judge, { type: 'tag', values: LEVELS } as const);
    const small = await page.evaluate(smallTargets, TARGET);
    const other = look.theme === 'light' ? 'dark' : 'light';
    await page.emulateMedia({ colorScheme: other });
    const lit = await page.evaluate(judge, { type: 'rule', values: COLOURS } as const);
    await page.close();
    expect([...complaints, ...found, ...small, ...lit.map((fault) => `${other}: ${fault}`)]).toEqual([]);
  });
});

/** What axe objects to by the rules asked for. Runs in the page. */
async function judge(runOnly: {
  readonly type: 'tag' | 'rule';
  readonly values: readonly string[];
}): Promise<string[]> {
  const { axe: judging } = globalThis as unknown as { axe: typeof axe };
  const { violations } = await judging.run({ runOnly: { type: runOnly.type, values: [...runOnly.values] } });
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
