/** Brings the cases that concern this person to the phone. It needs the person's session, as everything that names others does. */
import type { CaseFile, CaseList } from '#shared/api/payment.ts';
import type { Refusal, RefusalCode } from '#shared/api/refusal.ts';
import type { SyncAnswer } from '#shared/api/sync.ts';
import { ok, type Result } from '#shared/base/result.ts';
import type { Clock } from '#shared/base/time.ts';
import type { Ask } from '#web/sync/client.ts';
import { keepCases } from '#web/vault/cases.ts';
import type { Vault } from '#web/vault/vault.ts';

/** Why an allowance is refused to whom a case may concern. */
const TELLING: ReadonlySet<string> = new Set<RefusalCode>([
  'allowance.device-stopped',
  'allowance.debt',
  'allowance.stopped',
]);

/** Cases whose file is read again each time; an older one is read once. */
const FRESH = 20;

/** Reads the cases and keeps them. Refusals: `session.none`, `house.unreachable` and what else the server says. */
export async function readCases(needs: {
  readonly vault: Vault;
  readonly ask: Ask;
  readonly clock: Clock;
}): Promise<Result<undefined, Refusal>> {
  const list = await needs.ask<CaseList>({ method: 'GET', path: '/cases' });
  if (!list.ok) return list;
  const held = new Set((await needs.vault.cases.toArray()).map(({ id }) => id));
  const files: CaseFile[] = [];
  for (const [place, { id }] of list.value.cases.entries()) {
    if (place >= FRESH && held.has(id)) continue;
    const file = await needs.ask<CaseFile>({ method: 'GET', path: `/cases/${id}` });
    if (!file.ok) return file;
    files.push(file.value);
  }
  await keepCases(
    needs.vault,
    files,
    list.value.cases.map(({ id }) => id),
    needs.clock(),
  );
  return ok(undefined);
}

/** Whether what a sync brought can be part of a case; `before` is why the server gave no allowance until now. */
export function hintsAtCase(
  answer: Pick<SyncAnswer, 'bills' | 'allowanceRefused'>,
  before: string | undefined,
): boolean {
  const { bills, allowanceRefused: refused } = answer;
  if (refused !== undefined && refused !== before && TELLING.has(refused)) return true;
  return bills.some(({ kind, state }) => kind === 'debt' || state === 'arriving' || state === 'disputed');
}
