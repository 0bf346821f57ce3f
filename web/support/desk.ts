/** The desk as an agent works at it: what waits, one case with its context, and what is said to it; each act after a touch. */
import type { Refusal } from '#shared/api/refusal.ts';
import type {
  DeskDecision,
  DeskFile,
  DeskHint,
  DeskHintAnswer,
  DeskList,
  DeskPerson,
  DeskRecovery,
} from '#shared/api/support.ts';
import { newId } from '#shared/base/id.ts';
import type { Result } from '#shared/base/result.ts';
import { type IdentityNeeds, withPasskey } from '#web/identity/person.ts';
import { dropSetting, keepSetting, readSetting } from '#web/vault/settings.ts';

/** What waits. Whoever does not work there is refused as `request.not-found`. */
export function readDesk(needs: IdentityNeeds): Promise<Result<DeskList, Refusal>> {
  return needs.ask<DeskList>({ method: 'GET', path: '/desk' });
}

/** One case with its context; that it was looked at is written down. */
export function readFile(needs: IdentityNeeds, id: string): Promise<Result<DeskFile, Refusal>> {
  return withPasskey(needs, () => needs.ask<DeskFile>({ method: 'GET', path: `/desk/cases/${id}` }));
}

/** Says something to a case; the second, other agent who says the same decides it. */
export function decide(needs: IdentityNeeds, id: string, said: DeskDecision): Promise<Result<DeskList, Refusal>> {
  const path = `/desk/cases/${id}/decision`;
  return withPasskey(needs, () => needs.ask<DeskList>({ method: 'POST', path, body: said }));
}

/** Finds whoever is on the telephone. */
export function findPerson(needs: IdentityNeeds, phone: string): Promise<Result<DeskPerson, Refusal>> {
  return withPasskey(needs, () => needs.ask<DeskPerson>({ method: 'POST', path: '/desk/find', body: { phone } }));
}

/** Whether what a caller answers matches their security question. */
export function checkHint(needs: IdentityNeeds, body: DeskHint): Promise<Result<DeskHintAnswer, Refusal>> {
  return withPasskey(needs, () => needs.ask<DeskHintAnswer>({ method: 'POST', path: '/desk/hints', body }));
}

/** Opens a recovery for them; kept before it is sent, so that the same again is the same act. */
export async function openRecovery(
  needs: IdentityNeeds,
  wallet: string,
  why: string,
): Promise<Result<DeskList, Refusal>> {
  const kept = await readSetting(needs.vault, 'deskRecovery');
  const isSame = kept?.wallet === wallet && kept.why === why;
  const body: DeskRecovery = isSame ? kept : { id: newId(needs.clock()), wallet, why };
  await keepSetting(needs.vault, 'deskRecovery', body);
  const opened = await withPasskey(needs, () =>
    needs.ask<DeskList>({ method: 'POST', path: '/desk/recoveries', body }),
  );
  if (opened.ok) await dropSetting(needs.vault, 'deskRecovery');
  return opened;
}
