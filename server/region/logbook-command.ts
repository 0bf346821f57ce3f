/**
 * `npm run audit:logbook`: reads every book of DATABASE_URL or DATA_DIR line by line and proves its seals by the keys of
 * this house. Ends with 0 when all is well, 1 on any finding, 2 when it could not look.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { verifyLogbook } from '#server/logbook/logbook.ts';
import { readConfig } from '#server/platform/config.ts';
import { openDatabase, sqlState } from '#server/platform/database.ts';
import { FolderInUse } from '#server/platform/folder-lock.ts';
import { keyFiles } from '#server/region/issuer-key.ts';
import { sealCheck } from '#server/region/region.ts';

try {
  process.exitCode = await run();
} catch (error) {
  console.error(whyNot(error));
  process.exitCode = 2;
}

async function run(): Promise<number> {
  const config = readConfig(process.env);
  // Opening a key file that is not there would make one: an audit makes nothing.
  if (!existsSync(config.keysDir) || (!config.databaseUrl && !existsSync(join(config.dataDir, 'pglite')))) {
    throw new Error(`There is no house in ${config.dataDir}; set DATA_DIR or DATABASE_URL.`);
  }
  const database = await openDatabase({ ...config, diskFloorBytes: 0, statementTimeoutMs: 600_000 });
  try {
    const root = keyFiles(config.keysDir)('root').key;
    const { lines, seals, heads, findings } = await verifyLogbook(database, await sealCheck(database, root));
    for (const { region, number, says } of findings) console.log(`WRONG ${region} line ${number}: ${says}`);
    const looked = `${heads.length} books, ${lines} lines, ${seals} seals`;
    console.log(
      findings.length === 0 ? `The logbook is proved: ${looked}.` : `${findings.length} findings in ${looked}.`,
    );
    return findings.length === 0 ? 0 : 1;
  } finally {
    await database.close();
  }
}

function whyNot(error: unknown): string {
  if (error instanceof FolderInUse) {
    return `${error.message} The embedded database serves one process at a time: stop the server, then audit.`;
  }
  if (sqlState(error) === '42P01') return 'This database has no logbook yet: start the server once.';
  return error instanceof Error ? error.message : String(error);
}
