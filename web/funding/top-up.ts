/** Topping up as the phone sees it: what a channel costs, what is asked for, and what the person has to do meanwhile. */
import type { ChannelTerms, TermsList, TopUp, Withdrawal } from '#shared/api/funding.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import type { Result } from '#shared/base/result.ts';
import type { Currency } from '#shared/money/currency.ts';
import {
  type ActNeeds,
  type ActWay,
  beginAct,
  type Follow,
  followAct,
  lookAtOpen,
  openActs,
  stepAct,
} from '#web/funding/act.ts';
import { type CardMark, cardOf } from '#web/funding/cards.ts';
import { askOrKept } from '#web/sync/kept.ts';
import type { TopUpRow } from '#web/vault/rows.ts';
import type { Vault } from '#web/vault/vault.ts';

/** What the person wants; `card` is the credit card to charge, for that channel alone. */
export interface TopUpWish {
  readonly channel: ChannelTerms['channel'];
  readonly amount: number;
  readonly currency: Currency;
  readonly card?: CardMark | undefined;
}

/** The way of top-ups: what was kept is sent by itself, for the other side asks the person. */
const WAY: ActWay = {
  path: '/top-ups',
  isOf: ({ channel }) => channel !== 'payout',
  rowOf,
  bodyOf: (row) => {
    const { id, channel, amount, currency } = row;
    const card = cardOf(row);
    return { id, channel, amount, currency, ...(card ? { card: card.id } : {}) };
  },
  moved: ['settled', 'returned'],
};

/** Keeps a new top-up on this phone; nothing has been sent yet. */
export function beginTopUp(needs: ActNeeds, { card, ...wish }: TopUpWish): Promise<TopUpRow> {
  return beginAct(needs, { ...wish, ...(card ? { detail: { card } } : {}) });
}

/** Top-ups of this phone that have not had their last word, the newest first. */
export function openTopUps(vault: Vault): Promise<TopUpRow[]> {
  return openActs(vault, WAY);
}

/** The same, as they stand at the house; see {@link lookAtOpen}. */
export function lookAtTopUps(needs: ActNeeds): Promise<TopUpRow[]> {
  return lookAtOpen(needs, WAY);
}

/** One step with top-up `id`; see {@link stepAct}. */
export function stepTopUp(needs: ActNeeds, id: string): Promise<Result<TopUpRow, Refusal>> {
  return stepAct(needs, WAY, id);
}

/** Follows a top-up until its last word. */
export const followTopUp: Follow = (...act) => followAct(WAY, ...act);

/** What each channel costs and allows: as the server says now, else as it last said; empty when it never did. */
export async function readTerms(
  needs: Pick<ActNeeds, 'ask' | 'vault'>,
): Promise<{ terms: readonly ChannelTerms[]; fresh: boolean; refusal?: Refusal }> {
  const { value, ...how } = await askOrKept(needs, '/top-ups/terms', 'topUpTerms', ({ terms }: TermsList) => terms);
  return { terms: value ?? [], ...how };
}

function rowOf(topUp: TopUp | Withdrawal): TopUpRow {
  assert('channel' in topUp, `${topUp.id} is no top-up`);
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
