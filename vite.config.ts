/** How the web app is built and how every kind of test is run. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { sveltekit } from '@sveltejs/kit/vite';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import app from './svelte.config.js';
import { messages } from './web/messages/compile.ts';

const root = import.meta.dirname;
const chromium = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
];

/** Files at a time. Vitest's own number leaves a core to itself, and of two that is half; it has hardly anything to do. */
const AT_ONCE = Math.max(2, availableParallelism() - 1);

/** Journeys that use every core there is, or look at the clock: they run when all others are done, one at a time. */
const BY_THEMSELVES = [
  'tests/journeys/{accessible,cold-start,lighthouse,seen}.test.ts',
  'tests/simulation/unsigned.test.ts',
];

/** What home shares with other screens: by itself each would be a file of a few hundred bytes. */
const OF_HOME = new RegExp(
  [
    'paraglide/messages/(?:shell|bill_kind|bill_state|bill_brought|bill_none|bill_origin|home|ui_app_name|ui_ago|ui_day|transfer_title|withdrawal_title)',
    'web/bill/(?:entries|words)',
    'web/routes/bills/EntryRow',
    'web/vault/(?:vault|settings|allowances|outbox|watch|follow|same)',
    'preload-helper',
    'web/sync/(?:state|clock)',
    'web/ui/(?:Seal|Meter|theme|install|vouched)',
    'shared/base/(?:bytes|time)',
  ]
    .map((path) => `/${path}`)
    .join('|'),
);

/**
 * What more than one of the later screens needs, rung by rung of the ladder, lowest first, so that none of these files
 * needs one after it; what few need and is large stands apart. A phone keeps every file before it opens with no network,
 * and each costs it twenty milliseconds of work however small it is.
 */
const SHELVES: readonly (readonly [name: string, test: RegExp, minShareCount: number])[] = [
  ['words', /\/paraglide\/messages\/(?!refusal)/, 2],
  ['refusals', /\/paraglide\/messages\//, 2],
  ['pouch', /\/node_modules\/(?:pouchdb|spark-md5|vuvuzela|uuid)/, 1],
  ['shapes', /\/node_modules\/typebox\/|\/shared\/api\/(?!refusal)/, 1],
  ['rules', /\/shared\/|\/node_modules\/(?:cborg|@noble)\//, 2],
  ['pieces', /\/web\/ui\//, 2],
  ['sync', /\/web\/(?:vault|sync)\//, 2],
  ['acts', /\/web\/(?:identity|pay|transfer|funding|bill|notebook|notice|support)\//, 2],
  ['steps', /\/web\/routes\//, 2],
];

/** What every screen stands in, the screen of faults, and home: Kit numbers them first. */
const FIRST_LOAD = /\/nodes\/[012]\.[^/]+$/;

/**
 * The files asked for together with a file that is loaded when needed. Of all screens they are a list of five kilobytes
 * in front of home; so a later screen names only its looks ahead, and the phone has kept its scripts by then.
 */
function askedAhead(file: string, files: string[]): string[] {
  return FIRST_LOAD.test(file) ? files : files.filter((one) => one.endsWith('.css'));
}

/** Files of one worker share what they import, a tenth of the time if each read it anew; what a file opens, it closes. */
const TOGETHER = { isolate: false };

/** How long what is asked again and again (`expect.poll`) may take: the second of Vitest is soon over beside others. */
const PATIENT = { poll: { timeout: 20_000 } };

/** How long a journey may take; the app is built before the first of them. */
const JOURNEY = {
  testTimeout: 360_000,
  hookTimeout: 240_000,
  expect: PATIENT,
  ...TOGETHER,
  globalSetup: join(root, 'tests/kit/built.ts'),
};

export default defineConfig({
  root: 'web',
  // Tests in Node read the sources as they are; only the app itself is compiled.
  plugins: process.env.VITEST ? [] : [messages(), sveltekit(app)],
  resolve: {
    // The package's own entry is its build for browsers of 2015; this one is the same code for those that can pay here.
    alias: process.env.VITEST
      ? []
      : [
          { find: /^dexie$/, replacement: 'dexie/dist/modern/dexie.min.mjs' },
          // html5-qrcode's own decoder is large and would read every other frame on the screen's thread: ours asks a worker.
          { find: /^\.\/zxing-html5-qrcode-decoder$/, replacement: join(root, 'web/pay/frame-decoder.ts') },
        ],
  },
  environments: process.env.VITEST
    ? {}
    : {
        client: {
          build: {
            modulePreload: { resolveDependencies: askedAhead },
            rolldownOptions: {
              output: {
                codeSplitting: {
                  // Few files pack better than many: what the first screen and most others look like stands together.
                  groups: [
                    {
                      name: 'looks',
                      test: /\/web\/ui\/(?!refusal|Refusal|Sheet|TextField|Segmented|Switch|ListRow|Screen|save-blob|region)/,
                      minShareCount: 8,
                      priority: 2,
                    },
                    { name: 'home', test: OF_HOME, minShareCount: 2, priority: 1 },
                    ...SHELVES.map(([name, test, minShareCount], rung) => ({
                      ...{ name, test, minShareCount },
                      priority: 1 - (rung + 1) / (SHELVES.length + 1),
                    })),
                  ],
                },
              },
            },
          },
        },
      },
  test: {
    projects: [
      {
        test: {
          name: 'shared',
          root,
          include: ['tests/house.test.ts', 'tests/shared/**/*.test.ts'],
          testTimeout: 60_000,
          maxWorkers: AT_ONCE,
        },
      },
      {
        test: {
          name: 'server',
          root,
          // Signed worlds keep one core busy each; those without signatures take every core there is, and run by themselves.
          include: ['tests/{server,attack,faults}/**/*.test.ts', 'tests/simulation/simulate.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          expect: PATIENT,
          maxWorkers: AT_ONCE,
          ...TOGETHER,
          globalSetup: join(root, 'tests/kit/postgres.ts'),
        },
      },
      {
        optimizeDeps: { include: ['dexie', '@noble/hashes/sha2.js', '@simplewebauthn/browser', 'cborg', 'typebox'] },
        test: {
          name: 'web',
          root,
          include: ['tests/web/**/*.test.ts'],
          testTimeout: 60_000,
          expect: PATIENT,
          maxWorkers: AT_ONCE,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: { executablePath: chromium, args: CHROMIUM_FLAGS } }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
      {
        test: {
          name: 'journeys',
          root,
          include: ['tests/journeys/**/*.test.ts'],
          exclude: BY_THEMSELVES,
          ...JOURNEY,
          maxWorkers: AT_ONCE,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'journeys-alone',
          root,
          include: BY_THEMSELVES,
          ...JOURNEY,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
