/** What the steps of a top-up and of a withdrawal say they wait for: the road, the provider, or the person, and never one for another. */
import { beforeAll, expect, test } from 'vitest';
import type { RefusalCode } from '#shared/api/refusal.ts';
import { topUpWay, withdrawalWay } from '#web/funding/steps.ts';
import { overwriteGetLocale } from '#web/paraglide/runtime.js';

beforeAll(() => overwriteGetLocale(() => 'en'));

const refusalOf = (code: RefusalCode | '') => (code === '' ? undefined : { code });

/** The line at the step it stands at, and whether it goes on by itself. */
function standing(state: string, refusal: RefusalCode | '', detail = {}, channel = 'bank-transfer'): unknown[] {
  const { steps, done, now } = topUpWay({ channel, state, detail }, refusalOf(refusal));
  return [steps[done]?.note, now, steps.filter(({ note }) => note !== '').length];
}

test.each<[state: string, refusal: RefusalCode | '', says: string, now: string]>([
  ['kept', '', 'Sending…', 'working'],
  ['kept', 'house.unreachable', 'No network. It is sent by itself when there is one.', 'halted'],
  ['kept', 'agreement.new', '', 'halted'],
  ['kept', 'session.none', '', 'halted'],
  ['started', '', 'Asking the bank…', 'working'],
  ['pending', '', 'With the bank now…', 'working'],
  ['unknown', '', 'No answer from the bank yet. We keep asking.', 'working'],
  ['pending', 'house.unreachable', 'Connection lost, trying again…', 'halted'],
  ['pending', 'session.none', '', 'halted'],
])('%s, met with "%s": "%s", %s', (state, refusal, says, now) => {
  expect(standing(state, refusal)).toEqual([says, now, says === '' ? 0 : 1]);
});

test.each<[waits: string, detail: object, refusal: RefusalCode | '', says: string, now: string]>([
  ['a code', { code: '123412341234' }, '', 'Waiting for you to bring the cash to the counter.', 'halted'],
  ['a page', { page: 'https://pay.example' }, '', 'Waiting for you to confirm it on the payment page.', 'halted'],
  ['a code', { code: '123412341234' }, 'house.unreachable', 'Connection lost, trying again…', 'halted'],
  ['nothing', {}, '', 'With the bank now…', 'working'],
])('what waits with %s for the person %o, met with "%s": "%s", %s', (_waits, detail, refusal, says, now) => {
  expect(standing('pending', refusal, detail)).toEqual([says, now, 1]);
});

// way in | whose step it is | while the house asks | while the provider works
test.each([
  ['bank-transfer', 'The bank', 'Asking the bank…', 'With the bank now…'],
  ['third-party', 'The payment page', 'Asking the third party…', 'With the third party now…'],
  ['counter', 'The counter', 'Asking the branch…', 'With the branch now…'],
  ['credit-card', 'The card issuer', 'Asking the card issuer…', 'With the card issuer now…'],
])('a top-up by %s stands at "%s": "%s", "%s"', (channel, step, asked, pending) => {
  expect(topUpWay({ channel, state: 'asked' }).steps[2]?.name).toBe(step);
  expect(standing('asked', '', {}, channel)).toEqual([asked, 'working', 1]);
  expect(standing('pending', '', {}, channel)).toEqual([pending, 'working', 1]);
});

test.each<[state: string, arrival: string, refusal: RefusalCode | '', says: string, now: string]>([
  ['started', '', '', 'Asking the bank…', 'working'],
  ['pending', 'in about 2 hours', '', 'The bank is working on it, in about 2 hours as a rule.', 'working'],
  ['pending', '', '', 'With the bank now…', 'working'],
  ['unknown', '', '', 'The bank has not answered yet. We keep asking.', 'working'],
  ['pending', '', 'house.unreachable', 'Connection lost, trying again…', 'halted'],
  ['pending', '', 'house.busy', 'Connection lost, trying again…', 'halted'],
  // Why it is held up, and the way on, is said beside the steps: the connection is not to blame.
  ['pending', '', 'session.none', '', 'halted'],
  ['pending', '', 'device.revoked', '', 'halted'],
])('a withdrawal that is %s, usually "%s", met with "%s": "%s", %s', (state, arrival, refusal, says, now) => {
  const way = withdrawalWay(state, arrival, refusalOf(refusal));
  expect([way.steps[way.done]?.note, way.now]).toEqual([says, now]);
});

test('what has arrived stands nowhere any more', () => {
  expect(topUpWay({ channel: 'counter', state: 'settled' })).toMatchObject({ done: 4 });
  expect(topUpWay({ channel: 'counter', state: 'settled' }).now).toBeUndefined();
  expect(withdrawalWay('settled', '')).toMatchObject({ done: 3 });
  expect(withdrawalWay('settled', '').now).toBeUndefined();
});
