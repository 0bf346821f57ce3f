/** What an alarm says is done meanwhile: for as long as the house watches, never for a length this app made up. */
import { expect, test } from 'vitest';
import type { AnomalyAnswer } from '#shared/rules/anomaly.ts';
import { alarmAnswerText } from '#web/identity/alarm-words.ts';
import { type Locale, overwriteGetLocale } from '#web/paraglide/runtime.js';

const UNTIL = new Date(2026, 10, 23, 12).getTime();

test.each<[locale: Locale, answer: AnomalyAnswer, until: number | undefined, says: RegExp]>([
  [
    'en',
    'step-up',
    UNTIL,
    /^Until you say so, each payment has to be confirmed, at the latest until 23 Nov 2026, 12:00\.$/,
  ],
  ['zh', 'step-up', UNTIL, /^确认之前，每笔付款都要验证，最迟到 2026年11月23日 12:00。$/],
  ['en', 'step-up', undefined, /paying goes on as usual/],
  ['en', 'alert', UNTIL, /paying goes on as usual/],
  ['en', 'pause', UNTIL, /paying and withdrawing are paused/],
])('in %s: %s, watched until %s', (locale, answer, until, says) => {
  overwriteGetLocale(() => locale);
  expect(alarmAnswerText({ answer }, until)).toMatch(says);
});
