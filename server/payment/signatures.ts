/** Verifies many signatures: in threads beside the loop when there are enough of them, here and now when there are few. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { packQuestions } from '#server/payment/signature-pack.ts';
import { nodeVerifier } from '#server/payment/verifier.ts';
import { gather } from '#server/platform/batch.ts';
import { assert } from '#shared/base/assert.ts';
import type { Checks, SignatureQuestion } from '#shared/protocol/signature.ts';

/** Answers signature questions, in their order. */
export interface Signatures {
  readonly ask: (questions: readonly SignatureQuestion[]) => Promise<boolean[]>;
  /** Starts the threads now, for a process that gives up the leave to start any. */
  readonly start: () => void;
  readonly close: () => Promise<void>;
}

/** Below this many the way to a thread and back (about 0.1 ms) costs more than it saves. */
const WORTH_A_THREAD = 24;

/** Questions of all callers together that go out at once: about 50 ms of one core. */
const BATCH_MOST = 512;

/** One for each core: of payments that come without their neighbours verification is half, and one fewer makes it the narrow place. */
const THREADS = Math.min(8, availableParallelism());

/** `threads` verifiers; 0 verifies everything on the loop, as the simulation does. They start when first needed. */
export function openSignatures(threads: number = THREADS): Signatures {
  const here = nodeVerifier();
  const pool: Thread[] = [];
  const answer = gather<readonly SignatureQuestion[], boolean[]>(
    async (callers) => {
      const questions = callers.flat();
      const answers =
        questions.length < WORTH_A_THREAD || startedPool(pool, threads).length === 0
          ? questions.map(here)
          : await askThreads(pool, questions);
      let at = 0;
      return callers.map((own) => {
        at += own.length;
        return answers.slice(at - own.length, at);
      });
    },
    // The threads have their next questions when they are done with these.
    { most: BATCH_MOST, atOnce: 2 },
  );
  return {
    ask: (questions) => (questions.length === 0 ? Promise.resolve([]) : answer(questions)),
    start: () => void startedPool(pool, threads),
    async close() {
      await Promise.all(pool.map((thread) => thread.end()));
    },
  };
}

/** Walks all `walks` together, asking the questions of each round at once; a walk that ends early asks no more. */
export async function walkTogether<Answer>(
  walks: readonly Checks<Answer>[],
  signatures: Signatures,
): Promise<Answer[]> {
  const answers: Answer[] = new Array(walks.length);
  let waiting = walks.map((walk, at) => ({ walk, at, step: walk.next() }));
  while (waiting.length > 0) {
    const open: { walk: Checks<Answer>; at: number; question: SignatureQuestion }[] = [];
    for (const { walk, at, step } of waiting) {
      if (step.done) answers[at] = step.value;
      else open.push({ walk, at, question: step.value });
    }
    if (open.length === 0) break;
    const good = await signatures.ask(open.map((one) => one.question));
    waiting = open.map(({ walk, at }, place) => ({ walk, at, step: walk.next(good[place] ?? false) }));
  }
  return answers;
}

interface Thread {
  readonly ask: (questions: readonly SignatureQuestion[]) => Promise<boolean[]>;
  readonly end: () => Promise<void>;
}

function startedPool(pool: Thread[], threads: number): Thread[] {
  const mayStart = process.permission?.has('worker') ?? true;
  while (mayStart && pool.length < threads) pool.push(startThread(() => pool.splice(0)));
  return pool;
}

/** Every key is one thread's own: to read a key anew costs a third of a verification. */
async function askThreads(pool: readonly Thread[], questions: readonly SignatureQuestion[]): Promise<boolean[]> {
  // The first byte of a point says only which of two it is; those after it are as good as dice.
  const threadOf = ({ key }: SignatureQuestion): number => (key[1] ?? 0) % pool.length;
  const given = await Promise.all(
    pool.map((thread, at) => thread.ask(questions.filter((question) => threadOf(question) === at))),
  );
  const next = given.map((answers) => answers.values());
  return questions.map((question) => next[threadOf(question)]?.next().value ?? false);
}

/** One verifying thread. When it dies, everything asked of it fails and `lost` clears the way for new ones. */
function startThread(lost: () => void): Thread {
  // Without flags of its own a thread has those of the process; a list, even an empty one, would take it out of the cage.
  const flags = process.permission ? {} : { execArgv: [] };
  const worker = new Worker(new URL('./signature-worker.ts', import.meta.url), flags);
  const open = new Map<number, { resolve: (answers: boolean[]) => void; reject: (reason: Error) => void }>();
  let tickets = 0;
  const fail = (reason: Error): void => {
    lost();
    for (const one of open.values()) one.reject(reason);
    open.clear();
  };
  worker.unref();
  worker.on('error', fail);
  worker.on('exit', () => fail(new Error('a verifying thread ended')));
  worker.on('message', ({ ticket, answers }: { ticket: number; answers: Uint8Array }) => {
    const asked = open.get(ticket);
    assert(asked !== undefined, 'a thread answers what it was asked');
    open.delete(ticket);
    if (open.size === 0) worker.unref();
    asked.resolve(Array.from(answers, (one) => one === 1));
  });
  return {
    ask(questions) {
      if (questions.length === 0) return Promise.resolve([]);
      const ticket = tickets++;
      const packed = packQuestions(questions);
      worker.ref();
      return new Promise((resolve, reject) => {
        open.set(ticket, { resolve, reject });
        worker.postMessage({ ticket, packed }, [packed.buffer]);
      });
    },
    async end() {
      worker.removeAllListeners('exit');
      await worker.terminate();
    },
  };
}
