/** Verifies many signatures: in threads beside the loop when there are enough of them, here and now when there are few. */
import { availableParallelism } from 'node:os';
import { packQuestions } from '#server/payment/signature-pack.ts';
import { nodeVerifier } from '#server/payment/verifier.ts';
import { gather } from '#server/platform/batch.ts';
import { startThread, type Thread } from '#server/platform/thread.ts';
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
  const pool: Verifying[] = [];
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

/** Takes {@link packQuestions} and answers with a byte for each: 1 for a good signature. */
type Verifying = Thread<Uint8Array, Uint8Array>;

const PLACE = new URL('./signature-thread.ts', import.meta.url);

/** When a thread dies, all is asked of new ones. */
function startedPool(pool: Verifying[], threads: number): Verifying[] {
  const mayStart = process.permission?.has('worker') ?? true;
  while (mayStart && pool.length < threads) pool.push(startThread(PLACE, undefined, () => pool.splice(0)));
  return pool;
}

/** Every key is one thread's own: to read a key anew costs a third of a verification. */
async function askThreads(pool: readonly Verifying[], questions: readonly SignatureQuestion[]): Promise<boolean[]> {
  // The first byte of a point says only which of two it is; those after it are as good as dice.
  const threadOf = ({ key }: SignatureQuestion): number => (key[1] ?? 0) % pool.length;
  const given = await Promise.all(
    pool.map((thread, at) =>
      askThread(
        thread,
        questions.filter((question) => threadOf(question) === at),
      ),
    ),
  );
  const next = given.map((answers) => answers.values());
  return questions.map((question) => next[threadOf(question)]?.next().value ?? false);
}

async function askThread(thread: Verifying, questions: readonly SignatureQuestion[]): Promise<boolean[]> {
  if (questions.length === 0) return [];
  const packed = packQuestions(questions);
  return Array.from(await thread.ask(packed, [packed.buffer]), (one) => one === 1);
}
