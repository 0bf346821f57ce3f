/** Ends an allowance by its own key, so that what it did not spend is free at once. */
import type { Refusal } from '#shared/api/refusal.ts';
import { fromBase64url } from '#shared/base/bytes.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import type { Clock } from '#shared/base/time.ts';
import { closingMessage } from '#shared/protocol/closing.ts';
import { referenceOf } from '#shared/protocol/message.ts';
import { allowanceSigner, isLockedKey } from '#web/vault/allowance-key.ts';
import { queue } from '#web/vault/outbox.ts';
import type { AllowanceRow } from '#web/vault/rows.ts';
import { whileSigning } from '#web/vault/signing-lock.ts';
import type { Vault } from '#web/vault/vault.ts';

/**
 * Signs the closing of `allowance` and puts it in the outbox. From that moment the phone pays nothing more with it.
 * One the region has revoked is closed as well: when only its passkey was removed, the house gives the rest back at once.
 * Refusals: `payment.unfinished` while a payment is reserved, `allowance.locked`, `allowance.none`, `payment.other-tab`.
 */
export async function closeAllowance(
  needs: { readonly vault: Vault; readonly clock: Clock },
  id: string,
): Promise<Result<AllowanceRow, Refusal>> {
  const { vault, clock } = needs;
  return await whileSigning(vault, async () => {
    const row = await vault.allowances.get(id);
    if (!row || !mayClose(row)) return refuse({ code: 'allowance.none' });
    const reserved = await vault.payments.filter((one) => one.allowance === id && one.state === 'reserved').count();
    if (reserved > 0) return refuse({ code: 'payment.unfinished' });
    const signer = await allowanceSigner(vault, row.key);
    if (!signer) return refuse({ code: (await isLockedKey(vault, row.key)) ? 'allowance.locked' : 'allowance.none' });
    const reference = referenceOf(fromBase64url(row.id) ?? new Uint8Array(32));
    const closing = { allowance: reference, lastNumber: row.count, lastTotal: row.spent, last: row.previous };
    const bytes = await closingMessage.sign(closing, signer);
    await vault.transaction('rw', vault.allowances, vault.outbox, async () => {
      await vault.allowances.update(id, { state: row.state === 'live' ? 'closing' : row.state, closedAt: clock() });
      await queue(vault, 'closing', id, bytes, clock());
    });
    return ok(row);
  });
}

function mayClose(row: AllowanceRow): boolean {
  return row.state === 'live' || (row.state === 'revoked' && row.closedAt === undefined);
}

/** Closes what the region has revoked, as far as the phone's lock lets it sign; answers whether it closed any. */
export async function closeRevoked(needs: { readonly vault: Vault; readonly clock: Clock }): Promise<boolean> {
  let closed = false;
  for (const row of await needs.vault.allowances.where('state').equals('revoked').filter(mayClose).toArray()) {
    if ((await closeAllowance(needs, row.id)).ok) closed = true;
  }
  return closed;
}
