/** What the sandbox's text network and its post share: messages delivered, delayed, lost or throttled, and an inbox anyone may read. */
import type { Message, Store } from '#server/sandbox/store.ts';
import { type Clock, duration } from '#shared/base/time.ts';

/** What can become of a message; without a story it arrives at once. */
export type MessageStory = 'open' | 'late' | 'lost' | 'throttled';

/** Paces a late message takes. */
const LATE_PACES = 20;

/** A throttled address gets one message in this time; more are answered 429. */
const THROTTLE = duration(60, 's');

/** The carrier. `send` is idempotent by the message's id; `inbox` lists what has arrived, newest first. */
export interface Inbox {
  send(message: Pick<Message, 'id' | 'to' | 'subject' | 'text'>): 'taken' | 'throttled' | 'reused';
  inbox(to: string | undefined): readonly Message[];
}

/** Opens the carrier of messages of `kind` over `store`; `storyOf` says what becomes of one to an address. */
export function openInbox(deps: {
  store: Store;
  clock: Clock;
  paceMs: () => number;
  kind: 'text' | 'mail';
  storyOf: (to: string) => MessageStory;
}): Inbox {
  const { store, clock, kind, storyOf } = deps;
  const hasArrived = ({ arrivesAt }: Message) => arrivesAt !== undefined && arrivesAt <= clock();
  return {
    send: (message) => {
      const { id, to, text, subject } = message;
      const before = store.get(kind, id);
      if (before) {
        const same = before.to === to && before.text === text && before.subject === subject;
        return same ? 'taken' : 'reused';
      }
      const now = clock();
      const story = storyOf(to);
      const recent = store.all(kind).some((other) => other.to === to && other.at > now - THROTTLE);
      if (story === 'throttled' && recent) return 'throttled';
      const arrivesAt = now + (story === 'late' ? LATE_PACES * deps.paceMs() : 0);
      store.put(kind, { ...message, at: now, ...(story === 'lost' ? {} : { arrivesAt }) });
      return 'taken';
    },
    inbox: (to) =>
      store
        .all(kind)
        .filter((message) => (to === undefined || message.to === to) && hasArrived(message))
        .reverse(),
  };
}
