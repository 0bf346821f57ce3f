/** `npm test`: from a fresh clone on a bare machine to a full test run; installs Chromium and PostgreSQL when they are missing. */
import { existsSync, readdirSync } from 'node:fs';
import { ensureBuilt, ensureInstalled, run } from './ready.mjs';

const NEEDED = [
  { name: 'chromium', there: () => existsSync(process.env.CHROMIUM_PATH ?? '/usr/bin/chromium') },
  { name: 'postgresql', there: () => hasPostgres('/usr/lib/postgresql') },
  { name: 'fonts-noto-cjk', there: () => existsSync('/usr/share/fonts/opentype/noto') },
];

function hasPostgres(folder) {
  return existsSync(folder) && readdirSync(folder).some((version) => existsSync(`${folder}/${version}/bin/initdb`));
}

/** Installs the Debian packages that are missing, or says how to. */
function ensureSystem() {
  const missing = NEEDED.filter(({ there }) => !there()).map(({ name }) => name);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) {
    console.error(
      `The tests run against a real browser and a real database. Install them first:\n  sudo apt-get install --no-install-recommends ${missing.join(' ')}`,
    );
    process.exit(1);
  }
  console.log(`Installing ${missing.join(', ')} …`);
  process.env.DEBIAN_FRONTEND = 'noninteractive';
  run('apt-get', ['-q', 'update']);
  run('apt-get', ['-q', '-y', 'install', '--no-install-recommends', ...missing]);
}

ensureInstalled();
ensureSystem();
run('npm', ['run', '--silent', 'check']);
ensureBuilt();
run('vitest', ['run', ...process.argv.slice(2)]);
