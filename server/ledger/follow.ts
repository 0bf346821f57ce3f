/**
 * Reads the journal once, in order, for a window that keeps its own view of it.
 * Invariant: what a step writes and how far the follower has come are one transaction.
 */
import type { JournalTransfer, Ledger } from '#server/ledger/ledger.ts';
import { followedToEnd, holdFollower, saveFollower } from '#server/ledger/store.ts';
import type { Database, Sql } from '#server/platform/database.ts';

/** Who follows. `name` is unique in the house; a new name begins at the first transfer of `region`. */
export interface Following {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly name: string;
  readonly region: string;
  /** Takes the next transfers, in order and without gaps; when it throws, the same ones come again. */
  readonly step: (tx: Sql, transfers: readonly JournalTransfer[]) => Promise<void>;
  /** Transfers in one transaction at most (default 500). */
  readonly most?: number;
}

/** The function that brings the follower up to the end of the journal and answers its cursor. */
export function follow(following: Following): () => Promise<number> {
  const { database, ledger, name, region, step } = following;
  const most = following.most ?? 500;
  return async () => {
    // Holding the follower is a write, and its commit waits for the disk: too dear for a region where nothing happens.
    const end = await followedToEnd(database, region, name);
    if (end !== undefined) return end;
    for (;;) {
      const [cursor, count] = await database.transaction(async (tx) => {
        const from = await holdFollower(tx, region, name);
        const transfers = await ledger.journal(region, from, most, tx);
        const last = transfers.at(-1);
        if (!last) return [from, 0] as const;
        await step(tx, transfers);
        await saveFollower(tx, region, name, last.cursor);
        return [last.cursor, transfers.length] as const;
      });
      if (count < most) return cursor;
    }
  };
}
