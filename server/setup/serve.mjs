/** `npm run serve`: the server alone, of packages and an app that are there already; for a service manager. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { liveWith, startServer } from './launch.mjs';
import { NODE, ROOT } from './ready.mjs';

if (!existsSync(NODE) || !existsSync(join(ROOT, 'build/app-shell.html'))) {
  console.error('Nothing to serve yet. Install and build first: npm ci && npm run build');
  process.exit(2);
}
liveWith([startServer(process.env)]);
