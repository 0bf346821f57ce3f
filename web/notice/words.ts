/** What a notice says in words, and which screen it leads to. No sum and no name stands in it that the house was not asked to tell. */
import type { NoticeText } from '#shared/api/notice.ts';
import type { SecurityEventCode } from '#shared/api/security.ts';
import { isCurrency } from '#shared/money/currency.ts';
import { money, toDecimal } from '#shared/money/money.ts';
import { m } from '#web/paraglide/messages.js';

type Language = 'zh' | 'en';

const EVENTS: Readonly<Record<SecurityEventCode, (inputs: object, options: { locale: Language }) => string>> = {
  'signed-in': m.security_event_signed_in,
  'passkey-added': m.security_event_passkey_added,
  'passkey-revoked': m.security_event_passkey_revoked,
  'device-enrolled': m.security_event_device_enrolled,
  'device-revoked': m.security_event_device_revoked,
  frozen: m.security_event_frozen,
  thawed: m.security_event_thawed,
  'recovery-code': m.security_event_recovery_code,
  'tier-raised': m.security_event_tier_raised,
  'password-set': m.security_event_password_set,
  'password-changed': m.security_event_password_changed,
  'password-locked': m.security_event_password_locked,
  'password-recovered': m.security_event_password_recovered,
  'free-set': m.security_event_free_set,
  'email-set': m.security_event_email_set,
  'recovery-opened': m.security_event_recovery_opened,
  'support-opened': m.security_event_support_opened,
  'support-approved': m.security_event_support_approved,
  'session-ended': m.security_event_session_ended,
  alarm: m.security_event_alarm,
  'alarm-mine': m.security_event_alarm_mine,
  'alarm-not-mine': m.security_event_alarm_not_mine,
  'appeal-made': m.security_event_appeal_made,
  'appeal-granted': m.security_event_appeal_granted,
  'appeal-refused': m.security_event_appeal_refused,
  'question-set': m.security_event_question_set,
  'question-ended': m.security_event_question_ended,
  'question-asked': m.security_event_question_asked,
  'closing-asked': m.security_event_closing_asked,
  'closing-cancelled': m.security_event_closing_cancelled,
};

/** Title and body; of what cannot be read it says only that there is something to see. */
export function wordsOf(notice: NoticeText | undefined, locale: Language): { title: string; body: string } {
  const options = { locale };
  if (notice === undefined) return { title: m.notice_something({}, options), body: m.notice_open({}, options) };
  if (notice.kind === 'security') {
    const body = EVENTS[notice.code]({}, options);
    return { title: m.notice_security({}, options), body: notice.device ? `${body} · ${notice.device}` : body };
  }
  const title = {
    payment: m.notice_payment,
    'top-up': m.notice_top_up,
    refund: m.notice_refund,
  }[notice.of]({}, options);
  const { amount, currency = '', from } = notice;
  if (amount === undefined || !isCurrency(currency)) return { title, body: m.notice_open({}, options) };
  const sum = `${currency} ${toDecimal(money(amount, currency))}`;
  return { title, body: from ? m.notice_from({ sum, from }, options) : sum };
}

/** The screen it leads to. */
export function pathOf(notice: NoticeText | undefined): string {
  if (notice === undefined) return '/';
  return notice.kind === 'security' ? '/me/security' : `/bills/${encodeURIComponent(notice.bill)}`;
}
