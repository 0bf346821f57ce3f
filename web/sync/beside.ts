/** Has the feed followed by a worker; where there is none (in the service worker), or it breaks, by whoever asked. */
import { type FeedNeeds, followFeed } from '#web/sync/feed.ts';
import type { FeedNews } from '#web/sync/feed-worker.ts';
import feedUrl from '#web/sync/feed-worker.ts?worker&url';
import { vouchedUrl } from '#web/ui/vouched.ts';

let following: Promise<void> | undefined;

/** Follows the feed of the app's own vault to its end; one at a time, whoever asks meanwhile waits for the same. */
export async function followBeside(needs: FeedNeeds): Promise<void> {
  following ??= byWorker(needs).finally(() => {
    following = undefined;
  });
  await following;
}

async function byWorker(needs: FeedNeeds): Promise<void> {
  if (typeof Worker === 'undefined') return await followFeed(needs);
  const worker = new Worker(vouchedUrl('piaohao-feed', feedUrl));
  const isThrough = await new Promise<boolean>((resolve) => {
    worker.addEventListener('message', ({ data: { ended, ...state } }: MessageEvent<FeedNews>) => {
      if (ended) resolve(true);
      else needs.link.change(state);
    });
    worker.addEventListener('error', (fault) => {
      // Told again by whoever goes on, if it is a fault of more than the worker.
      fault.preventDefault();
      resolve(false);
    });
  });
  worker.terminate();
  if (!isThrough) await followFeed(needs);
}
