/** `npm run audit:statements`: names every booking of a provider that differs from the books and has not been cleared up. */
import { type Finding, readFindings } from '#server/funding/reconcile.ts';
import { dayName } from '#server/funding/statement-day.ts';
import { auditOf, type Command } from '#server/platform/command.ts';

/** Ends with 0 when all agree, 1 on any finding, 2 when it could not look. */
export const statementAudit: Command = auditOf('audit:statements', 'funding', async (database) => {
  const { findings, statements } = await readFindings(database);
  return { wrong: findings.map(says), looked: `${statements} statements` };
});

const WORDS: Readonly<Record<Finding['kind'], string>> = {
  sum: 'another sum',
  state: 'booked there, not settled here',
  twice: 'booked twice',
  'unknown-here': 'unknown here',
  'missing-there': 'settled here, not booked there',
};

function says({ region, service, day, reference, kind, ours, theirs, currency }: Finding): string {
  const sums = `ours ${ours ?? '-'}, theirs ${theirs ?? '-'} ${currency}`;
  return `${region} ${service} ${dayName(day)} ${reference}: ${WORDS[kind]} (${sums})`;
}
