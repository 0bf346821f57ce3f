/** People and shops this person has paid, so that they can be found again with no network. */
import type { ContactRow } from '#web/vault/rows.ts';
import type { Vault } from '#web/vault/vault.ts';

/** The people and shops paid last that can be paid again, the newest first. */
export async function recentContacts(vault: Vault, limit: number): Promise<ContactRow[]> {
  const rows = await vault.contacts
    .orderBy('lastAt')
    .reverse()
    .limit(limit * 2)
    .toArray();
  return rows.filter((row) => row.certificate !== undefined).slice(0, limit);
}

/** Remembers a payee met at `lastAt`; a newer meeting renews its name. */
export async function meet(vault: Vault, contact: ContactRow): Promise<void> {
  await vault.transaction('rw', vault.contacts, async () => {
    await vault.contacts.put({ ...(await vault.contacts.get(contact.id)), ...contact });
  });
}
