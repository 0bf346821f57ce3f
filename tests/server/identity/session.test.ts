/** Sessions: how long they live, how their token changes, and what a stolen one is worth. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OpenSessionList, SecurityEventList } from '#shared/api/security.ts';
import { duration } from '#shared/base/time.ts';
import { type Browser, good, type Member, openBrowser, openMember } from '#tests/kit/member.ts';
import { openPlace } from '#tests/server/identity/place.ts';

let place: Awaited<ReturnType<typeof openPlace>>;
let ming: Member;
beforeAll(async () => {
  place = await openPlace();
  ming = await openMember(place, { phone: '13900201001' });
});
afterAll(() => place.close());

async function signedIn(): Promise<Browser> {
  const browser = openBrowser(place);
  const { options } = await good(browser.ask('POST', '/sign-in/options'));
  await good(browser.ask('POST', '/sign-in', { answer: ming.authenticator.get(options) }));
  return browser;
}

const token = (browser: Browser) => browser.cookies.get('__Host-sid') ?? '';
const withToken = (text: string): Browser => {
  const browser = openBrowser(place);
  browser.cookies.set('__Host-sid', text);
  return browser;
};
const status = async (browser: Browser) => (await browser.ask('GET', '/session')).status;

test('ends after half an hour without use', async () => {
  const browser = await signedIn();
  place.pass(duration(29, 'min'));
  expect(await status(browser)).toBe(200);
  place.pass(duration(29, 'min'));
  expect(await status(browser)).toBe(200);
  place.pass(duration(30, 'min'));
  expect(await status(browser)).toBe(401);
});

test('ends after twelve hours however much it is used', async () => {
  const browser = await signedIn();
  for (let passed = 0; passed < 71; passed += 1) {
    place.pass(duration(10, 'min'));
    expect(await status(browser)).toBe(200);
  }
  place.pass(duration(10, 'min'));
  expect(await status(browser)).toBe(401);
});

test('gets a new token every ten minutes of use, and the old one ends with the first use of the new', async () => {
  const browser = await signedIn();
  const first = token(browser);
  place.pass(duration(10, 'min'));
  await good(browser.ask('GET', '/session'));
  expect(token(browser)).not.toBe(first);
  await good(browser.ask('GET', '/session'));
  expect(await status(withToken(first)), 'an answer that crossed on the way').toBe(200);
  place.pass(duration(31, 's'));
  expect(await status(withToken(first)), 'a token somebody kept').toBe(401);
  expect(await status(browser), 'two people hold it: it ends for both').toBe(401);
});

test('survives the loss of the answer that brought the new token', async () => {
  const browser = await signedIn();
  const kept = token(browser);
  place.pass(duration(10, 'min'));
  await good(browser.ask('GET', '/session'));
  browser.cookies.set('__Host-sid', kept);
  place.pass(duration(2, 'min'));
  await good(browser.ask('GET', '/session'));
  expect(token(browser)).not.toBe(kept);
  expect(await status(browser)).toBe(200);
});

test('ten requests at once when the token is due keep the person signed in', async () => {
  const browser = await signedIn();
  place.pass(duration(11, 'min'));
  const replies = await Promise.all(Array.from({ length: 10 }, () => browser.ask('GET', '/session')));
  expect(replies.every((reply) => reply.status === 200)).toBe(true);
  expect(await status(browser)).toBe(200);
});

test('signing in gives another token than any before: none can be planted', async () => {
  const browser = await signedIn();
  const planted = token(browser);
  const { options } = await good(browser.ask('POST', '/sign-in/options'));
  await good(browser.ask('POST', '/sign-in', { answer: ming.authenticator.get(options) }));
  expect(token(browser)).not.toBe(planted);
});

test('a passkey touch is fresh for five minutes and brings a new token', async () => {
  const browser = await signedIn();
  expect((await browser.ask('POST', '/passkeys/options')).status).toBe(200);
  place.pass(duration(301, 's'));
  expect((await browser.ask('POST', '/passkeys/options')).body).toMatchObject({
    code: 'session.step-up',
    remedy: 'confirm-passkey',
  });
  const before = token(browser);
  const { options } = await good<{ options: { allowCredentials: unknown[] } }>(browser.ask('POST', '/step-up/options'));
  expect(options.allowCredentials).toHaveLength(1);
  await good(browser.ask('POST', '/step-up', { answer: ming.authenticator.get(options) }));
  expect(token(browser)).not.toBe(before);
  expect((await browser.ask('POST', '/passkeys/options')).status).toBe(200);
});

test("another person's passkey does not step up", async () => {
  const other = await openMember(place, { phone: '13900201002', name: '小红' });
  const browser = await signedIn();
  const { options } = await good(browser.ask('POST', '/step-up/options'));
  expect((await browser.ask('POST', '/step-up', { answer: other.authenticator.get(options) })).body).toMatchObject({
    code: 'passkey.refused',
  });
});

test('signing out ends this session, signing out everywhere ends them all', async () => {
  const [one, two, three] = [await signedIn(), await signedIn(), await signedIn()];
  const kept = token(one);
  expect((await one.ask('DELETE', '/session')).status).toBe(204);
  expect(one.cookies.has('__Host-sid')).toBe(false);
  expect(await status(withToken(kept))).toBe(401);
  expect(await status(two)).toBe(200);
  expect((await two.ask('DELETE', '/sessions')).status).toBe(204);
  expect(await status(three)).toBe(401);
});

test('the database holds no token', async () => {
  const browser = await signedIn();
  const [, secret = ''] = token(browser).split('.');
  const hex = Buffer.from(secret, 'base64url').toString('hex');
  const rows = await place.database.query('select row_to_json(s)::text as text from identity_session s');
  expect(JSON.stringify(rows)).not.toContain(hex);
});

test.each([
  '',
  'x',
  'CN-SX.',
  'CN-SX.short',
  `CN-SX.${'A'.repeat(43)}`,
  `CN-BJ.${'A'.repeat(43)}`,
  `'; drop table identity_session; --.${'A'.repeat(43)}`,
])('a made-up token %j is nobody', async (text) => expect(await status(withToken(text))).toBe(401));

test("a token does not work under another region's name", async () => {
  const browser = await signedIn();
  expect(await status(withToken(token(browser).replace('CN-SX', 'CN-BJ')))).toBe(401);
});

test('what has run out is swept, what has not stays', async () => {
  const browser = await signedIn();
  await openBrowser(place).ask('POST', '/sign-in/options');
  place.pass(duration(6, 'min'));
  await place.identity.sweep();
  expect(await place.database.query('select 1 from identity_challenge')).toEqual([]);
  expect(await status(browser)).toBe(200);
  place.pass(duration(31, 'min'));
  await place.identity.sweep();
  expect(await place.database.query('select 1 from identity_session')).toEqual([]);
});

test('an unsafe request from another site is refused before anything is looked at', async () => {
  const browser = await signedIn();
  const foreign = openBrowser({ app: place.app, origin: 'https://evil.example' });
  foreign.cookies.set('__Host-sid', token(browser));
  expect((await foreign.ask('DELETE', '/sessions')).body).toMatchObject({ code: 'request.origin' });
  expect(await status(browser)).toBe(200);
});

test('the open ones are listed, and each can be ended from any of them', async () => {
  place.pass(duration(31, 'min'));
  const [phone, laptop] = [await signedIn(), await signedIn()];
  const list = async (browser: Browser) => (await good(browser.ask<OpenSessionList>('GET', '/sessions'))).sessions;
  const seen = await list(phone);
  expect(seen.map(({ passkey, current }) => [passkey, current])).toEqual(
    expect.arrayContaining([
      ['我的手机', true],
      ['我的手机', false],
    ]),
  );
  expect(seen).toHaveLength(2);
  const other = seen.find(({ current }) => !current)?.id ?? '';
  place.pass(duration(1, 's'));
  expect((await good(phone.ask<OpenSessionList>('DELETE', `/sessions/${other}`))).sessions).toHaveLength(1);
  expect([await status(phone), await status(laptop)]).toEqual([200, 401]);
  expect((await phone.ask('DELETE', `/sessions/${other}`)).body).toMatchObject({ code: 'session.not-found' });
  const { events } = await good(phone.ask<SecurityEventList>('GET', '/security-events'));
  expect(events[0]).toMatchObject({ code: 'session-ended', device: '我的手机' });
  // Ending the own one is signing out.
  const own = (await list(phone))[0]?.id ?? '';
  expect((await good(phone.ask<OpenSessionList>('DELETE', `/sessions/${own}`))).sessions).toEqual([]);
  expect([await status(phone), phone.cookies.has('__Host-sid')]).toEqual([401, false]);
});

test('what happened is read page by page, each event once', async () => {
  const who = await openMember(place, { phone: '13900201078' });
  for (let at = 0; at < 32; at += 1) await good(who.ask('POST', '/freeze/code'));
  const read = (before = '') => good(who.ask<SecurityEventList>('GET', `/security-events${before}`));
  const first = await read();
  const rest = await read(`?before=${first.events.at(-1)?.id}`);
  expect([first.events.length, first.more, rest.more]).toEqual([30, true, false]);
  const all = [...first.events, ...rest.events];
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  expect(all.filter(({ code }) => code === 'recovery-code')).toHaveLength(32);
  // Another person's event is no place to begin at.
  const [theirs] = (await good((await signedIn()).ask<SecurityEventList>('GET', '/security-events'))).events;
  expect((await read(`?before=${theirs?.id}`)).events).toEqual([]);
});
