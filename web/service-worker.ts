/**
 * Keeps the whole app on the phone, so that it opens with no network and no server.
 * Invariant: a file whose bytes differ from the hash in the list is refused, and with it the whole new version:
 * the phone then goes on with the version it has.
 */
import { PrecacheController, PrecacheRoute } from 'workbox-precaching';
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

/** The part of the static routing of service workers that is used; browsers without it ask the worker each time. */
interface Routing {
  readonly addRoutes?: (
    rules: readonly { readonly condition: { readonly requestMethod: string }; readonly source: 'network' }[],
  ) => Promise<void>;
}

/** What only the house can answer. */
const FOR_THE_HOUSE = ['POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** So many files come at once; a browser opens six roads to one house, and the app that is open needs some of them. */
const AT_ONCE = 4;

const files: Kept[] = self.__WB_MANIFEST;
/** The whole list: what is kept of it, and what is thrown away of the version before. */
const kept = listed(files);
/** Its parts, each fetched one file after the other: over a road of 150 ms the whole list that way takes a minute. */
const parts = Array.from({ length: AT_ONCE }, (_, part) => listed(files.filter((_file, at) => at % AT_ONCE === part)));

function listed(some: Kept[]): PrecacheController {
  const list = new PrecacheController();
  list.addToCacheList(some);
  return list;
}

self.addEventListener('install', (event) => {
  // Nobody need wake this worker for them: a sync is quicker by it, and a worker that rests gives way to a new version.
  // A browser that takes no such rules goes on asking.
  const rules = FOR_THE_HOUSE.map((requestMethod) => ({ condition: { requestMethod }, source: 'network' as const }));
  const routing = event as Routing;
  if (routing.addRoutes) event.waitUntil(routing.addRoutes(rules).catch(() => undefined));
  // One file that is refused, and the version is.
  event.waitUntil(Promise.all(parts.map((part) => part.install(event))));
});

self.addEventListener('activate', (event) => {
  event.waitUntil(Promise.all([kept.activate(event), self.clients.claim()]));
});

registerRoute(new PrecacheRoute(kept, { cleanURLs: false }));

// Every screen is the same shell; what the server itself answers (API, health, documents) is left alone.
registerRoute(
  new NavigationRoute(kept.createHandlerBoundToURL('/app-shell.html'), {
    denylist: [/\.[a-z]+$/, /^\/(?:livez|readyz)$/],
  }),
);

self.addEventListener('message', (event) => {
  // The new version takes over only when the person said so: never in the middle of a payment.
  if (event.data === 'take-over') void self.skipWaiting();
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
