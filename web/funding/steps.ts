/** The way of a top-up in four steps: what is done, what it waits for now, and what comes. */
import type { Refusal } from '#shared/api/refusal.ts';
import { errandOf } from '#web/funding/top-up.ts';
import { m } from '#web/paraglide/messages.js';
import type { TopUpRow } from '#web/vault/rows.ts';

/** How far it is. */
export interface TopUpWay {
  readonly steps: readonly { readonly name: string; readonly note: string }[];
  /** How many steps are done; the one after them, if any, is where it stands. */
  readonly done: number;
  /** Whether it goes on by itself there, or waits; absent once it has arrived. */
  readonly now?: 'working' | 'halted';
}

/** The way of a top-up that has had no last word but a good one; `refusal` is what the last look met. */
export function topUpWay(row: Pick<TopUpRow, 'state' | 'detail'>, refusal?: Refusal): TopUpWay {
  const done = row.state === 'kept' ? 1 : row.state === 'settled' ? 4 : 2;
  const steps = [
    { name: m.funding_step_kept(), note: '' },
    { name: m.funding_step_sent(), note: done === 1 ? sentNow(refusal) : '' },
    { name: m.funding_step_bank(), note: done === 2 ? bankNow(row, refusal) : '' },
    { name: m.funding_step_money(), note: '' },
  ];
  if (done === steps.length) return { steps, done };
  return { steps, done, now: refusal || isForPerson(row) ? 'halted' : 'working' };
}

/** Whether `refusal` stands in the way until the person does something; a road that is cut comes back by itself. */
export function isHeldUp(refusal: Refusal | undefined): refusal is Refusal {
  return refusal !== undefined && refusal.code !== 'house.unreachable' && refusal.code !== 'house.busy';
}

function isForPerson(row: Pick<TopUpRow, 'state' | 'detail'>): boolean {
  const { page, code } = errandOf(row);
  return page !== undefined || code !== undefined;
}

function sentNow(refusal: Refusal | undefined): string {
  // Why it is held up, and what to do, is said beside the steps.
  if (isHeldUp(refusal)) return '';
  return refusal ? m.funding_kept_offline() : m.funding_kept_now();
}

function bankNow(row: Pick<TopUpRow, 'state' | 'detail'>, refusal: Refusal | undefined): string {
  if (isHeldUp(refusal)) return '';
  if (refusal) return m.funding_paused();
  const { page, code } = errandOf(row);
  if (page !== undefined) return m.funding_page_now();
  if (code !== undefined) return m.funding_counter_now();
  if (row.state === 'unknown') return m.funding_unknown_now();
  return row.state === 'pending' ? m.funding_pending_now() : m.funding_asked_now();
}
