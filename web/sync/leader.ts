/**
 * Runs syncs at every scrap of signal: at start, when the app becomes visible, when the browser thinks there is a
 * network (proved by a probe first), every so often while visible, and by Background Sync where there is one.
 * Invariant: one tab leads; the others only show what the leader brings into the vault.
 */
import { type Duration, duration } from '#shared/base/time.ts';
import { readCases } from '#web/sync/cases.ts';
import { probe } from '#web/sync/probe.ts';
import { APP, type SyncNeeds, syncNow } from '#web/sync/sync.ts';
import { askForBackgroundSync } from '#web/sync/wake.ts';
import { waiting } from '#web/vault/outbox.ts';
import { readSetting } from '#web/vault/settings.ts';
import { askToKeepStorage, leaveMark } from '#web/vault/storage.ts';
import { reviveVault } from '#web/vault/vault.ts';

const WHEN_ONLINE: Duration = duration(60, 's');
const WHEN_OFFLINE: Duration = duration(15, 's');
/** With something to carry, every scrap of signal counts: it is what bounds the loss to a cheat. */
const WHEN_CARRYING: Duration = duration(5, 's');

/** Starts to sync for this tab's life; call the answer to stop. */
export function startSync(needs: SyncNeeds = APP): () => void {
  const stop = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tick = async () => {
    clearTimeout(timer);
    if (stop.signal.aborted) return;
    try {
      if (document.visibilityState === 'visible') await attempt(needs);
    } catch (fault) {
      // A vault that cannot be read now is tried again at the next tick; with one that can be read the fault is ours.
      if (await reviveVault(needs.vault)) reportError(fault);
    }
    const carrying = (await waiting(needs.vault).catch(() => 0)) > 0;
    const offline = needs.link.now().road === 'offline';
    clearTimeout(timer);
    timer = setTimeout(tick, offline && carrying ? WHEN_CARRYING : offline ? WHEN_OFFLINE : WHEN_ONLINE);
  };
  const wake = () => {
    if (document.visibilityState === 'visible') void reviveVault(needs.vault).then(tick);
  };
  void navigator.locks
    .request(`leader:${needs.vault.name}`, { signal: stop.signal }, async () => {
      document.addEventListener('visibilitychange', wake, { signal: stop.signal });
      addEventListener('online', wake, { signal: stop.signal });
      addEventListener('pageshow', wake, { signal: stop.signal });
      addEventListener('offline', () => needs.link.change({ road: 'offline' }), { signal: stop.signal });
      void tick();
      await new Promise<void>((done) => stop.signal.addEventListener('abort', () => done(), { once: true }));
    })
    .catch(() => undefined);
  // Where the answer cannot be kept it is asked for again at the next start.
  void askToKeepStorage(needs.vault).catch(() => undefined);
  return () => {
    clearTimeout(timer);
    stop.abort();
  };
}

async function attempt(needs: SyncNeeds): Promise<void> {
  const road = needs.link.now().road === 'offline' ? await probe(needs) : 'online';
  if (road !== 'offline' && (await syncNow(needs)).ok && (await readSetting(needs.vault, 'caseHint')) !== undefined) {
    // Without a session the hint stays, and the first screen leads to where the person can sign in.
    await readCases(needs);
  }
  if ((await waiting(needs.vault)) > 0) await askForBackgroundSync();
  await leaveMark(needs.vault, needs.clock());
}
