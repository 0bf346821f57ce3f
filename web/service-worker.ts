/**
 * Keeps the whole app on the phone, so that it opens with no network and no server.
 * Invariant: a file whose bytes differ from the hash in the list is refused, and with it the whole new version:
 * the phone then goes on with the version it has.
 */
import { createHandlerBoundToURL, precacheAndRoute } from 'workbox-precaching';
import { NavigationRoute, registerRoute } from 'workbox-routing';
import { onPush, type PushEvent } from '#web/notice/show.ts';
import { onBackgroundSync } from '#web/sync/background.ts';

interface Kept {
  readonly url: string;
  readonly revision: string | null;
  readonly integrity: string;
}

declare const self: ServiceWorkerGlobalScope & {
  /** Put in after the build, when every file and its hash is known (see precache.ts). */
  readonly __WB_MANIFEST: Kept[];
};

precacheAndRoute(self.__WB_MANIFEST, { cleanURLs: false });

// Every screen is the same shell; what the server itself answers (API, health, documents) is left alone.
registerRoute(
  new NavigationRoute(createHandlerBoundToURL('/app-shell.html'), { denylist: [/\.[a-z]+$/, /^\/(?:livez|readyz)$/] }),
);

self.addEventListener('message', (event) => {
  // The new version takes over only when the person said so: never in the middle of a payment.
  if (event.data === 'take-over') void self.skipWaiting();
});

self.addEventListener('activate', (event) => {
  event.waitUntil(self.clients.claim());
});

self.addEventListener('sync', (event) => {
  onBackgroundSync(event as ExtendableEvent & { readonly tag: string });
});

self.addEventListener('push', (event) => {
  onPush(event as PushEvent, self.registration);
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(show(new URL((event.notification.data as { path?: string } | null)?.path ?? '/', self.origin)));
});

/** How long an open app has to answer that it goes there; an app of before does not know the question. */
const ANSWER_MS = 1_000;

/** Brings the app forward and has it go to `url`, without beginning anew; or opens it there. */
async function show(url: URL): Promise<void> {
  const [open] = await self.clients.matchAll({ type: 'window' });
  if (!open) return void (await self.clients.openWindow(url));
  await open.focus();
  const { port1, port2 } = new MessageChannel();
  const goes = new Promise<boolean>((resolve) => {
    port1.onmessage = () => resolve(true);
    setTimeout(() => resolve(false), ANSWER_MS);
  });
  open.postMessage({ kind: 'go', path: url.pathname }, [port2]);
  if (!(await goes)) await open.navigate(url);
}
