/** What is out of the ordinary about a wallet's money, told as tables: what was done, what is known, what comes of it. */
import { expect, test } from 'vitest';
import { duration, type Instant, instant } from '#shared/base/time.ts';
import { type AnomalyTerm, anomalyAt, type Habits } from '#shared/rules/anomaly.ts';

const NOW = instant(1_800_000_000_000);
const ago = (text: string): Instant => {
  const [, count = '', unit = ''] = /^(\d+)(\w+)$/.exec(text) ?? [];
  return instant(NOW - duration(Number(count), unit as 'min'));
};

/** rule answer window acts sum */
const TERMS = `
  new-device alert   24h   0 0
  new-device step-up 24h   1 300
  new-device pause   24h   1 2000
  new-region alert   24h   1 100
  new-region step-up 24h   1 500
  burst      alert   10min 3 0
  burst      pause   10min 5 0
  large      alert   24h   1 2000
  large      pause   24h   1 50000
`
  .trim()
  .split('\n')
  .map((line): AnomalyTerm => {
    const [rule, answer, window = '', count, sum] = line.trim().split(/\s+/);
    return {
      rule: rule as AnomalyTerm['rule'],
      answer: answer as AnomalyTerm['answer'],
      window: duration(Number.parseInt(window, 10), window.replace(/\d+/, '') as 'h'),
      countFrom: Number(count),
      sumFrom: Number(sum) * 100,
    };
  });

/** `5min:300` paid 300 yuan five minutes ago at home; `5min:300@CN-BJ` to Beijing. */
const actsOf = (text: string): Habits['acts'] =>
  text === '-'
    ? []
    : text.split(',').map((one) => {
        const [when = '', rest = ''] = one.split(':');
        const [sum = '', toRegion = 'CN-SX'] = rest.split('@');
        return { at: ago(when), amount: Number(sum) * 100, toRegion };
      });

test.each(
  `
  acts                                      phone  abroad       raised                  comes of it
  -                                         -      -            -                       -
  1min:20                                   -      -            -                       -                   an ordinary day
  -                                         1min   -            -                       new-device alert    another phone was added
  -                                         25h    -            -                       -                   it is new no longer
  1min:20                                   2h     -            new-device:alert:2h     -                   said once, not at each payment
  1min:300                                  2h     -            new-device:alert:2h     new-device step-up
  3h:290,1min:10                            2h     -            new-device:alert:2h     -                   paid before the phone was there
  1min:2000                                 2h     -            -                       new-device pause    of several the sternest
  1min:99@CN-BJ                             -      CN-BJ:1min   -                       -
  1min:100@CN-BJ                            -      CN-BJ:1min   -                       new-region alert
  20h:250@CN-BJ,1min:250@CN-BJ              -      CN-BJ:20h    new-region:alert:20h    new-region step-up  the sums of a day count together
  1min:900@CN-BJ                            -      CN-BJ:30h    -                       -                   known since yesterday
  1min:1,2min:1                             -      -            -                       -
  1min:1,2min:1,3min:1                      -      -            -                       burst alert
  1min:1,2min:1,11min:1                     -      -            -                       -                   the third is too long ago
  1min:1,2min:1,3min:1,4min:1               -      -            burst:alert:1min        -
  1min:1,2min:1,3min:1,4min:1,5min:1        -      -            burst:alert:1min        burst pause         it goes on
  1min:1,2min:1,3min:1,4min:1,5min:1        -      -            burst:pause:20min:1min  -                   the owner said it was them
  1min:1,2min:1,3min:1,4min:1,5min:1        -      -            burst:pause:20min:11min burst pause         that was a while ago
  1min:2000                                 -      -            -                       large alert
  20h:1000,1min:1000                        -      -            -                       large alert
  25h:1000,1min:1000                        -      -            -                       -
  1min:50000                                -      -            large:alert:3h:2h       large pause         a yes to a small thing is none to a great one
`
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s{2,}|(?<=:\d+min) (?=[a-z])/)),
)(
  '%s, new phone %s, abroad %s, raised %s: %s %s',
  (acts = '-', phone = '-', abroad = '-', raised = '-', comes = '-') => {
    const [other, since = ''] = abroad.split(':');
    const [rule, answer, at = '', mine] = raised.split(':');
    const habits: Habits = {
      home: 'CN-SX',
      acts: actsOf(acts),
      newDeviceAt: phone === '-' ? undefined : ago(phone),
      regions: new Map(abroad === '-' ? [] : [[other ?? '', ago(since)]]),
      raised:
        raised === '-'
          ? []
          : [
              {
                rule: rule as AnomalyTerm['rule'],
                answer: answer as AnomalyTerm['answer'],
                at: ago(at),
                mineAt: mine === undefined ? undefined : ago(mine),
              },
            ],
    };
    const hit = anomalyAt(NOW, habits, TERMS);
    expect(hit ? `${hit.rule} ${hit.answer}` : '-').toBe(comes);
  },
);
