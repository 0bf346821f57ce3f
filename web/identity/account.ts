/** The person and the house as the phone sees it: the agreement, what is held, taking it along, and leaving. */
import type { AgreementView, ClosingView, HoldingList, HoldingRows } from '#shared/api/account.ts';
import type { MoneyProof } from '#shared/api/password.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { type Id, newId } from '#shared/base/id.ts';
import type { Result } from '#shared/base/result.ts';
import { type IdentityNeeds, withPasskey } from '#web/identity/person.ts';
import type { AskFile } from '#web/sync/client.ts';
import { dropSetting, keepSetting, readSetting } from '#web/vault/settings.ts';

/** The terms in force, and whether they are accepted. */
export function readAgreement(needs: IdentityNeeds): Promise<Result<AgreementView, Refusal>> {
  return needs.ask<AgreementView>({ method: 'GET', path: '/agreement' });
}

/** Accepts the version that was read. */
export function acceptAgreement(needs: IdentityNeeds, version: number): Promise<Result<AgreementView, Refusal>> {
  return needs.ask<AgreementView>({ method: 'POST', path: '/agreement', body: { version } });
}

/** Everything held, kind by kind. */
export function readHoldings(needs: IdentityNeeds): Promise<Result<HoldingList, Refusal>> {
  return needs.ask<HoldingList>({ method: 'GET', path: '/account/data' });
}

/** The rows of one kind, after a touch of the passkey. */
export function readHeld(needs: IdentityNeeds, name: string): Promise<Result<HoldingRows, Refusal>> {
  const path = `/account/data/${encodeURIComponent(name)}`;
  return withPasskey(needs, () => needs.ask<HoldingRows>({ method: 'GET', path }));
}

/** Whether figures of use may be made of this person from now on. */
export function setConsent(needs: IdentityNeeds, analytics: boolean): Promise<Result<HoldingList, Refusal>> {
  return needs.ask<HoldingList>({ method: 'PUT', path: '/account/consent', body: { analytics } });
}

/** Everything as one zip, after a touch of the passkey. */
export function fetchExport(needs: IdentityNeeds, askFile: AskFile): Promise<Result<Blob, Refusal>> {
  return withPasskey(needs, () => askFile('/account/export'));
}

/** How closing stands. */
export function readClosing(needs: IdentityNeeds): Promise<Result<ClosingView, Refusal>> {
  return needs.ask<ClosingView>({ method: 'GET', path: '/account/closing' });
}

/** The id of the closing that is being asked for: made once and kept until it was answered. */
async function closingId(needs: IdentityNeeds): Promise<Id> {
  const kept = await readSetting(needs.vault, 'closing');
  if (kept) return kept;
  const id = newId(needs.clock());
  await keepSetting(needs.vault, 'closing', id);
  return id;
}

/** Asks for closing; sent again after a lost answer it is the same act. */
export async function askClosing(
  needs: IdentityNeeds,
  proof: MoneyProof | undefined,
): Promise<Result<ClosingView, Refusal>> {
  const id = await closingId(needs);
  const body = proof ? { id, proof } : { id };
  const view = await needs.ask<ClosingView>({ method: 'POST', path: '/account/closing', body });
  if (view.ok || view.error.code === 'closing.id-reused') await dropSetting(needs.vault, 'closing');
  return view;
}

/** Takes closing back. */
export function cancelClosing(needs: IdentityNeeds): Promise<Result<ClosingView, Refusal>> {
  return needs.ask<ClosingView>({ method: 'DELETE', path: '/account/closing' });
}
