/** What the steps of a top-up say it waits for: the road, the bank, or the person, and never one for the other. */
import { beforeAll, expect, test } from 'vitest';
import type { RefusalCode } from '#shared/api/refusal.ts';
import { topUpWay } from '#web/funding/steps.ts';
import { overwriteGetLocale } from '#web/paraglide/runtime.js';

beforeAll(() => overwriteGetLocale(() => 'en'));

/** The line at the step it stands at, and whether it goes on by itself. */
function standing(state: string, refusal: RefusalCode | '', detail = {}): unknown[] {
  const { steps, done, now } = topUpWay({ state, detail }, refusal === '' ? undefined : { code: refusal });
  return [steps[done]?.note, now, steps.filter(({ note }) => note !== '').length];
}

test.each<[state: string, refusal: RefusalCode | '', says: string, now: string]>([
  ['kept', '', 'Sending…', 'working'],
  ['kept', 'house.unreachable', 'No network. It is sent by itself when there is one.', 'halted'],
  ['kept', 'agreement.new', '', 'halted'],
  ['kept', 'session.none', '', 'halted'],
  ['started', '', 'Asking the bank…', 'working'],
  ['pending', '', 'The bank is working on it…', 'working'],
  ['unknown', '', 'The bank has not answered yet. We keep asking.', 'working'],
  ['pending', 'house.unreachable', 'Connection lost, trying again…', 'halted'],
  ['pending', 'session.none', '', 'halted'],
])('%s, met with "%s": "%s", %s', (state, refusal, says, now) => {
  expect(standing(state, refusal)).toEqual([says, now, says === '' ? 0 : 1]);
});

test.each<[waits: string, detail: object, refusal: RefusalCode | '', says: string, now: string]>([
  ['a code', { code: '123412341234' }, '', 'Waiting for you to bring the cash to the counter.', 'halted'],
  ['a page', { page: 'https://pay.example' }, '', 'Waiting for you to confirm it on the payment page.', 'halted'],
  ['a code', { code: '123412341234' }, 'house.unreachable', 'Connection lost, trying again…', 'halted'],
  ['nothing', {}, '', 'The bank is working on it…', 'working'],
])('what waits with %s for the person %o, met with "%s": "%s", %s', (_waits, detail, refusal, says, now) => {
  expect(standing('pending', refusal, detail)).toEqual([says, now, 1]);
});

test('what has arrived stands nowhere any more', () => {
  expect(topUpWay({ state: 'settled' })).toMatchObject({ done: 4 });
  expect(topUpWay({ state: 'settled' }).now).toBeUndefined();
});
