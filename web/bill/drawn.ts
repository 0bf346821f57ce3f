/** How much of a list is drawn at once: a page of new rows in one piece would hold a slow phone for longer than can be felt. */
import type { Entry } from '#web/bill/entries.ts';

/** New rows in one piece of work. */
const NEW_AT_ONCE = 3;
/** In the first piece of rows: the signs of a list are looked up in the fonts for the first time. */
const FIRST_AT_ONCE = 1;

/**
 * What is drawn next of `wanted` when `drawn` stands already: from its beginning, as far as few rows of it are new. A list
 * of which nothing stands begins with none: what stands over the first row is a picture of its own.
 */
export function drawnNext(wanted: readonly Entry[], drawn: readonly Entry[] | undefined): readonly Entry[] {
  if (drawn === undefined) return [];
  const standing = new Set(drawn.map(({ id }) => id));
  const fresh = wanted.flatMap(({ id }, at) => (standing.has(id) ? [] : [at]));
  return wanted.slice(0, fresh[drawn.length === 0 ? FIRST_AT_ONCE : NEW_AT_ONCE]);
}
