/**
 * `npm run screens -- [scene] [look] [--readme]`: every screen of the built app as a picture, on phones and tablets, in
 * both languages and themes and for elders, with seeded data and no server behind it; all of them on one sheet
 * (data/screens/sheet.html, and as a picture sheet.png), and on request the pictures the README shows.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { Browser } from 'playwright';
import {
  isTablet,
  LOOKS,
  type Look,
  lookOf,
  openPhone,
  openStage,
  SCENES,
  type Scene,
  visit,
} from '#tests/kit/scenes.ts';

const ROOT = join(import.meta.dirname, '../..');
const OUT = join(ROOT, 'data/screens');
const README = join(ROOT, 'tests/screens');
/** Phones that are looked at side by side: more would only wait for the same cores. */
const AT_ONCE = 3;
/** Heights of the glass on the sheet and in the README, in px. */
const SMALL = 208;
const SHOWN = 560;

/** One picture of the README: what it is called, and the screens on it, each in its look. */
const SHOWCASE: Readonly<Record<string, readonly (readonly [scene: string, look: string])[]>> = {
  wallet: [
    ['home', 'zh-light'],
    ['pay-code', 'zh-light'],
    ['month', 'en-light'],
    ['bills', 'en-dark'],
  ],
  everybody: [
    ['home', 'zh-elder'],
    ['home', 'en-eldest'],
    ['home', 'en-tablet'],
    ['month', 'zh-tablet-dark'],
  ],
};

const pictureOf = (scene: string, look: string) => `${scene}.${look}.png`;

/** The scenes one phone can show: they need the same data and the same network, and leave both as they were. */
function byPhone(scenes: readonly Scene[]): Scene[][] {
  const phoneOf = ({ name, seed = 'full', offline = false, alone }: Scene) => (alone ? name : `${seed} ${offline}`);
  return [...Map.groupBy(scenes, phoneOf).values()];
}

async function photograph(look: Look, scenes: readonly Scene[]): Promise<void> {
  const [first] = scenes;
  if (first === undefined) return;
  const phone = await openPhone(stage, look, first.seed ?? 'full');
  for (const scene of scenes) {
    await phone.setOffline(false);
    const { page, complaints, leave } = await visit(stage, phone, scene);
    const picture = await page.screenshot({ fullPage: !isTablet(look) });
    writeFileSync(join(OUT, pictureOf(scene.name, look.name)), picture);
    await leave();
    for (const complaint of complaints) console.log(`${scene.name} ${look.name}: ${complaint}`);
  }
  await phone.close();
}

/** What `html` shows as a picture; `src` in it are names of pictures taken before. */
async function draw(browser: Browser, html: string, width: number, path: string): Promise<void> {
  const sheet = join(OUT, 'sheet.html');
  writeFileSync(sheet, html);
  const page = await browser.newPage({ viewport: { width, height: 100 } });
  await page.goto(pathToFileURL(sheet).href, { waitUntil: 'load' });
  await page.screenshot({ path, fullPage: true });
  await page.close();
}

/** As much of a screen as its glass shows, `height` px high. */
function glass(scene: string, look: Look, height: number): string {
  const src = pictureOf(scene, look.name);
  const width = Math.round((height * look.width) / look.height);
  return `<a href="${src}" title="${scene} ${look.name}"><img src="${src}" alt="${scene} ${look.name}" width="${width}" height="${height}"></a>`;
}

const STYLE = `body{margin:16px;background:#8b877d;font:15px sans-serif}a{line-height:0}
  main{display:flex;flex-wrap:wrap;gap:20px 36px}figure{margin:0}figcaption{padding:4px 0}
  div{display:flex;gap:6px}img{object-fit:cover;object-position:top}`;

/** A row of each screen with all its looks, phones before tablets. */
function sheetOf(scenes: readonly Scene[], looks: readonly Look[]): string {
  const ordered = [...looks].sort((left, right) => Number(isTablet(left)) - Number(isTablet(right)));
  const rows = scenes.map(
    ({ name }) =>
      `<figure><figcaption>${name}</figcaption><div>${ordered.map((look) => glass(name, look, SMALL)).join('')}</div></figure>`,
  );
  const legend = ordered.map(({ name }) => name).join(' · ');
  return `<!doctype html><meta charset="utf-8"><title>Piaohao</title><style>${STYLE}</style><p>${legend}</p><main>${rows.join('')}</main>`;
}

async function show(browser: Browser): Promise<void> {
  mkdirSync(README, { recursive: true });
  for (const [name, shown] of Object.entries(SHOWCASE)) {
    const looks = shown.map(([scene, wanted]) => ({ scene, look: lookOf(wanted) }));
    const width = looks.reduce((sum, { look }) => sum + Math.round((SHOWN * look.width) / look.height) + 12, 12);
    const screens = looks.map(({ scene, look }) => glass(scene, look, SHOWN)).join('');
    const style =
      'body{margin:12px}div{display:flex;gap:12px}a{line-height:0}img{object-fit:cover;object-position:top;border-radius:14px}';
    await draw(
      browser,
      `<!doctype html><style>${style}</style><div>${screens}</div>`,
      width,
      join(README, `${name}.png`),
    );
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { readme: { type: 'boolean', default: false } },
});
const [wantedScene, wantedLook] = positionals;
const isWanted = (wanted: string | undefined, name: string) => !wanted || new RegExp(`^(?:${wanted})$`).test(name);
const scenes = SCENES.filter(({ name }) => isWanted(wantedScene, name));
const looks = LOOKS.filter(({ name }) => isWanted(wantedLook, name));
if (!wantedScene) rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
const stage = await openStage(join(ROOT, 'build'));
const waiting = looks.flatMap((look) => byPhone(scenes).map((some) => [look, some] as const));
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await photograph(...next);
  }),
);
if (values.readme) await show(stage.browser);
const aRow = looks.reduce((sum, look) => sum + Math.round((SMALL * look.width) / look.height) + 6, 30);
// Three rows side by side where every look is wanted: the sheet of some is no wider than it needs to be.
await draw(stage.browser, sheetOf(scenes, looks), 32 + aRow * Math.min(3, scenes.length), join(OUT, 'sheet.png'));
await stage.close();
