/**
 * Measures the road: only an epoch card signed by a region of the pinned network proves a connection.
 * A hotel's sign-in page answers too, and `navigator.onLine` says yes with the server stopped.
 */
import type { ProbeView } from '#shared/api/region.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import { type Clock, type Duration, duration } from '#shared/base/time.ts';
import { verifyAsync, webVerifier } from '#shared/protocol/signature.ts';
import { epochChecks } from '#shared/protocol/trust.ts';
import type { Ask } from '#web/sync/client.ts';
import type { Link, Road } from '#web/sync/state.ts';
import { readSetting } from '#web/vault/settings.ts';
import { raiseTimeFloor } from '#web/vault/time-floor.ts';
import { heldLists } from '#web/vault/trust.ts';
import type { Vault } from '#web/vault/vault.ts';

/** An answer slower than this is a weak road: a payment would wait too long. */
export const WEAK: Duration = duration(1500, 'ms');

/** No answer within this is no road. */
const GIVE_UP: Duration = duration(4, 's');

/** What measuring needs. */
export interface ProbeNeeds {
  readonly vault: Vault;
  readonly ask: Ask;
  readonly clock: Clock;
  readonly link: Link;
}

/** Measures once, tells the link, and answers the road. */
export async function probe(needs: ProbeNeeds): Promise<Road> {
  const started = needs.clock();
  // The nonce proves that this very answer came now and not from a cache on the way.
  const nonce = toBase64url(crypto.getRandomValues(new Uint8Array(16)));
  const region = (await readSetting(needs.vault, 'wallet'))?.region;
  const path = `/probe?nonce=${nonce}${region ? `&region=${region}` : ''}`;
  const answer = await needs.ask<Partial<ProbeView>>({ method: 'GET', path, timeout: GIVE_UP });
  const latency = Math.max(0, needs.clock() - started);
  const fresh = answer.ok && answer.value?.nonce === nonce;
  const proved = fresh && (await isSignedEpoch(needs.vault, answer.value.epoch));
  const road = proved ? roadOf(latency) : 'offline';
  needs.link.change({ road, measuredAt: needs.clock(), ...(proved ? { latency } : {}) });
  return road;
}

/** The road an answer after `latency` milliseconds stands for. */
export function roadOf(latency: number): Road {
  return latency > WEAK ? 'weak' : 'online';
}

async function isSignedEpoch(vault: Vault, text: string | undefined): Promise<boolean> {
  const bytes = text === undefined ? undefined : fromBase64url(text);
  const { keySet, epoch } = await heldLists(vault);
  if (!bytes || !keySet) return false;
  const checked = await verifyAsync(epochChecks(bytes, keySet.message, epoch?.message), webVerifier());
  if (checked.ok) await raiseTimeFloor(vault, checked.value.message.time);
  return checked.ok;
}
