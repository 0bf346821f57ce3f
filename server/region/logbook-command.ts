/** `npm run audit:logbook`: reads every book line by line and proves its seals by the keys of this house. */
import { existsSync } from 'node:fs';
import { verifyLogbook } from '#server/logbook/logbook.ts';
import { auditOf, type Command } from '#server/platform/command.ts';
import { keyFiles } from '#server/region/issuer-key.ts';
import { sealCheck } from '#server/region/seal.ts';

/** Ends with 0 when all is well, 1 on any finding, 2 when it could not look. */
export const logbookAudit: Command = auditOf('audit:logbook', 'logbook', async (database, { keysDir }) => {
  // Opening a key file that is not there would make one: an audit makes nothing.
  if (!existsSync(keysDir)) throw new Error(`The keys of this house are not in ${keysDir}.`);
  const root = keyFiles(keysDir)('root').key;
  const { lines, seals, heads, findings } = await verifyLogbook(database, await sealCheck(database, root));
  return {
    wrong: findings.map(({ region, number, says }) => `${region} line ${number}: ${says}`),
    looked: `${heads.length} books, ${lines} lines, ${seals} seals`,
  };
});
