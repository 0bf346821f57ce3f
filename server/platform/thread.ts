/** A thread beside the loop that answers what it is asked; a question and its answer carry the same ticket. */
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { messageOf } from '#server/platform/message-of.ts';
import { assert } from '#shared/base/assert.ts';

/** The side that asks. */
export interface Thread<Question, Answer> {
  /** Rejects with the message (and the `code`) of what the thread threw, or when the thread ends. `given` moves instead of being copied. */
  readonly ask: (question: Question, given?: readonly ArrayBuffer[]) => Promise<Answer>;
  readonly end: () => Promise<void>;
}

interface Letter<Content> {
  readonly ticket: number;
  readonly content: Content;
}

interface Failure {
  readonly message: string;
  readonly code?: string;
}

type Reply<Answer> = Letter<{ readonly answer: Answer } | { readonly failure: Failure }>;

/**
 * Starts the file at `place`, which calls {@link answerQuestions} and finds `about` as its `workerData`. The thread keeps the
 * process alive only while it owes an answer. `lost` is called when it ends without being told to.
 */
export function startThread<Question, Answer>(
  place: URL,
  about: unknown,
  lost: (reason: Error) => void,
): Thread<Question, Answer> {
  // Without flags of its own a thread has those of the process; a list, even an empty one, would take it out of the cage.
  const flags = process.permission ? {} : { execArgv: [] };
  const worker = new Worker(place, { ...flags, workerData: about });
  const open = new Map<number, PromiseWithResolvers<Answer>>();
  let tickets = 0;
  let reason = new Error('the thread ended');
  worker.unref();
  // Its end always follows.
  worker.on('error', (error: Error) => {
    reason = error;
  });
  worker.on('exit', () => {
    lost(reason);
    for (const one of open.values()) one.reject(reason);
    open.clear();
  });
  worker.on('message', ({ ticket, content }: Reply<Answer>) => {
    const asked = open.get(ticket);
    assert(asked !== undefined, 'a thread answers what it was asked');
    open.delete(ticket);
    if (open.size === 0) worker.unref();
    if ('answer' in content) asked.resolve(content.answer);
    else asked.reject(Object.assign(new Error(content.failure.message), codeOf(content.failure)));
  });
  return {
    ask(question, given = []) {
      const ticket = tickets++;
      const asked = Promise.withResolvers<Answer>();
      if (open.size === 0) worker.ref();
      open.set(ticket, asked);
      const letter: Letter<Question> = { ticket, content: question };
      worker.postMessage(letter, [...given]);
      return asked.promise;
    },
    async end() {
      worker.removeAllListeners('exit');
      await worker.terminate();
    },
  };
}

/**
 * The side that answers: hands every question to `answer` as it comes. `moved` names what of an answer moves instead of being
 * copied.
 */
export function answerQuestions<Question, Answer>(
  answer: (question: Question) => Answer | Promise<Answer>,
  moved: (answer: Answer) => ArrayBuffer[] = () => [],
): void {
  const port = parentPort;
  assert(port !== null, 'questions come to a thread');
  // It needs no other thread; see confine in server/app.ts.
  process.permission?.drop('worker');
  const send = (reply: Reply<Answer>, given: ArrayBuffer[] = []) => port.postMessage(reply, given);
  port.on('message', async ({ ticket, content }: Letter<Question>) => {
    try {
      const given = await answer(content);
      send({ ticket, content: { answer: given } }, moved(given));
    } catch (error) {
      const message = messageOf(error);
      send({ ticket, content: { failure: { message, ...codeOf(error) } } });
    }
  });
}

function codeOf(error: unknown): { readonly code?: string } {
  const isCoded = typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string';
  return isCoded ? { code: error.code as string } : {};
}

/** What {@link startThread} was given for this thread. */
export function aboutThread<About>(): About {
  return workerData as About;
}
