/** The sandbox's text-message network: takes texts, delivers, delays, loses or throttles them, and lets anyone read the inbox. */

import type { Store, Switches, Text } from '#server/sandbox/store.ts';
import { type Clock, duration } from '#shared/base/time.ts';

/** What the network does with texts to numbers ending in these digits, whatever the switch says. */
export const SMS_STORIES = { '0001': 'late', '0002': 'lost', '0003': 'throttled' } as const;

/** Paces a late text takes. */
const LATE_PACES = 20;

/** A throttled number gets one text in this time; more are answered 429. */
const THROTTLE = duration(60, 's');

/** The network. `send` is idempotent by the text's id; `inbox` lists what has arrived, newest first. */
export interface Sms {
  send(text: { id: string; to: string; text: string }): 'taken' | 'throttled' | 'reused';
  inbox(to: string | undefined): readonly Text[];
}

/** Opens the network over `store`. */
export function openSms(deps: { store: Store; clock: Clock; switches: () => Switches }): Sms {
  const { store, clock, switches } = deps;
  return {
    send: ({ id, to, text }) => {
      const before = store.get('text', id);
      if (before) return before.to === to && before.text === text ? 'taken' : 'reused';
      const now = clock();
      const tail = to.slice(-4);
      const story = Object.hasOwn(SMS_STORIES, tail) ? SMS_STORIES[tail as keyof typeof SMS_STORIES] : switches().sms;
      const recent = store.all('text').some((other) => other.to === to && other.at > now - THROTTLE);
      if (story === 'throttled' && recent) return 'throttled';
      const arrivesAt = now + (story === 'late' ? LATE_PACES * switches().paceMs : 0);
      store.put('text', { id, to, text, at: now, ...(story === 'lost' ? {} : { arrivesAt }) });
      return 'taken';
    },
    inbox: (to) =>
      store
        .all('text')
        .filter(
          (text) => (to === undefined || text.to === to) && (text.arrivesAt ?? Number.POSITIVE_INFINITY) <= clock(),
        )
        .reverse(),
  };
}
