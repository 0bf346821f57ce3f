/** How SvelteKit builds the app: one static shell that the server hands out for every path. */
import { join } from 'node:path';
import adapter from '@sveltejs/adapter-static';

const out = join(import.meta.dirname, 'build');

export default {
  adapter: adapter({ fallback: 'app-shell.html', pages: out, assets: out, precompress: true }),
  files: { src: '.' },
  // The service worker is registered by hand, after the first screen stands (see web/routes/+layout.svelte).
  serviceWorker: { register: false },
};
