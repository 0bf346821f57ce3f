/** Real-name certification as a person meets it: what is proved, what each tier allows, and asking for the next one. */
import type { LimitsView } from '#shared/api/allowance.ts';
import type { RealNameRequest, RealNameView } from '#shared/api/real-name.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { ok, type Result } from '#shared/base/result.ts';
import { type IdentityNeeds, withPasskey } from '#web/identity/person.ts';
import { keepSetting, readSetting } from '#web/vault/settings.ts';

/** What is proved and what that allows. */
export interface Standing {
  readonly proved: RealNameView;
  readonly limits: LimitsView;
}

/** How the person stands with the house; the name this phone shows for its owner follows a certified one. */
export async function readStanding(needs: IdentityNeeds): Promise<Result<Standing, Refusal>> {
  const [proved, limits] = await Promise.all([
    needs.ask<RealNameView>({ method: 'GET', path: '/real-name' }),
    needs.ask<LimitsView>({ method: 'GET', path: '/limits' }),
  ]);
  if (!proved.ok) return proved;
  if (!limits.ok) return limits;
  await followName(needs, proved.value);
  return ok({ proved: proved.value, limits: limits.value });
}

/**
 * Asks for a tier, with a passkey touched just now. The same `id` is the same act: after a lost answer it is sent again.
 * Name and number go to the house and are kept nowhere on this phone.
 */
export async function certify(needs: IdentityNeeds, asked: RealNameRequest): Promise<Result<RealNameView, Refusal>> {
  return await withPasskey(needs, () => needs.ask<RealNameView>({ method: 'POST', path: '/real-name', body: asked }));
}

async function followName(needs: IdentityNeeds, { name }: RealNameView): Promise<void> {
  const wallet = await readSetting(needs.vault, 'wallet');
  if (wallet && name !== undefined && wallet.name !== name)
    await keepSetting(needs.vault, 'wallet', { ...wallet, name });
}
