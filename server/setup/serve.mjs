/** `npm run serve`: the server alone, of packages and an app that are there already; for a service manager. `--processes N` starts several at one port. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { liveWith } from './launch.mjs';
import { startServers } from './processes.mjs';
import { NODE, ROOT } from './ready.mjs';

if (!existsSync(NODE) || !existsSync(join(ROOT, 'build/app-shell.html'))) {
  console.error('Nothing to serve yet. Install and build first: npm ci && npm run build');
  process.exit(2);
}
liveWith([startServers(process.env, process.argv.slice(2))]);
