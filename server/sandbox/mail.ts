/** The sandbox's post: what becomes of an e-mail is told by the name before its @. */
import { type Inbox, openInbox } from '#server/sandbox/inbox.ts';
import type { Store, Switches } from '#server/sandbox/store.ts';
import type { Clock } from '#shared/base/time.ts';

/** What the post does with mail to addresses of these names, whatever the switch says. */
export const MAIL_STORIES = { late: 'late', lost: 'lost', throttled: 'throttled' } as const;

/** Opens the post over `store`. */
export function openMail({ store, clock, switches }: { store: Store; clock: Clock; switches: () => Switches }): Inbox {
  return openInbox({
    store,
    clock,
    paceMs: () => switches().paceMs,
    kind: 'mail',
    storyOf: (to) => {
      const name = to.split('@', 1)[0] ?? '';
      return Object.hasOwn(MAIL_STORIES, name) ? MAIL_STORIES[name as keyof typeof MAIL_STORIES] : switches().mail;
    },
  });
}
