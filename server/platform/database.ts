/** Opens the one database of the house: embedded when there is no DATABASE_URL, a PostgreSQL server otherwise. */
import type { EngineStart } from '#server/platform/engine.ts';
import { openPglite } from '#server/platform/pglite.ts';
import { openPostgres } from '#server/platform/postgres.ts';
import type { Database } from '#server/platform/sql.ts';

export { type Database, findByKey, type Sql, sqlState, Unavailable } from '#server/platform/sql.ts';

/** Where the data lies and how long one statement may take. */
export interface DatabaseConfig {
  readonly databaseUrl?: string | undefined;
  /** Folder of the embedded database, or `memory` (tests). Not used with `databaseUrl`. */
  readonly dataDir: string | 'memory';
  /** How a database in memory begins, in the engine's own words; empty when not said. */
  readonly begin?: EngineStart;
  /** The embedded database refuses writes with fewer bytes left on its disk (default 256 MB). */
  readonly diskFloorBytes?: number;
  /** Connections to a PostgreSQL server (default 10). */
  readonly connections?: number;
  /** Longest a statement may run (default 10 s; 30 s on the embedded database, then the process ends). */
  readonly statementTimeoutMs?: number;
}

const DISK_FLOOR_BYTES = 256 * 1024 * 1024;

/** Opens the database of `config`. Throws FolderInUse when another process has the folder. */
export async function openDatabase(config: DatabaseConfig): Promise<Database> {
  if (config.databaseUrl !== undefined) {
    return openPostgres({
      databaseUrl: config.databaseUrl,
      connections: config.connections ?? 10,
      statementTimeoutMs: config.statementTimeoutMs ?? 10_000,
    });
  }
  return openPglite({
    dataDir: config.dataDir,
    begin: config.begin,
    diskFloorBytes: config.diskFloorBytes ?? DISK_FLOOR_BYTES,
    // Nothing can cut a statement off inside this process: it ends the process, so it gets longer.
    statementTimeoutMs: config.statementTimeoutMs ?? 30_000,
  });
}
