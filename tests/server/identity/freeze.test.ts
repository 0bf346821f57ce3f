/** Freezing a wallet: at once from a session, by the printed code alone, and ended only by who may. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FreezeView, NewRecoveryCode } from '#shared/api/freeze.ts';
import type { Id } from '#shared/base/id.ts';
import { duration } from '#shared/base/time.ts';
import { freshPostgres } from '#tests/kit/databases.ts';
import { good, type Member, openBrowser, openMember } from '#tests/kit/member.ts';
import { openPlace } from '#tests/server/identity/place.ts';

describe.each(['pglite', 'postgres'] as const)('on %s', (kind) => {
  let place: Awaited<ReturnType<typeof openPlace>>;
  let frozen: Id[];
  beforeAll(async () => {
    place = await openPlace({}, kind === 'postgres' ? await freshPostgres() : undefined);
    place.identity.onFrozen(async (_tx, { wallet }) => {
      frozen.push(wallet);
    });
  });
  afterAll(() => place.close());

  let phones = 100;
  const person = (): Promise<Member> => {
    frozen = [];
    phones += 1;
    return openMember(place, { phone: `1390060${String(phones).padStart(4, '0')}` });
  };
  const stranger = () => openBrowser(place, `10.0.${Math.floor(phones / 250)}.${phones % 250}`);
  const isFrozen = (who: Member) => place.identity.isFrozen(place.database, who.wallet);
  const codeOf = async (who: Member) => (await good(who.ask<NewRecoveryCode>('POST', '/freeze/code'))).code;
  /** Sends it and tells the refusal's code, or how the wallet stands. */
  const told = async (asked: Promise<{ status: number; body: FreezeView & { code?: string } }>): Promise<string> => {
    const { status, body } = await asked;
    if (status !== 200) return body.code ?? String(status);
    return body.frozenAt === undefined ? 'free' : `frozen by ${body.by ?? 'nobody said'}`;
  };

  test('a session freezes with no passkey, once; what can spend stops in the same moment', async () => {
    const who = await person();
    place.pass(duration(20, 'min'));
    expect(await told(who.ask('GET', '/freeze'))).toBe('free');
    expect(await told(who.ask('POST', '/freeze'))).toBe('frozen by session');
    const at = (await good(who.ask<FreezeView>('GET', '/freeze'))).frozenAt;
    place.pass(duration(1, 'min'));
    await good(who.ask('POST', '/freeze'));
    expect((await good(who.ask<FreezeView>('GET', '/freeze'))).frozenAt).toBe(at);
    expect([await isFrozen(who), frozen]).toEqual([true, [who.wallet]]);
  });

  test('any device the passkey is at hand on freezes it: a borrowed one, with nothing enrolled', async () => {
    const who = await person();
    const borrowed = stranger();
    const { options } = await good(borrowed.ask('POST', '/sign-in/options'));
    await good(borrowed.ask('POST', '/sign-in', { answer: who.authenticator.get(options) }));
    expect(await told(borrowed.ask('POST', '/freeze'))).toBe('frozen by session');
    expect([await isFrozen(who), frozen]).toEqual([true, [who.wallet]]);
    expect(await told(who.ask('GET', '/freeze'))).toBe('frozen by session');
  });

  test('its owner hears by text of the freeze, once, and of its end', async () => {
    const who = await person();
    const code = await codeOf(who);
    await good(stranger().ask('POST', '/freeze/by-code', { code }));
    await good(who.ask('POST', '/freeze'));
    place.pass(duration(1, 's'));
    await good(who.ask('POST', '/freeze/end', { code }));
    const [ended, begun, before] = (await place.texts.texts(`+86${who.phone}`)).map(({ text }) => text);
    expect(ended).toContain('Your wallet is no longer frozen');
    expect(begun).toContain('您的钱包已冻结。如非本人操作，请在安全中心查看');
    expect(before).not.toContain('冻结');
  });

  test('its end takes a passkey touched just now', async () => {
    const who = await person();
    await good(who.ask('POST', '/freeze'));
    place.pass(duration(6, 'min'));
    expect(await told(who.ask('POST', '/freeze/end', {}))).toBe('session.step-up');
    const step = await good(who.ask('POST', '/step-up/options'));
    await good(who.ask('POST', '/step-up', { answer: who.authenticator.get(step.options) }));
    expect(await told(who.ask('POST', '/freeze/end', {}))).toBe('free');
    expect(await isFrozen(who)).toBe(false);
    expect(await told(who.ask('POST', '/freeze/end', {}))).toBe('free');
  });

  test('the printed code freezes from any browser, and tells nothing of whose wallet it is', async () => {
    const who = await person();
    const code = await codeOf(who);
    const answer = await good(stranger().ask('POST', '/freeze/by-code', { code: code.toLowerCase() }));
    expect(answer).toEqual({ frozenAt: place.clock() });
    expect([await isFrozen(who), frozen]).toEqual([true, [who.wallet]]);
  });

  test('who holds the phone and its passkey but not the code cannot end what the code began', async () => {
    const who = await person();
    const code = await codeOf(who);
    await good(who.ask('POST', '/freeze'));
    await good(stranger().ask('POST', '/freeze/by-code', { code }));
    expect(await told(who.ask('GET', '/freeze'))).toBe('frozen by code');
    expect(await told(who.ask('POST', '/freeze/end', {}))).toBe('freeze.needs-code');
    expect(await told(who.ask('POST', '/freeze/end', { code: 'AAAAA' }))).toBe('freeze.code');
    const other = await codeOf(await person());
    expect(await told(who.ask('POST', '/freeze/end', { code: other }))).toBe('freeze.code-unknown');
    expect(await told(who.ask('POST', '/freeze/end', { code }))).toBe('free');
  });

  test('a new code ends the old one, but never while the old one holds a freeze', async () => {
    const who = await person();
    const old = await codeOf(who);
    const code = await codeOf(who);
    expect(await told(stranger().ask('POST', '/freeze/by-code', { code: old }))).toBe('freeze.code-unknown');
    await good(stranger().ask('POST', '/freeze/by-code', { code }));
    expect(await told(who.ask('POST', '/freeze/code'))).toBe('wallet.frozen');
    expect(await told(who.ask('POST', '/freeze/end', { code }))).toBe('free');
  });

  test('codes are not tried out: ten an hour from one address and for one wallet', async () => {
    const who = await person();
    const code = await codeOf(who);
    const thief = stranger();
    for (let at = 0; at < 10; at += 1) {
      expect(await told(thief.ask('POST', '/freeze/by-code', { code: 'AAAAA-AAAAA-AAAAA-AAAAA' }))).toMatch(
        /^freeze\.code/,
      );
    }
    expect(await told(thief.ask('POST', '/freeze/by-code', { code }))).toBe('request.too-many');
    expect(await isFrozen(who)).toBe(false);
  });

  test('the code stands nowhere in the clear, and every act in the logbook', async () => {
    const who = await person();
    const code = await codeOf(who);
    await good(stranger().ask('POST', '/freeze/by-code', { code }));
    await good(who.ask('POST', '/freeze/end', { code }));
    const rows = await place.database.query<{ row: string }>(
      'select row_to_json(one)::text as row from identity_wallet as one',
    );
    for (const { row } of rows) expect(row).not.toContain(code.replaceAll('-', '').slice(0, 10));
    const lines = await place.database.query<{ act: string }>(
      'select act from logbook_line where who = $1 order by number',
      [`wallet ${who.wallet}`],
    );
    expect(lines.map(({ act }) => act).slice(-3)).toEqual(['recovery-code', 'frozen', 'thawed']);
  });
});
