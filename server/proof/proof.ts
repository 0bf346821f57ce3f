/**
 * Proves what the ledger's own auditor cannot see: that allowances, payments and bills say what was signed and posted.
 * Invariant: it trusts no row that it has not held against the signed bytes or the journal; it keeps a page at a time.
 */
import { freezeView } from '#server/ledger/store.ts';
import { systemClock } from '#server/platform/clock.ts';
import { auditOf, type Command } from '#server/platform/command.ts';
import type { Database } from '#server/platform/database.ts';
import { proveAllowances } from '#server/proof/allowances.ts';
import { proveBills } from '#server/proof/bills.ts';
import type { Find, Finding } from '#server/proof/finding.ts';
import { provePayments } from '#server/proof/payments.ts';
import { issuersOf, rootIn } from '#server/region/region.ts';
import type { Instant } from '#shared/base/time.ts';

export type { Finding } from '#server/proof/finding.ts';

/** What was looked at, and everything that is wrong; no findings: the payments are proved. */
export interface ProofReport {
  readonly allowances: number;
  readonly payments: number;
  readonly bills: number;
  readonly findings: readonly Finding[];
}

/**
 * Audits allowances, payments and bills of every region at one moment, `now`; writers may go on meanwhile. Issuers are those
 * that `root`, the network root's public key, ever named.
 */
export function auditPayments(database: Database, now: Instant, root: Uint8Array): Promise<ProofReport> {
  return database.transaction(async (tx) => {
    await freezeView(tx);
    const findings: Finding[] = [];
    const find: Find = (check, region, row, off, says) => {
      findings.push({ check, region, row, off, says });
    };
    const allowances = await proveAllowances(tx, find, now, await issuersOf(tx, root));
    const payments = await provePayments(tx, find);
    return { allowances, payments, bills: await proveBills(tx, find), findings };
  });
}

/** `npm run audit:payments`: ends with 0 when all is well, 1 on any finding, 2 when it could not look. */
export const paymentAudit: Command = auditOf('audit:payments', 'book of payments', async (database, { keysDir }) => {
  const root = rootIn(keysDir);
  const { findings, allowances, payments, bills } = await auditPayments(database, systemClock(), root);
  return {
    wrong: findings.map(({ region, row, off, says }) => `${region} ${row}: ${says} (off by ${off})`),
    looked: `${allowances} allowances, ${payments} payments, ${bills} bills`,
  };
});
