/** An appeal as the person makes it: written here, kept under its own id before it is sent, and answered by the house. */
import type { Refusal } from '#shared/api/refusal.ts';
import { APPEALABLE, type AppealRequest, type Standing } from '#shared/api/support.ts';
import { newId } from '#shared/base/id.ts';
import { ok, type Result } from '#shared/base/result.ts';
import { type IdentityNeeds, withPasskey } from '#web/identity/person.ts';
import { dropSetting, keepSetting, readSetting } from '#web/vault/settings.ts';

/** What can be appealed of all that holds a wallet back; undefined when nothing can, or an appeal is under way. */
export function appealable({ held, appeal }: Standing): AppealRequest['about'] | undefined {
  if (appeal?.state === 'open') return undefined;
  return APPEALABLE.find((about) => held.some(({ reason }) => reason === about));
}

/** How the person stands; kept with what the security centre shows. */
export async function readStanding(needs: IdentityNeeds): Promise<Result<Standing, Refusal>> {
  const read = await needs.ask<Standing>({ method: 'GET', path: '/support/standing' });
  if (read.ok) await keep(needs, read.value);
  return read;
}

/** Sends an appeal; the same words after a lost answer are the same appeal. */
export async function makeAppeal(
  needs: IdentityNeeds,
  about: AppealRequest['about'],
  words: string,
): Promise<Result<Standing, Refusal>> {
  const kept = await readSetting(needs.vault, 'appeal');
  const isSame = kept?.about === about && kept.words === words;
  const body: AppealRequest = isSame ? kept : { id: newId(needs.clock()), about, words };
  await keepSetting(needs.vault, 'appeal', body);
  const sent = await withPasskey(needs, () => needs.ask<Standing>({ method: 'POST', path: '/support/appeals', body }));
  if (!sent.ok) return sent;
  await dropSetting(needs.vault, 'appeal');
  await keep(needs, sent.value);
  return ok(sent.value);
}

/** What was written and is not known to have arrived. */
export async function draftOf({ vault }: Pick<IdentityNeeds, 'vault'>): Promise<string> {
  return (await readSetting(vault, 'appeal'))?.words ?? '';
}

async function keep({ vault }: IdentityNeeds, standing: Standing): Promise<void> {
  const security = await readSetting(vault, 'security');
  if (security) await keepSetting(vault, 'security', { ...security, standing });
}
