/** What scrolls into view on a screen with a foot: it comes to rest above the foot, never under it. */
import { afterEach, expect, test } from 'vitest';
import { footing, intoSight } from '#web/ui/footing.ts';

const KEYPAD = 300;
let leave: (() => void) | undefined;

afterEach(() => {
  leave?.();
  document.body.replaceChildren();
  scrollTo(0, 0);
});

/** A page as a screen draws it: `heights` of blocks one under the other, and a foot that stays at the bottom. */
function screen(heights: readonly number[]): { blocks: HTMLElement[]; foot: HTMLElement } {
  const main = document.createElement('main');
  const foot = document.createElement('footer');
  Object.assign(foot.style, { position: 'sticky', bottom: '0', height: `${KEYPAD}px` });
  const blocks = heights.map((height) => {
    const block = document.createElement('div');
    block.style.height = `${height}px`;
    return block;
  });
  main.append(...blocks);
  document.body.append(main, foot);
  leave = footing(foot);
  return { blocks, foot };
}

const isClear = (box: HTMLElement | undefined, foot: HTMLElement) => {
  const { top = -1, bottom = Number.NaN } = box?.getBoundingClientRect() ?? {};
  return top >= 0 && bottom <= foot.getBoundingClientRect().top;
};

test('a fault that comes under the foot is brought above it, and again when it says something else', async () => {
  const { blocks, foot } = screen([innerHeight - KEYPAD - 20, 80, 400]);
  const fault = blocks[1];
  if (!fault) throw new Error('no fault');
  expect(isClear(fault, foot)).toBe(false);
  intoSight('refused')(fault);
  await expect.poll(() => isClear(fault, foot)).toBe(true);
  scrollTo(0, 0);
  intoSight('refused otherwise')(fault);
  await expect.poll(() => isClear(fault, foot)).toBe(true);
});

test('a fault that can be read already moves nothing', async () => {
  const { blocks, foot } = screen([60, 80, 2_000]);
  const fault = blocks[1];
  if (!fault) throw new Error('no fault');
  intoSight('refused')(fault);
  await new Promise((done) => setTimeout(done, 200));
  expect(isClear(fault, foot)).toBe(true);
  expect(scrollY).toBe(0);
});

test('where no foot stands the page stays as it is', async () => {
  const { blocks } = screen([innerHeight, 80, 400]);
  leave?.();
  const [, fault] = blocks;
  if (fault) intoSight('refused')(fault);
  await new Promise((done) => setTimeout(done, 200));
  expect(scrollY).toBe(0);
});

test('one that goes before it was brought into sight is left alone', async () => {
  const { blocks } = screen([innerHeight, 80, 400]);
  const fault = blocks[1];
  if (!fault) throw new Error('no fault');
  const gone = intoSight('refused')(fault);
  gone?.();
  await new Promise((done) => setTimeout(done, 200));
  expect(scrollY).toBe(0);
});
