/** What stands on the desk, in words. */
import { type DeskCase, HELD_REASONS } from '#shared/api/support.ts';
import { ruleText } from '#web/identity/alarm-words.ts';
import { m } from '#web/paraglide/messages.js';
import { heldTitle } from '#web/support/held-words.ts';
import { momentText } from '#web/ui/format.ts';

const KINDS: Readonly<Record<DeskCase['kind'], () => string>> = {
  appeal: m.desk_kind_appeal,
  alarm: m.desk_kind_alarm,
  recovery: m.desk_kind_recovery,
};

const STATES: Readonly<Record<Exclude<DeskCase['state'], 'open'>, () => string>> = {
  granted: m.desk_state_granted,
  refused: m.desk_state_refused,
  answered: m.desk_state_answered,
};

/** What kind of case it is and whose, as its title. */
export function deskTitle({ kind, who }: DeskCase): string {
  return `${KINDS[kind]()} · ${who}`;
}

/** What it is about. */
export function reasonText({ kind, reason }: DeskCase): string {
  if (kind === 'alarm') return ruleText(reason);
  const held = HELD_REASONS.find((one) => one === reason);
  return held === undefined || kind === 'recovery' ? reason : heldTitle({ reason: held });
}

/** How it stands at `now`: what was decided, who spoke first, or by when it is due. */
export function deskState({ state, first, dueAt }: DeskCase, now: number): string {
  if (state !== 'open') return STATES[state]();
  if (first) return first.own ? m.desk_first_own() : m.desk_first_other({ name: first.name });
  return now > dueAt ? m.desk_late() : m.desk_due({ at: momentText(dueAt) });
}
