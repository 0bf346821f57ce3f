/** Withdrawing to a card as the phone sees it: what it costs, the person's yes with its proof, and what becomes of it. */
import type { TopUp, Withdrawal, WithdrawalTerms, WithdrawalTermsList } from '#shared/api/funding.ts';
import type { MoneyProof } from '#shared/api/password.ts';
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
  sendAct,
} from '#web/funding/act.ts';
import { type CardMark, cardOf } from '#web/funding/cards.ts';
import { askOrKept } from '#web/sync/kept.ts';
import type { TopUpRow } from '#web/vault/rows.ts';
import type { Vault } from '#web/vault/vault.ts';

/** What the person wants: `amount` minor units on `card`. */
export interface WithdrawalWish {
  readonly amount: number;
  readonly currency: Currency;
  readonly card: CardMark;
}

/** The way of withdrawals: nothing is sent by itself, for only the person can stand for it. */
const WAY: ActWay = {
  path: '/withdrawals',
  isOf: ({ channel }) => channel === 'payout',
  rowOf,
  // One that did not arrive has come back.
  moved: ['settled', 'declined', 'returned'],
};

/** Keeps a new withdrawal on this phone; nothing has been sent yet. */
export function beginWithdrawal(needs: ActNeeds, { amount, currency, card }: WithdrawalWish): Promise<TopUpRow> {
  return beginAct(needs, { channel: 'payout', amount, currency, detail: { card } });
}

/** Sends a kept withdrawal with what the person proved; the same row again is the same withdrawal. */
export async function sendWithdrawal(
  needs: ActNeeds,
  row: TopUpRow,
  proof: MoneyProof | undefined,
): Promise<Result<TopUpRow, Refusal>> {
  const { id, amount, currency } = row;
  const card = cardOf(row);
  assert(card !== undefined, `${id} names its card`);
  const sent = await sendAct(needs, WAY, row, { id, amount, currency, card: card.id, ...(proof ? { proof } : {}) });
  // The money has left the wallet with the server's first yes.
  if (sent.ok && sent.value.state !== 'refused') await needs.sync();
  return sent;
}

/** Withdrawals of this phone that have not had their last word, the newest first. */
export function openWithdrawals(vault: Vault): Promise<TopUpRow[]> {
  return openActs(vault, WAY);
}

/** The same, as they stand at the house; see {@link lookAtOpen}. */
export function lookAtWithdrawals(needs: ActNeeds): Promise<TopUpRow[]> {
  return lookAtOpen(needs, WAY);
}

/** Follows a withdrawal until its last word; one that waits for the person stays `kept` meanwhile. */
export const followWithdrawal: Follow = (...act) => followAct(WAY, ...act);

/** What withdrawals cost and allow: as the server says now, else as it last said; no terms: not at this tier. */
export async function readWithdrawalTerms(
  needs: Pick<ActNeeds, 'ask' | 'vault'>,
  currency: Currency,
): Promise<{ terms: WithdrawalTerms | undefined; fresh: boolean; refusal?: Refusal }> {
  const all = ({ terms }: WithdrawalTermsList) => terms;
  const { value, ...how } = await askOrKept(needs, '/withdrawals/terms', 'withdrawalTerms', all);
  return { terms: value?.find((one) => one.currency === currency), ...how };
}

function rowOf(withdrawal: TopUp | Withdrawal): TopUpRow {
  assert(!('channel' in withdrawal), `${withdrawal.id} is no withdrawal`);
  const { id, amount, currency, state, startedAt, ...detail } = withdrawal;
  return { id, channel: 'payout', amount, currency, state, startedAt, detail };
}
