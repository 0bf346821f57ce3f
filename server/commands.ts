/** Everything an operator can have done by a command: `npm run <name>`, and the running house when it holds the database. */
import { agreementCommand } from '#server/account/account.ts';
import { statisticsCommand } from '#server/bill/bill.ts';
import { statementAudit } from '#server/funding/funding.ts';
import { ledgerAudit } from '#server/ledger/audit-command.ts';
import type { Command } from '#server/platform/command.ts';
import { dumpCommand } from '#server/platform/dump.ts';
import { paymentAudit } from '#server/proof/proof.ts';
import { logbookAudit, rotateCommand, switchCommand } from '#server/region/region.ts';
import { agentCommand } from '#server/support/support.ts';

/** All of them. */
export const COMMANDS: readonly Command[] = [
  ledgerAudit,
  paymentAudit,
  logbookAudit,
  statementAudit,
  switchCommand,
  rotateCommand,
  dumpCommand,
  agreementCommand,
  agentCommand,
  statisticsCommand,
];
