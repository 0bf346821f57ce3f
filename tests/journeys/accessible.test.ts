/** Every screen, in both languages and both themes, by the rules of WCAG 2.2 AA that a machine can judge: nothing to object to. */
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
/** Each theme once and each language once: contrast is the theme's matter, names and order are the language's. */
const SEEN = LOOKS.filter(({ name }) => ['zh-light', 'en-dark'].includes(name));

let stage: Stage;
beforeAll(async () => {
  buildApp();
  stage = await openStage(join(import.meta.dirname, '../../build'));
});
afterAll(() => stage?.close());

describe.each(SEEN)('$name', (look) => {
  // Phones are shared by the scenes that need the same one: those with no network have their own.
  const phones = new Map<string, Promise<BrowserContext>>();
  const phoneFor = ({ seed = 'full', offline = false }: Scene) => {
    const name = `${seed} ${offline}`;
    const phone = phones.get(name) ?? openPhone(stage, look, seed);
    phones.set(name, phone);
    return phone;
  };
  afterAll(async () => {
    for (const phone of phones.values()) await (await phone).close();
  });

  test.concurrent.each(SCENES)('$name', async (scene) => {
    const { page } = await visit(stage, await phoneFor(scene), scene);
    // By the debugger: the page's own policy lets no foreign script in.
    await page.evaluate(RULES);
    const found = await page.evaluate(async (levels) => {
      const { axe: judge } = globalThis as unknown as { axe: typeof axe };
      const { violations } = await judge.run({ runOnly: { type: 'tag', values: levels } });
      return violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
      );
    }, LEVELS);
    await page.close();
    expect(found).toEqual([]);
  });
});
