/** `npm run audit:ledger`: proves the ledger and names every wrong row. */
import { auditLedger } from '#server/ledger/audit.ts';
import { auditOf, type Command } from '#server/platform/command.ts';

/** Ends with 0 when all is well, 1 on any finding, 2 when it could not look. */
export const ledgerAudit: Command = auditOf('audit:ledger', 'ledger', async (database) => {
  const report = await auditLedger(database);
  return {
    wrong: report.findings.map(({ region, row, off, says }) => `${region} ${row}: ${says} (off by ${off})`),
    looked: `${report.regions} regions, ${report.transfers} transfers, ${report.moves} moves, ${report.accounts} accounts`,
  };
});
