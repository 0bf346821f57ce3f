/**
 * One sync: everything the phone has to say goes up in one request, and everything new comes down in its answer.
 * Invariant: at most one sync of this wallet runs on this phone, over all tabs and the service worker (Web Locks).
 * A sync that dies anywhere is simply run again: the server takes each repeat as the same act.
 */
import type { Refusal } from '#shared/api/refusal.ts';
import type { SyncAnswer } from '#shared/api/sync.ts';
import { fromBase64url } from '#shared/base/bytes.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { type Clock, type Duration, duration, type Instant } from '#shared/base/time.ts';
import { followBeside } from '#web/sync/beside.ts';
import { type Ask, ask } from '#web/sync/client.ts';
import { deviceClock } from '#web/sync/clock.ts';
import { closeAllowance, closeRevoked } from '#web/sync/closing.ts';
import { type FeedNeeds, followFeed } from '#web/sync/feed.ts';
import { roadOf } from '#web/sync/probe.ts';
import { takeAnswer } from '#web/sync/pull.ts';
import { composeRequest, type WantForPayee } from '#web/sync/push.ts';
import { type Link, link } from '#web/sync/state.ts';
import { isLockedKey, isPlainBesideLock } from '#web/vault/allowance-key.ts';
import { heldAllowance } from '#web/vault/allowances.ts';
import { deviceKey } from '#web/vault/device-key.ts';
import { noteTry, ready } from '#web/vault/outbox.ts';
import type { AllowanceRow } from '#web/vault/rows.ts';
import { keepSetting, readSetting } from '#web/vault/settings.ts';
import { wipe } from '#web/vault/storage.ts';
import { type Vault, vault } from '#web/vault/vault.ts';

/** What a sync needs. */
export interface SyncNeeds {
  readonly vault: Vault;
  readonly ask: Ask;
  readonly clock: Clock;
  readonly link: Link;
  /** How the bills a sync had no room for are fetched; here, when not said. */
  readonly follow?: (needs: FeedNeeds) => Promise<void>;
}

/** How to sync this time. */
export interface SyncWish {
  /** Ask for a one-off allowance for one payee. */
  readonly want?: WantForPayee;
  /** How long one request may take; 15 s when not said. */
  readonly timeout?: Duration;
}

const PATIENCE = duration(15, 's');

/** What the app's own syncs run on. */
export const APP: SyncNeeds = { vault, ask, clock: deviceClock, link, follow: followBeside };

/** Syncs now, after any sync that is under way. Refusals: `wallet.none` before enrolment, and what the server says. */
export async function syncNow(needs: SyncNeeds = APP, wish: SyncWish = {}): Promise<Result<undefined, Refusal>> {
  const done = await navigator.locks.request(`sync:${needs.vault.name}`, async () => await syncAlone(needs, wish));
  if (!done.ok) return done;
  // Not waited for: what a sync is for is done, and a past of a hundred thousand bills takes its time.
  if (done.value.more) void (needs.follow ?? followFeed)(needs).catch(reportError);
  return ok(undefined);
}

/** Whether the feed has more bills than came along. */
type Synced = Result<{ readonly more: boolean }, Refusal>;

async function syncAlone(needs: SyncNeeds, wish: SyncWish): Promise<Synced> {
  if (!(await deviceKey(needs.vault)) || !(await readSetting(needs.vault, 'wallet'))) {
    return refuse({ code: 'wallet.none' });
  }
  needs.link.change({ syncing: true });
  const done = await rounds(needs, wish);
  if (done.ok) needs.link.change({ syncing: false, syncedAt: needs.clock() });
  else needs.link.change({ syncing: false, failed: done.error.code });
  if (!done.ok && done.error.code === 'account.closed') await wipe(needs.vault);
  return done;
}

async function rounds(needs: SyncNeeds, wish: SyncWish): Promise<Synced> {
  const pinned = await pinNetwork(needs);
  if (!pinned.ok) return pinned;
  let renewed = false;
  for (let round = 0; ; round += 1) {
    const answer = await exchange(needs, round === 0 ? wish : { ...(wish.timeout ? { timeout: wish.timeout } : {}) });
    if (!answer.ok) return answer;
    if (!renewed && !wish.want) {
      renewed = true;
      // The road was just proved: only now is it safe to give an allowance back, for a fresh one follows at once.
      if (await renewAllowance(needs)) continue;
    }
    const left = await ready(needs.vault, { payment: 1, receipt: 1, closing: 1, fork: 1, note: 1 });
    // What the server did not answer for in three rounds waits for the next sync.
    if (left.length === 0 || round > 2) return ok({ more: answer.value.more });
  }
}

async function exchange(needs: SyncNeeds, wish: SyncWish): Promise<Result<SyncAnswer, Refusal>> {
  const { request, rows } = await composeRequest(needs.vault, needs.clock(), wish.want);
  await noteTry(needs.vault, rows);
  const started = needs.clock();
  const answer = await needs.ask<SyncAnswer>({
    method: 'POST',
    path: '/sync',
    body: request,
    signed: true,
    timeout: wish.timeout ?? PATIENCE,
  });
  const latency = Math.max(0, needs.clock() - started);
  if (!answer.ok) {
    if (answer.error.code === 'house.unreachable') needs.link.change({ road: 'offline', measuredAt: needs.clock() });
    return answer;
  }
  const taken = await takeAnswer(needs.vault, answer.value, rows, needs.clock());
  if (!taken.ok) return taken;
  // The answer held an epoch card signed by a region of the pinned network: the road is proved.
  needs.link.change({ road: roadOf(latency), latency, measuredAt: needs.clock() });
  return answer;
}

/** Learns the network's root key once, at the first sync after enrolment, and never again. */
async function pinNetwork(needs: SyncNeeds): Promise<Result<undefined, Refusal>> {
  if (await readSetting(needs.vault, 'networkRoot')) return ok(undefined);
  const answer = await needs.ask<{ root?: string }>({ method: 'GET', path: '/network' });
  if (!answer.ok) return answer;
  const root = answer.value?.root ?? '';
  if (fromBase64url(root)?.length !== 33) return refuse({ code: 'message.malformed' });
  await keepSetting(needs.vault, 'networkRoot', root);
  return ok(undefined);
}

/** Whether so little is left (money, payments or time) that a fresh allowance should replace it. */
export function isWorn(row: AllowanceRow, now: Instant): boolean {
  const seconds = now / 1000;
  const life = row.expiresSeconds - row.notBeforeSeconds;
  return row.spent * 2 >= row.total || row.count * 2 >= row.most || row.expiresSeconds - seconds < life / 3;
}

/**
 * Gives back a worn or revoked allowance, or one whose key stands plain on a phone that has a lock, so that the next
 * request brings a fresh one. Answers whether it did.
 */
async function renewAllowance(needs: SyncNeeds): Promise<boolean> {
  if (await closeRevoked(needs)) return true;
  const row = await heldAllowance(needs.vault, needs.clock());
  if (!row || (await isLockedKey(needs.vault, row.key))) return false;
  if (!isWorn(row, needs.clock()) && !(await isPlainBesideLock(needs.vault, row.key))) return false;
  const waits = await needs.vault.payments
    .filter((one) => one.allowance === row.id && (one.state === 'signed' || one.state === 'handed'))
    .count();
  return waits === 0 && (await closeAllowance(needs, row.id)).ok;
}
