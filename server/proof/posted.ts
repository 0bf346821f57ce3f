/** The transfers a page of rows should have led to, read at once. */
import type { Sql } from '#server/platform/database.ts';
import * as store from '#server/proof/store.ts';

/** A transfer as it stands in the journal. */
export interface Posted {
  readonly kind: string;
  readonly moves: readonly store.AuditPosting[];
}

/** Finds a transfer of a region by its id; undefined when it was never posted. */
export type FindPosted = (region: string, id: string) => Posted | undefined;

/** Reads those of `wanted` that are posted. */
export async function readPosted(
  tx: Sql,
  wanted: readonly { readonly region: string; readonly id: string }[],
): Promise<FindPosted> {
  const rows = await store.postings(tx, wanted);
  const byName = Map.groupBy(rows, ({ region, id }) => `${region} ${id}`);
  return (region, id) => {
    const found = byName.get(`${region} ${id}`);
    const kind = found?.[0]?.kind;
    return found && kind !== undefined ? { kind, moves: found.filter(({ debit }) => debit !== null) } : undefined;
  };
}
