/**
 * Which of its two roads a kept payment is on: the network as long as it answers in time, else the code on the screen.
 * Invariant: changing the road changes words only. It is one signed payment, and both roads may bring it.
 */
import { type Duration, duration } from '#shared/base/time.ts';
import { type PayerNeeds, ROAD_PATIENCE } from '#web/pay/payer.ts';
import { syncNow } from '#web/sync/sync.ts';

/** `asking`: the network has been asked and has time left. `network`: it answered. `code`: it did not, in time. */
export interface RoadTaken {
  readonly kind: 'asking' | 'network' | 'code';
  /** How long the network was waited for, in whole seconds; 0 when it was known to be weak or gone before. */
  readonly waited: number;
}

/**
 * Uploads what is kept, and tells each road as it is taken: at once the code's where the last answer was slow or none
 * came, after `patience` the code's as well, and the network's whenever its answer comes after all.
 */
export async function takeRoads(
  needs: PayerNeeds,
  tell: (road: RoadTaken) => void,
  patience: Duration = ROAD_PATIENCE,
): Promise<void> {
  const before = needs.link.now().road;
  const isWeak = before === 'weak' || before === 'offline';
  tell(isWeak ? { kind: 'code', waited: 0 } : { kind: 'asking', waited: 0 });
  const began = needs.clock();
  const waited = () => Math.max(0, Math.round((needs.clock() - began) / duration(1, 's')));
  const late = isWeak ? undefined : setTimeout(() => tell({ kind: 'code', waited: waited() }), patience);
  const done = await syncNow(needs);
  clearTimeout(late);
  if (done.ok) tell({ kind: 'network', waited: waited() });
  else if (!isWeak) tell({ kind: 'code', waited: waited() });
}
