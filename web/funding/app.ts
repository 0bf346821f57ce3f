/** What money in and out runs on in the app itself: this phone's vault, the app's client and clock, its one way to sync. */
import type { Duration } from '#shared/base/time.ts';
import type { ActNeeds } from '#web/funding/act.ts';
import { APP, syncNow } from '#web/sync/sync.ts';

/** The app's own needs. */
export const FUNDING: ActNeeds = {
  vault: APP.vault,
  ask: APP.ask,
  clock: APP.clock,
  sync: () => syncNow(),
  pause: (length: Duration) => new Promise((resolve) => setTimeout(resolve, length)),
};
