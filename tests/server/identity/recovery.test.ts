/** A forgotten payment password on both databases: which two factors suffice, what does not, and what it costs a thief. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RECOVERY_ROLE } from '#server/identity/recovery.ts';
import type { EmailView, RecoveryView } from '#shared/api/recovery.ts';
import { newId } from '#shared/base/id.ts';
import { duration } from '#shared/base/time.ts';
import { freshPostgres } from '#tests/kit/databases.ts';
import { type Answer, good, type Member, openBrowser, openMember, stepUp } from '#tests/kit/member.ts';
import { openPlace } from '#tests/server/identity/place.ts';

const OLD = '730291';
const NEW = '805417';

type Told = Answer<RecoveryView & EmailView & { code?: string }>;

describe.each(['pglite', 'postgres'] as const)('on %s', (kind) => {
  let place: Awaited<ReturnType<typeof openPlace>>;
  beforeAll(async () => {
    place = await openPlace({}, kind === 'postgres' ? await freshPostgres() : undefined);
  });
  afterAll(() => place.close());

  let people = 100;
  const fresh = () => newId(place.clock(), randomBytes(10));
  const codeOf = async (asked: Promise<Told>) => {
    const { status, body } = await asked;
    return status === 200 ? 'ok' : (body.code ?? String(status));
  };
  /** Who has a payment password, and an e-mail address when `mail`, proved more than a day ago. */
  const holder = async (mail = false): Promise<Member & { mail: string }> => {
    people += 1;
    const who = await openMember(place, { phone: `1390080${String(people).padStart(4, '0')}` });
    await good(who.ask('PUT', '/payment-password', { id: fresh(), password: OLD, proof: { by: 'passkey' } }));
    const address = `hua${people}@example.com`;
    if (mail) {
      await addEmail(who, address);
      place.pass(duration(24, 'h'));
      await signIn(who);
    }
    place.pass(duration(6, 'min'));
    return { ...who, mail: address };
  };
  const signIn = async (who: Member) => {
    const { options } = await good(who.ask('POST', '/sign-in/options'));
    await good(who.ask('POST', '/sign-in', { answer: who.authenticator.get(options) }));
  };
  const addEmail = async (who: Member, address: string) => {
    const id = fresh();
    await good(who.ask('POST', '/email', { id, address }));
    await good(who.ask('POST', `/email/${id}/code`, { code: await mailed(address) }));
  };
  const letters = async (address: string) => {
    const answer = await fetch(`${place.texts.url}/mail?to=${encodeURIComponent(address)}`);
    return (await answer.json()) as { text: string }[];
  };
  const mailed = async (address: string) => /\b\d{6}\b/.exec((await letters(address))[0]?.text ?? '')?.[0] ?? '';
  const begin = async (who: Member) => {
    place.pass(duration(1, 'ms'));
    const id = fresh();
    await good(who.ask('POST', '/recoveries', { id }));
    const path = `/recoveries/${id}`;
    const code = (way: string, digits: string): Promise<Told> => who.ask('PUT', `${path}/code`, { way, code: digits });
    return {
      id,
      path,
      code,
      view: () => good(who.ask<RecoveryView>('GET', path)),
      send: (way: string): Promise<Told> => who.ask('POST', `${path}/code`, { way }),
      touch: (): Promise<Told> => who.ask('POST', `${path}/passkey`),
      byPhone: async () => {
        await good(who.ask('POST', `${path}/code`, { way: 'phone' }));
        await good(code('phone', await place.codeFor(`+86${who.phone}`)));
      },
      finish: (password = NEW): Promise<Told> => who.ask('PUT', `${path}/password`, { password }),
    };
  };
  const guess = (who: Member, password: string): Promise<Told> =>
    who.ask('PUT', '/payment-password/free', { each: 0, count: 0, proof: { by: 'password', password } });

  test('the passkey and a code by text: the new one is in force, the old one is not, limits are halved for a day', async () => {
    const who = await holder();
    const one = await begin(who);
    expect(await one.view()).toMatchObject({ passkey: false, missing: 2, done: false });
    expect(await codeOf(one.finish())).toBe('recovery.factors');
    expect(await codeOf(one.touch())).toBe('session.step-up');
    await stepUp(who);
    expect(await codeOf(one.touch())).toBe('ok');
    expect(await codeOf(one.finish())).toBe('recovery.factors');
    await one.byPhone();
    expect(await one.view()).toMatchObject({ passkey: true, phone: { proved: true }, missing: 0 });
    expect(await codeOf(one.finish('123456'))).toBe('password.run');
    expect(await codeOf(one.finish(OLD))).toBe('password.used');
    expect(await codeOf(one.finish())).toBe('ok');
    // The answer was lost: the same again is the same act.
    expect((await one.finish()).body).toMatchObject({ done: true });
    expect(await codeOf(guess(who, OLD))).toBe('password.wrong');
    expect(await codeOf(guess(who, NEW))).toBe('ok');
    const share = () => place.identity.limitShare(place.database, who.wallet);
    expect(await share()).toBe(50);
    place.pass(duration(24, 'h'));
    expect(await share()).toBe(100);
  });

  test('a code by text and one by e-mail, without the passkey; both roads hear of it', async () => {
    const who = await holder(true);
    const one = await begin(who);
    expect(await one.view()).toMatchObject({ email: { masked: 'h***@example.com', proved: false } });
    await one.byPhone();
    await good(one.send('email'));
    expect(await codeOf(one.code('email', await mailed(who.mail)))).toBe('ok');
    expect(await codeOf(one.finish())).toBe('ok');
    expect((await letters(who.mail))[0]?.text).toContain('reset as a forgotten one');
    expect((await place.texts.texts(`+86${who.phone}`))[0]?.text).toContain('「忘记支付密码」');
  });

  test('a code is looked at five times, and another is sent after a minute', async () => {
    const who = await holder();
    const one = await begin(who);
    expect(await codeOf(one.code('phone', '000000'))).toBe('signup.code-spent');
    await good(one.send('phone'));
    expect(await codeOf(one.send('phone'))).toBe('signup.code-wait');
    const right = await place.codeFor(`+86${who.phone}`);
    const wrong = right === '111111' ? '222222' : '111111';
    const answers = await Promise.all(Array.from({ length: 20 }, () => codeOf(one.code('phone', wrong))));
    expect(answers.filter((one) => one === 'signup.code-wrong')).toHaveLength(5);
    expect(await codeOf(one.code('phone', right))).toBe('signup.code-spent');
    place.pass(duration(61, 's'));
    await one.byPhone();
  });

  test('one factor twice is one factor', async () => {
    const who = await holder();
    const one = await begin(who);
    await one.byPhone();
    await one.code('phone', '000000');
    expect((await one.view()).missing).toBe(1);
    expect(await codeOf(one.finish())).toBe('recovery.factors');
  });

  test('an address that is new proves nothing for a day, and its own code is not the recovery’s', async () => {
    const who = await holder();
    await stepUp(who);
    const id = fresh();
    await good(who.ask('POST', '/email', { id, address: 'thief@example.com' }));
    const code = await mailed('thief@example.com');
    // The thief gives the recovery the very id of the address that is being added.
    await good(who.ask('POST', '/recoveries', { id }));
    expect(await codeOf(who.ask('PUT', `/recoveries/${id}/code`, { way: 'email', code }))).toBe('signup.code-spent');
    await good(who.ask('POST', `/email/${id}/code`, { code }));
    expect(await codeOf(who.ask('POST', `/recoveries/${id}/code`, { way: 'email' }))).toBe('email.none');
    expect((await good(who.ask<RecoveryView>('GET', `/recoveries/${id}`))).email).toBeUndefined();
  });

  test('a changed address: the one before hears of it, and is out of the account', async () => {
    const who = await holder(true);
    await stepUp(who);
    await addEmail(who, 'new-home@example.com');
    expect((await letters(who.mail))[0]?.text).toContain('The e-mail address of your account was changed');
    expect((await good(who.ask<EmailView>('GET', '/email'))).masked).toBe('n***@example.com');
  });

  test('it ends after half an hour, with the session, and is nobody else’s', async () => {
    const who = await holder();
    const one = await begin(who);
    const second = await openBrowser(place);
    const { options } = await good(second.ask('POST', '/sign-in/options'));
    await good(second.ask('POST', '/sign-in', { answer: who.authenticator.get(options) }));
    expect(await codeOf(second.ask('POST', `${one.path}/code`, { way: 'phone' }))).toBe('recovery.unknown');
    await one.byPhone();
    place.pass(duration(29, 'min'));
    expect((await one.view()).missing).toBe(1);
    place.pass(duration(1, 'min'));
    expect(await codeOf(one.finish())).toBe('recovery.unknown');
  });

  test('the lock of ten wrong guesses falls, and every other session with it', async () => {
    const who = await holder();
    const other = await openBrowser(place);
    const { options } = await good(other.ask('POST', '/sign-in/options'));
    await good(other.ask('POST', '/sign-in', { answer: who.authenticator.get(options) }));
    for (let at = 0; at < 5; at += 1) await guess(who, NEW);
    place.pass(duration(3, 'h'));
    await signIn(who);
    for (let at = 0; at < 5; at += 1) await guess(who, NEW);
    expect(await codeOf(guess(who, OLD))).toBe('password.must-reset');
    const one = await begin(who);
    await stepUp(who);
    await good(one.touch());
    await one.byPhone();
    await good(one.finish());
    expect(await codeOf(guess(who, NEW))).toBe('ok');
    expect((await other.ask('GET', '/session')).status).toBe(401);
    const events = await good(who.ask<{ events: { code: string }[] }>('GET', '/security-events'));
    // Within one millisecond of this clock their order is nobody's.
    expect(events.events.map((event) => event.code).sort()).toEqual([
      'device-enrolled',
      'free-set',
      'passkey-added',
      'password-locked',
      'password-locked',
      'password-recovered',
      'password-set',
      'recovery-opened',
      'signed-in',
      'signed-in',
    ]);
  });

  test('two agents stand for one factor, never for both, once; one agent twice is one', async () => {
    const who = await holder();
    const { recoveries } = place.identity;
    const [an, bo, guest] = [
      { name: 'an', roles: [RECOVERY_ROLE] },
      { name: 'bo', roles: ['cases', RECOVERY_ROLE] },
      { name: 'guest', roles: ['cases'] },
    ];
    const told = async (asked: ReturnType<typeof recoveries.approve>) => {
      const answer = await asked;
      return answer.ok ? answer.value.approvedBy.join(' ') : answer.error.code;
    };
    const asked = { id: fresh(), wallet: who.wallet, why: 'lost the phone number, shown at the counter' };
    expect(await told(recoveries.open(guest, asked))).toBe('support.role');
    expect(await told(recoveries.open(an, { ...asked, wallet: fresh() }))).toBe('support.unknown');
    expect(await told(recoveries.open(an, asked))).toBe('');
    expect(await told(recoveries.open(an, asked))).toBe('');
    expect(await told(recoveries.approve(guest, asked.id))).toBe('support.role');
    expect(await told(recoveries.approve(an, asked.id))).toBe('an');
    expect(await told(recoveries.approve(an, asked.id))).toBe('support.same-agent');
    const one = await begin(who);
    expect((await one.view()).support).toBe(false);
    expect(await told(recoveries.approve(bo, asked.id))).toBe('an bo');
    expect(await one.view()).toMatchObject({ support: true, missing: 2 });
    expect(await codeOf(one.finish())).toBe('recovery.factors');
    await stepUp(who);
    await good(one.touch());
    expect(await codeOf(one.finish())).toBe('ok');
    // Used up: the next recovery needs two factors again.
    const next = await begin(who);
    await stepUp(who);
    await good(next.touch());
    expect(await codeOf(next.finish('640283'))).toBe('recovery.factors');
  });

  test('codes and addresses stand in the database only as keyed hashes, sealed or masked', async () => {
    const who = await holder(true);
    const one = await begin(who);
    await good(one.send('phone'));
    const code = await place.codeFor(`+86${who.phone}`);
    const tables = ['identity_email', 'identity_code', 'identity_recovery', 'identity_event', 'identity_password_hash'];
    for (const table of tables) {
      const rows = await place.database.query(`select t::text as text from ${table} t where wallet = $1`, [who.wallet]);
      const text = JSON.stringify(rows);
      for (const secret of [who.mail, who.phone, code, OLD]) expect(`${table} ${text}`).not.toContain(secret);
    }
  });
});
