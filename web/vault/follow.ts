/**
 * Follows what the vault says to a question, also while somebody writes without a pause (a past of a hundred thousand
 * bills): Dexie alone gives up a reading for every change and then never answers.
 * Invariant: one reading at a time, each is answered, and the last began after the last change.
 */
import { Dexie, liveQuery } from 'dexie';

/** Between two readings the thread is left to others this many times as long as a reading takes. */
const REST = 3;
/** A reading counts for as long as this at least: what is drawn of its answer costs more than most questions do. */
const SHORTEST_READING_MS = 30;
/** The longer others write on, the longer the rests: each twice the one before, up to this many milliseconds. */
const LONGEST_REST_MS = 2_000;
/** Who has written nothing for so long has stopped. */
const QUIET_MS = 500;

/** Who is answered. */
export interface Follower<Value> {
  readonly next: (value: Value) => void;
  readonly error: (fault: unknown) => void;
}

/** Answers `reading` now and whenever what it read has changed; call what it returns to stop. */
export function followVault<Value>(reading: () => Promise<Value>, { next, error }: Follower<Value>): () => void {
  let turn: Promise<void> = Promise.resolve();
  let newest = 0;
  let pace = REST;
  let askedAt = Number.NEGATIVE_INFINITY;
  let isGone = false;
  const ask = async () => {
    newest += 1;
    const own = newest;
    const isRushed = performance.now() - askedAt < QUIET_MS;
    askedAt = performance.now();
    // Dexie's own promise: what is read after it still counts as read by this question.
    await Dexie.Promise.resolve(turn);
    if (isGone || own !== newest) return;
    pace = isRushed ? 2 * pace : REST;
    const begun = performance.now();
    const answer = reading();
    turn = Promise.allSettled([answer]).then(() => {
      const took = Math.max(SHORTEST_READING_MS, performance.now() - begun);
      return rest(Math.min(LONGEST_REST_MS, pace * took));
    });
    const value = await answer;
    // A piece of its own, outside what Dexie watches: what is drawn may ask questions too.
    setTimeout(() => {
      if (!isGone) next(value);
    });
  };
  const seen = liveQuery(ask).subscribe({ error });
  return () => {
    isGone = true;
    seen.unsubscribe();
  };
}

function rest(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
