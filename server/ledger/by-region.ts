/**
 * Work on rows of several regions: one region after the other, in one order for everybody.
 * Each region lies on a node of its own: a statement that locks or writes names one, and those who lock several meet in order.
 */

/** Asks `work` for each region among `rows` with its rows, and answers all it answered. */
export async function byRegion<Row extends { readonly region: string }, Answer>(
  rows: readonly Row[],
  work: (region: string, rows: readonly Row[]) => Promise<readonly Answer[]>,
): Promise<Answer[]> {
  const groups = Map.groupBy(rows, ({ region }) => region);
  const answers: Answer[] = [];
  for (const region of [...groups.keys()].sort()) answers.push(...(await work(region, groups.get(region) ?? [])));
  return answers;
}
