/** The payment password as a person meets it: how it stands, setting and changing it, and what goes without it. */
import type { FreeRequest, MoneyProof, PasswordRequest, PasswordView } from '#shared/api/password.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { Result } from '#shared/base/result.ts';
import { type IdentityNeeds, withPasskey } from '#web/identity/person.ts';

/** How the payment password stands, and when it is asked for. */
export function readPassword(needs: IdentityNeeds): Promise<Result<PasswordView, Refusal>> {
  return needs.ask<PasswordView>({ method: 'GET', path: '/payment-password' });
}

/** Sets or changes it; the same `id` is the same act. The six digits are sent and kept nowhere on this phone. */
export function setPassword(needs: IdentityNeeds, asked: PasswordRequest): Promise<Result<PasswordView, Refusal>> {
  return withPasskey(needs, () => needs.ask<PasswordView>({ method: 'PUT', path: '/payment-password', body: asked }));
}

/** Sets what goes without a proof. */
export function setFree(
  needs: IdentityNeeds,
  free: Omit<FreeRequest, 'proof'>,
  proof: MoneyProof,
): Promise<Result<PasswordView, Refusal>> {
  const body: FreeRequest = { ...free, proof };
  return needs.ask<PasswordView>({ method: 'PUT', path: '/payment-password/free', body });
}
