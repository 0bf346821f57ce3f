/** What happened to a wallet's keys, in words: what it was, and with which device or figures. */
import type { SecurityEvent, SecurityEventCode } from '#shared/api/security.ts';
import type { Blocker } from '#shared/rules/closure.ts';
import { ruleText } from '#web/identity/alarm-words.ts';
import { blockerText } from '#web/identity/words.ts';
import { m } from '#web/paraglide/messages.js';
import { momentText, sumText } from '#web/ui/format.ts';
import type { IconName } from '#web/ui/icons.ts';

const WORDS: Readonly<Record<SecurityEventCode, readonly [icon: IconName, text: () => string]>> = {
  'signed-in': ['fingerprint', m.security_event_signed_in],
  'passkey-added': ['key', m.security_event_passkey_added],
  'passkey-revoked': ['key', m.security_event_passkey_revoked],
  'device-enrolled': ['phone', m.security_event_device_enrolled],
  'device-revoked': ['phone', m.security_event_device_revoked],
  frozen: ['lock', m.security_event_frozen],
  thawed: ['check', m.security_event_thawed],
  'recovery-code': ['key', m.security_event_recovery_code],
  'tier-raised': ['me', m.security_event_tier_raised],
  'password-set': ['key', m.security_event_password_set],
  'password-changed': ['key', m.security_event_password_changed],
  'password-locked': ['warning', m.security_event_password_locked],
  'password-recovered': ['warning', m.security_event_password_recovered],
  'free-set': ['edit', m.security_event_free_set],
  'email-set': ['edit', m.security_event_email_set],
  'recovery-opened': ['warning', m.security_event_recovery_opened],
  'support-opened': ['info', m.security_event_support_opened],
  'support-approved': ['info', m.security_event_support_approved],
  'session-ended': ['leave', m.security_event_session_ended],
  alarm: ['warning', m.security_event_alarm],
  'alarm-mine': ['check', m.security_event_alarm_mine],
  'alarm-not-mine': ['lock', m.security_event_alarm_not_mine],
  'appeal-made': ['info', m.security_event_appeal_made],
  'appeal-granted': ['check', m.security_event_appeal_granted],
  'appeal-refused': ['warning', m.security_event_appeal_refused],
  'question-set': ['edit', m.security_event_question_set],
  'question-ended': ['edit', m.security_event_question_ended],
  'question-asked': ['info', m.security_event_question_asked],
  'closing-asked': ['leave', m.security_event_closing_asked],
  'closing-cancelled': ['check', m.security_event_closing_cancelled],
};

/** The icon of an event. */
export function eventIcon({ code }: SecurityEvent): IconName {
  return WORDS[code][0];
}

/** What happened. */
export function eventText({ code }: SecurityEvent): string {
  return WORDS[code][1]();
}

/** With which device or figures, and when. */
export function eventDetail(event: SecurityEvent): string {
  const parts = [event.device ?? '', figuresText(event), momentText(event.at)];
  return parts.filter((part) => part !== '').join(' · ');
}

function figuresText({ code, about }: SecurityEvent): string {
  const { by, each, count, currency, address } = about;
  if (code === 'free-set') {
    return m.security_event_free_detail({ sum: sumText(Number(each), String(currency)), count: Number(count) });
  }
  if (code === 'question-asked') {
    return about.match === 'yes' ? m.security_event_question_yes() : m.security_event_question_no();
  }
  if (code === 'email-set') return String(address ?? '');
  if (code === 'alarm' || code === 'alarm-mine' || code === 'alarm-not-mine') return ruleText(String(about.rule));
  if (code === 'closing-cancelled' && about.reason) return blockerText(about.reason as Blocker);
  if (code !== 'frozen' && code !== 'thawed') return '';
  if (by === 'support') return m.security_event_by_support();
  return by === 'code' ? m.security_event_by_code() : m.security_event_by_session();
}
