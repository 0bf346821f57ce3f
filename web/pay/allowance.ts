/** The offline allowance as a person handles it: how much is left, how much they want ready, and giving it back. */
import type { Refusal } from '#shared/api/refusal.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { isBacked } from '#web/pay/backing.ts';
import { unlockByPasskey } from '#web/pay/passkey.ts';
import { closeAllowance } from '#web/sync/closing.ts';
import { type SyncNeeds, syncNow } from '#web/sync/sync.ts';
import { isLockedKey } from '#web/vault/allowance-key.ts';
import { heldAllowance, openAllowance } from '#web/vault/allowances.ts';
import { dropSetting, keepSetting, readSetting } from '#web/vault/settings.ts';
import { heldLists } from '#web/vault/trust.ts';

/** What can be spent with no network, for the meter. Sums are minor units; times milliseconds. */
export interface OfflineView {
  readonly allowance?: string;
  readonly currency: string;
  readonly total: number;
  readonly left: number;
  readonly most: number;
  readonly countLeft: number;
  readonly expiresAt?: number;
  /** Whether a passkey locks the key that spends. */
  readonly wrapped: boolean;
  /** Whether the guarantee fund stands behind what is paid with it. */
  readonly backed: boolean;
  /** What losing the phone costs at worst. */
  readonly worst: number;
  /** What is on its way back to the balance. */
  readonly closing: number;
  readonly wantedTotal?: number;
  readonly wantedCount?: number;
  /** Why the server gives none. */
  readonly refused?: string;
}

/** The meter as it stands; reads only the vault. */
export async function offlineView(needs: Pick<SyncNeeds, 'vault' | 'clock'>): Promise<OfflineView> {
  const { vault, clock } = needs;
  const row = await openAllowance(vault, clock());
  const key = row && (await vault.keys.get(row.key));
  const closing = await vault.allowances.where('state').equals('closing').toArray();
  const wantedTotal = await readSetting(vault, 'offlineTotal');
  const wantedCount = await readSetting(vault, 'offlineCount');
  const refused = await readSetting(vault, 'allowanceRefused');
  return {
    ...(row ? { allowance: row.id, expiresAt: row.expiresSeconds * 1000 } : {}),
    currency: row?.currency ?? 'CNY',
    total: row?.total ?? 0,
    left: row ? row.total - row.spent : 0,
    most: row?.most ?? 0,
    countLeft: row ? row.most - row.count : 0,
    wrapped: key?.sealed !== undefined,
    backed: row !== undefined && isBacked(row.bytes),
    worst: row && key?.sealed === undefined ? row.total - row.spent : 0,
    closing: closing.reduce((sum, each) => sum + each.total - each.spent, 0),
    ...(wantedTotal === undefined ? {} : { wantedTotal }),
    ...(wantedCount === undefined ? {} : { wantedCount }),
    ...(refused === undefined ? {} : { refused }),
  };
}

/**
 * Keeps how much and how many payments the person wants ready (undefined: what the tier gives), and brings the
 * allowance in line at once when there is a network; else at the next sync.
 */
export async function setOffline(
  needs: SyncNeeds,
  total: number | undefined,
  count: number | undefined,
): Promise<Result<undefined, Refusal>> {
  const { vault } = needs;
  await dropSetting(vault, 'offlineRests');
  if (total === undefined) await dropSetting(vault, 'offlineTotal');
  else await keepSetting(vault, 'offlineTotal', total);
  if (count === undefined) await dropSetting(vault, 'offlineCount');
  else await keepSetting(vault, 'offlineCount', count);
  const row = await heldAllowance(vault, needs.clock());
  if (!row) return ok(undefined);
  // The old one is given back first: a phone never holds two.
  const closed = await closeUnlocked(needs, row.id, row.key);
  return closed.ok ? await syncNow(needs) : closed;
}

/** Gives back what is unused, now: the signed closing frees it at once. Asks for no new allowance until the person does. */
export async function giveBack(needs: SyncNeeds): Promise<Result<undefined, Refusal>> {
  const row = await heldAllowance(needs.vault, needs.clock());
  if (!row) return refuse({ code: 'allowance.none' });
  const closed = await closeUnlocked(needs, row.id, row.key);
  if (!closed.ok) return closed;
  await keepSetting(needs.vault, 'offlineRests', true);
  return await syncNow(needs);
}

/**
 * Gets money ready again: as much as the person once set, or what the tier gives. What is left of an old allowance goes
 * back first, and what stands in the way of that stands in the way of this.
 */
export async function loadAgain(needs: SyncNeeds): Promise<Result<undefined, Refusal>> {
  const [total, count] = [
    await readSetting(needs.vault, 'offlineTotal'),
    await readSetting(needs.vault, 'offlineCount'),
  ];
  const set = await setOffline(needs, total === 0 ? undefined : total, count);
  return set.ok ? await syncNow(needs) : set;
}

async function closeUnlocked(needs: SyncNeeds, id: string, key: string): Promise<Result<unknown, Refusal>> {
  if (await isLockedKey(needs.vault, key)) {
    const { keySet } = await heldLists(needs.vault);
    const opened = await unlockByPasskey(needs.vault, keySet?.message.rpId ?? location.hostname);
    if (!opened.ok) return opened;
  }
  return await closeAllowance(needs, id);
}
