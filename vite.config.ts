/** How the web app is built and how every kind of test is run. */
import { defineConfig } from 'vitest/config';

const root = import.meta.dirname;

export default defineConfig({
  root: 'web',
  test: {
    projects: [
      { test: { name: 'shared', root, include: ['tests/house.test.ts', 'tests/shared/**/*.test.ts'] } },
      { test: { name: 'server', root, include: ['tests/server/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 } },
      {
        test: {
          name: 'journeys',
          root,
          include: ['tests/journeys/**/*.test.ts', 'tests/simulation/**/*.test.ts'],
          testTimeout: 240_000,
          hookTimeout: 240_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
