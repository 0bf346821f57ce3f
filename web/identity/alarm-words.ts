/** What was out of the ordinary, and what is done about it meanwhile, in words. */
import type { AlarmView } from '#shared/api/security.ts';
import { m } from '#web/paraglide/messages.js';
import { sumText } from '#web/ui/format.ts';

const RULES: Readonly<Record<AlarmView['rule'], () => string>> = {
  'new-device': m.security_rule_new_device,
  'new-region': m.security_rule_new_region,
  burst: m.security_rule_burst,
  large: m.security_rule_large,
};

const ANSWERS: Readonly<Record<AlarmView['answer'], () => string>> = {
  alert: m.security_answer_alert,
  'step-up': m.security_answer_step_up,
  pause: m.security_answer_pause,
};

/** Which rule was hit; empty for one this app does not know yet. */
export function ruleText(rule: string): string {
  return Object.hasOwn(RULES, rule) ? RULES[rule as AlarmView['rule']]() : '';
}

/** What was out of the ordinary, with the sum where money moved. */
export function alarmText({ rule, amount, currency }: AlarmView): string {
  return amount > 0 ? `${ruleText(rule)} · ${sumText(amount, currency)}` : ruleText(rule);
}

/** What is done until it is answered. */
export function alarmAnswerText({ answer }: AlarmView): string {
  return ANSWERS[answer]();
}
