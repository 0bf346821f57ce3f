/**
 * What the browser does not keep, or gives back no more, told as a refusal: a person at a till must hear of it, and
 * nothing may be said to be signed, verified or paid that is not on the disk.
 */
import type { Refusal } from '#shared/api/refusal.ts';
import { type Result, refuse } from '#shared/base/result.ts';

/** Names of errors by which a browser says that storage cannot be used now (IndexedDB 3.0 section 3.2, and Dexie's own). */
const BROKEN: ReadonlySet<string> = new Set([
  'InvalidStateError',
  'UnknownError',
  'DatabaseClosedError',
  'OpenFailedError',
  'NotFoundError',
]);

/** Does `work` on the vault. Refusals beside its own: `vault.full` when there was no room, `vault.broken`. */
export async function whenKept<Value>(work: () => Promise<Result<Value, Refusal>>): Promise<Result<Value, Refusal>> {
  try {
    return await work();
  } catch (fault) {
    const names = namesOf(fault);
    if (names.includes('QuotaExceededError')) return refuse({ code: 'vault.full' });
    if (names.some((name) => BROKEN.has(name))) return refuse({ code: 'vault.broken' });
    throw fault;
  }
}

/** The names of an error and of those it was made from: Dexie wraps what the browser says. */
function namesOf(fault: unknown): string[] {
  if (typeof fault !== 'object' || fault === null) return [];
  const { name, inner } = fault as { readonly name?: unknown; readonly inner?: unknown };
  return [...(typeof name === 'string' ? [name] : []), ...(inner === fault ? [] : namesOf(inner))];
}
