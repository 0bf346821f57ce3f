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
 * A function that hands its items to `run` in the order they came, at most `most` at a time, one run at a time.
 * `run` answers in the order of its items; when it throws, each of that run's callers gets the error.
 */
export function gather<Item, Answer>(
  run: (items: Item[]) => Promise<Answer[]>,
  options: { readonly most: number },
): (item: Item) => Promise<Answer> {
  assert(options.most >= 1, 'a batch holds at least one');
  let waiting: Waiting<Item, Answer>[] = [];
  let running = false;

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, options.most);
      waiting = waiting.slice(options.most);
      allWaiting -= batch.length;
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
    running = false;
  }

  return (item) =>
    new Promise<Answer>((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      allWaiting += 1;
      if (running) return;
      running = true;
      // One turn of the microtask queue lets everything of this moment join the first run.
      queueMicrotask(drain);
    });
}
