/** People and shops this person has paid, so that they can be found again with no network. */
import type { ContactRow } from '#web/vault/rows.ts';
import type { Vault } from '#web/vault/vault.ts';

/** Remembers a payee met at `lastAt`; a newer meeting renews its name. */
export async function meet(vault: Vault, contact: ContactRow): Promise<void> {
  await vault.contacts.put(contact);
}
