/** Rows written a few at a time, so that whoever watches is told what it was. */

/** So many rows are told of key by key; of more in one go Dexie says that anything in the store may have changed. */
export const TOLD_AT_MOST = 49;

/** `rows` in lists of `size`, the last of them shorter. */
export function inPieces<Row>(rows: readonly Row[], size: number): Row[][] {
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, at) => rows.slice(at * size, (at + 1) * size));
}
