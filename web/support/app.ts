/** What the screens of cases run on in the app itself, and how old what they show is. */
import type { Refusal } from '#shared/api/refusal.ts';
import type { Result } from '#shared/base/result.ts';
import { readCases } from '#web/sync/cases.ts';
import { APP } from '#web/sync/sync.ts';
import { heldCases } from '#web/vault/cases.ts';
import type { CaseRow } from '#web/vault/rows.ts';
import { readSetting } from '#web/vault/settings.ts';

/** The cases on this phone, and when they were read; undefined before the first time. */
export interface CaseShelf {
  readonly rows: readonly CaseRow[];
  readonly readAt: number | undefined;
}

/** What this phone holds of cases. */
export async function caseShelf(): Promise<CaseShelf> {
  return { rows: await heldCases(APP.vault), readAt: await readSetting(APP.vault, 'casesAt') };
}

/** Reads the cases anew from the house. */
export function refreshCases(): Promise<Result<undefined, Refusal>> {
  return readCases(APP);
}
