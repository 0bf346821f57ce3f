/** The cases that concern this person, as the server last told them: readable with no network, forgotten when it names them no more. */
import type { CaseFile } from '#shared/api/payment.ts';
import type { Instant } from '#shared/base/time.ts';
import type { CaseRow } from '#web/vault/rows.ts';
import { readSetting } from '#web/vault/settings.ts';
import type { Vault } from '#web/vault/vault.ts';

/** Keeps what the server told: `files` are new or changed, `ids` all cases there are. One transaction. */
export async function keepCases(
  vault: Vault,
  files: readonly CaseFile[],
  ids: readonly string[],
  now: Instant,
): Promise<void> {
  await vault.transaction('rw', vault.cases, vault.settings, async () => {
    const held = await vault.cases.bulkGet(files.map((file) => file.id));
    await vault.cases.bulkPut(files.map((file, at) => caseRow(file, held[at]?.readAt, now)));
    await vault.cases.where('id').noneOf(ids).delete();
    await vault.settings.put({ name: 'casesAt', value: now });
    await vault.settings.delete('caseHint');
  });
}

/** All cases, the newest first. */
export async function heldCases(vault: Vault): Promise<CaseRow[]> {
  return await vault.cases.orderBy('openedAt').reverse().toArray();
}

/** The case a payment (base64url of its id) is part of, if this phone knows of one. */
export async function caseOfPayment(vault: Vault, payment: string): Promise<CaseRow | undefined> {
  const rows = await heldCases(vault);
  return rows.find(({ file }) => file.timeline.some((event) => event.payment === payment));
}

/** Notes that the person has opened the case. */
export async function markRead(vault: Vault, id: string, now: Instant): Promise<void> {
  await vault.transaction('rw', vault.cases, async () => {
    const row = await vault.cases.get(id);
    if (row && row.readAt === undefined) await vault.cases.put(caseRow(row.file, now, row.keptAt));
  });
}

/** Whether the first screen shall say that a case concerns the person: one asks for it, or may be there to be read. */
export async function isCaseToTell(vault: Vault): Promise<boolean> {
  const hint = await readSetting(vault, 'caseHint');
  return hint !== undefined || (await vault.cases.where('notice').equals(1).count()) > 0;
}

function caseRow(file: CaseFile, readAt: number | undefined, keptAt: number): CaseRow {
  const notice = asksForAttention(file, readAt !== undefined) ? 1 : 0;
  return { id: file.id, openedAt: file.openedAt, file, notice, keptAt, ...(readAt === undefined ? {} : { readAt }) };
}

/** A debt speaks up until it is paid; anything else until it was read once, and who was simply paid is not disturbed. */
export function asksForAttention(file: CaseFile, isRead: boolean): boolean {
  const has = (...codes: readonly string[]) => file.timeline.some(({ code }) => codes.includes(code));
  if (file.role === 'payer') return !isRead || has('owed');
  return !isRead && has('spendable', 'disputed');
}
