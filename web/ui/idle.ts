/** Work that can wait until the screen has nothing to do: what a person looks at is drawn first. */

/** A screen that never rests gets the work all the same. */
const LATEST_MS = 2_000;

/** Does `work` when the browser rests, at the earliest `after` ms from now; call the answer to give it up. */
export function whenIdle(work: () => void, after = 0): () => void {
  let idle: number | undefined;
  const timer = setTimeout(() => {
    // WebKit has no such question: there the time that was let go by must do.
    if (typeof requestIdleCallback === 'undefined') work();
    else idle = requestIdleCallback(work, { timeout: LATEST_MS });
  }, after);
  return () => {
    clearTimeout(timer);
    if (idle !== undefined) cancelIdleCallback(idle);
  };
}

/** Lets whoever waits have the thread first: what comes after is a piece of work of its own. */
export function afterOthers(): Promise<void> {
  return new Promise((done) => setTimeout(done));
}

/** Does `work` once what stands now is on the glass, in a piece of its own; call the answer to give it up. */
export function afterPicture(work: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  // Work done in the frame itself would be one piece with the layout it causes.
  const frame = requestAnimationFrame(() => {
    timer = setTimeout(work);
  });
  return () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  };
}
