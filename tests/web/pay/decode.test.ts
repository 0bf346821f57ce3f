/** The decoder's front: a worker that breaks is made anew, but not for ever, and the page hears when there is none. */
import { afterEach, expect, test, vi } from 'vitest';
import { decode, openDecoder } from '#web/pay/decode.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

class Picture {
  readonly data = new Uint8ClampedArray(4);
}

/** Workers that do as they are told; answers those that were made. */
function stubWorkers(behave: (worker: EventTarget, id: number) => void): EventTarget[] {
  const made: EventTarget[] = [];
  vi.stubGlobal('ImageData', Picture);
  vi.stubGlobal(
    'Worker',
    class extends EventTarget {
      constructor() {
        super();
        made.push(this);
      }
      postMessage({ id }: { id: number }): void {
        queueMicrotask(() => behave(this, id));
      }
      terminate(): void {}
    },
  );
  return made;
}

const breakDown = (worker: EventTarget) => worker.dispatchEvent(new Event('error'));
const picture = () => new Picture() as unknown as ImageData;

test('three broken workers are enough: the page hears it once, and no fourth is made until the camera opens again', async () => {
  const made = stubWorkers(breakDown);
  const lost = vi.fn();
  openDecoder(lost);
  for (let frame = 0; frame < 12; frame += 1) await expect(decode(picture())).rejects.toThrow();
  expect(made).toHaveLength(3);
  expect(lost).toHaveBeenCalledOnce();
  openDecoder();
  expect(made).toHaveLength(4);
  breakDown(made[3] ?? new EventTarget());
});

test('answers find their questions, whatever their order', async () => {
  const asked: number[] = [];
  const made = stubWorkers((worker, id) => {
    asked.push(id);
    if (asked.length < 2) return;
    for (const one of asked.toReversed()) {
      worker.dispatchEvent(Object.assign(new Event('message'), { data: { id: one, text: `text ${one}` } }));
    }
  });
  openDecoder();
  const texts = await Promise.all([decode(picture()), decode(picture())]);
  expect(texts).toEqual(asked.map((id) => `text ${id}`));
  breakDown(made[0] ?? new EventTarget());
});
