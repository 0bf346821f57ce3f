/**
 * `npm run faults`: every fault in turn, one line of JSON for each with its figures. `-- --long` runs them as long as
 * the figures of an operator ask for (about an hour); a word after it chooses the files whose names contain it.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, watchFile, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const { long, names } = readArguments(process.argv.slice(2));
const folder = mkdtempSync(join(tmpdir(), 'piaohao-faults-'));
const file = join(folder, 'report.jsonl');
writeFileSync(file, '');

let told = 0;
function tell(): void {
  const text = readFileSync(file, 'utf8');
  process.stdout.write(text.slice(told));
  told = text.length;
}
watchFile(file, { interval: 500 }, tell);

const filters = names.length > 0 ? names.map((name) => `tests/faults/${name}`) : ['tests/faults'];
// One file after the other: a fault's figures are its own, not those of the fault beside it.
const running = spawn('vitest', ['run', '--project', 'server', '--no-file-parallelism', '--reporter=dot', ...filters], {
  cwd: ROOT,
  env: { ...process.env, FAULTS_REPORT: file, ...(long ? { FAULTS_LONG: '1' } : {}) },
  stdio: ['ignore', 'ignore', 'pipe'],
});
let wrong = '';
running.stderr?.on('data', (part) => {
  wrong += String(part);
});
running.on('exit', (code) => {
  tell();
  rmSync(folder, { recursive: true, force: true });
  if (code !== 0) console.error(wrong);
  process.exit(code ?? 1);
});

function readArguments(words: readonly string[]): { long: boolean; names: string[] } {
  const unknown = words.find((word) => word.startsWith('-') && word !== '--long');
  if (unknown) {
    console.error(`What is ${unknown}? npm run faults [-- [--long] [name of a file]...]`);
    process.exit(2);
  }
  return { long: words.includes('--long'), names: words.filter((word) => word !== '--long') };
}
