/** What the service worker does when the browser wakes it: one sync with the device's own key, no session needed. */
import { APP, syncNow } from '#web/sync/sync.ts';
import { BACKGROUND_TAG } from '#web/sync/wake.ts';

/** The part of a Background Sync event that is used. */
interface SyncEvent {
  readonly tag: string;
  readonly waitUntil: (work: Promise<unknown>) => void;
}

/** Answers a `sync` event of the service worker; failing tells the browser to try again later. */
export function onBackgroundSync(event: SyncEvent): void {
  if (event.tag !== BACKGROUND_TAG) return;
  event.waitUntil(
    syncNow(APP).then((done) => {
      if (!done.ok && done.error.code !== 'wallet.none') throw new Error(done.error.code);
    }),
  );
}
