/** A process that opens the embedded ledger in DATA_DIR as a start of the house does, and prints what is in it. */
import { auditLedger } from '#server/ledger/audit.ts';
import { openLedger } from '#server/ledger/ledger.ts';
import { openDatabase } from '#server/platform/database.ts';
import { endWith } from '#server/platform/start-fault.ts';
import { SHANXI } from '#tests/kit/ledger.ts';

try {
  const database = await openDatabase({ dataDir: process.env.DATA_DIR ?? '', diskFloorBytes: 0 });
  const { findings } = await auditLedger(database);
  const journal = await openLedger({ database }).journal(SHANXI, 0, 1_000_000);
  console.log(JSON.stringify({ findings, ids: journal.map(({ id }) => id) }));
  await database.close();
} catch (error) {
  endWith(error);
}
