/** The person's passkeys and devices as the house lists them, and changes to them that ask for the passkey first. */
import type { DeviceList, DeviceView, PasskeyList, PasskeyView } from '#shared/api/identity.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { Result } from '#shared/base/result.ts';
import { forgetOthers, letOpen } from '#web/identity/opening.ts';
import { makePasskey, tellPasskeys } from '#web/identity/passkey.ts';
import { type IdentityNeeds, withPasskey } from '#web/identity/person.ts';
import { deviceKey } from '#web/vault/device-key.ts';
import { heldDevices, keepDevices } from '#web/vault/devices.ts';
import { keepSetting } from '#web/vault/settings.ts';

/** All passkeys. */
export async function listPasskeys(needs: IdentityNeeds): Promise<Result<PasskeyList, Refusal>> {
  return await needs.ask<PasskeyList>({ method: 'GET', path: '/passkeys' });
}

/**
 * Adds a passkey of this phone or of one at hand, and lets it open the phone's lock as well where it can: that asks for a
 * passkey that opens it already. When that goes wrong the new one is there all the same, and can be let open it later.
 */
export async function addPasskey(needs: IdentityNeeds, name: string): Promise<Result<PasskeyView, Refusal>> {
  const asked = await withPasskey(needs, () =>
    needs.ask<{ options: object }>({ method: 'POST', path: '/passkeys/options' }),
  );
  if (!asked.ok) return asked;
  const made = await makePasskey(asked.value.options);
  if (!made.ok) return made;
  const { id, answer, prf, secret } = made.value;
  const added = await needs.ask<PasskeyView>({ method: 'POST', path: '/passkeys', body: { name, answer } });
  if (!added.ok || !prf) return added;
  const opens = await letOpen(needs, id, secret);
  return opens.ok || opens.error.code === 'passkey.no-lock' ? added : opens;
}

/** Gives a passkey another name. */
export async function renamePasskey(
  needs: IdentityNeeds,
  id: string,
  name: string,
): Promise<Result<PasskeyList, Refusal>> {
  return await needs.ask<PasskeyList>({ method: 'PATCH', path: `/passkeys/${id}`, body: { name } });
}

/** Removes a passkey, here and at the house, and tells the authenticator which ones are left. */
export async function revokePasskey(needs: IdentityNeeds, id: string): Promise<Result<PasskeyList, Refusal>> {
  const left = await withPasskey(needs, () => needs.ask<PasskeyList>({ method: 'DELETE', path: `/passkeys/${id}` }));
  if (left.ok) {
    const { rpId, user, passkeys } = left.value;
    const ids = passkeys.map((one) => one.id);
    await forgetOthers(needs, ids);
    await tellPasskeys(rpId, user, ids);
  }
  return left;
}

/** The devices of the wallet, which of them is this phone, and when the house was heard of them. */
export interface KnownDevices {
  readonly devices: readonly DeviceView[];
  readonly here: string | undefined;
  readonly at: number;
}

/** All devices; kept, so that they can be looked up with no network. */
export async function listDevices(needs: IdentityNeeds): Promise<Result<KnownDevices, Refusal>> {
  const list = await needs.ask<DeviceList>({ method: 'GET', path: '/devices' });
  if (!list.ok) return list;
  const { devices } = list.value;
  const at = needs.clock();
  const here = (await deviceKey(needs.vault))?.id;
  const mine = devices.find(({ id }) => id === here);
  if (mine) await keepSetting(needs.vault, 'phoneName', mine.name);
  await keepDevices(needs.vault, devices, at);
  return { ok: true, value: { devices, here, at } };
}

/** All devices as the house last told them; undefined before the first time. */
export async function knownDevices({ vault }: Pick<IdentityNeeds, 'vault'>): Promise<KnownDevices | undefined> {
  const held = await heldDevices(vault);
  return held && { ...held, here: (await deviceKey(vault))?.id };
}

/** Gives a device another name. */
export async function renameDevice(
  needs: IdentityNeeds,
  id: string,
  name: string,
): Promise<Result<DeviceView, Refusal>> {
  const renamed = await needs.ask<DeviceView>({ method: 'PATCH', path: `/devices/${id}`, body: { name } });
  const isHere = (await deviceKey(needs.vault))?.id === id;
  if (renamed.ok && isHere) await keepSetting(needs.vault, 'phoneName', renamed.value.name);
  return renamed;
}

/** Stops a device: its next sync is refused and its offline money is called back. */
export async function revokeDevice(needs: IdentityNeeds, id: string): Promise<Result<DeviceView, Refusal>> {
  return await withPasskey(needs, () => needs.ask<DeviceView>({ method: 'DELETE', path: `/devices/${id}` }));
}
