/** What was out of the ordinary, and what is done about it meanwhile, in words. */
import type { AlarmList, AlarmView } from '#shared/api/security.ts';
import { m } from '#web/paraglide/messages.js';
import { momentText, sumText } from '#web/ui/format.ts';

const RULES: Readonly<Record<AlarmView['rule'], () => string>> = {
  'new-device': m.security_rule_new_device,
  'new-region': m.security_rule_new_region,
  burst: m.security_rule_burst,
  large: m.security_rule_large,
};

/** Which rule was hit; empty for one this app does not know yet. */
export function ruleText(rule: string): string {
  return Object.hasOwn(RULES, rule) ? RULES[rule as AlarmView['rule']]() : '';
}

/** What was out of the ordinary, with the sum where money moved. */
export function alarmText({ rule, amount, currency }: AlarmView): string {
  return amount > 0 ? `${ruleText(rule)} · ${sumText(amount, currency)}` : ruleText(rule);
}

/**
 * What is done until it is answered. How long each payment wants a proof is the region's to say: it is told by the moment
 * until when the wallet is watched, and once that is over nothing is asked for any more.
 */
export function alarmAnswerText({ answer }: Pick<AlarmView, 'answer'>, until: AlarmList['watchedUntil']): string {
  if (answer === 'pause') return m.security_answer_pause();
  if (answer === 'alert' || until === undefined) return m.security_answer_alert();
  return m.security_answer_step_up({ at: momentText(until) });
}
