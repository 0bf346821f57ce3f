/** Work done together: while one run is under way, everything that arrives waits together and goes as the next run. */
import { Unavailable } from '#server/platform/sql.ts';
import { assert } from '#shared/base/assert.ts';

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: unknown) => void;
}

let allWaiting = 0;

/** How much work waits in all of this process's batches together: a queue that grows is a house that is too slow. */
export function waitingItems(): number {
  return allWaiting;
}

/**
 * A function that hands its items to `run` in the order they came, at most `most` at a time, one run at a time unless
 * `atOnce` says more. `run` answers in the order of its items; when it throws, each of that run's callers gets the error.
 * Where an item stands for many, `sizeOf` says for how many; one that is larger than `most` goes alone. What waits
 * counts as work of the house unless `isWork` is false.
 */
export function gather<Item, Answer>(
  run: (items: Item[]) => Promise<Answer[]>,
  options: {
    readonly most: number;
    readonly sizeOf?: (item: Item) => number;
    readonly atOnce?: number;
    readonly isWork?: boolean;
  },
): (item: Item) => Promise<Answer> {
  const { most, sizeOf = () => 1, atOnce = 1, isWork = true } = options;
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
    if (isWork) allWaiting -= size;
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
      if (isWork) allWaiting += sizeOf(item);
      if (running >= atOnce) return;
      running += 1;
      // One turn of the microtask queue lets everything of this moment join the first run.
      queueMicrotask(drain);
    });
}

/**
 * Like {@link gather}, for work in which one item can spoil a run: what cannot be done together is done each by itself, and
 * only whose own run throws gets that error. `run` may therefore see an item twice, and the second time is the same act.
 */
export function gatherOrEach<Item, Answer>(
  run: (items: Item[]) => Promise<Answer[]>,
  options: Parameters<typeof gather<Item, Answer>>[1],
): (item: Item) => Promise<Answer> {
  const enqueue = gather<Item, PromiseSettledResult<Answer>>(async (items) => {
    if (items.length > 1) {
      try {
        return (await run(items)).map((value) => ({ status: 'fulfilled', value }));
      } catch (error) {
        // A house that cannot serve at all need not be asked again by each.
        if (error instanceof Unavailable) throw error;
      }
    }
    const alone = await Promise.allSettled(items.map((item) => run([item])));
    return alone.map((one) => (one.status === 'rejected' ? one : { ...one, value: one.value[0] as Answer }));
  }, options);
  return async (item) => {
    const answer = await enqueue(item);
    if (answer.status === 'rejected') throw answer.reason;
    return answer.value;
  };
}

/** Questions of one kind at a time, so that one that waits for its answer does not keep all others. */
const ASKING_AT_ONCE = 2;

/**
 * Like {@link gather}, for questions, which are no work that waits: a request has a few of them at a time, and requests are
 * counted at the door.
 */
export function askTogether<Question, Answer>(
  ask: (questions: Question[]) => Promise<Answer[]>,
  options: { readonly most: number; readonly sizeOf?: (question: Question) => number },
): (question: Question) => Promise<Answer> {
  return gather(ask, { ...options, atOnce: ASKING_AT_ONCE, isWork: false });
}

/** Keys in one question: as many as phones may ask for at once. */
const FOUND_MOST = 1_000;

/**
 * A function that finds the rows of a key: all keys that are looked for at one moment are found by one `find`, which is
 * asked after each of them was. `nameOf` a key is what `keyOf` answers for its rows.
 */
export function findTogether<Key, Row>(
  find: (keys: readonly Key[]) => Promise<readonly Row[]>,
  names: { readonly nameOf: (key: Key) => string; readonly keyOf: (row: Row) => string },
): (key: Key) => Promise<readonly Row[]> {
  return askTogether<Key, readonly Row[]>(
    async (keys) => {
      const byName = new Map(keys.map((key) => [names.nameOf(key), key]));
      const found = Map.groupBy(await find([...byName.values()]), names.keyOf);
      return keys.map((key) => found.get(names.nameOf(key)) ?? []);
    },
    { most: FOUND_MOST },
  );
}
