/**
 * `npm run audit:ledger`: proves the ledger of DATABASE_URL or DATA_DIR and names every wrong row.
 * Ends with 0 when all is well, 1 on any finding, 2 when it could not look.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { auditLedger } from '#server/ledger/audit.ts';
import { readConfig } from '#server/platform/config.ts';
import { openDatabase, sqlState } from '#server/platform/database.ts';
import { FolderInUse } from '#server/platform/folder-lock.ts';

try {
  process.exitCode = await run();
} catch (error) {
  console.error(whyNot(error));
  process.exitCode = 2;
}

async function run(): Promise<number> {
  const config = readConfig(process.env);
  if (!config.databaseUrl && !existsSync(join(config.dataDir, 'pglite'))) {
    throw new Error(`There is no ledger in ${config.dataDir}; set DATA_DIR or DATABASE_URL.`);
  }
  // An audit only reads: it may look at a full disk, and it may take its time.
  const database = await openDatabase({ ...config, diskFloorBytes: 0, statementTimeoutMs: 600_000 });
  try {
    const report = await auditLedger(database);
    for (const { region, row, off, says } of report.findings)
      console.log(`WRONG ${region} ${row}: ${says} (off by ${off})`);
    const looked = `${report.regions} regions, ${report.transfers} transfers, ${report.moves} moves, ${report.accounts} accounts`;
    console.log(
      report.findings.length === 0
        ? `The ledger is proved: ${looked}.`
        : `${report.findings.length} findings in ${looked}.`,
    );
    return report.findings.length === 0 ? 0 : 1;
  } finally {
    await database.close();
  }
}

function whyNot(error: unknown): string {
  if (error instanceof FolderInUse) {
    return `${error.message} The embedded database serves one process at a time: stop the server, then audit.`;
  }
  if (sqlState(error) === '42P01') return 'This database has no ledger yet: start the server once.';
  return error instanceof Error ? error.message : String(error);
}
