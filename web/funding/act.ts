/**
 * An act of money in or out as the phone sees it: kept under its own id first, then sent, then followed to its last word.
 * Invariant: one act of the person is one id, so a lost answer, a reload or a second press never moves money twice.
 */
import type { TopUp, Withdrawal } from '#shared/api/funding.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { newId } from '#shared/base/id.ts';
import { ok, type Result } from '#shared/base/result.ts';
import { between, type Clock, type Duration, duration, instant } from '#shared/base/time.ts';
import type { Ask } from '#web/sync/client.ts';
import type { TopUpRow } from '#web/vault/rows.ts';
import type { Vault } from '#web/vault/vault.ts';

/** What an act needs of the phone. */
export interface ActNeeds {
  readonly vault: Vault;
  readonly ask: Ask;
  readonly clock: Clock;
  /** Brings the new balance and bill down. */
  readonly sync: () => Promise<unknown>;
  readonly pause: (length: Duration) => Promise<void>;
}

/** The way acts of one kind go: where they are asked about, which rows they are, and what is sent by itself. */
export interface ActWay {
  readonly path: '/top-ups' | '/withdrawals';
  readonly isOf: (row: TopUpRow) => boolean;
  /** The row of what the server tells. */
  readonly rowOf: (told: TopUp | Withdrawal) => TopUpRow;
  /** What is sent for a kept row; absent: only the person can send it. */
  readonly bodyOf?: (row: TopUpRow) => object;
  /** Last words after which the balance is another. */
  readonly moved: readonly string[];
}

/** Follows act `id` until its last word; see {@link followAct}. */
export type Follow = (
  needs: ActNeeds,
  id: string,
  told: (step: Result<TopUpRow, Refusal>) => void,
  stopped: () => boolean,
) => Promise<TopUpRow | undefined>;

/** After this long an act that never reached the server is no longer what the person wants: it is not sent any more. */
const FRESH: Duration = duration(15, 'min');

/** Pauses between looks at the server, then the last one for good. */
const PAUSES: readonly Duration[] = [400, 600, 1_000, 1_500, 2_000, 3_000, 5_000].map((ms) => duration(ms, 'ms'));

/** The server's clear no to an act with this content, whatever is tried again. */
const FOR_GOOD: readonly string[] = ['request.malformed', 'ledger.insufficient', 'money.act-reused'];

/**
 * Whether nothing more can happen to an act in this state. Beside the server's own words the phone has three. kept: on
 * this phone, the server has not answered for it yet. refused: the server would not take it. dropped: it never reached
 * the server and is too old to be sent.
 */
export function isOver(state: string): boolean {
  return ['refused', 'dropped', 'settled', 'declined', 'returned'].includes(state);
}

/** Keeps a new act on this phone; nothing has been sent yet. */
export async function beginAct(needs: ActNeeds, wish: Omit<TopUpRow, 'id' | 'state' | 'startedAt'>): Promise<TopUpRow> {
  const now = needs.clock();
  const row: TopUpRow = { id: newId(now), ...wish, state: 'kept', startedAt: now };
  await needs.vault.topUps.add(row);
  return row;
}

/** Acts of this phone that have not had their last word, the newest first. */
export async function openActs(vault: Vault, way: Pick<ActWay, 'isOf'>): Promise<TopUpRow[]> {
  const rows = await vault.topUps.filter((row) => way.isOf(row) && !isOver(row.state)).toArray();
  return rows.sort((left, right) => right.startedAt - left.startedAt);
}

/**
 * Looks once how the open acts stand, sends nothing, and answers those it knew as open, each as it stands now: what had
 * its last word meanwhile says so, with the balance brought down. Where the road ends the rest stays as it was.
 */
export async function lookAtOpen(needs: ActNeeds, way: ActWay): Promise<TopUpRow[]> {
  const rows = await openActs(needs.vault, way);
  const seen: TopUpRow[] = [];
  let isRoad = true;
  for (const row of rows) {
    // What was kept may still be sent: that is for its own page.
    const step: Result<TopUpRow, Refusal> =
      isRoad && row.state !== 'kept' ? await look(needs, way, row, true) : ok(row);
    isRoad &&= step.ok || step.error.code === 'request.not-found';
    seen.push(step.ok ? step.value : row);
  }
  if (seen.some(({ state }) => way.moved.includes(state))) await needs.sync();
  return seen;
}

/**
 * One step with act `id`: sends what was kept and goes by itself, else looks how it stands; then keeps and answers the
 * new row. Refusals are of the road or the session (`house.unreachable`, `session.none`, …): the act is as it was.
 */
export async function stepAct(needs: ActNeeds, way: ActWay, id: string): Promise<Result<TopUpRow, Refusal>> {
  const row = await needs.vault.topUps.get(id);
  if (!row) return restore(needs, way, id);
  // What has settled may still be sent back, and what was let go may have arrived after all.
  if (isOver(row.state) && row.state !== 'settled' && row.state !== 'dropped') return ok(row);
  const isFresh = between(instant(row.startedAt), needs.clock()) <= FRESH;
  if (row.state !== 'kept' || !isFresh || !way.bodyOf) return look(needs, way, row, isFresh);
  return sendAct(needs, way, row, way.bodyOf(row));
}

/** Sends a kept act; its id makes another time the same. The server's no for good becomes its last word. */
export async function sendAct(
  needs: ActNeeds,
  way: ActWay,
  row: TopUpRow,
  body: object,
): Promise<Result<TopUpRow, Refusal>> {
  const answer = await needs.ask<TopUp | Withdrawal>({ method: 'POST', path: way.path, body });
  if (answer.ok) return keep(needs, way, row, answer.value);
  return isRefusedForGood(answer.error) ? keepRefusal(needs, row, answer.error) : answer;
}

/**
 * Follows act `id` until its last word, and tells of every change and of every refusal on the way; undefined when
 * `stopped` says so. After the last word the balance and the bill have been brought down.
 */
export async function followAct(way: ActWay, ...[needs, id, told, stopped]: Parameters<Follow>): ReturnType<Follow> {
  const known = await needs.vault.topUps.get(id);
  const wasOver = known !== undefined && isOver(known.state);
  for (let round = 0; !stopped(); round += 1) {
    const step = await stepAct(needs, way, id);
    if (stopped()) return undefined;
    told(step.ok || !wasOver ? step : ok(known));
    if (wasOver && !step.ok) return known;
    if (step.ok && isOver(step.value.state)) {
      if (step.value.state !== known?.state && way.moved.includes(step.value.state)) await needs.sync();
      return step.value;
    }
    if (!step.ok && step.error.code === 'request.not-found') return undefined;
    await needs.pause(PAUSES[Math.min(round, PAUSES.length - 1)] ?? duration(5, 's'));
  }
  return undefined;
}

/** Lets a kept act go that the server has clearly not taken: the person wants something else. */
export async function dropAct({ vault }: Pick<ActNeeds, 'vault'>, id: string): Promise<void> {
  await vault.topUps
    .where('id')
    .equals(id)
    .modify((row) => {
      if (row.state === 'kept') row.state = 'dropped';
    });
}

/** How it stands at the server; what that never heard of is dropped once it is too old to be sent. */
async function look(needs: ActNeeds, way: ActWay, row: TopUpRow, isFresh: boolean): Promise<Result<TopUpRow, Refusal>> {
  const answer = await needs.ask<TopUp | Withdrawal>({ method: 'GET', path: `${way.path}/${row.id}` });
  if (answer.ok) return keep(needs, way, row, answer.value);
  if (row.state !== 'kept' || answer.error.code !== 'request.not-found') return answer;
  if (isFresh) return ok(row);
  const dropped: TopUpRow = { ...row, state: 'dropped' };
  await needs.vault.topUps.put(dropped);
  return ok(dropped);
}

/** A link to an act that this phone does not hold: another device of the same person may have started it. */
async function restore(needs: ActNeeds, way: ActWay, id: string): Promise<Result<TopUpRow, Refusal>> {
  const path = `${way.path}/${encodeURIComponent(id)}`;
  const answer = await needs.ask<TopUp | Withdrawal>({ method: 'GET', path });
  if (!answer.ok) return answer;
  const row = way.rowOf(answer.value);
  await needs.vault.topUps.put(row);
  return ok(row);
}

async function keep(
  needs: ActNeeds,
  way: ActWay,
  row: TopUpRow,
  told: TopUp | Withdrawal,
): Promise<Result<TopUpRow, Refusal>> {
  const next = { ...way.rowOf(told), startedAt: row.startedAt };
  await needs.vault.topUps.put(next);
  return ok(next);
}

/** What may pass (the road, a session that ended, a busy house, withdrawals that are paused) is no last word. */
function isRefusedForGood({ code }: Refusal): boolean {
  if (code === 'funding.withdrawal-off') return false;
  return code.startsWith('funding.') || code.startsWith('card.') || FOR_GOOD.includes(code);
}

async function keepRefusal(needs: ActNeeds, row: TopUpRow, refusal: Refusal): Promise<Result<TopUpRow, Refusal>> {
  const detail = { ...row.detail, code: refusal.code, ...refusal.detail };
  const refused: TopUpRow = { ...row, state: 'refused', detail };
  await needs.vault.topUps.put(refused);
  return ok(refused);
}
