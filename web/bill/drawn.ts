/** How much of a list is drawn at once: a page of new rows in one piece would hold a slow phone for longer than can be felt. */
import type { Entry } from '#web/bill/entries.ts';

/** New rows in one piece of work. */
const NEW_AT_ONCE = 3;
/** In the first piece of a list: the month and the day stand over it, and its signs are looked up in the fonts for the first time. */
const FIRST_AT_ONCE = 1;

/** What is drawn next of `wanted` when `drawn` stands already: from its beginning, as far as few rows of it are new. */
export function drawnNext(wanted: readonly Entry[], drawn: readonly Entry[] = []): readonly Entry[] {
  const standing = new Set(drawn.map(({ id }) => id));
  const fresh = wanted.flatMap(({ id }, at) => (standing.has(id) ? [] : [at]));
  return wanted.slice(0, fresh[drawn.length === 0 ? FIRST_AT_ONCE : NEW_AT_ONCE]);
}
