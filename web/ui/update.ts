/** Brings a new version of the app: quietly, when the person says so, and never in the middle of a payment. */
import { vouchedUrl } from '#web/ui/vouched.ts';

/** Tells `found` when a new version waits; the function it is given takes it over. */
export type OnUpdate = (found: () => void) => void;

const WORKER = '/service-worker.js';
const LOOK_AGAIN_MS = 60 * 60 * 1000;

/** Registers the service worker and watches for a waiting version. Browsers without workers simply stay online. */
export async function watchForUpdate(found: OnUpdate): Promise<void> {
  if (!('serviceWorker' in navigator)) return;
  try {
    const registration = await navigator.serviceWorker.register(vouchedUrl('piaohao-worker', WORKER), {
      updateViaCache: 'none',
    });
    const offer = () => {
      const waiting = registration.waiting;
      // Without a controller this is the first version: there is nothing to replace.
      if (waiting && navigator.serviceWorker.controller) found(() => waiting.postMessage('take-over'));
    };
    offer();
    registration.addEventListener('updatefound', () => {
      registration.installing?.addEventListener('statechange', offer);
    });
    setInterval(() => void registration.update().catch(() => undefined), LOOK_AGAIN_MS);
  } catch {
    // A private window may forbid workers; the app works on, only not offline.
  }
}
