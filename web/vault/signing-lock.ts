/** One tab signs at a time: whoever else asks is told so and signs nothing. */
import type { Refusal } from '#shared/api/refusal.ts';
import { type Result, refuse } from '#shared/base/result.ts';
import type { Vault } from '#web/vault/vault.ts';

/** Runs `work` while no other tab of this vault can sign; refuses with `payment.other-tab` when one is signing. */
export async function whileSigning<Value>(
  vault: Vault,
  work: () => Promise<Result<Value, Refusal>>,
): Promise<Result<Value, Refusal>> {
  if (!navigator.locks) return refuse({ code: 'payment.other-tab' });
  return await navigator.locks.request(`sign:${vault.name}`, { ifAvailable: true }, async (lock) => {
    return lock ? await work() : refuse({ code: 'payment.other-tab' });
  });
}
