/** What the running server can do to the machine it stands on: its work, and nothing beside it. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');

let folder: string;
let env: NodeJS.ProcessEnv;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'piaohao-cage 票-'));
  env = { ...process.env, DATA_DIR: join(folder, 'data'), LOG_LEVEL: 'warn' };
  mkdirSync(join(folder, 'data'));
  writeFileSync(join(folder, 'secret'), 'of somebody else');
  symlinkSync(join(folder, 'secret'), join(folder, 'data', 'link'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

/** The flags under which `npm start` and `npm run serve` run the server. */
function grants(): string[] {
  const said = spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { serverGrants } from '${ROOT}/server/setup/launch.mjs'; console.log(JSON.stringify(serverGrants(process.env)));`,
    ],
    { env, encoding: 'utf8' },
  );
  return JSON.parse(said.stdout) as string[];
}

/** Runs `code` in the cage; says what it answered, or the code of the error that stopped it. */
function tryInside(code: string): string {
  const whole = `
    process.permission.drop('worker');
    const answer = async () => { ${code} };
    answer().then((value) => console.log(String(value)), (error) => console.log(error.code ?? error.message));`;
  const flags = [...grants(), '--disable-warning=ExperimentalWarning', '--disable-warning=SecurityWarning'];
  return spawnSync(process.execPath, [...flags, '-e', whole], { cwd: ROOT, env, encoding: 'utf8' }).stdout.trim();
}

const DENIED = 'ERR_ACCESS_DENIED';

describe('what a server that was taken over would find', () => {
  test.each([
    ['reads its own code', "return require('fs').readFileSync('server/main.ts').length > 0", 'true'],
    [
      'reads and writes its data',
      "const f = process.env.DATA_DIR + '/x'; require('fs').writeFileSync(f, 'y'); return require('fs').readFileSync(f)",
      'y',
    ],
    [
      'speaks over the network',
      "const s = require('net').createServer(); return new Promise((r) => s.listen(0, () => { s.close(); r('listens'); }))",
      'listens',
    ],
    ['starts no process', "return require('child_process').execFileSync('id')", DENIED],
    ['starts no shell', "return new Promise((_, no) => require('child_process').exec('id', no))", DENIED],
    ['reads no file outside', "return require('fs').readFileSync('/etc/passwd')", DENIED],
    [
      'starts no thread that would stand outside',
      "new (require('worker_threads').Worker)('0', { eval: true, execArgv: [] })",
      DENIED,
    ],
    ['takes the place of no other program', "process.execve('/bin/true', ['/bin/true'], {})", DENIED],
    ['writes no report about itself elsewhere', "process.report.writeReport('/tmp/piaohao-report.json')", DENIED],
    ['has no other database that opens files', "return require('node:sqlite')", 'ERR_UNKNOWN_BUILTIN_MODULE'],
    [
      'reads no other secrets of the person who started it',
      "return require('fs').readdirSync(process.env.HOME)",
      DENIED,
    ],
    ['does not learn what other processes hold', "return require('fs').readFileSync('/proc/1/environ')", DENIED],
    ['does not climb out', "return require('fs').readFileSync(process.env.DATA_DIR + '/../secret')", DENIED],
    ['makes no link that leads out', "require('fs').symlinkSync('/etc', process.env.DATA_DIR + '/etc')", DENIED],
    ['writes nothing beside its data', "require('fs').writeFileSync(process.env.DATA_DIR + '/../x', '')", DENIED],
    ['does not change its own code', "require('fs').appendFileSync('server/main.ts', '')", DENIED],
    ['does not change its libraries', "require('fs').writeFileSync('node_modules/pg/x.js', '')", DENIED],
    ['does not change what browsers get', "require('fs').writeFileSync('build/x.js', '')", DENIED],
    [
      'loads no native code',
      "process.dlopen({ exports: {} }, process.env.DATA_DIR + '/x.node')",
      'ERR_DLOPEN_DISABLED',
    ],
    ['opens no debugger', "require('inspector').open(0)", DENIED],
    ['opens no other virtual machine with files', "new (require('wasi').WASI)({ version: 'preview1' })", DENIED],
  ])('%s', (_what, code, expected) => {
    expect(tryInside(code)).toBe(expected);
  });
});

/** Sends `errand` about `path` to the keeper of the data folder, from a process in the cage. */
function askKeeper(errand: string, path: string): string {
  const child = `process.on('message', (m) => { console.log(m.failure ?? 'done'); process.disconnect(); });
    process.send({ id: 1, errand: ${JSON.stringify(errand)}, about: ${JSON.stringify(path)} });`;
  const starter = `import { spawn } from 'node:child_process';
    import { serverGrants } from '${ROOT}/server/setup/launch.mjs';
    import { keepFor } from '${ROOT}/server/setup/keeper.mjs';
    const stdio = ['ignore', 'inherit', 'ignore', 'ipc'];
    keepFor(spawn(process.execPath, [...serverGrants(process.env), '-e', ${JSON.stringify(child)}], { stdio }), process.env.DATA_DIR);`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', starter], { env, encoding: 'utf8' }).stdout.trim();
}

describe('the keeper, which stands outside the cage', () => {
  const inside = () => join(folder, 'data', 'kept');
  test.each([
    ['forces a file of the data to the disk', 'sync-data', inside, 'done'],
    ['and a folder', 'sync-all', () => join(folder, 'data'), 'done'],
    ['opens no file outside', 'sync-data', () => join(folder, 'secret'), 'not a file of the data folder'],
    ['nor by a link', 'sync-data', () => join(folder, 'data', 'link'), 'not a file of the data folder'],
    ['nor by climbing', 'sync-all', () => `${join(folder, 'data')}/../secret`, 'not a file of the data folder'],
    ['knows no other errand', 'run', () => '/bin/sh', 'no such errand'],
  ])('%s', (_what, errand, path, expected) => {
    writeFileSync(inside(), 'text');
    expect(askKeeper(errand, path())).toContain(expected);
  });
});
