/** A process that posts to the embedded ledger in DATA_DIR without end and prints the id of every posting it was promised. */

import { openDatabase } from '#server/platform/database.ts';
import { newId } from '#shared/base/id.ts';
import { instant } from '#shared/base/time.ts';
import { bank, ledgerOn, transfer, walletOf } from '#tests/kit/ledger.ts';

const database = await openDatabase({ dataDir: process.env.DATA_DIR ?? '' });
const ledger = await ledgerOn(database);
console.log('open');
let stopping = false;
process.on('SIGTERM', () => {
  stopping = true;
});

async function postOn(wallet: string): Promise<void> {
  while (!stopping) {
    const id = newId(instant(Date.now()));
    const answer = await ledger.post([{ ...transfer('on', bank(), walletOf(wallet), 7), id }]);
    if (answer.ok) console.log(id);
  }
}

await Promise.all(['Ai', 'Bo', 'Ci', 'Du'].map(postOn));
await database.close();
