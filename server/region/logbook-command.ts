/** `npm run audit:logbook`: reads every book line by line and proves its seals by the keys of this house. */
import { verifyLogbook } from '#server/logbook/logbook.ts';
import { auditOf, type Command } from '#server/platform/command.ts';
import { issuersOf, rootIn } from '#server/region/issued.ts';
import { webVerifier } from '#shared/protocol/signature.ts';

/** Ends with 0 when all is well, 1 on any finding, 2 when it could not look. */
export const logbookAudit: Command = auditOf('audit:logbook', 'logbook', async (database, { keysDir }) => {
  const issuer = await issuersOf(database, rootIn(keysDir));
  const verify = webVerifier();
  const { lines, seals, heads, findings } = await verifyLogbook(database, async (seal) => {
    const asked = issuer(seal, seal.message.region, seal.message.time);
    return asked !== undefined && verify(asked);
  });
  return {
    wrong: findings.map(({ region, number, says }) => `${region} line ${number}: ${says}`),
    looked: `${heads.length} books, ${lines} lines, ${seals} seals`,
  };
});
