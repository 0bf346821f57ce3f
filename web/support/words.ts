/** What a case says to its reader, in words. */
import type { CaseEvent, CaseFile } from '#shared/api/payment.ts';
import { m } from '#web/paraglide/messages.js';
import type { CaseStanding } from '#web/support/case.ts';
import { momentText, sumText } from '#web/ui/format.ts';

/** What kind of case it is, as its title. */
export function kindText(kind: CaseFile['kind']): string {
  return kind === 'fork' ? m.case_kind_fork() : m.case_kind_overspent();
}

/** How it stands for the reader, in one line. */
export function standingText({ kind, sum, at }: CaseStanding, currency: string): string {
  const words = { sum: sumText(sum, currency) };
  switch (kind) {
    case 'owes':
      return m.case_stand_owes(words);
    case 'clear':
      return m.case_stand_clear();
    case 'paid':
      return m.case_stand_paid(words);
    case 'arriving':
      return m.case_stand_arriving({ ...words, at: momentText(at ?? 0) });
    case 'unpaid':
      return m.case_stand_unpaid(words);
  }
}

/** What happened, told from the start; `number` is the one that was signed twice. */
export function happenedText({ kind, role }: CaseFile, number: number | undefined): string {
  if (role === 'payee') return kind === 'fork' ? m.case_payee_fork() : m.case_payee_overspent();
  return kind === 'fork' && number !== undefined ? m.case_payer_fork({ number }) : m.case_payer_overspent();
}

/** One step of the case; `now` tells what is still to come. */
export function eventText({ at, code, amount = 0, number }: CaseEvent, currency: string, now: number): string {
  const words = { sum: sumText(amount, currency) };
  switch (code) {
    case 'signed':
      return m.case_event_signed(words);
    case 'uploaded':
      return m.case_event_uploaded(words);
    case 'conflict-found':
      return number === undefined ? m.case_event_contradiction() : m.case_event_conflict({ number });
    case 'paid-from-allowance':
      return m.case_event_from_allowance(words);
    case 'paid-by-guarantee':
      return m.case_event_by_guarantee(words);
    case 'paid-late':
      return m.case_event_late(words);
    case 'disputed':
      return m.case_event_disputed(words);
    case 'voided':
      return m.case_event_voided(words);
    case 'stopped':
      return m.case_event_stopped();
    case 'spendable':
      return at > now ? m.case_event_spendable_from(words) : m.case_event_spendable(words);
    case 'owed':
      return m.case_event_owed(words);
  }
}
