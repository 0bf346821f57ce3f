/** Follows the feed in a worker: a past of a hundred thousand bills is fetched and kept beside the screen's own thread. */
import '#web/sync/feed-voice.ts';

import { ask } from '#web/sync/client.ts';
import { type FeedState, followFeed } from '#web/sync/feed.ts';
import { tellHeld } from '#web/sync/feed-voice.ts';
import { vault } from '#web/vault/vault.ts';

/** What the worker tells its page: how far it is, and at last that it is through. */
export interface FeedNews extends FeedState {
  readonly ended?: true;
}

declare const self: DedicatedWorkerGlobalScope;

const tell = (news: FeedNews): void => self.postMessage(news);

// A fault thrown here is heard by the page as the worker's own.
followFeed({ vault, ask, link: { change: tell } })
  .finally(tellHeld)
  .then(() => tell({ ended: true }), reportError);
