/** What holds a wallet back, and what to do about it, in words. */
import type { AppealView, Held, HeldReason } from '#shared/api/support.ts';
import { m } from '#web/paraglide/messages.js';
import { momentText } from '#web/ui/format.ts';

interface Words {
  readonly title: () => string;
  readonly what: () => string;
  /** Where the person can end it themselves, and what that is called. */
  readonly way?: { readonly href: string; readonly text: () => string };
}

const WORDS: Readonly<Record<HeldReason, Words>> = {
  frozen: {
    title: m.security_held_frozen,
    what: m.security_held_frozen_text,
    way: { href: '/me/freeze', text: m.security_freeze_see },
  },
  'frozen-by-code': {
    title: m.security_held_code,
    what: m.security_held_code_text,
    way: { href: '/me/freeze', text: m.security_freeze_see },
  },
  paused: {
    title: m.security_paused_home,
    what: m.security_held_paused_text,
    way: { href: '/me/security', text: m.security_alarm_home_text },
  },
  watched: {
    title: m.security_held_watched,
    what: m.security_held_watched_text,
    way: { href: '/me/security', text: m.security_alarm_home_text },
  },
  'new-device': { title: m.security_rule_new_device, what: m.password_both_device },
  recovered: { title: m.security_held_recovered, what: m.password_both_recovered },
};

/** What holds the wallet back. */
export function heldTitle({ reason }: Pick<Held, 'reason'>): string {
  return WORDS[reason].title();
}

/** What it means and what to do. */
export function heldText({ reason }: Held): string {
  return WORDS[reason].what();
}

/** Where the person can end it themselves; undefined when it ends by itself. */
export function heldWay({ reason }: Held): { readonly href: string; readonly text: string } | undefined {
  const way = WORDS[reason].way;
  return way && { href: way.href, text: way.text() };
}

/** Since when, or until when. */
export function heldWhen({ since, until }: Held): string {
  if (until !== undefined) return m.security_held_until({ at: momentText(until) });
  return since === undefined ? '' : m.security_held_since({ at: momentText(since) });
}

/** How an appeal stands at `now`. */
export function appealText({ state, dueAt, decidedAt }: AppealView, now: number): string {
  if (state === 'granted') return m.security_appeal_granted({ at: momentText(decidedAt ?? dueAt) });
  if (state === 'refused') return m.security_appeal_refused({ at: momentText(decidedAt ?? dueAt) });
  return now > dueAt ? m.security_appeal_late() : m.security_appeal_due({ at: momentText(dueAt) });
}
