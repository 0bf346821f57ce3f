/** Signing up: each step, each step again after a lost answer, and what a stranger can learn. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '#shared/base/id.ts';
import { duration } from '#shared/base/time.ts';
import { softAuthenticator } from '#tests/kit/authenticator.ts';
import { good, openBrowser, openMember } from '#tests/kit/member.ts';
import { ORIGIN, openPlace } from '#tests/server/identity/place.ts';

let place: Awaited<ReturnType<typeof openPlace>>;
beforeAll(async () => {
  place = await openPlace();
});
afterAll(() => place.close());

let line = 13_900_001_000;
const nextPhone = () => {
  line += 1;
  return String(line);
};
const asked = (phone: string, more: object = {}) => ({
  id: newId(place.clock()),
  region: 'CN-SX',
  name: '小明',
  phone,
  language: 'zh',
  ...more,
});

test('a person signs up, and payers see the name with the tail of the proved phone', async () => {
  const member = await openMember(place, { name: '小明', phone: '13900005678' });
  const person = await place.identity.person(member.wallet);
  expect(person).toMatchObject({ verifiedName: '小明 ··5678', phoneMasked: '139****5678', tier: 'unproved' });
  const session = await good(member.ask('GET', '/session'));
  expect(session).toMatchObject({ person: { wallet: member.wallet, nameShown: '小明 ··5678' } });
  const [passkey] = await place.identity.passkeysOf(member.wallet);
  expect(passkey).toMatchObject({
    algorithm: -7,
    offline: true,
    backupEligible: true,
    backedUp: true,
    rpId: 'localhost',
  });
  expect(await place.identity.personByPhone('CN-SX', '139 0000 5678')).toMatchObject({ wallet: member.wallet });
  expect(await place.identity.personByPhone('CN-BJ', '139 0000 5678')).toBeUndefined();
});

test('the text names the code for phones that fill it in by themselves', async () => {
  const phone = nextPhone();
  await good(openBrowser(place).ask('POST', '/signups', asked(phone, { language: 'en' })));
  const [text] = await place.texts.texts(`+86${phone}`);
  expect(text?.text).toMatch(/^\[Piaohao\] Your code is (\d{6}),[\s\S]*\n@localhost #\1$/);
});

test('every step can be sent again: one text, one code, one wallet', async () => {
  const phone = nextPhone();
  const browser = openBrowser(place);
  const start = asked(phone);
  const first = await good(browser.ask('POST', '/signups', start));
  expect(await good(browser.ask('POST', '/signups', start))).toEqual(first);
  expect(await place.texts.texts(`+86${phone}`)).toHaveLength(1);
  const code = await place.codeFor(`+86${phone}`);
  await good(browser.ask('POST', `/signups/${start.id}/code`, { code }));
  expect(await good(browser.ask('POST', `/signups/${start.id}/code`, { code: '000000' }))).toMatchObject({
    step: 'passkey',
  });
  expect(await good(browser.ask('POST', '/signups', start))).toMatchObject({ step: 'passkey' });
  const authenticator = softAuthenticator(ORIGIN);
  const lost = await good(browser.ask('POST', `/signups/${start.id}/passkey-options`));
  const { options } = await good(browser.ask('POST', `/signups/${start.id}/passkey-options`));
  expect((options as { user: object }).user).toEqual((lost.options as { user: object }).user);
  const answer = authenticator.create(options);
  await good(browser.ask('POST', `/signups/${start.id}/passkey`, { name: 'x', answer }));
  // The answer was lost: the passkey exists on both sides, so the way on is to sign in with it.
  expect((await browser.ask('POST', `/signups/${start.id}/passkey`, { name: 'x', answer })).body).toMatchObject({
    code: 'signup.done',
    remedy: 'sign-in',
  });
  const again = await good(browser.ask('POST', '/sign-in/options'));
  const session = await good(browser.ask('POST', '/sign-in', { answer: authenticator.get(again.options) }));
  expect(session).toMatchObject({ person: { wallet: start.id } });
});

test('passkey options ask for a discoverable, verified, unattested passkey, ES256 first', async () => {
  const phone = nextPhone();
  const browser = openBrowser(place);
  const start = asked(phone);
  await good(browser.ask('POST', '/signups', start));
  await good(browser.ask('POST', `/signups/${start.id}/code`, { code: await place.codeFor(`+86${phone}`) }));
  const { options } = await good<{ options: Record<string, unknown> }>(
    browser.ask('POST', `/signups/${start.id}/passkey-options`),
  );
  expect(options).toMatchObject({
    rp: { id: 'localhost' },
    attestation: 'none',
    timeout: 300_000,
    authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
    pubKeyCredParams: [{ alg: -7 }, { alg: -8 }, { alg: -257 }],
    extensions: { prf: {} },
  });
  expect(String(options.challenge)).toHaveLength(43);
  expect(String((options.user as { id: string }).id)).toHaveLength(43);
});

test.each([
  [{ name: '银行客服' }, 'signup.name'],
  [{ name: '小明 ··1234' }, 'signup.name'],
  [{ phone: '12345' }, 'signup.phone'],
  [{ region: 'CN-GD' }, 'signup.region'],
])('refuses %j with %s', async (more, code) => {
  const answer = await openBrowser(place).ask('POST', '/signups', asked(nextPhone(), more));
  expect(answer.body).toMatchObject({ code });
});

test('the same id with another name is refused, and to another browser it does not exist', async () => {
  const browser = openBrowser(place);
  const start = asked(nextPhone());
  await good(browser.ask('POST', '/signups', start));
  expect((await browser.ask('POST', '/signups', { ...start, name: '小红' })).body).toMatchObject({
    code: 'signup.id-reused',
  });
  const stranger = openBrowser(place);
  expect((await stranger.ask('POST', '/signups', start)).body).toMatchObject({ code: 'signup.id-reused' });
  for (const step of ['text', 'passkey-options']) {
    expect((await stranger.ask('POST', `/signups/${start.id}/${step}`)).body).toMatchObject({ code: 'signup.unknown' });
  }
});

test('an id that is a wallet already is never signed up again', async () => {
  const member = await openMember(place, { phone: nextPhone() });
  await place.database.query('delete from identity_signup where id = $1', [member.wallet]);
  const answer = await openBrowser(place).ask('POST', '/signups', asked(nextPhone(), { id: member.wallet }));
  expect(answer.body).toMatchObject({ code: 'signup.id-reused' });
});

test('no passkey before the phone is proved', async () => {
  const browser = openBrowser(place);
  const start = asked(nextPhone());
  await good(browser.ask('POST', '/signups', start));
  const answer = await browser.ask('POST', `/signups/${start.id}/passkey-options`);
  expect(answer.body).toMatchObject({ code: 'signup.phone-unproved' });
});

test('five wrong codes spend a code; of fifty guesses at once five are looked at', async () => {
  const phone = nextPhone();
  const browser = openBrowser(place);
  const start = asked(phone);
  await good(browser.ask('POST', '/signups', start));
  const code = await place.codeFor(`+86${phone}`);
  const wrong = code === '000000' ? '000001' : '000000';
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => browser.ask('POST', `/signups/${start.id}/code`, { code: wrong })),
  );
  const codes = answers.map((answer) => answer.body.code);
  expect(codes.filter((one) => one === 'signup.code-wrong')).toHaveLength(5);
  expect(codes.filter((one) => one === 'signup.code-spent')).toHaveLength(45);
  expect((await browser.ask('POST', `/signups/${start.id}/code`, { code })).body).toMatchObject({
    code: 'signup.code-spent',
  });
  expect((await browser.ask('POST', `/signups/${start.id}/text`)).body).toMatchObject({ code: 'signup.code-wait' });
  place.pass(duration(61, 's'));
  await good(browser.ask('POST', `/signups/${start.id}/text`));
  await good(browser.ask('POST', `/signups/${start.id}/code`, { code: await place.codeFor(`+86${phone}`) }));
});

test('a code grows old after ten minutes', async () => {
  const phone = nextPhone();
  const browser = openBrowser(place);
  const start = asked(phone);
  await good(browser.ask('POST', '/signups', start));
  const code = await place.codeFor(`+86${phone}`);
  place.pass(duration(10, 'min'));
  expect((await browser.ask('POST', `/signups/${start.id}/code`, { code })).body).toMatchObject({
    code: 'signup.code-spent',
  });
});

test('one phone gets five texts an hour, whoever asks', async () => {
  const phone = nextPhone();
  const codes: unknown[] = [];
  for (let tries = 0; tries < 7; tries += 1) {
    codes.push((await openBrowser(place).ask('POST', '/signups', asked(phone))).body.code);
  }
  expect(codes).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    'request.too-many',
    'request.too-many',
  ]);
});

test('whether a phone is a customer is told only to who has read its text', async () => {
  const known = nextPhone();
  await openMember(place, { phone: known });
  const browser = openBrowser(place);
  const [mine, other] = [asked(known), asked(nextPhone())];
  const forKnown = await browser.ask('POST', '/signups', mine);
  const forOther = await browser.ask('POST', '/signups', other);
  const shape = (answer: typeof forKnown) => [answer.status, Object.keys(answer.body).toSorted(), answer.body.step];
  expect(shape(forKnown)).toEqual(shape(forOther));
  const code = await place.codeFor(`+86${known}`);
  expect((await browser.ask('POST', `/signups/${mine.id}/code`, { code })).body).toMatchObject({
    code: 'signup.phone-taken',
  });
});

test('two signups of one phone at once make one wallet', async () => {
  const phone = nextPhone();
  const ready = await Promise.all(
    [0, 1].map(async () => {
      const browser = openBrowser(place);
      const start = asked(phone);
      await good(browser.ask('POST', '/signups', start));
      return { browser, start };
    }),
  );
  const texts = await place.texts.texts(`+86${phone}`);
  const codes = texts.map(({ text }) => /\d{6}/.exec(text)?.[0] ?? '');
  const authenticator = softAuthenticator(ORIGIN);
  const made = [];
  for (const { browser, start } of ready) {
    for (const code of codes) await browser.ask('POST', `/signups/${start.id}/code`, { code });
    const { options } = await good(browser.ask('POST', `/signups/${start.id}/passkey-options`));
    made.push({ browser, start, answer: authenticator.create(options) });
  }
  const answers = await Promise.all(
    made.map(({ browser, start, answer }) =>
      browser.ask('POST', `/signups/${start.id}/passkey`, { name: 'x', answer }),
    ),
  );
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
});

test('the phone and the code are in the database only as keyed hashes, sealed or masked', async () => {
  const phone = nextPhone();
  await good(openBrowser(place).ask('POST', '/signups', asked(phone)));
  const code = await place.codeFor(`+86${phone}`);
  const rows = await place.database.query('select row_to_json(s)::text as text from identity_signup s');
  const dump = JSON.stringify(rows);
  expect(dump).not.toContain(phone);
  expect(dump).not.toContain(Buffer.from(phone).toString('hex'));
  expect(dump).not.toContain(`"${code}"`);
});

test('a network that takes no text is told, and the next try sends', async () => {
  const phone = '13900000003';
  const browser = openBrowser(place);
  const start = asked(phone);
  await good(openBrowser(place).ask('POST', '/signups', asked(phone)));
  expect((await browser.ask('POST', '/signups', start)).body).toMatchObject({ code: 'sms.unreachable' });
  place.pass(duration(61, 's'));
  expect(await good(browser.ask('POST', '/signups', start))).toMatchObject({ step: 'code' });
});

test('five wallets an hour from one address', async () => {
  const strict = await openPlace({ registrationsPerHour: 5 });
  try {
    for (let made = 0; made < 5; made += 1) await openMember(strict, { phone: nextPhone() });
    await expect(openMember(strict, { phone: nextPhone() })).rejects.toThrow('request.too-many');
    strict.pass(duration(1, 'h'));
    await openMember(strict, { phone: nextPhone() });
  } finally {
    await strict.close();
  }
});
