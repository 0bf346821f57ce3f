/** Asks the browser to wake the service worker when there is a network, for the app may be closed by then. */

/** The tag Background Sync wakes the service worker with. */
export const BACKGROUND_TAG = 'piaohao-sync';

interface SyncManager {
  readonly register: (tag: string) => Promise<void>;
}

/** Asks the browser to wake the service worker when there is a network. Browsers without it simply do not. */
export async function askForBackgroundSync(): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration();
  const manager = (registration as { readonly sync?: SyncManager } | undefined)?.sync;
  await manager?.register(BACKGROUND_TAG).catch(() => undefined);
}
