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
    // One bench may print several figures; each of their names calls it.
    const names = name.split(/[ ,()]+/);
    if (wanted.length === 0 || wanted.some((one) => one === name || names.includes(one))) await bench();
  }
}
