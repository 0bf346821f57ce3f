/** Checks a proof on the phone itself, against the network's keys it holds: nobody has to take the house's word for it. */
import type { CaseFile } from '#shared/api/payment.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { type Result, refuse } from '#shared/base/result.ts';
import type { Fork } from '#shared/protocol/fork.ts';
import { verifyAsync, webVerifier } from '#shared/protocol/signature.ts';
import { forkChecks, overspendingChecks } from '#shared/protocol/witness.ts';
import { heldLists, noKeys } from '#web/vault/trust.ts';
import type { Vault } from '#web/vault/vault.ts';

/**
 * Whether `proof` proves what a case of this kind says. Refusals: `wallet.unsynced` on a phone
 * that has not fetched the keys yet, `wallet.none` on one without a wallet, and those of the protocol.
 */
export async function checkProof(
  vault: Vault,
  kind: CaseFile['kind'],
  proof: Uint8Array,
): Promise<Result<Fork, Refusal>> {
  const { keySet } = await heldLists(vault);
  if (!keySet) return refuse(await noKeys(vault));
  const checks = kind === 'fork' ? forkChecks : overspendingChecks;
  return await verifyAsync(checks(proof, keySet.message), webVerifier());
}
