/** Checks a proof on the phone itself, against the network's keys it holds: nobody has to take the house's word for it. */
import type { CaseFile } from '#shared/api/payment.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { sameBytes } from '#shared/base/bytes.ts';
import { type Result, refuse } from '#shared/base/result.ts';
import { contradictionIn, heldOf } from '#shared/protocol/chain.ts';
import { type Fork, readFork } from '#shared/protocol/fork.ts';
import type { KeySet } from '#shared/protocol/key-set.ts';
import { askSignature } from '#shared/protocol/message.ts';
import { type Checked, no } from '#shared/protocol/refusal.ts';
import { type Checks, verifyAsync, webVerifier } from '#shared/protocol/signature.ts';
import { allowanceChecks, allowanceReference } from '#shared/protocol/trust.ts';
import { forkChecks } from '#shared/protocol/witness.ts';
import { heldLists } from '#web/vault/trust.ts';
import type { Vault } from '#web/vault/vault.ts';

/** Whether `proof` proves what a case of this kind says. Refusals: `wallet.none` without keys, and those of the protocol. */
export async function checkProof(
  vault: Vault,
  kind: CaseFile['kind'],
  proof: Uint8Array,
): Promise<Result<Fork, Refusal>> {
  const { keySet } = await heldLists(vault);
  if (!keySet) return refuse({ code: 'wallet.none' });
  const checks = kind === 'fork' ? forkChecks : contradictionChecks;
  return await verifyAsync(checks(proof, keySet.message), webVerifier());
}

/** Two payments of one allowance, both signed by its key, whose numbers and totals cannot stand in one chain. */
function* contradictionChecks(bytes: Uint8Array, keySet: KeySet): Checks<Checked<Fork>> {
  const read = readFork(bytes);
  if (!read.ok) return read;
  const { allowance, left, right } = read.value;
  const checked = yield* allowanceChecks(allowance, keySet);
  if (!checked.ok) return checked;
  const named = allowanceReference(allowance);
  const both = [left, right];
  const own = both.every(({ message }) => sameBytes(message.allowance, named));
  if (!own || contradictionIn([heldOf(left)], heldOf(right)) === undefined) return no('fork.not-a-fork');
  for (const payment of both) {
    if (!(yield askSignature(payment, allowance.message.deviceKey))) return no('payment.signature');
  }
  return read;
}
