/** Whether the browser may throw the vault away, told as it is. */
import { keepSetting, readSetting } from '#web/vault/settings.ts';
import type { Vault } from '#web/vault/vault.ts';

/** `kept`: only the person can delete it. `may-go`: the browser may clear it when space is short or after long disuse. */
export type StorageTruth = 'kept' | 'may-go' | 'unknown';

/** Asks the browser to keep the vault, and keeps its answer. Asking again is harmless and can turn a no into a yes. */
export async function askToKeepStorage(vault: Vault): Promise<StorageTruth> {
  if (!navigator.storage?.persist) return 'unknown';
  const persisted = (await navigator.storage.persisted()) || (await navigator.storage.persist());
  await keepSetting(vault, 'persisted', persisted);
  return persisted ? 'kept' : 'may-go';
}

/** What the browser said last; never asks. */
export async function storageTruth(vault: Vault): Promise<StorageTruth> {
  const persisted = await readSetting(vault, 'persisted');
  return persisted === undefined ? 'unknown' : persisted ? 'kept' : 'may-go';
}
