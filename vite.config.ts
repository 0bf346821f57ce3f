/** How the web app is built and how every kind of test is run. */
import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vitest/config';
import app from './svelte.config.js';
import { messages } from './web/messages/compile.ts';

const root = import.meta.dirname;

export default defineConfig({
  root: 'web',
  // Tests in Node read the sources as they are; only the app itself is compiled.
  plugins: process.env['VITEST'] ? [] : [messages(), sveltekit(app)],
  test: {
    projects: [
      { test: { name: 'shared', root, include: ['tests/house.test.ts', 'tests/shared/**/*.test.ts'] } },
      {
        test: {
          name: 'server',
          root,
          include: ['tests/server/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
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
