/** The frame of every command beside the house: where its database is, what to say when it cannot be reached, how to end. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, readConfig } from '#server/platform/config.ts';
import { type Database, openDatabase, sqlState } from '#server/platform/database.ts';
import { FolderInUse } from '#server/platform/folder-lock.ts';

/** What an audit saw: a line for each thing that is wrong, and how much it looked at. */
export interface Seen {
  readonly wrong: readonly string[];
  readonly looked: string;
}

/**
 * Looks at the `book` of DATABASE_URL or DATA_DIR. The process then ends with 0 when all is well, 1 on any finding, 2
 * when it could not look; `look` throws with words for the operator.
 */
export async function runAudit(
  book: string,
  look: (database: Database, config: Config) => Promise<Seen>,
): Promise<void> {
  await runBeside(book, async (database, config) => {
    const { wrong, looked } = await look(database, config);
    for (const line of wrong) console.log(`WRONG ${line}`);
    console.log(wrong.length === 0 ? `The ${book} is proved: ${looked}.` : `${wrong.length} findings in ${looked}.`);
    return wrong.length === 0 ? 0 : 1;
  });
}

/**
 * Opens the database of DATABASE_URL or DATA_DIR, does `work` and ends the process with the status it answers; with 2
 * when the database cannot be opened or `work` throws with words for the operator. `book`: what it works on.
 */
export async function runBeside(
  book: string,
  work: (database: Database, config: Config) => Promise<number>,
): Promise<void> {
  try {
    process.exitCode = await beside(book, work);
  } catch (error) {
    console.error(whyNot(book, error));
    process.exitCode = 2;
  }
}

async function beside(book: string, work: (database: Database, config: Config) => Promise<number>): Promise<number> {
  const config = readConfig(process.env);
  if (!config.databaseUrl && !existsSync(join(config.dataDir, 'pglite'))) {
    throw new Error(`There is no ${book} in ${config.dataDir}; set DATA_DIR or DATABASE_URL.`);
  }
  // It must be able to look at a full disk, and may take its time.
  const database = await openDatabase({ ...config, diskFloorBytes: 0, statementTimeoutMs: 600_000 });
  try {
    return await work(database, config);
  } finally {
    await database.close();
  }
}

function whyNot(book: string, error: unknown): string {
  if (error instanceof FolderInUse) {
    return `${error.message} The embedded database serves one process at a time: stop the server first.`;
  }
  if (sqlState(error) === '42P01') return `This database has no ${book} yet: start the server once.`;
  return error instanceof Error ? error.message : String(error);
}
