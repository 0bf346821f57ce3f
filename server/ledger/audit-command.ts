/**
 * `npm run audit:ledger`: proves the ledger of DATABASE_URL or DATA_DIR and names every wrong row.
 * Ends with 0 when all is well, 1 on any finding, 2 when it could not look.
 */
import { auditLedger } from '#server/ledger/audit.ts';
import { runAudit } from '#server/platform/audit-command.ts';

await runAudit('ledger', async (database) => {
  const report = await auditLedger(database);
  return {
    wrong: report.findings.map(({ region, row, off, says }) => `${region} ${row}: ${says} (off by ${off})`),
    looked: `${report.regions} regions, ${report.transfers} transfers, ${report.moves} moves, ${report.accounts} accounts`,
  };
});
