/**
 * Topping up as the phone sees it: the id is made and kept first, then sent, then followed to its last word.
 * Invariant: one act of the person is one id, so a lost answer, a reload or a second press never tops up twice.
 */
import type { ChannelTerms, TermsList, TopUp } from '#shared/api/funding.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { newId } from '#shared/base/id.ts';
import { ok, type Result } from '#shared/base/result.ts';
import { between, type Clock, type Duration, duration, instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import type { Ask } from '#web/sync/client.ts';
import type { TopUpRow } from '#web/vault/rows.ts';
import { keepSetting, readSetting } from '#web/vault/settings.ts';
import type { Vault } from '#web/vault/vault.ts';

/** What top-ups need of the phone. */
export interface TopUpNeeds {
  readonly vault: Vault;
  readonly ask: Ask;
  readonly clock: Clock;
  /** Brings the new balance and bill down. */
  readonly sync: () => Promise<unknown>;
  readonly pause: (length: Duration) => Promise<void>;
}

/** After this long an act that never reached the server is no longer what the person wants: it is not sent by itself. */
const FRESH: Duration = duration(15, 'min');

/** Pauses between looks at the server, then the last one for good. */
const PAUSES: readonly Duration[] = [400, 600, 1_000, 1_500, 2_000, 3_000, 5_000].map((ms) => duration(ms, 'ms'));

/**
 * Whether nothing more can happen to a top-up in this state. Beside the server's own words the phone has three. kept:
 * on this phone, the server has not answered for it yet. refused: the server would not take it. dropped: it never
 * reached the server and is too old to be sent by itself.
 */
export function isOver(state: string): boolean {
  return ['refused', 'dropped', 'settled', 'declined', 'returned'].includes(state);
}

/** Keeps a new top-up on this phone; nothing has been sent yet. */
export async function beginTopUp(
  needs: TopUpNeeds,
  wish: { readonly channel: ChannelTerms['channel']; readonly amount: number; readonly currency: Currency },
): Promise<TopUpRow> {
  const now = needs.clock();
  const row: TopUpRow = { id: newId(now), ...wish, state: 'kept', startedAt: now };
  await needs.vault.topUps.add(row);
  return row;
}

/** Top-ups of this phone that have not had their last word, the newest first. */
export async function openTopUps(vault: Vault): Promise<TopUpRow[]> {
  const rows = await vault.topUps.filter((row) => !isOver(row.state)).toArray();
  return rows.sort((left, right) => right.startedAt - left.startedAt);
}

/**
 * One step with top-up `id`: sends what was kept, else looks how it stands; then keeps and answers the new row.
 * Refusals are of the road or the session (`house.unreachable`, `session.none`, …): the top-up itself is as it was.
 */
export async function stepTopUp(needs: TopUpNeeds, id: string): Promise<Result<TopUpRow, Refusal>> {
  const row = await needs.vault.topUps.get(id);
  if (!row) return restore(needs, id);
  if (isOver(row.state)) return ok(row);
  if (row.state !== 'kept' || between(instant(row.startedAt), needs.clock()) > FRESH) return look(needs, row);
  const { channel, amount, currency } = row;
  const answer = await needs.ask<TopUp>({ method: 'POST', path: '/top-ups', body: { id, channel, amount, currency } });
  if (answer.ok) return keep(needs, row, answer.value);
  return isRefusedForGood(answer.error) ? keepRefusal(needs, row, answer.error) : answer;
}

/**
 * Follows top-up `id` until its last word, and tells of every change and of every refusal on the way; undefined when
 * `stopped` says so. After the last word the balance and the bill have been brought down.
 */
export async function followTopUp(
  needs: TopUpNeeds,
  id: string,
  told: (step: Result<TopUpRow, Refusal>) => void,
  stopped: () => boolean,
): Promise<TopUpRow | undefined> {
  for (let round = 0; !stopped(); round += 1) {
    const step = await stepTopUp(needs, id);
    if (stopped()) return undefined;
    told(step);
    if (step.ok && isOver(step.value.state)) {
      if (step.value.state === 'settled') await needs.sync();
      return step.value;
    }
    if (!step.ok && step.error.code === 'request.not-found') return undefined;
    await needs.pause(PAUSES[Math.min(round, PAUSES.length - 1)] ?? duration(5, 's'));
  }
  return undefined;
}

/** What each channel costs and allows: as the server says now, else as it last said; empty when it never did. */
export async function readTerms(
  needs: TopUpNeeds,
): Promise<{ terms: readonly ChannelTerms[]; fresh: boolean; refusal?: Refusal }> {
  const answer = await needs.ask<TermsList>({ method: 'GET', path: '/top-ups/terms' });
  if (answer.ok) {
    await keepSetting(needs.vault, 'topUpTerms', answer.value.terms);
    return { terms: answer.value.terms, fresh: true };
  }
  return { terms: (await readSetting(needs.vault, 'topUpTerms')) ?? [], fresh: false, refusal: answer.error };
}

async function look(needs: TopUpNeeds, row: TopUpRow): Promise<Result<TopUpRow, Refusal>> {
  const answer = await needs.ask<TopUp>({ method: 'GET', path: `/top-ups/${row.id}` });
  if (answer.ok) return keep(needs, row, answer.value);
  if (row.state !== 'kept' || answer.error.code !== 'request.not-found') return answer;
  const dropped: TopUpRow = { ...row, state: 'dropped' };
  await needs.vault.topUps.put(dropped);
  return ok(dropped);
}

/** A link to a top-up that this phone does not hold: another device of the same person may have started it. */
async function restore(needs: TopUpNeeds, id: string): Promise<Result<TopUpRow, Refusal>> {
  const answer = await needs.ask<TopUp>({ method: 'GET', path: `/top-ups/${encodeURIComponent(id)}` });
  if (!answer.ok) return answer;
  const row = rowOf(answer.value);
  await needs.vault.topUps.put(row);
  return ok(row);
}

async function keep(needs: TopUpNeeds, row: TopUpRow, topUp: TopUp): Promise<Result<TopUpRow, Refusal>> {
  const next = { ...rowOf(topUp), startedAt: row.startedAt };
  await needs.vault.topUps.put(next);
  return ok(next);
}

/** The server's clear no to this very act; what may pass (the road, a session that ended, a busy house) is none. */
function isRefusedForGood(refusal: Refusal): boolean {
  return refusal.code.startsWith('funding.') || refusal.code === 'request.malformed';
}

async function keepRefusal(needs: TopUpNeeds, row: TopUpRow, refusal: Refusal): Promise<Result<TopUpRow, Refusal>> {
  const refused: TopUpRow = { ...row, state: 'refused', detail: { code: refusal.code, ...refusal.detail } };
  await needs.vault.topUps.put(refused);
  return ok(refused);
}

function rowOf(topUp: TopUp): TopUpRow {
  const { id, channel, amount, currency, state, startedAt, ...detail } = topUp;
  return { id, channel, amount, currency, state, startedAt, detail };
}

/** What the person has to do for it while it waits for them: confirm it on a `page`, or show a `code` at a counter. */
export function errandOf(row: Pick<TopUpRow, 'state' | 'detail'>): { page?: string; code?: string; until?: number } {
  if (row.state !== 'pending') return {};
  const { page, code, until } = row.detail ?? {};
  return {
    ...(typeof page === 'string' && /^https?:\/\//.test(page) ? { page } : {}),
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof until === 'number' ? { until } : {}),
  };
}
