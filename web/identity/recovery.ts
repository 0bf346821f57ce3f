/** A forgotten payment password and the account's e-mail address, as a person meets them: one step, one question to the house. */
import type { CodeWay, EmailView, RecoveryView } from '#shared/api/recovery.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { newId } from '#shared/base/id.ts';
import type { Result } from '#shared/base/result.ts';
import { type IdentityNeeds, stepUp, withPasskey } from '#web/identity/person.ts';

type Asked<Answer> = Promise<Result<Answer, Refusal>>;

/** Begins finding it again, under an id made here. */
export function beginRecovery(needs: IdentityNeeds): Asked<RecoveryView> {
  const body = { id: newId(needs.clock()) };
  return needs.ask<RecoveryView>({ method: 'POST', path: '/recoveries', body });
}

/** A touch of the passkey, made now, as one of the factors. */
export async function proveByPasskey(needs: IdentityNeeds, id: string): Asked<RecoveryView> {
  const touched = await stepUp(needs);
  return touched.ok ? await needs.ask<RecoveryView>({ method: 'POST', path: `/recoveries/${id}/passkey` }) : touched;
}

/** Has a code sent by text or by e-mail. */
export function askForCode(needs: IdentityNeeds, id: string, way: CodeWay): Asked<RecoveryView> {
  return needs.ask<RecoveryView>({ method: 'POST', path: `/recoveries/${id}/code`, body: { way } });
}

/** Shows a code that came. */
export function proveByCode(needs: IdentityNeeds, id: string, way: CodeWay, code: string): Asked<RecoveryView> {
  return needs.ask<RecoveryView>({ method: 'PUT', path: `/recoveries/${id}/code`, body: { way, code } });
}

/** Puts the new one in force. After a lost answer the same again tells that it was taken. */
export function endRecovery(needs: IdentityNeeds, id: string, password: string): Asked<RecoveryView> {
  return needs.ask<RecoveryView>({ method: 'PUT', path: `/recoveries/${id}/password`, body: { password } });
}

/** The e-mail address of the account. */
export function readEmailAddress(needs: IdentityNeeds): Asked<EmailView> {
  return needs.ask<EmailView>({ method: 'GET', path: '/email' });
}

/** Has a code sent to a new address, after a touch. The same `id` is the same address being added. */
export function addEmail(
  needs: IdentityNeeds,
  asked: { readonly id: string; readonly address: string },
): Asked<EmailView> {
  return withPasskey(needs, () => needs.ask<EmailView>({ method: 'POST', path: '/email', body: asked }));
}

/** Shows the code of the mail. */
export function proveEmail(needs: IdentityNeeds, id: string, code: string): Asked<EmailView> {
  return needs.ask<EmailView>({ method: 'POST', path: `/email/${id}/code`, body: { code } });
}
