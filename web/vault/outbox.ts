/**
 * Signed things that wait to be carried to the server. A row leaves only when the server has answered for it,
 * so a lost answer means sending again: the server takes every repeat as the same act.
 */
import type { Instant } from '#shared/base/time.ts';
import type { OutboxRow } from '#web/vault/rows.ts';
import type { Vault } from '#web/vault/vault.ts';

/** Puts one signed thing in the outbox; a second time changes nothing. Joins the caller's transaction if there is one. */
export async function queue(vault: Vault, kind: OutboxRow['kind'], id: string, bytes: Uint8Array, now: Instant) {
  await vault.transaction('rw', vault.outbox, async () => {
    const held = await vault.outbox.where({ kind, id }).first();
    if (!held) await vault.outbox.add({ kind, id, bytes, queuedAt: now, tries: 0 });
  });
}

/** What is ready to go, oldest first, at most `limits[kind]` of each kind; payments only reserved are not ready. */
export async function ready(vault: Vault, limits: Readonly<Record<OutboxRow['kind'], number>>): Promise<OutboxRow[]> {
  const left = { ...limits };
  const rows = await vault.outbox
    .orderBy('order')
    .filter((row) => row.bytes !== undefined)
    .toArray();
  return rows.filter((row) => {
    left[row.kind] -= 1;
    return left[row.kind] >= 0;
  });
}

/** How many things wait for the server, signed ones only. */
export async function waiting(vault: Vault): Promise<number> {
  return await vault.outbox.filter((row) => row.bytes !== undefined).count();
}

/** Takes out what the server has answered for. */
export async function leave(vault: Vault, rows: readonly OutboxRow[]): Promise<void> {
  await vault.outbox.bulkDelete(rows.map((row) => row.order ?? -1));
}

/** Notes that these were sent once more. */
export async function noteTry(vault: Vault, rows: readonly OutboxRow[]): Promise<void> {
  await vault.transaction('rw', vault.outbox, async () => {
    for (const row of rows) await vault.outbox.update(row.order ?? -1, { tries: row.tries + 1 });
  });
}
