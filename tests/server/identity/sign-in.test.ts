/** Signing in: what an honest passkey does, and every way an answer can lie. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromBase64url, toBase64url, utf8 } from '#shared/base/bytes.ts';
import { duration } from '#shared/base/time.ts';
import { type Bends, FLAG, softAuthenticator } from '#tests/kit/authenticator.ts';
import { good, type Member, openBrowser, openMember } from '#tests/kit/member.ts';
import { ORIGIN, openPlace } from '#tests/server/identity/place.ts';

let place: Awaited<ReturnType<typeof openPlace>>;
let ming: Member;
let hong: Member;
let counting: Member;
beforeAll(async () => {
  place = await openPlace();
  ming = await openMember(place, { phone: '13900101001' });
  hong = await openMember(place, { phone: '13900101002', name: '小红' });
  counting = await openMember(place, { phone: '13900101003', name: '小刚', synced: false });
});
afterAll(() => place.close());

/** One sign-in on a fresh browser, bent; the answer's code, or undefined when it was let in. */
async function attempt(member: Member, bends: Bends | (() => Bends), browser = openBrowser(place)) {
  const { options } = await good(browser.ask('POST', '/sign-in/options'));
  const bent = typeof bends === 'function' ? bends() : bends;
  const answer = member.authenticator.get(options, member.authenticator.passkeys[0], bent);
  const reply = await browser.ask('POST', '/sign-in', { answer });
  return { code: reply.body.code, status: reply.status, browser, answer };
}

test('an honest passkey signs in without a name, and the options tell nothing of anybody', async () => {
  const browser = openBrowser(place);
  const { options } = await good<{ options: object }>(browser.ask('POST', '/sign-in/options'));
  expect(options).toEqual({
    rpId: 'localhost',
    challenge: expect.any(String),
    timeout: 300_000,
    userVerification: 'required',
  });
  const session = await good(browser.ask('POST', '/sign-in', { answer: ming.authenticator.get(options) }));
  expect(session).toMatchObject({ person: { wallet: ming.wallet } });
  expect(browser.cookies.get('__Host-sid')).toMatch(/^CN-SX\.[A-Za-z0-9_-]{43}$/);
});

test('the cookies are Secure, HttpOnly, SameSite=Strict, for this host and every path', async () => {
  const browser = openBrowser(place);
  const { options } = await good(browser.ask('POST', '/sign-in/options'));
  const reply = await browser.ask('POST', '/sign-in', { answer: ming.authenticator.get(options) });
  expect(String(reply.headers['set-cookie'])).toMatch(
    /^__Host-sid=[^;]+; Path=\/; Max-Age=43200; Secure; HttpOnly; SameSite=Strict$/,
  );
});

describe('the six checks the library leaves to us, and two more', () => {
  const handleOf = (member: Member) => member.authenticator.passkeys[0]?.userHandle;
  test.each<[string, () => Bends]>([
    ['made in a frame of another site', () => ({ crossOrigin: true })],
    ['made in a frame, naming the page around it', () => ({ crossOrigin: true, topOrigin: 'https://evil.example' })],
    ['naming a page around it without being in a frame', () => ({ topOrigin: ORIGIN })],
    ['its backup eligibility changed', () => ({ flags: FLAG.UP | FLAG.UV })],
    ["naming another account's user handle", () => ({ userHandle: handleOf(hong) })],
    ['naming no user handle', () => ({ userHandle: undefined })],
    [
      'under the id of another credential',
      () => ({ id: toBase64url(hong.authenticator.passkeys[0]?.id ?? new Uint8Array()) }),
    ],
    ['its id and raw id different', () => ({ rawId: toBase64url(new Uint8Array(32)) })],
    [
      'a key said twice in the client data',
      () => ({
        clientDataJSON: `{"type":"webauthn.get","challenge":"CHALLENGE","origin":"https://evil.example","origin":"${ORIGIN}","crossOrigin":false}`,
      }),
    ],
    [
      'a key said twice, once escaped',
      () => ({
        clientDataJSON: `{"type":"webauthn.get","challenge":"CHALLENGE","origin":"${ORIGIN}","crossOrigin":true,"cross\\u004frigin":false}`,
      }),
    ],
  ])('refused: %s', async (_what, bends) => {
    expect(await attempt(ming, bends)).toMatchObject({ status: 401, code: 'passkey.refused' });
  });
});

describe('what the library checks stays checked', () => {
  test.each<[string, Bends]>([
    ['no user verification', { flags: FLAG.UP | FLAG.BE | FLAG.BS }],
    ['no user presence', { flags: FLAG.UV | FLAG.BE | FLAG.BS }],
    ['backed up without being eligible', { flags: FLAG.UP | FLAG.UV | FLAG.BS }],
    ['another origin', { origin: 'http://localhost.evil.example' }],
    ['our origin with a tail', { origin: `${ORIGIN}0` }],
    ['another relying party', { rpId: 'evil.example' }],
    ['the other ceremony', { type: 'webauthn.create' }],
    ['bytes behind the authenticator data', { trailing: Uint8Array.of(1, 2, 3) }],
  ])('refused: %s', async (_what, bends) => {
    expect(await attempt(ming, bends)).toMatchObject({ status: 401, code: 'passkey.refused' });
  });

  test('an altered signature', async () => {
    const browser = openBrowser(place);
    const { options } = await good(browser.ask('POST', '/sign-in/options'));
    const answer = ming.authenticator.get(options);
    const bytes = fromBase64url(answer.response.signature) ?? new Uint8Array();
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    const altered = { ...answer, response: { ...answer.response, signature: toBase64url(bytes) } };
    expect((await browser.ask('POST', '/sign-in', { answer: altered })).body).toMatchObject({
      code: 'passkey.refused',
    });
  });

  test.each([
    ['no JSON', '!'],
    ['no object', '[]'],
    ['no challenge', '{}'],
  ])('client data that is %s', async (_what, text) => {
    const browser = openBrowser(place);
    const { options } = await good(browser.ask('POST', '/sign-in/options'));
    const answer = ming.authenticator.get(options);
    const broken = { ...answer, response: { ...answer.response, clientDataJSON: toBase64url(utf8(text)) } };
    expect((await browser.ask('POST', '/sign-in', { answer: broken })).body).toMatchObject({ code: 'passkey.refused' });
  });
});

describe('a challenge', () => {
  test('is good once: the same answer again is refused', async () => {
    const { browser, answer, code } = await attempt(ming, {});
    expect(code).toBeUndefined();
    expect((await browser.ask('POST', '/sign-in', { answer })).body).toMatchObject({ code: 'passkey.challenge' });
  });

  test('is spent by a bad answer as well', async () => {
    const browser = openBrowser(place);
    const { options } = await good(browser.ask('POST', '/sign-in/options'));
    const bad = ming.authenticator.get(options, undefined, { crossOrigin: true });
    expect((await browser.ask('POST', '/sign-in', { answer: bad })).body).toMatchObject({ code: 'passkey.refused' });
    const honest = ming.authenticator.get(options);
    expect((await browser.ask('POST', '/sign-in', { answer: honest })).body).toMatchObject({
      code: 'passkey.challenge',
    });
  });

  test('lets one of twenty parallel answers in', async () => {
    const browser = openBrowser(place);
    const { options } = await good(browser.ask('POST', '/sign-in/options'));
    const answer = ming.authenticator.get(options);
    const replies = await Promise.all(Array.from({ length: 20 }, () => browser.ask('POST', '/sign-in', { answer })));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  test('dies after five minutes', async () => {
    const browser = openBrowser(place);
    const { options } = await good(browser.ask('POST', '/sign-in/options'));
    place.pass(duration(300, 's'));
    const answer = ming.authenticator.get(options);
    expect((await browser.ask('POST', '/sign-in', { answer })).body).toMatchObject({ code: 'passkey.challenge' });
  });

  test('is of no use on another browser', async () => {
    const { options } = await good(openBrowser(place).ask('POST', '/sign-in/options'));
    const thief = openBrowser(place);
    const answer = ming.authenticator.get(options);
    expect((await thief.ask('POST', '/sign-in', { answer })).body).toMatchObject({ code: 'passkey.challenge' });
  });

  test('of a step-up does not sign in', async () => {
    const { browser } = await attempt(ming, {});
    const { options } = await good(browser.ask('POST', '/step-up/options'));
    const answer = ming.authenticator.get(options);
    expect((await browser.ask('POST', '/sign-in', { answer })).body).toMatchObject({ code: 'passkey.challenge' });
  });

  test('is 32 bytes nobody gave before, and not in the database in clear', async () => {
    const browser = openBrowser(place);
    const { options } = await good<{ options: { challenge: string } }>(browser.ask('POST', '/sign-in/options'));
    const bytes = fromBase64url(options.challenge);
    expect(bytes).toHaveLength(32);
    const rows = await place.database.query('select 1 from identity_challenge where challenge = $1', [bytes]);
    expect(rows).toEqual([]);
  });
});

test('a passkey the house does not know is told so, that the browser can forget it', async () => {
  const stranger = softAuthenticator(ORIGIN);
  const options = { challenge: '', rp: { id: 'localhost' }, user: { id: 'AAAA' } };
  stranger.create(options);
  const browser = openBrowser(place);
  const asked = await good(browser.ask('POST', '/sign-in/options'));
  expect((await browser.ask('POST', '/sign-in', { answer: stranger.get(asked.options) })).body).toMatchObject({
    code: 'passkey.unknown',
  });
});

describe('the signature counter', () => {
  test('of a key that cannot be copied must grow', async () => {
    expect((await attempt(counting, {})).code).toBeUndefined();
    expect((await attempt(counting, { counter: 1 })).code).toBe('passkey.refused');
    expect((await attempt(counting, {})).code).toBeUndefined();
    const risks = await place.database.query('select kind from identity_risk where wallet = $1', [counting.wallet]);
    expect(risks).toEqual([{ kind: 'passkey-counter' }]);
  });

  test('of a synced key that stands still is let in, noted, and is no fresh touch', async () => {
    expect((await attempt(hong, { counter: 9 })).code).toBeUndefined();
    const { code, browser } = await attempt(hong, { counter: 9 });
    expect(code).toBeUndefined();
    place.pass(duration(6, 'min'));
    const { options } = await good(browser.ask('POST', '/step-up/options'));
    const answer = hong.authenticator.get(options, undefined, { counter: 9 });
    await good(browser.ask('POST', '/step-up', { answer }));
    expect((await browser.ask('POST', '/passkeys/options')).body).toMatchObject({ code: 'session.step-up' });
    const risks = await place.database.query('select kind from identity_risk where wallet = $1', [hong.wallet]);
    expect(risks).toHaveLength(2);
  });
});

test('registration refuses frames, missing verification, other origins and other algorithms alike', async () => {
  const bends: Bends[] = [
    { crossOrigin: true },
    { topOrigin: ORIGIN },
    { flags: FLAG.UP | FLAG.AT },
    { flags: FLAG.UV | FLAG.AT },
    { origin: 'https://evil.example' },
    { rpId: 'evil.example' },
    { type: 'webauthn.get' },
    { id: toBase64url(new Uint8Array(32)) },
  ];
  const { browser } = await attempt(ming, {});
  for (const bend of bends) {
    const { options } = await good(browser.ask('POST', '/passkeys/options'));
    const answer = softAuthenticator(ORIGIN).create(options, bend);
    expect((await browser.ask('POST', '/passkeys', { name: 'x', answer })).body, JSON.stringify(bend)).toMatchObject({
      code: 'passkey.refused',
    });
  }
});

test('ten ceremonies a minute from one address, then a wait that is said', async () => {
  const strict = await openPlace({ ceremoniesPerMinute: 10 });
  try {
    const replies = [];
    for (let tries = 0; tries < 12; tries += 1)
      replies.push(await openBrowser(strict, '10.0.0.1').ask('POST', '/sign-in/options'));
    expect(replies.map(({ status }) => status)).toEqual([...Array(10).fill(200), 429, 429]);
    expect(Number(replies.at(-1)?.headers['retry-after'])).toBeGreaterThan(0);
    expect((await openBrowser(strict, '10.0.0.2').ask('POST', '/sign-in/options')).status).toBe(200);
    strict.pass(duration(1, 'min'));
    expect((await openBrowser(strict, '10.0.0.1').ask('POST', '/sign-in/options')).status).toBe(200);
  } finally {
    await strict.close();
  }
});
