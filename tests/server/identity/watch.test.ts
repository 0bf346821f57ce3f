/** What is out of the ordinary about a wallet's money, on both databases: it is said, asked about, or stopped, and always has an end. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PasswordView } from '#shared/api/password.ts';
import type { AlarmList, SecurityEventList } from '#shared/api/security.ts';
import { newId } from '#shared/base/id.ts';
import { duration } from '#shared/base/time.ts';
import { freshPostgres } from '#tests/kit/databases.ts';
import { good, type Member, newDevice, openMember, stepUp } from '#tests/kit/member.ts';
import { openPlace } from '#tests/server/identity/place.ts';

describe.each(['pglite', 'postgres'] as const)('on %s', (kind) => {
  let place: Awaited<ReturnType<typeof openPlace>>;
  beforeAll(async () => {
    place = await openPlace({}, kind === 'postgres' ? await freshPostgres() : undefined);
  });
  afterAll(() => place.close());

  let phones = 100;
  const person = (): Promise<Member> => {
    phones += 1;
    return openMember(place, { phone: `1390091${String(phones).padStart(4, '0')}` });
  };
  const fresh = () => newId(place.clock(), randomBytes(10));
  const sessionOf = async (who: Member) => {
    const request = { headers: { cookie: [...who.cookies].map(([name, value]) => `${name}=${value}`).join('; ') } };
    const session = await place.identity.sessionOf(request as never);
    if (!session) throw new Error('nobody is signed in');
    return session;
  };
  /** Gives so much back to somebody, proved by a touch; tells what came of it. */
  async function spend(who: Member, yuan: number, id = fresh()): Promise<string> {
    place.pass(duration(1, 's'));
    await stepUp(who);
    const act = {
      id,
      act: 'claim',
      amount: yuan * 100,
      currency: 'CNY',
      target: 'x',
      proof: { by: 'passkey' },
    } as const;
    const done = await place.identity.authorise(await sessionOf(who), act);
    return done.ok ? 'goes' : `${done.error.code} ${done.error.detail?.rule ?? ''}`.trim();
  }
  /** What waits for an answer, as `rule answer`. */
  const alarms = async (who: Member) =>
    (await good(who.ask<AlarmList>('GET', '/alarms'))).alarms
      .filter(({ answered }) => answered === undefined)
      .map(({ rule, answer }) => `${rule} ${answer}`);
  const answer = async (who: Member, mine: boolean) => {
    const [open] = (await good(who.ask<AlarmList>('GET', '/alarms'))).alarms;
    return await who.ask<AlarmList & { code?: string }>('POST', `/alarms/${open?.id}/answer`, { mine });
  };
  const texts = async (who: Member) => (await place.texts.texts(`+86${who.phone}`)).map(({ text }) => text);
  const addPhone = async (who: Member) => {
    const device = newDevice(place);
    place.pass(duration(1, 's'));
    await good(who.ask('POST', '/devices', { id: device.id, key: device.key, name: '新手机' }));
  };
  const codes = async (who: Member) =>
    (await good(who.ask<SecurityEventList>('GET', '/security-events'))).events.map(({ code }) => code);

  test('the first phone is nobody’s news; the second is told by text and in the list', async () => {
    const who = await person();
    expect(await alarms(who)).toEqual([]);
    await addPhone(who);
    expect(await alarms(who)).toEqual(['new-device alert']);
    expect((await texts(who))[0]).toContain('Something unusual');
    expect(await codes(who)).toContain('alarm');
    expect(await spend(who, 20)).toBe('goes');
  });

  test('a sum that is out of the ordinary goes once it is proved, and then nothing goes unproved for a day', async () => {
    const who = await person();
    const left = async () => (await good(who.ask<PasswordView>('GET', '/payment-password'))).free.left;
    expect(await left()).toBeGreaterThan(0);
    expect(await spend(who, 10_000)).toBe('goes');
    expect([await alarms(who), await left()]).toEqual([['large step-up'], 0]);
    const { wallet } = who;
    expect(await place.identity.freeSet(place.database, wallet)).toEqual({ each: 0, count: 0 });
    await stepUp(who);
    expect((await answer(who, true)).status).toBe(200);
    expect(await left()).toBeGreaterThan(0);
    expect(await place.identity.freeSet(place.database, wallet)).toBeUndefined();
  });

  test('the worst stops everything; one touch and the word of the owner lets it go on, the same act as well', async () => {
    const who = await person();
    const id = fresh();
    expect(await spend(who, 60_000, id)).toBe('wallet.paused large');
    expect(await spend(who, 1)).toBe('wallet.paused large');
    expect(await place.identity.moneyStop(place.database, { region: 'CN-SX', wallet: who.wallet })).toEqual({
      code: 'wallet.paused',
    });
    expect((await texts(who))[0]).toContain('paused');
    place.pass(duration(6, 'min'));
    expect((await answer(who, true)).body).toMatchObject({ code: 'session.step-up' });
    await stepUp(who);
    expect((await answer(who, true)).body).toMatchObject({ paused: false });
    expect(await spend(who, 60_000, id)).toBe('goes');
    expect(await alarms(who)).toEqual([]);
    // What was owned up to is not asked again for a while; a while later it is.
    expect(await spend(who, 60_000)).toBe('goes');
    place.pass(duration(25, 'h'));
    const { options } = await good(who.ask('POST', '/sign-in/options'));
    await good(who.ask('POST', '/sign-in', { answer: who.authenticator.get(options) }));
    expect(await spend(who, 60_000)).toBe('wallet.paused large');
  });

  test('"not me" takes no passkey: the wallet is frozen, and who then says "mine" changes nothing', async () => {
    const who = await person();
    await spend(who, 60_000);
    place.pass(duration(6, 'min'));
    expect((await answer(who, false)).status).toBe(200);
    expect(await place.identity.isFrozen(place.database, who.wallet)).toBe(true);
    await stepUp(who);
    await answer(who, true);
    expect(await spend(who, 60_000)).toBe('wallet.frozen');
    expect(await alarms(who), 'what is stopped already raises nothing more').toEqual([]);
    expect(await codes(who)).toEqual(expect.arrayContaining(['alarm-not-mine', 'frozen']));
    expect(await codes(who)).not.toContain('alarm-mine');
  });

  test('what was paid with no network is weighed when it comes in, by when it was signed', async () => {
    const who = await person();
    const pay = (yuan: number, toRegion: string, minutesAgo = 0) => ({
      ...{ wallet: who.wallet, id: fresh(), amount: yuan * 100, currency: 'CNY', toRegion },
      at: (place.clock() - minutesAgo * 60_000) as ReturnType<typeof place.clock>,
    });
    const saw = (acts: readonly ReturnType<typeof pay>[]) =>
      place.database.transaction((tx) => place.identity.watch.saw(tx, 'CN-SX', acts));
    const abroad = [pay(150, 'CN-BJ')];
    expect((await saw(abroad)).map(({ rule }) => rule)).toEqual(['new-region']);
    // The journal may be read again: the same payments are the same.
    expect(await saw(abroad)).toEqual([]);
    const spread = Array.from({ length: 12 }, (_, at) => pay(1, 'CN-SX', at * 30));
    expect(await saw(spread), 'over six hours').toEqual([]);
    expect((await saw(Array.from({ length: 12 }, () => pay(1, 'CN-SX')))).map(({ rule }) => rule)).toEqual(['burst']);
    const stranger = await person();
    expect(await alarms(stranger)).toEqual([]);
  });

  test('another person’s alarm is not there', async () => {
    const [who, other] = [await person(), await person()];
    await addPhone(who);
    const [alarm] = (await good(who.ask<AlarmList>('GET', '/alarms'))).alarms;
    const asked = await other.ask('POST', `/alarms/${alarm?.id}/answer`, { mine: false });
    expect([asked.status, asked.body.code]).toEqual([404, 'alarm.not-found']);
    expect(await place.identity.isFrozen(place.database, other.wallet)).toBe(false);
  });
});
