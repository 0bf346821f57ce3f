/**
 * `npm run sbom`: the bill of materials of what runs, as CycloneDX. npm's own `--omit dev` also leaves out what runs when
 * something that only builds needs it as well, so everything is listed and the lock says what only builds.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ENVIRONMENT, ROOT } from './ready.mjs';

const ROOM_BYTES = 64 * 1024 * 1024;

const done = spawnSync('npm', ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx'], {
  cwd: ROOT,
  env: ENVIRONMENT,
  encoding: 'utf8',
  maxBuffer: ROOM_BYTES,
});
if (done.status !== 0) {
  console.error(done.stderr);
  process.exit(done.status ?? 1);
}

const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
const bill = JSON.parse(done.stdout);
const needed = new Set(
  Object.entries(packages)
    .filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
    .map(([path, { version }]) => `${path.split('node_modules/').at(-1)}@${version}`),
);
const runs = bill.components.filter(({ name, version }) => needed.has(`${name}@${version}`));
const kept = new Set([bill.metadata.component['bom-ref'], ...runs.map((one) => one['bom-ref'])]);
const dependencies = bill.dependencies
  .filter(({ ref }) => kept.has(ref))
  .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((other) => kept.has(other)) }));
console.log(JSON.stringify({ ...bill, components: runs, dependencies }, null, 2));
