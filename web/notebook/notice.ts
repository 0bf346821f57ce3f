/** Tells of budgets that near their end by a notification of this phone: each of them once a month, and once more when it is over. */
import type { Instant } from '#shared/base/time.ts';
import { type BudgetNow, budgetsToTell } from '#web/notebook/budget.ts';
import { budgetTold } from '#web/notebook/words.ts';
import { followVault } from '#web/vault/follow.ts';
import { ownCategories } from '#web/vault/opinions.ts';
import { keepSetting, readSetting } from '#web/vault/settings.ts';
import { monthOf } from '#web/vault/tally.ts';
import type { Vault } from '#web/vault/vault.ts';

/** What a notification says. One with the tag of another takes its place. */
export interface Notification {
  readonly title: string;
  readonly text: string;
  readonly tag: string;
}

/** Shows a notification; undefined while the person has not allowed any. */
export type Notify = () => ((one: Notification) => Promise<void>) | undefined;

/** Looks after the budgets whenever bills or budgets change; call the answer to stop. */
export function startBudgetNotices(vault: Vault, clock: () => Instant, notify: Notify): () => void {
  return followVault(() => budgetsToTell(vault, monthOf(clock())), {
    next: (pressing) => void tellBudgets(vault, monthOf(clock()), pressing, notify).catch(() => undefined),
    // What cannot be read now is told of on the screens; the next start looks again.
    error: () => undefined,
  });
}

/** Tells of those of which nothing was told yet in `month`. */
export async function tellBudgets(
  vault: Vault,
  month: string,
  pressing: readonly BudgetNow[],
  notify: Notify,
): Promise<void> {
  const show = notify();
  if (!show || pressing.length === 0) return;
  const kept = await readSetting(vault, 'budgetsTold');
  const told = kept?.month === month ? kept.states : {};
  const fresh = pressing.filter(({ budget, state }) => told[budget._id] !== state && told[budget._id] !== 'over');
  if (fresh.length === 0) return;
  // Kept first: a notice that is lost stands on the screens all the same, one that comes again and again is a nuisance.
  const states = { ...told, ...Object.fromEntries(fresh.map(({ budget, state }) => [budget._id, state])) };
  await keepSetting(vault, 'budgetsTold', { month, states });
  const own = await ownCategories(vault);
  for (const one of fresh) await show({ ...budgetTold(one, own), tag: one.budget._id });
}

/** The phone's own notifications, through the service worker: no server takes part. */
export const notify: Notify = () => {
  if (!('Notification' in globalThis) || globalThis.Notification.permission !== 'granted') return undefined;
  return async ({ title, text, tag }) => {
    const worker = await navigator.serviceWorker.ready;
    await worker.showNotification(title, {
      body: text,
      tag,
      icon: '/icons/icon-192.png',
      data: { path: '/me/notebook' },
    });
  };
};
