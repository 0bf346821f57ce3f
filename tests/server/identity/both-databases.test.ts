/** A person's whole way in and out, on the embedded database and on PostgreSQL. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { duration } from '#shared/base/time.ts';
import { softAuthenticator } from '#tests/kit/authenticator.ts';
import { freshPostgres } from '#tests/kit/databases.ts';
import { good, openBrowser, openMember } from '#tests/kit/member.ts';
import { ORIGIN, openPlace } from '#tests/server/identity/place.ts';

describe.each(['pglite', 'postgres'] as const)('on %s', (kind) => {
  let place: Awaited<ReturnType<typeof openPlace>>;
  beforeAll(async () => {
    place = await openPlace({}, kind === 'postgres' ? await freshPostgres() : undefined);
  });
  afterAll(() => place.close());

  test('sign up, rotate, sign in, step up, add, revoke, stop, sweep', async () => {
    const ming = await openMember(place, { phone: '13900401001' });
    place.pass(duration(11, 'min'));
    await good(ming.ask('GET', '/session'));
    const step = await good(ming.ask('POST', '/step-up/options'));
    await good(ming.ask('POST', '/step-up', { answer: ming.authenticator.get(step.options) }));
    const ring = softAuthenticator(ORIGIN);
    const more = await good(ming.ask('POST', '/passkeys/options'));
    const { id } = await good(ming.ask('POST', '/passkeys', { name: 'ring', answer: ring.create(more.options) }));
    const browser = openBrowser(place);
    const asked = await good(browser.ask('POST', '/sign-in/options'));
    const answer = ring.get(asked.options);
    const replies = await Promise.all([0, 1, 2].map(() => browser.ask('POST', '/sign-in', { answer })));
    expect(replies.map(({ status }) => status).toSorted()).toEqual([200, 400, 400]);
    await good(ming.ask('DELETE', `/passkeys/${id}`));
    expect((await browser.ask('GET', '/session')).status).toBe(401);
    expect((await ming.device.ask('POST', '/who', {})).body).toMatchObject({ wallet: ming.wallet });
    await good(ming.ask('DELETE', `/devices/${ming.device.id}`));
    expect((await ming.device.ask('POST', '/who', {})).body).toMatchObject({ refused: { code: 'device.revoked' } });
    place.pass(duration(13, 'h'));
    await place.identity.sweep();
    expect((await ming.ask('GET', '/session')).status).toBe(401);
  });

  test('fifty guesses at once: five are looked at', async () => {
    const browser = openBrowser(place);
    const start = {
      id: '01900000-0000-7000-8000-000000000001',
      region: 'CN-BJ',
      name: '小红',
      phone: '13900401002',
      language: 'zh',
    };
    await good(browser.ask('POST', '/signups', start));
    const code = await place.codeFor('+8613900401002');
    const wrong = code === '111111' ? '222222' : '111111';
    const replies = await Promise.all(
      Array.from({ length: 50 }, () => browser.ask('POST', `/signups/${start.id}/code`, { code: wrong })),
    );
    expect(replies.filter(({ body }) => body.code === 'signup.code-wrong')).toHaveLength(5);
  });
});
