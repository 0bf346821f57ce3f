/** Forgets what only the past said: words of revisions that something newer stands on, and attachments nobody lists. */
import type { Listed } from '#server/notebook/document.ts';
import { treesOf } from '#server/notebook/read.ts';
import { leavesOf, revisionsIn } from '#server/notebook/revision.ts';
import type { Book } from '#server/notebook/store.ts';
import * as store from '#server/notebook/store.ts';
import type { Database } from '#server/platform/database.ts';

/** Compacts a notebook; what its leaves say stays. */
export async function compact(database: Database, book: Book): Promise<void> {
  await database.transaction(async (tx) => {
    await store.readBook(tx, book, true);
    const rows = await store.everyDocument(tx, book);
    await store.dropBodies(
      tx,
      book,
      rows.flatMap((row) => {
        const trees = treesOf(row);
        const leaves = new Set(leavesOf(trees).map(({ revision }) => revision));
        return revisionsIn(trees)
          .filter((revision) => !leaves.has(revision))
          .map((revision) => ({ id: row.id, revision }));
      }),
    );
    const lists = (await store.attachmentLists(tx, book)).map((one) => JSON.parse(one) as Record<string, Listed>);
    const digests = lists.flatMap((list) => Object.values(list).map(({ digest }) => digest));
    await store.keepAttachments(tx, book, [...new Set(digests)]);
  });
}
