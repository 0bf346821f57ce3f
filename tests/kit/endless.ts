/** A process that asks the embedded database in DATA_DIR for something without end, and says so each time its loop turns meanwhile. */
import { openDatabase } from '#server/platform/database.ts';

const database = await openDatabase({ dataDir: process.env.DATA_DIR ?? '', statementTimeoutMs: 2_000 });
setInterval(() => console.log('turned'), 100);
await database.query('select count(*) from generate_series(1, 1000000000000) as n where n % 2 = 0');
