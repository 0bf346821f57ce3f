/**
 * Fetches Lighthouse, for the tests: 170 MB with all it stands on, which the product does without. Each package exactly as
 * the lock beside this file has it, none of them may run a script.
 */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureFetched, finish } from './fetched.mjs';

const LOCK = join(import.meta.dirname, 'lighthouse');

/** The file Lighthouse is imported from, fetched when it is not there yet. */
export function ensureLighthouse() {
  const folder = ensureFetched('lighthouse-13.5.0', (passing) => {
    for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(LOCK, name), join(passing, name));
    finish('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], passing);
  });
  return join(folder, 'node_modules/lighthouse/core/index.js');
}
