/** What the security centre shows: what opens this wallet and what happened to it, read from the house and kept for when there is no network. */

import type { FreezeView } from '#shared/api/freeze.ts';
import type { DeviceList, PasskeyList } from '#shared/api/identity.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { AlarmList, AlarmView, OpenSessionList, SecurityEventList } from '#shared/api/security.ts';
import type { Standing } from '#shared/api/support.ts';
import { ok, type Result } from '#shared/base/result.ts';
import { type IdentityNeeds, withPasskey } from '#web/identity/person.ts';
import { keepSetting, readSetting, type SecuritySetting } from '#web/vault/settings.ts';

/** What this phone last heard; undefined before the first time. */
export function keptSecurity({ vault }: Pick<IdentityNeeds, 'vault'>): Promise<SecuritySetting | undefined> {
  return readSetting(vault, 'security');
}

/** Reads everything anew and keeps it. Refusals: `session.none`, `house.unreachable` and what else the house says. */
export async function readSecurity(needs: IdentityNeeds): Promise<Result<SecuritySetting, Refusal>> {
  const get = <Answer>(path: string) => needs.ask<Answer>({ method: 'GET', path });
  const [page, passkeys, devices, open, freeze, alarms, standing] = await Promise.all([
    get<SecurityEventList>('/security-events'),
    get<PasskeyList>('/passkeys'),
    get<DeviceList>('/devices'),
    get<OpenSessionList>('/sessions'),
    get<FreezeView>('/freeze'),
    get<AlarmList>('/alarms'),
    get<Standing>('/support/standing'),
  ]);
  if (!page.ok) return page;
  if (!passkeys.ok) return passkeys;
  if (!devices.ok) return devices;
  if (!open.ok) return open;
  if (!freeze.ok) return freeze;
  if (!alarms.ok) return alarms;
  if (!standing.ok) return standing;
  const security: SecuritySetting = {
    at: needs.clock(),
    ...page.value,
    passkeys: passkeys.value.passkeys.length,
    devices: devices.value.devices.filter(({ revokedAt }) => revokedAt === undefined).length,
    sessions: open.value.sessions.length,
    freeze: freeze.value,
    alarms: alarms.value,
    standing: standing.value,
  };
  await keepSetting(needs.vault, 'security', security);
  await keepSetting(needs.vault, 'alarms', waiting(alarms.value).length);
  return ok(security);
}

/** The events before the event `before`. */
export function olderEvents(needs: IdentityNeeds, before: string): Promise<Result<SecurityEventList, Refusal>> {
  return needs.ask<SecurityEventList>({ method: 'GET', path: `/security-events?before=${before}` });
}

/** The sign-ins that are open. */
export function listSessions(needs: IdentityNeeds): Promise<Result<OpenSessionList, Refusal>> {
  return needs.ask<OpenSessionList>({ method: 'GET', path: '/sessions' });
}

/** Ends one of them. */
export function endSession(needs: IdentityNeeds, id: string): Promise<Result<OpenSessionList, Refusal>> {
  return needs.ask<OpenSessionList>({ method: 'DELETE', path: `/sessions/${id}` });
}

/** The alarms that wait for the owner's word. */
export function waiting({ alarms }: AlarmList): AlarmView[] {
  return alarms.filter(({ answered }) => answered === undefined);
}

/** Says that it was the owner, after a touch of the passkey; or that it was not, which freezes the wallet at once. */
export function answerAlarm(needs: IdentityNeeds, id: string, mine: boolean): Promise<Result<AlarmList, Refusal>> {
  const send = () => needs.ask<AlarmList>({ method: 'POST', path: `/alarms/${id}/answer`, body: { mine } });
  return mine ? withPasskey(needs, send) : send();
}
