/** The way of a top-up in four steps and of a withdrawal in three: what is done, what it waits for now, and what comes. */
import type { Refusal } from '#shared/api/refusal.ts';
import { errandOf } from '#web/funding/top-up.ts';
import { m } from '#web/paraglide/messages.js';
import type { TopUpRow } from '#web/vault/rows.ts';

/** Whose turn it is when the house has asked: what their step is called, and what they are called in a sentence. */
interface Provider {
  readonly step: () => string;
  readonly who: () => string;
}

const BANK: Provider = { step: m.funding_step_bank, who: m.funding_who_bank };
const PROVIDERS: Readonly<Record<string, Provider>> = {
  'third-party': { step: m.funding_step_third_party, who: m.funding_who_third_party },
  counter: { step: m.funding_step_counter, who: m.funding_who_counter },
  'credit-card': { step: m.funding_step_credit_card, who: m.funding_who_credit_card },
};

/** How far it is. */
export interface ActWay {
  readonly steps: readonly { readonly name: string; readonly note: string }[];
  /** How many steps are done; the one after them, if any, is where it stands. */
  readonly done: number;
  /** Whether it goes on by itself there, or waits; absent once it has arrived. */
  readonly now?: 'working' | 'halted';
}

/** The way of a top-up that has had no last word but a good one; `refusal` is what the last look met. */
export function topUpWay(row: Pick<TopUpRow, 'channel' | 'state' | 'detail'>, refusal?: Refusal): ActWay {
  const done = row.state === 'kept' ? 1 : row.state === 'settled' ? 4 : 2;
  const steps = [
    { name: m.funding_step_kept(), note: '' },
    { name: m.funding_step_sent(), note: done === 1 ? sentNow(refusal) : '' },
    { name: (PROVIDERS[row.channel] ?? BANK).step(), note: done === 2 ? providerNow(row, refusal) : '' },
    { name: m.funding_step_money(), note: '' },
  ];
  if (done === steps.length) return { steps, done };
  return { steps, done, now: refusal || isForPerson(row) ? 'halted' : 'working' };
}

/** The same of a withdrawal, which the house has; `arrival` is when such money usually arrives, empty when not known. */
export function withdrawalWay(state: string, arrival: string, refusal?: Refusal): ActWay {
  const done = state === 'settled' ? 3 : 1;
  const steps = [
    { name: m.withdrawal_step_left(), note: '' },
    { name: m.withdrawal_step_bank(), note: done === 1 ? payoutNow(state, arrival, refusal) : '' },
    { name: m.withdrawal_step_card(), note: '' },
  ];
  return done === steps.length ? { steps, done } : { steps, done, now: refusal ? 'halted' : 'working' };
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

function providerNow(row: Pick<TopUpRow, 'channel' | 'state' | 'detail'>, refusal: Refusal | undefined): string {
  if (isHeldUp(refusal)) return '';
  if (refusal) return m.funding_paused();
  const { page, code } = errandOf(row);
  if (page !== undefined) return m.funding_page_now();
  if (code !== undefined) return m.funding_counter_now();
  const who = (PROVIDERS[row.channel] ?? BANK).who();
  if (row.state === 'unknown') return m.funding_unknown_now({ who });
  return row.state === 'pending' ? m.funding_pending_now({ who }) : m.funding_asked_now({ who });
}

function payoutNow(state: string, arrival: string, refusal: Refusal | undefined): string {
  if (isHeldUp(refusal)) return '';
  if (refusal) return m.funding_paused();
  if (state === 'unknown') return m.withdrawal_unknown_now();
  if (state !== 'pending') return m.withdrawal_asked_now();
  return arrival ? m.withdrawal_pending_now({ arrival }) : m.funding_pending_now({ who: BANK.who() });
}
