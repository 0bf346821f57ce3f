/** What the house says now, else what it last said: for screens that are worth seeing with no network as well. */
import type { Refusal } from '#shared/api/refusal.ts';
import type { Ask } from '#web/sync/client.ts';
import { keepSetting, readSetting, type Settings } from '#web/vault/settings.ts';
import type { Vault } from '#web/vault/vault.ts';

/** What was told; `refusal` says why it is not `fresh`, and there is no value when it was never told. */
export interface Kept<Value> {
  readonly value: Value | undefined;
  readonly fresh: boolean;
  readonly refusal?: Refusal;
}

/** Asks for `path` and keeps what `taken` takes from the answer as the setting `name`. */
export async function askOrKept<Name extends keyof Settings, Told>(
  { ask, vault }: { readonly ask: Ask; readonly vault: Vault },
  path: string,
  name: Name,
  taken: (told: Told) => Settings[Name],
): Promise<Kept<Settings[Name]>> {
  const answer = await ask<Told>({ method: 'GET', path });
  if (!answer.ok) return { value: await readSetting(vault, name), fresh: false, refusal: answer.error };
  const value = taken(answer.value);
  await keepSetting(vault, name, value);
  return { value, fresh: true };
}
