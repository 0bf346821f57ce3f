/** A thief with somebody's number and a phone of their own: what of the wallet they get in a day, as a figure. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { available } from '#server/ledger/chart.ts';
import { openLedger } from '#server/ledger/ledger.ts';
import { newId } from '#shared/base/id.ts';
import { type Duration, duration, instant } from '#shared/base/time.ts';
import { EMPTY_SYNC, fund, openStage, type Stage } from '#tests/attack/stage.ts';
import { softAuthenticator } from '#tests/kit/authenticator.ts';
import { type Answer, good, type Member, newDevice, openBrowser, openMember } from '#tests/kit/member.ts';

const HELD = 5_000_00;

let stage: Stage;
let victim: Member;
let now = Date.parse('2026-11-29T04:00:00Z');
const pass = (length: Duration) => {
  now += length;
};

beforeAll(async () => {
  stage = await openStage({}, () => instant(now));
  victim = await openMember(stage.place, { phone: '13911112222', name: '明大有' });
  await fund(stage, victim, HELD);
  const chosen = { id: newId(stage.place.clock()), password: '730291', proof: { by: 'passkey' } };
  await good(victim.ask('PUT', '/payment-password', chosen));
});
afterAll(() => stage?.close());

async function held(): Promise<number> {
  const [sum = 0] = await openLedger({ database: stage.house.database }).balances('CN-SX', [
    available('CN-SX', victim.wallet, 'CNY'),
  ]);
  return sum;
}

const codeOf = async (asked: Promise<Answer<{ code?: string }>>) => {
  const { status, body } = await asked;
  return status < 300 ? 'ok' : (body?.code ?? String(status));
};

test('with the number and a new phone a thief gets 0 fen of it in a day', async () => {
  const { place } = stage;
  const thief = openBrowser(place, '10.9.9.9');
  const own = softAuthenticator(place.origin);
  const phone = newDevice(place);
  const heard: Record<string, string> = {};
  for (let hour = 0; hour < 24; hour += 6) {
    const id = newId(place.clock());
    const begun = { id, region: 'CN-SX', name: '明大有', phone: victim.phone, language: 'zh' };
    await good(thief.ask('POST', '/signups', begun));
    // The thief reads the victim's texts, which is what a stolen number is good for.
    const code = await place.codeFor(`+86${victim.phone}`);
    heard.signup = await codeOf(thief.ask('POST', `/signups/${id}/code`, { code }));
    const first = await good(
      thief.ask<{ options: Parameters<typeof own.create>[0] }>('POST', `/signups/${id}/passkey-options`),
    );
    const made = { name: '新手机', answer: own.create(first.options) };
    heard.passkey = await codeOf(thief.ask('POST', `/signups/${id}/passkey`, made));
    const { options } = await good(thief.ask<{ options: { challenge: string } }>('POST', '/sign-in/options'));
    heard.signIn = await codeOf(thief.ask('POST', '/sign-in', { answer: own.get(options) }));
    heard.device = await codeOf(thief.ask('POST', '/devices', { id: phone.id, key: phone.key, name: '新手机' }));
    heard.recovery = await codeOf(thief.ask('POST', '/recoveries', { id: newId(place.clock()) }));
    heard.sync = await codeOf(phone.ask('POST', '/sync', EMPTY_SYNC));
    const out = { id: newId(place.clock()), card: newId(place.clock()), amount: 1_00, currency: 'CNY' };
    heard.withdrawal = await codeOf(thief.ask('POST', '/withdrawals', { ...out, proof: { by: 'passkey' } }));
    pass(duration(6, 'h'));
  }
  expect(heard).toEqual({
    signup: 'signup.phone-taken',
    passkey: 'signup.phone-taken',
    signIn: 'passkey.unknown',
    device: 'session.none',
    recovery: 'session.none',
    sync: 'device.unknown',
    withdrawal: 'session.none',
  });
  expect(HELD - (await held()), 'fen that are gone').toBe(0);
});
