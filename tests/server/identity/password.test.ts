/** The payment password on both databases: choosing, guessing, locking, and the proof of an act of money. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ActToProve } from '#server/identity/identity.ts';
import { openHasher } from '#server/identity/password-hash.ts';
import { openPeppers } from '#server/identity/secret.ts';
import type { MoneyProof, PasswordView } from '#shared/api/password.ts';
import { newId } from '#shared/base/id.ts';
import { duration, instant } from '#shared/base/time.ts';
import { freshPostgres } from '#tests/kit/databases.ts';
import { type Answer, good, type Member, newDevice, openMember, stepUp } from '#tests/kit/member.ts';
import { openPlace } from '#tests/server/identity/place.ts';

const GOOD = '730291';
const OTHER = '805417';
const TOUCH: MoneyProof = { by: 'passkey' };
const typed = (password: string): MoneyProof => ({ by: 'password', password });

type Told = Answer<PasswordView & { code?: string; left?: number; until?: number; detail?: Record<string, unknown> }>;

describe.each(['pglite', 'postgres'] as const)('on %s', (kind) => {
  let place: Awaited<ReturnType<typeof openPlace>>;
  beforeAll(async () => {
    place = await openPlace({}, kind === 'postgres' ? await freshPostgres() : undefined);
  });
  afterAll(() => place.close());

  let phones = 100;
  const person = (region = 'CN-SX'): Promise<Member> => {
    phones += 1;
    return openMember(place, { phone: `1390070${String(phones).padStart(4, '0')}`, region });
  };
  const fresh = () => newId(place.clock(), randomBytes(10));
  const set = (who: Member, password: string, proof: MoneyProof, id = fresh()): Promise<Told> => {
    place.pass(duration(1, 'ms'));
    return who.ask('PUT', '/payment-password', { id, password, proof });
  };
  const view = (who: Member) => good(who.ask<PasswordView>('GET', '/payment-password'));
  /** Who has a payment password, and a session whose last touch is spent and old. */
  const holder = async (region?: string): Promise<Member> => {
    const who = await person(region);
    await good(set(who, GOOD, TOUCH));
    place.pass(duration(6, 'min'));
    return who;
  };
  const codeOf = async (asked: Promise<Told>) => {
    const { status, body } = await asked;
    return status === 200 ? 'ok' : (body.code ?? String(status));
  };
  /** The session behind a member's cookie, as another capability would hand it in. */
  const sessionOf = async (who: Member) => {
    const found = await place.identity.sessions.find(who.cookies.get('__Host-sid') ?? '');
    if (!found) throw new Error('no session');
    return found.session;
  };
  const act = (said: Partial<ActToProve> = {}): ActToProve => ({
    id: fresh(),
    act: 'transfer',
    amount: 100_00,
    currency: 'CNY',
    target: 'somebody',
    proof: undefined,
    ...said,
  });
  const prove = async (who: Member, asked: ActToProve): Promise<string> => {
    const answer = await place.identity.authorise(await sessionOf(who), asked);
    if (answer.ok) return answer.value;
    const { code, detail } = answer.error;
    return [code, detail?.needed ?? detail?.left].filter((one) => one !== undefined).join(' ');
  };
  const guess = (who: Member, password: string) => prove(who, act({ proof: typed(password) }));

  test('is set with a fresh passkey, once under its id, and known afterwards', async () => {
    const who = await person();
    expect(await view(who)).toMatchObject({ isSet: false, mustReset: false, guessesLeft: 5 });
    const id = fresh();
    expect(await codeOf(set(who, GOOD, typed(OTHER), id))).toBe('password.none');
    expect(await codeOf(set(who, GOOD, TOUCH, id))).toBe('ok');
    expect(await codeOf(set(who, GOOD, TOUCH, id))).toBe('ok');
    expect(await codeOf(set(who, OTHER, TOUCH, id))).toBe('money.act-reused');
    expect(await view(who)).toMatchObject({ isSet: true, guessesLeft: 5 });
    place.pass(duration(6, 'min'));
    expect(await codeOf(set(who, OTHER, TOUCH))).toBe('session.step-up');
  });

  test.each([
    ['123456', 'password.run'],
    ['520131', 'password.common'],
    ['390070', 'password.own-number'],
  ])('%s is refused: %s', async (password, code) => {
    expect(await codeOf(set(await person(), password, TOUCH))).toBe(code);
  });

  test('is changed by the old one; none of the last three comes back', async () => {
    const who = await holder();
    expect(await codeOf(set(who, GOOD, typed(GOOD)))).toBe('password.used');
    expect(await codeOf(set(who, OTHER, typed('999998')))).toBe('password.wrong');
    expect(await codeOf(set(who, OTHER, typed(GOOD)))).toBe('ok');
    expect(await codeOf(set(who, '640283', typed(OTHER)))).toBe('ok');
    expect(await codeOf(set(who, GOOD, typed('640283')))).toBe('password.used');
    expect(await codeOf(set(who, '917350', typed('640283')))).toBe('ok');
    expect(await codeOf(set(who, GOOD, typed('917350')))).toBe('ok');
  });

  test('of fifty guesses at once exactly five are looked at, whoever of them is right', async () => {
    const who = await holder();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, at) => guess(who, String(200_000 + at * 7919).slice(0, 6))),
    );
    expect(answers.filter((one) => one.startsWith('password.wrong'))).toHaveLength(4);
    expect(answers.filter((one) => one === 'password.locked')).toHaveLength(46);
    // The fifth was looked at and closed the lock; the right one comes too late.
    expect(await guess(who, GOOD)).toBe('password.locked');
  });

  test('five wrong ones lock it for three hours, ten in all for good, and a right one between gives them back', async () => {
    const who = await holder();
    for (const left of [4, 3, 2]) expect(await guess(who, OTHER)).toBe(`password.wrong ${left}`);
    expect(await guess(who, GOOD)).toBe('proved');
    for (const left of [4, 3, 2, 1]) expect(await guess(who, OTHER)).toBe(`password.wrong ${left}`);
    expect(await guess(who, OTHER)).toBe('password.locked');
    const until = place.clock() + duration(3, 'h');
    const { body } = (await set(who, OTHER, typed(GOOD))) as Told;
    expect(body).toMatchObject({ code: 'password.locked', until });
    // Sessions end after half an hour unused: the person keeps it alive meanwhile.
    for (let passed = 0; passed < 179; passed += 20) {
      place.pass(duration(Math.min(20, 179 - passed), 'min'));
      await view(who);
    }
    expect(await guess(who, GOOD)).toBe('password.locked');
    place.pass(duration(1, 'min'));
    expect(await view(who)).toMatchObject({ guessesLeft: 5 });
    for (const left of [4, 3, 2, 1]) expect(await guess(who, OTHER)).toBe(`password.wrong ${left}`);
    expect(await guess(who, OTHER)).toBe('password.must-reset');
    expect(await guess(who, GOOD)).toBe('password.must-reset');
    await stepUp(who);
    expect(await codeOf(set(who, OTHER, TOUCH))).toBe('password.must-reset');
    const { events } = await place.identity.events(await sessionOf(who));
    expect(events.map((one) => one.code).filter((code) => code.startsWith('password'))).toEqual([
      'password-locked',
      'password-locked',
      'password-set',
    ]);
  });

  test('where the region says three, three wrong ones lock it for three hours, and of fifty at once three are looked at', async () => {
    const who = await holder('CN-BJ');
    expect(await view(who)).toMatchObject({ guessesLeft: 3 });
    for (const left of [2, 1]) expect(await guess(who, OTHER)).toBe(`password.wrong ${left}`);
    expect(await guess(who, OTHER)).toBe('password.locked');
    expect(await view(who)).toMatchObject({ guessesLeft: 0, lockedUntil: place.clock() + duration(3, 'h') });
    expect(await guess(who, GOOD)).toBe('password.locked');
    const session = await sessionOf(who);
    place.pass(duration(3, 'h'));
    const right = act({ proof: typed(GOOD) });
    expect(await place.identity.authorise(session, right)).toMatchObject({ ok: true, value: 'proved' });

    const many = await holder('CN-BJ');
    const answers = await Promise.all(Array.from({ length: 50 }, () => guess(many, OTHER)));
    expect(answers.filter((one) => one.startsWith('password.wrong'))).toHaveLength(2);
    expect(answers.filter((one) => one === 'password.locked')).toHaveLength(48);
  });

  test('twenty looks a day, right ones too; the next day begins at midnight in Beijing', async () => {
    const who = await holder();
    for (let at = 0; at < 20; at += 1) expect(await guess(who, GOOD)).toBe('proved');
    expect(await guess(who, GOOD)).toBe('password.day-spent');
    const session = await sessionOf(who);
    const midnight = Math.ceil((place.clock() + 8 * 3_600_000) / 86_400_000) * 86_400_000 - 8 * 3_600_000;
    place.pass(duration(midnight - place.clock() - 1, 'ms'));
    const late = () => place.identity.authorise(session, act({ proof: typed(GOOD) }));
    expect(await late()).toMatchObject({ ok: false, error: { code: 'password.day-spent' } });
    place.pass(duration(1, 'ms'));
    expect(await late()).toMatchObject({ ok: true, value: 'proved' });
  });

  test('small sums go free so many times a day, of many at once no more; the rest is proved', async () => {
    const who = await holder();
    const answers = await Promise.all(Array.from({ length: 15 }, () => prove(who, act({ amount: 30_00 }))));
    expect(answers.filter((one) => one === 'free')).toHaveLength(10);
    expect(answers.filter((one) => one === 'money.proof either')).toHaveLength(5);
    expect(await prove(who, act({ amount: 30_00, proof: typed(GOOD) }))).toBe('proved');
    expect((await view(who)).free).toMatchObject({ each: 30_00, count: 10, left: 0 });
  });

  test('the person sets how much goes free, within what the region allows, and proves it', async () => {
    const who = await holder();
    const change = (each: number, count: number, proof: MoneyProof): Promise<Told> =>
      who.ask('PUT', '/payment-password/free', { each, count, proof });
    expect(await codeOf(change(200_01, 5, typed(GOOD)))).toBe('password.free-most');
    expect(await codeOf(change(200_00, 21, typed(GOOD)))).toBe('password.free-most');
    expect(await codeOf(change(200_00, 5, TOUCH))).toBe('session.step-up');
    expect(await codeOf(change(200_00, 5, typed(OTHER)))).toBe('password.wrong');
    expect(await codeOf(change(200_00, 1, typed(GOOD)))).toBe('ok');
    expect(await prove(who, act({ amount: 200_00 }))).toBe('free');
    expect(await prove(who, act({ amount: 1 }))).toBe('money.proof either');
    expect(await codeOf(change(0, 0, typed(GOOD)))).toBe('ok');
    expect(await prove(who, act({ amount: 1 }))).toBe('money.proof either');
  });

  test('one touch stands for one act, and the same act sent again is granted again', async () => {
    const who = await holder();
    expect(await prove(who, act({ proof: TOUCH }))).toBe('session.step-up');
    await stepUp(who);
    const first = act({ proof: TOUCH });
    expect(await prove(who, first)).toBe('proved');
    expect(await prove(who, first)).toBe('proved');
    expect(await prove(who, { ...first, amount: 999_00 })).toBe('money.act-reused');
    expect(await prove(who, { ...first, target: 'somebody else' })).toBe('money.act-reused');
    expect(await prove(who, act({ proof: TOUCH }))).toBe('session.step-up');
    await stepUp(who);
    const many = await Promise.all(Array.from({ length: 20 }, () => prove(who, act({ proof: TOUCH }))));
    expect(many.filter((one) => one === 'proved')).toHaveLength(1);
  });

  test('the same act sent again costs no second guess; after a quarter of an hour it is proved anew', async () => {
    const who = await holder();
    const one = act({ proof: typed(GOOD) });
    expect(await prove(who, one)).toBe('proved');
    expect(await prove(who, { ...one, proof: typed(OTHER) })).toBe('proved');
    place.pass(duration(16, 'min'));
    expect(await prove(who, { ...one, proof: typed(OTHER) })).toBe('password.wrong 4');
    expect(await prove(who, one)).toBe('proved');
    const other = await person();
    expect(await prove(other, one)).toBe('money.act-reused');
  });

  test.each<[what: string, said: Partial<ActToProve>, touched: boolean, told: string]>([
    ['a withdrawal of one fen', { act: 'withdrawal', amount: 1 }, false, 'money.proof either'],
    ['the same with the password', { act: 'withdrawal', amount: 1, proof: typed(GOOD) }, false, 'proved'],
    ['a large sum with the password alone', { amount: 500_00, proof: typed(GOOD) }, false, 'session.step-up'],
    ['a large sum with the touch alone', { amount: 500_00, proof: TOUCH }, true, 'money.proof both'],
    ['a large sum with both', { amount: 500_00, proof: typed(GOOD) }, true, 'proved'],
    ['a large sum with a touch and a wrong one', { amount: 500_00, proof: typed(OTHER) }, true, 'password.wrong 4'],
    ['closing with both', { act: 'closing', amount: 0, proof: typed(GOOD) }, true, 'proved'],
    ['closing with a touch', { act: 'closing', amount: 0, proof: TOUCH }, true, 'money.proof both'],
  ])('%s: %s', async (_what, said, touched, told) => {
    const who = await holder();
    if (touched) await stepUp(who);
    expect(await prove(who, act(said))).toBe(told);
  });

  test('what stands before money stands before every act but the ways out: home to one’s own card, and leaving', async () => {
    const who = await holder();
    place.identity.beforeMoney(async (_tx, { wallet }) =>
      wallet === who.wallet ? { code: 'agreement.new' } : undefined,
    );
    for (const one of ['transfer', 'claim'] as const) {
      expect(await prove(who, act({ act: one, amount: 1 }))).toBe('agreement.new');
      expect(await prove(who, act({ act: one, proof: typed(GOOD) }))).toBe('agreement.new');
    }
    expect(await prove(who, act({ act: 'withdrawal', amount: 1, proof: typed(GOOD) }))).toBe('proved');
    expect(await prove(who, act({ act: 'closing', amount: 0 }))).toBe('money.proof both');
    expect(await prove(await holder(), act({ amount: 1 }))).toBe('free');
  });

  test('for a day after a second phone came, every act takes both', async () => {
    const who = await holder();
    await stepUp(who);
    const { id, key } = newDevice(place);
    await good(who.ask('POST', '/devices', { id, key, name: '新手机' }));
    expect(await view(who)).toMatchObject({ risk: 'new-device' });
    expect(await prove(who, act({ amount: 1 }))).toBe('money.proof both');
    expect(await prove(who, act({ amount: 1, proof: typed(GOOD) }))).toBe('proved');
    const session = await sessionOf(who);
    place.pass(duration(24, 'h'));
    expect(await place.identity.authorise(session, act({ amount: 1 }))).toMatchObject({ ok: true, value: 'free' });
  });

  test('changed by a passkey alone it counts as found again: both proofs and half the limits for a day', async () => {
    const who = await holder();
    const share = () => place.identity.limitShare(place.database, who.wallet);
    expect(await share()).toBe(100);
    await stepUp(who);
    expect(await codeOf(set(who, OTHER, TOUCH))).toBe('ok');
    expect([await share(), (await view(who)).risk]).toEqual([50, 'recovered']);
    place.pass(duration(24, 'h'));
    expect(await share()).toBe(100);
  });

  test('nothing goes out of a frozen wallet, and its password stays as it is', async () => {
    const who = await holder();
    await good(who.ask('POST', '/freeze'));
    expect(await prove(who, act({ amount: 1 }))).toBe('wallet.frozen');
    expect(await codeOf(set(who, OTHER, typed(GOOD)))).toBe('wallet.frozen');
  });

  test('each setting, change and lock is told by text', async () => {
    const who = await holder();
    for (let at = 0; at < 5; at += 1) await guess(who, OTHER);
    const [locked, changed] = await place.texts.texts(`+86${who.phone}`);
    expect(locked?.text).toContain('Your payment password was locked');
    expect(changed?.text).toContain('支付密码已设置或修改');
  });

  test('the database alone gives the password to nobody: the right one and its neighbours all miss without the pepper', async () => {
    const who = await holder();
    const [row] = await place.database.query<{ hash: Uint8Array; salt: Uint8Array; pepper: number }>(
      'select hash, salt, pepper from identity_password_hash where wallet = $1',
      [who.wallet],
    );
    if (!row) throw new Error('no hash');
    const thief = openHasher(openPeppers('memory'));
    const tries = [GOOD, ...Array.from({ length: 24 }, (_, at) => String(730_280 + at))];
    const hits = await Promise.all(tries.map((digits) => thief.fits(who.wallet, digits, row)));
    expect(hits.filter((one) => one.ok && one.value)).toEqual([]);
    expect(hits.every((one) => one.ok)).toBe(true);
  });

  test('what happened to the keys is only added to', async () => {
    const who = await holder();
    const { length } = (await place.identity.events(await sessionOf(who))).events;
    expect(length).toBeGreaterThan(0);
    for (const sql of [
      'delete from identity_event',
      "update identity_event set code = 'x'",
      'truncate identity_event',
    ]) {
      await expect(place.database.query(sql)).rejects.toThrow('what happened stays');
    }
  });
});

test('two hash at a time and fifty wait: who comes after them is told to come again', async () => {
  const hasher = openHasher(openPeppers('memory'));
  const wallet = newId(instant(1));
  const answers = await Promise.all(Array.from({ length: 60 }, () => hasher.hash(wallet, GOOD)));
  expect(answers.filter((one) => one.ok)).toHaveLength(52);
  expect(answers.filter((one) => !one.ok && one.error.code === 'request.too-many')).toHaveLength(8);
  expect((await hasher.hash(wallet, GOOD)).ok).toBe(true);
});
