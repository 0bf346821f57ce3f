/** How the feed's worker tells the screens what it writes: seldom. Imported before Dexie, which opens its channel when it is. */
import { SeldomChannel } from '#web/sync/seldom.ts';

const channels: SeldomChannel[] = [];

globalThis.BroadcastChannel = class extends SeldomChannel {
  constructor(name: string) {
    super(name);
    channels.push(this);
  }
};

/** Tells what is held: whoever ends leaves nothing untold. */
export function tellHeld(): void {
  for (const channel of channels) channel.tellHeld();
}
