/** What top-ups run on in the app itself: this phone's vault, the app's client and clock, its one way to sync and to sign in. */
import type { Refusal } from '#shared/api/refusal.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import type { Duration } from '#shared/base/time.ts';
import type { TopUpNeeds } from '#web/funding/top-up.ts';
import { HERE, signIn } from '#web/identity/person.ts';
import { APP, syncNow } from '#web/sync/sync.ts';
import { readSetting } from '#web/vault/settings.ts';

/** The app's own needs. */
export const TOP_UPS: TopUpNeeds = {
  vault: APP.vault,
  ask: APP.ask,
  clock: APP.clock,
  sync: () => syncNow(),
  pause: (length: Duration) => new Promise((resolve) => setTimeout(resolve, length)),
};

/** Signs in by passkey as the owner of this phone's wallet; somebody else's passkey must not top up their wallet from here. */
export async function signInAsOwner(): Promise<Result<undefined, Refusal>> {
  const session = await signIn(HERE);
  if (!session.ok) return session;
  const owner = await readSetting(APP.vault, 'wallet');
  if (!owner || owner.id === session.value.person.wallet) return ok(undefined);
  await APP.ask({ method: 'DELETE', path: '/session' });
  return refuse({ code: 'device.other-wallet' });
}
