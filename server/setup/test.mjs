/** `npm test`: from a fresh clone on a bare machine to a full test run; installs what it lacks of Debian (a browser, a database, readers of statements). */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureActual } from './actual.mjs';
import { ensureLighthouse } from './lighthouse.mjs';
import { ensureBuilt, ensureInstalled, run, statusOf } from './ready.mjs';

/** So many files may be asked again; more than these do not fail because the machine was busy. */
const ASKED_AGAIN_AT_MOST = 6;

/** Where a race shows itself once in many runs, that once is the finding: these have to hold so many times in a row. */
const RACES = /\/tests\/(?:faults|attack|simulation|server\/ledger)\//;
const RACES_ASKED = 3;

const NEEDED = [
  { name: 'chromium', there: () => existsSync(process.env.CHROMIUM_PATH ?? '/usr/bin/chromium') },
  { name: 'postgresql', there: () => hasPostgres('/usr/lib/postgresql') },
  { name: 'fonts-noto-cjk', there: () => existsSync('/usr/share/fonts/opentype/noto') },
  // It moves the clock of one process.
  { name: 'faketime', there: () => readdirSync('/usr/lib').some((one) => existsSync(`/usr/lib/${one}/faketime`)) },
  // They read the statements people take out.
  { name: 'ofx', there: () => existsSync('/usr/bin/ofxdump') },
  { name: 'hledger', there: () => existsSync('/usr/bin/hledger') },
  { name: 'beancount', there: () => existsSync('/usr/bin/bean-check') },
  { name: 'poppler-utils', there: () => existsSync('/usr/bin/pdftotext') },
  { name: 'libxml2-utils', there: () => existsSync('/usr/bin/xmllint') },
];

function hasPostgres(folder) {
  return existsSync(folder) && readdirSync(folder).some((version) => existsSync(`${folder}/${version}/bin/initdb`));
}

/** Installs the Debian packages that are missing, or says how to. */
function ensureSystem() {
  const missing = NEEDED.filter(({ there }) => !there()).map(({ name }) => name);
  if (missing.length === 0) return;
  const install = `apt-get install --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    console.error(
      `The tests run against a real browser, a real database and programs that read statements. Install them first, on Debian by\n  sudo apt-get update && sudo ${install}`,
    );
    process.exit(2);
  }
  console.log(`Installing ${missing.join(', ')} …`);
  process.env.DEBIAN_FRONTEND = 'noninteractive';
  run('apt-get', ['-q', 'update']);
  run('apt-get', ['-q', '-y', 'install', '--no-install-recommends', ...missing]);
}

/**
 * Runs the tests; the few files that failed run once more, alone and in the open, those about races three times.
 * Browsers, databases and killed processes share the machine in the whole run, and a fault of the product fails without
 * that company as well.
 */
function runTests(asked) {
  const folder = mkdtempSync(join(tmpdir(), 'piaohao-tests-'));
  const report = join(folder, 'report.json');
  const status = statusOf('vitest', [
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile=${report}`,
    ...asked,
  ]);
  const failed = status === 0 ? [] : failedFiles(report);
  rmSync(folder, { recursive: true, force: true });
  if (failed.length === 0 || failed.length > ASKED_AGAIN_AT_MOST) return status;
  const races = failed.filter((file) => RACES.test(file));
  console.log(`Failed beside the others, now run once more alone:\n  ${failed.join('\n  ')}`);
  if (races.length > 0) console.log(`and ${RACES_ASKED} times, for one failure is enough:\n  ${races.join('\n  ')}`);
  for (let asked = 0; asked < RACES_ASKED; asked += 1) {
    const files = asked === 0 ? failed : races;
    const again = files.length === 0 ? 0 : statusOf('vitest', ['run', '--no-file-parallelism', ...files]);
    if (again !== 0) return again;
  }
  return 0;
}

function failedFiles(report) {
  if (!existsSync(report)) return [];
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  return testResults.filter((file) => file.status === 'failed').map((file) => file.name);
}

ensureInstalled();
ensureSystem();
ensureActual();
ensureLighthouse();
run('npm', ['run', '--silent', 'check']);
ensureBuilt();
process.exit(runTests(process.argv.slice(2)));
