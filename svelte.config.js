/** How SvelteKit builds the app: one static shell that the server hands out for every path. */
import { join } from 'node:path';
import adapter from '@sveltejs/adapter-static';
import { listForServiceWorker } from './web/precache.ts';

const out = join(import.meta.dirname, 'build');
const writeSite = adapter({ fallback: 'app-shell.html', pages: out, assets: out, precompress: true });

/** @type {import('@sveltejs/kit').Adapter} */
const writeSiteAndList = {
  name: writeSite.name,
  async adapt(builder) {
    await writeSite.adapt(builder);
    listForServiceWorker(out);
  },
};

/** @type {import('@sveltejs/kit/vite').Config} */
export default {
  adapter: writeSiteAndList,
  files: { src: '.' },
  // Registered by hand after the first screen stands, as a classic script that every browser takes (see web/ui/update.ts).
  serviceWorker: { register: false },
};
