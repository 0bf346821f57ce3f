/** The sandbox's text-message network: what becomes of a text is told by the last digits of the number. */
import { type Inbox, openInbox } from '#server/sandbox/inbox.ts';
import type { Store, Switches } from '#server/sandbox/store.ts';
import type { Clock } from '#shared/base/time.ts';

/** What the network does with texts to numbers ending in these digits, whatever the switch says. */
export const SMS_STORIES = { '0001': 'late', '0002': 'lost', '0003': 'throttled' } as const;

/** Opens the network over `store`. */
export function openSms({ store, clock, switches }: { store: Store; clock: Clock; switches: () => Switches }): Inbox {
  return openInbox({
    store,
    clock,
    paceMs: () => switches().paceMs,
    kind: 'text',
    storyOf: (to) => {
      const tail = to.slice(-4);
      return Object.hasOwn(SMS_STORIES, tail) ? SMS_STORIES[tail as keyof typeof SMS_STORIES] : switches().sms;
    },
  });
}
