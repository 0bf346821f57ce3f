/** Group commit: while one run is under way, everything that arrives waits together and goes as the next run. */
import { assert } from '#shared/base/assert.ts';

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: unknown) => void;
}

let allWaiting = 0;

/** How many items wait in all of this process's batches together: a queue that grows is a house that is too slow. */
export function waitingItems(): number {
  return allWaiting;
}

/**
 * A function that hands its items to `run` in the order they came, at most `most` at a time, one run at a time unless
 * `atOnce` says more. `run` answers in the order of its items; when it throws, each of that run's callers gets the error.
 * Where an item stands for many, `sizeOf` says for how many; one that is larger than `most` goes alone.
 */
export function gather<Item, Answer>(
  run: (items: Item[]) => Promise<Answer[]>,
  options: { readonly most: number; readonly sizeOf?: (item: Item) => number; readonly atOnce?: number },
): (item: Item) => Promise<Answer> {
  const { most, sizeOf = () => 1, atOnce = 1 } = options;
  assert(most >= 1 && atOnce >= 1, 'a batch holds at least one');
  let waiting: Waiting<Item, Answer>[] = [];
  let running = 0;

  function nextBatch(): Waiting<Item, Answer>[] {
    let count = 0;
    let size = 0;
    for (const { item } of waiting) {
      const more = sizeOf(item);
      if (count > 0 && size + more > most) break;
      count += 1;
      size += more;
    }
    const batch = waiting.slice(0, count);
    waiting = waiting.slice(count);
    allWaiting -= size;
    return batch;
  }

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      const batch = nextBatch();
      try {
        const answers = await run(batch.map((one) => one.item));
        assert(answers.length === batch.length, 'a batch answers each of its items');
        answers.forEach((answer, at) => {
          batch[at]?.resolve(answer);
        });
      } catch (error) {
        for (const one of batch) one.reject(error);
      }
    }
    running -= 1;
  }

  return (item) =>
    new Promise<Answer>((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      allWaiting += sizeOf(item);
      if (running >= atOnce) return;
      running += 1;
      // One turn of the microtask queue lets everything of this moment join the first run.
      queueMicrotask(drain);
    });
}
