/** What the lock says of the packages the house is built of: where each comes from, that it is fixed, what it may do. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
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

test('a package that brings a script is refused by the npm that knows our setting, and its script does not run', () => {
  const folder = mkdtempSync(join(tmpdir(), 'piaohao-poisoned-'));
  const ran = join(folder, 'ran');
  mkdirSync(join(folder, 'poisoned'));
  const { allowScripts } = manifest;
  const write = (name: string, what: object) => writeFileSync(join(folder, name), JSON.stringify(what));
  write('package.json', { name: 'tried', private: true, allowScripts });
  const postinstall = `node -e "require('node:fs').writeFileSync('${ran}', '')"`;
  write('poisoned/package.json', { name: 'poisoned', version: '1.0.0', scripts: { postinstall } });
  copyFileSync(join(ROOT, '.npmrc'), join(folder, '.npmrc'));
  const npm = (...words: readonly string[]) => spawnSync('npm', words, { cwd: folder, encoding: 'utf8' });
  const install = ['install', './poisoned', '--offline', '--install-links'];
  const refused = npm(...install);
  const isRun = existsSync(ran);
  const allowed = npm(...install, '--dangerously-allow-all-scripts');
  const wouldRun = existsSync(ran);
  rmSync(folder, { recursive: true });
  expect([allowed.status, wouldRun], 'the script works, so that its silence says something').toEqual([0, true]);
  // npm 10 knows neither the list nor the setting, and runs what comes.
  const knows = Number(spawnSync('npm', ['--version'], { encoding: 'utf8' }).stdout.split('.')[0]) >= 11;
  expect([refused.status === 0, isRun]).toEqual(knows ? [false, false] : [true, true]);
  if (knows) expect(refused.stderr).toContain('ESTRICTALLOWSCRIPTS');
}, 60_000);

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
