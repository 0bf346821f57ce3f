/** The devices of the wallet as the server last told them, with when that was: to be looked up with no network. */
import type { DeviceView } from '#shared/api/identity.ts';
import type { Instant } from '#shared/base/time.ts';
import { readSetting } from '#web/vault/settings.ts';
import type { Vault } from '#web/vault/vault.ts';

/** Keeps the server's whole list in the place of the one before. One transaction. */
export async function keepDevices(vault: Vault, devices: readonly DeviceView[], now: Instant): Promise<void> {
  await vault.transaction('rw', vault.devices, vault.settings, async () => {
    await vault.devices.clear();
    await vault.devices.bulkPut(devices.map((device, place) => ({ ...device, place })));
    await vault.settings.put({ name: 'devicesAt', value: now });
  });
}

/** The devices in the server's order and when they were heard of; undefined before the first time. */
export async function heldDevices(
  vault: Vault,
): Promise<{ readonly devices: readonly DeviceView[]; readonly at: number } | undefined> {
  const at = await readSetting(vault, 'devicesAt');
  if (at === undefined) return undefined;
  const rows = await vault.devices.toArray();
  const inOrder = rows.sort((left, right) => left.place - right.place);
  return { devices: inOrder.map(({ place: _, ...device }) => device), at };
}
