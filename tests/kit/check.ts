/** `npm run check`: everything that reads the code without running it; all of it is run, then all that failed is named. */
import { spawnSync } from 'node:child_process';

const CHECKS: readonly (readonly [name: string, command: string, args: readonly string[]])[] = [
  ['format and lint', 'biome', ['ci', '--error-on-warnings', '--diagnostic-level=warn', '.']],
  ['messages', 'node', ['web/messages/compile.ts']],
  ['kit types', 'svelte-kit', ['sync']],
  ['types', 'tsc', ['-p', '.']],
  ['screens', 'svelte-check', ['--tsconfig', './tsconfig.json', '--output', 'human', '--fail-on-warnings']],
  ['unused code', 'knip', []],
];

const failed = CHECKS.filter(([name, command, args]) => {
  console.log(`· ${name}`);
  return spawnSync(command, args, { stdio: 'inherit' }).status !== 0;
}).map(([name]) => name);

if (failed.length > 0) {
  console.error(`Failed: ${failed.join(', ')}`);
  process.exit(1);
}
console.log('All checks passed.');
