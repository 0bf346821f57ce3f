/**
 * The earliest it can be: the newest moment a server ever signed. A phone whose clock says less has been turned back
 * (or lost its battery), and promises made by such a clock are not believed.
 */
import { type Duration, duration, fromSeconds, type Instant, instant } from '#shared/base/time.ts';
import { readSetting } from '#web/vault/settings.ts';
import type { Vault } from '#web/vault/vault.ts';

/** How far a clock may lag before it counts as turned back; the protocol's own skew. */
const SKEW: Duration = duration(5, 'min');

/** What time it is as far as this phone can know, and whether its clock was turned back. */
export interface BelievedTime {
  readonly now: Instant;
  readonly floor: Instant;
  readonly turnedBack: boolean;
}

/** The believed time when the phone's clock says `clockSays`. */
export async function believedTime(vault: Vault, clockSays: Instant): Promise<BelievedTime> {
  const floor = fromSeconds((await readSetting(vault, 'timeFloorSeconds')) ?? 0);
  return { now: instant(Math.max(clockSays, floor)), floor, turnedBack: clockSays + SKEW < floor };
}

/** Raises the floor to a moment a server signed; it never sinks. */
export async function raiseTimeFloor(vault: Vault, signed: Instant): Promise<void> {
  await vault.transaction('rw', vault.settings, async () => {
    const floor = (await readSetting(vault, 'timeFloorSeconds')) ?? 0;
    const seconds = Math.floor(signed / 1000);
    if (seconds > floor) await vault.settings.put({ name: 'timeFloorSeconds', value: seconds });
  });
}
