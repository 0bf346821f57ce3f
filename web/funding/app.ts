/** What top-ups run on in the app itself: this phone's vault, the app's client and clock, and its one way to sync. */
import type { Duration } from '#shared/base/time.ts';
import type { TopUpNeeds } from '#web/funding/top-up.ts';
import { APP, syncNow } from '#web/sync/sync.ts';

/** The app's own needs. */
export const TOP_UPS: TopUpNeeds = {
  vault: APP.vault,
  ask: APP.ask,
  clock: APP.clock,
  sync: () => syncNow(),
  pause: (length: Duration) => new Promise((resolve) => setTimeout(resolve, length)),
};
