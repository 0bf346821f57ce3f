/** What the lock says of the packages the house is built of: where each comes from, that it is fixed, what it may do. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const read = <Shape>(name: string) => JSON.parse(readFileSync(join(ROOT, name), 'utf8')) as Shape;

interface Entry {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
  readonly inBundle?: boolean;
  readonly optional?: boolean;
}

const lock = read<{ packages: Record<string, Entry> }>('package-lock.json');
const manifest = read<{
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  allowScripts: Record<string, boolean>;
}>('package.json');
const entries = Object.entries(lock.packages).filter(([path]) => path !== '');

/** What the tests alone look at the product with; fetched beside the installed packages, no part of what runs. */
const beside = Object.entries(
  read<{ packages: Record<string, Entry> }>('server/setup/lighthouse/package-lock.json').packages,
).filter(([path]) => path !== '');

test.each([
  ['what is installed', entries],
  ['what is fetched beside it for the tests', beside],
])('%s: every package is fixed by its hash, from one registry', (_of, entries) => {
  // Without an address of its own a package comes from the registry npm is set to, and only with these very bytes.
  const fromElsewhere = ({ resolved, link }: Entry) =>
    link || (resolved !== undefined && !resolved.startsWith('https://registry.npmjs.org/'));
  const isFixed = ({ integrity, inBundle }: Entry) => inBundle || /^sha512-[\w+/]{86}==$/.test(integrity ?? '');
  expect(entries.filter(([, one]) => fromElsewhere(one) || !isFixed(one)).map(([path]) => path)).toEqual([]);
  expect(entries.length).toBeGreaterThan(100);
});

test('what is asked for is one version, and is what the lock has', () => {
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
    expect([name, version]).toEqual([name, expect.stringMatching(/^\d+\.\d+\.\d+$/)]);
    expect([name, lock.packages[`node_modules/${name}`]?.version]).toEqual([name, version]);
  }
});

test('one package alone may run a script when it is installed', () => {
  expect(manifest.allowScripts).toEqual({ node: true });
  expect(readFileSync(join(ROOT, '.npmrc'), 'utf8')).toMatch(/^strict-allow-scripts=true$/m);
  // The others that bring one are optional and never run it: npm refuses what is not on the list.
  const bring = entries.filter(([, one]) => one.hasInstallScript && !one.optional).map(([path]) => path);
  expect(bring.filter((path) => path !== 'node_modules/node')).toEqual([]);
  expect(Object.keys(manifest.scripts).filter((name) => /^(?:pre|post)?(?:install|prepare)/.test(name))).toEqual([]);
});

test('nothing that is fetched for the tests is a package of the house, or brings a script', () => {
  expect(beside.filter(([, one]) => one.hasInstallScript).map(([path]) => path)).toEqual([]);
  expect({ ...manifest.dependencies, ...manifest.devDependencies }).not.toHaveProperty('lighthouse');
});

test('what runs beside people’s money is at most twenty-five packages of our choosing', () => {
  expect(Object.keys(manifest.dependencies).length).toBeLessThanOrEqual(25);
});

test('the bill of materials names everything that runs, each with its hash, and nothing that only builds', () => {
  const done = spawnSync('npm', ['run', '--silent', 'sbom'], { cwd: ROOT, encoding: 'utf8' });
  const bill = JSON.parse(done.stdout) as {
    readonly bomFormat: string;
    readonly components: readonly {
      readonly name: string;
      readonly version: string;
      readonly hashes?: readonly unknown[];
    }[];
  };
  expect(bill.bomFormat).toBe('CycloneDX');
  const named = new Map(bill.components.map((one) => [one.name, one.version]));
  for (const [name, version] of Object.entries(manifest.dependencies))
    expect([name, named.get(name)]).toEqual([name, version]);
  expect(Object.keys(manifest.devDependencies).filter((name) => named.has(name))).toEqual([]);
  expect(bill.components.filter(({ hashes }) => !hashes?.length).map(({ name }) => name)).toEqual([]);
}, 60_000);
