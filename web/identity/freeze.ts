/** Freezing as a person meets it: from their own phone with one press, or from any browser with the printed code. */
import type { FreezeView, FrozenByCode, NewRecoveryCode } from '#shared/api/freeze.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { type Result, refuse } from '#shared/base/result.ts';
import { readRecoveryCode } from '#shared/rules/recovery-code.ts';
import { type IdentityNeeds, stepUp, withPasskey } from '#web/identity/person.ts';

/** Whether the wallet is frozen, and whether there is a recovery code. */
export function readFreeze(needs: IdentityNeeds): Promise<Result<FreezeView, Refusal>> {
  return needs.ask<FreezeView>({ method: 'GET', path: '/freeze' });
}

/** Freezes the signed-in wallet at once; again is the same act. */
export function freeze(needs: IdentityNeeds): Promise<Result<FreezeView, Refusal>> {
  return needs.ask<FreezeView>({ method: 'POST', path: '/freeze' });
}

/**
 * Ends a freeze after a touch of the passkey, which opens this phone's lock as well: only then can it give back what the
 * freeze has stopped, and get new money for offline. A freeze made by the printed code wants that code too.
 */
export async function thaw(needs: IdentityNeeds, typed: string | undefined): Promise<Result<FreezeView, Refusal>> {
  const body = typed === undefined ? {} : { code: typed };
  if (typed !== undefined && !readRecoveryCode(typed)) return refuse({ code: 'freeze.code' });
  const touched = await stepUp(needs);
  if (!touched.ok && touched.error.code !== 'session.none') return touched;
  return await withPasskey(needs, () => needs.ask<FreezeView>({ method: 'POST', path: '/freeze/end', body }));
}

/** Makes a new recovery code, told this once; the one before counts no more. */
export async function makeRecoveryCode(needs: IdentityNeeds): Promise<Result<NewRecoveryCode, Refusal>> {
  return await withPasskey(needs, () => needs.ask<NewRecoveryCode>({ method: 'POST', path: '/freeze/code' }));
}

/** Freezes the wallet the printed code belongs to. Needs no session, no account and no phone of one's own. */
export async function freezeByCode(
  needs: Pick<IdentityNeeds, 'ask'>,
  typed: string,
): Promise<Result<FrozenByCode, Refusal>> {
  if (!readRecoveryCode(typed)) return refuse({ code: 'freeze.code' });
  return await needs.ask<FrozenByCode>({ method: 'POST', path: '/freeze/by-code', body: { code: typed } });
}
