/** `npm run notebook -- --port N --open`: the CouchDB protocol alone, over a database that forgets, on this machine only. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { openToAll } from '#server/notebook/open.ts';
import { openDatabase } from '#server/platform/database.ts';
import { migrate } from '#server/platform/migrate.ts';

const USAGE = 'npm run notebook -- --port N --open';

const { values } = parseArgs({ options: { port: { type: 'string', default: '5984' }, open: { type: 'boolean' } } });
const port = Number(values.port);
// Said in full, because everybody on this machine may then write what they like and have its functions run.
if (values.open !== true || !Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error(`It is opened by: ${USAGE}`);
  process.exit(2);
}
const database = await openDatabase({ dataDir: 'memory' });
await migrate(database, [{ name: 'notebook', schema: readFileSync(new URL('schema.sql', import.meta.url), 'utf8') }]);
const { app } = openToAll(database);
console.log(`The notebook is open: ${await app.listen({ host: '127.0.0.1', port })}`);
