/** Tables put aside as they are, so that a hand may change their rows and each test begins with the true ones. */
import type { Database } from '#server/platform/database.ts';

/** Keeps a copy of `tables`; answers how they are put right again. */
export async function keepTables(database: Database, tables: readonly string[]): Promise<() => Promise<void>> {
  for (const table of tables) await database.query(`create table kept_${table} as select * from ${table}`);
  return () =>
    database.transaction(async (tx) => {
      for (const table of tables) {
        await tx.query(`delete from ${table}`);
        await tx.query(`insert into ${table} select * from kept_${table}`);
      }
    });
}
