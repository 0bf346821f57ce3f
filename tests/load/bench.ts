/** Runs the benchmarks and prints one JSON line each: `npm run bench -- [name …] [--rows=N]`; every file here exports `benches`. */
import { readdirSync } from 'node:fs';

interface Benchmarks {
  readonly benches?: Readonly<Record<string, () => Promise<void>>>;
}

const wanted = process.argv.slice(2).filter((one) => !one.startsWith('--'));
for (const file of readdirSync(import.meta.dirname).sort()) {
  if (!file.endsWith('.ts') || file === 'bench.ts') continue;
  const { benches = {} } = (await import(`#tests/load/${file}`)) as Benchmarks;
  for (const [name, bench] of Object.entries(benches)) {
    if (wanted.length === 0 || wanted.includes(name)) await bench();
  }
}
