/** The devices as the house last told them: there with no network, in its order, with their age. */
import { expect, test } from 'vitest';
import type { DeviceView } from '#shared/api/identity.ts';
import { instant } from '#shared/base/time.ts';
import { buyPhone, foundTown, NOON, type Phone } from '#tests/web/vault/town.ts';
import { knownDevices, listDevices } from '#web/identity/keys.ts';

const OLD: DeviceView = { id: 'b', name: 'Old phone', createdAt: instant(NOON - 9_000), seenAt: instant(NOON - 5_000) };
const LOST: DeviceView = { id: 'a', name: 'Lost phone', createdAt: instant(NOON - 8_000), revokedAt: NOON };
const NEW: DeviceView = { id: 'c', name: 'New phone', createdAt: NOON };

/** A phone whose house tells `told`, or cannot be reached. */
async function phoneThatHears(): Promise<{ phone: Phone; tell: (told: readonly DeviceView[] | undefined) => void }> {
  const phone = await buyPhone(await foundTown(), '王小明');
  let heard: readonly DeviceView[] | undefined;
  const ask: Phone['ask'] = async <Answer>() =>
    heard
      ? ({ ok: true, value: { devices: heard } as Answer } as const)
      : ({ ok: false, error: { code: 'house.unreachable', details: {} } } as const);
  return { phone: Object.assign(phone, { ask }), tell: (told) => (heard = told) };
}

test('before the house was heard there is nothing to show', async () => {
  const { phone } = await phoneThatHears();
  expect((await listDevices(phone)).ok).toBe(false);
  expect(await knownDevices(phone)).toBeUndefined();
});

test('what the house told last is there with no network, as old as it is', async () => {
  const { phone, tell } = await phoneThatHears();
  tell([OLD, LOST]);
  expect(await listDevices(phone)).toMatchObject({ ok: true, value: { devices: [OLD, LOST], at: NOON } });
  tell(undefined);
  phone.time = instant(NOON + 60_000);
  expect((await listDevices(phone)).ok).toBe(false);
  expect(await knownDevices(phone)).toMatchObject({ devices: [OLD, LOST], at: NOON });
  tell([NEW, OLD]);
  await listDevices(phone);
  expect(await knownDevices(phone)).toMatchObject({ devices: [NEW, OLD], at: NOON + 60_000 });
});
