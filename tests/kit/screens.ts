/**
 * `npm run screens`: every screen of the built app as a picture, in both languages and both themes, from a phone with
 * seeded data and no server behind it, and all of them on one sheet (data/screens/sheet.png).
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright';
import { LOOKS, type Look, openPhone, openStage, SCENES, type Scene, type Stage, visit } from '#tests/kit/scenes.ts';

const ROOT = join(import.meta.dirname, '../..');
const OUT = join(ROOT, 'data/screens');

async function photograph(stage: Stage, look: Look, scene: Scene): Promise<Buffer> {
  const phone = await openPhone(stage, look, scene.seed ?? 'full');
  const { page, complaints } = await visit(stage, phone, scene);
  const picture = await page.screenshot({ fullPage: look.width < 500 });
  await phone.close();
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
const stage = await openStage(join(ROOT, 'build'));
for (const look of looks) {
  for (const scene of scenes) {
    writeFileSync(join(OUT, `${scene.name}.${look.name}.png`), await photograph(stage, look, scene));
  }
  await layOut(stage.browser, look, scenes);
}
await stage.close();
