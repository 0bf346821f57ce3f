/** What top-ups run on in the app itself: this phone's vault, the app's client and clock, its one way to sync and to sign in. */
import type { Refusal } from '#shared/api/refusal.ts';
import type { Result } from '#shared/base/result.ts';
import type { Duration } from '#shared/base/time.ts';
import type { TopUpNeeds } from '#web/funding/top-up.ts';
import { HERE, signInAsOwner as signInOwner } from '#web/identity/person.ts';
import { APP, syncNow } from '#web/sync/sync.ts';

/** The app's own needs. */
export const TOP_UPS: TopUpNeeds = {
  vault: APP.vault,
  ask: APP.ask,
  clock: APP.clock,
  sync: () => syncNow(),
  pause: (length: Duration) => new Promise((resolve) => setTimeout(resolve, length)),
};

/** Signs in by passkey as the owner of this phone's wallet. */
export const signInAsOwner = (): Promise<Result<undefined, Refusal>> => signInOwner(HERE);
