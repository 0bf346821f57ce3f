/**
 * Which passkeys open this phone's lock: one that is added may open it too, and one that is removed no longer does.
 * Invariant: the lock is never left with removed passkeys alone, for then nobody could open it any more.
 */
import type { Refusal } from '#shared/api/refusal.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import type { Clock } from '#shared/base/time.ts';
import { knownAllowance } from '#shared/protocol/trust.ts';
import { usePasskey } from '#web/identity/passkey.ts';
import { closeAllowance } from '#web/sync/closing.ts';
import { liveAllowances } from '#web/vault/allowances.ts';
import { keepWraps, lockCredentials, lockState, openLock, shareLock, type Touch } from '#web/vault/lock.ts';
import { dropSetting, readSetting } from '#web/vault/settings.ts';
import { heldLists } from '#web/vault/trust.ts';
import type { Vault } from '#web/vault/vault.ts';

interface Here {
  readonly vault: Vault;
  readonly clock: Clock;
}

/** What removing a passkey would do to the offline money of this phone. Sums in minor units, times in milliseconds. */
export interface Loss {
  readonly amount: number;
  readonly currency: string;
  /** When what is left comes back by itself, with nobody doing anything. */
  readonly backAt: number;
}

/** The passkeys (base64url ids) that open this phone's lock; empty when it has none. */
export async function openers(needs: Here): Promise<readonly string[]> {
  return await lockCredentials(needs.vault);
}

/**
 * Lets the passkey `id` open the lock of this phone. One that opens it already is touched first; then the other one,
 * unless it `gave` its secret just now. Refusals: `passkey.cancelled`, `passkey.no-lock` when it cannot lock keys.
 */
export async function letOpen(needs: Here, id: string, gave?: Uint8Array): Promise<Result<undefined, Refusal>> {
  const holders = await lockCredentials(needs.vault);
  const holder = holders.length === 0 ? ok(undefined) : await touch(needs, holders);
  if (!holder.ok) return holder;
  const other = gave ? ok({ credential: id, secret: gave }) : await touch(needs, [id]);
  if (!other.ok) return other;
  const { credential, secret } = other.value;
  const done = holder.value
    ? await shareLock(needs.vault, holder.value, other.value)
    : await openLock(needs.vault, credential, secret);
  return done ? ok(undefined) : refuse({ code: 'passkey.no-lock' });
}

/** What is lost with the passkey `id`; undefined unless it alone opens the lock over money that is set aside. */
export async function lossOf(needs: Here, id: string): Promise<Loss | undefined> {
  const held = await lockCredentials(needs.vault);
  if (held.length !== 1 || held[0] !== id) return undefined;
  const rows = await liveAllowances(needs.vault, needs.clock());
  const [first] = rows;
  if (!first) return undefined;
  const ends = rows
    .map(({ bytes }) => knownAllowance(bytes))
    .flatMap((read) => (read.ok ? read.value.message.claimUntil : []));
  return {
    amount: rows.reduce((sum, row) => sum + row.total - row.spent, 0),
    currency: first.currency,
    backAt: Math.max(...ends),
  };
}

/**
 * Only the passkeys in `live` count from now on. When none of them opens the lock, what can still be signed for is given
 * back and the lock is thrown away. Answers whether it was.
 */
export async function forgetOthers(needs: Here, live: readonly string[]): Promise<boolean> {
  const { vault } = needs;
  const usual = await readSetting(vault, 'passkey');
  if (usual && !live.includes(usual.credential)) await dropSetting(vault, 'passkey');
  const held = await lockCredentials(vault);
  const isLost = held.length > 0 && !held.some((id) => live.includes(id));
  if (isLost && (await lockState(vault)) === 'open') {
    for (const row of await liveAllowances(vault, needs.clock())) await closeAllowance(needs, row.id);
  }
  await forgetSpares(vault, live);
  return await keepWraps(vault, live);
}

/** A spare key asks for an allowance that names the passkey it was made with. */
async function forgetSpares(vault: Vault, live: readonly string[]): Promise<void> {
  const holders = new Set((await vault.allowances.toArray()).map((row) => row.key));
  await vault.keys
    .where('use')
    .equals('allowance')
    .filter((row) => row.passkey !== undefined && !live.includes(row.passkey) && !holders.has(row.id))
    .delete();
}

/** One touch of one of these passkeys, for what it gives to open the lock: nothing of it is sent anywhere. */
async function touch(needs: Here, ids: readonly string[]): Promise<Result<Touch, Refusal>> {
  const { keySet } = await heldLists(needs.vault);
  const used = await usePasskey({
    challenge: toBase64url(crypto.getRandomValues(new Uint8Array(32))),
    rpId: keySet?.message.rpId ?? location.hostname,
    userVerification: 'required',
    allowCredentials: ids.map((id) => ({ type: 'public-key', id })),
  });
  if (!used.ok) return used;
  const { id, secret } = used.value;
  return secret ? ok({ credential: id, secret }) : refuse({ code: 'passkey.no-lock' });
}
