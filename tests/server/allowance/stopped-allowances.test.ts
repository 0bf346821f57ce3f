/**
 * Over HTTP, on the embedded database and on PostgreSQL: what a removed passkey could sign for is stopped, and what was
 * promised before a forgotten payment password came back or a pause began.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildHouse } from '#server/app.ts';
import { available, outside } from '#server/ledger/chart.ts';
import { openLedger } from '#server/ledger/ledger.ts';
import type { PasskeyList } from '#shared/api/identity.ts';
import type { AlarmList } from '#shared/api/security.ts';
import type { SyncAnswer } from '#shared/api/sync.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import { newId } from '#shared/base/id.ts';
import { duration, instant } from '#shared/base/time.ts';
import { money } from '#shared/money/money.ts';
import { allowanceMessage } from '#shared/protocol/allowance.ts';
import { isRevoked, unpackStatus } from '#shared/protocol/status.ts';
import { softAuthenticator } from '#tests/kit/authenticator.ts';
import { freshPostgres } from '#tests/kit/databases.ts';
import { freshSigner, signClosing } from '#tests/kit/market.ts';
import { good, type Member, openMember, openTexts, stepUp } from '#tests/kit/member.ts';
import { MEMORY_ORIGIN, memoryHouse } from '#tests/kit/memory-house.ts';

const EMPTY = { cursor: 0, payments: [], closings: [], receipts: [], forks: [], have: {} };
const bytes = (text: string) => fromBase64url(text) ?? new Uint8Array();

async function openWorld(databaseUrl: string | undefined) {
  let now = 1_790_000_000_000;
  const clock = () => instant(now);
  const texts = await openTexts(clock);
  const memory = memoryHouse(texts.url);
  const house = await buildHouse({ ...memory.config, databaseUrl }, { clock, logTo: memory.logTo });
  const ledger = openLedger({ database: house.database });
  const place = { app: house.app, origin: MEMORY_ORIGIN, clock, codeFor: texts.codeFor };
  return {
    place,
    pass: (milliseconds: number) => {
      now += milliseconds;
    },
    member: async (name: string, phone: string, amount: number) => {
      const member = await openMember(place, { name, phone });
      const debit = outside('CN-SX', 'bank', 'CNY');
      const moves = [{ debit, credit: available('CN-SX', member.wallet, 'CNY'), amount: money(amount, 'CNY') }];
      const posted = await ledger.post([{ region: 'CN-SX', id: newId(clock()), kind: 'top-up', at: clock(), moves }]);
      expect(posted.ok).toBe(true);
      return member;
    },
    close: async () => {
      await house.app.close();
      await house.close();
      await texts.close();
      memory.remove();
    },
  };
}

describe.each(['pglite', 'postgres'] as const)('on %s', (kind) => {
  let world: Awaited<ReturnType<typeof openWorld>>;
  // One after the other: a busy machine that opens both at once lets the connection to PostgreSQL time out.
  beforeAll(async () => {
    world = await openWorld(kind === 'postgres' ? await freshPostgres() : undefined);
  });
  afterAll(() => world.close());

  test('a removed passkey: its allowance is revoked, the closing gives the rest back, and the next one names the other passkey', async () => {
    const { member, pass } = world;
    const yun = await member('阿云', '13912345681', 300_00);
    const first = await allowanceOf(yun);
    const list = await good(yun.ask<PasskeyList>('GET', '/passkeys'));
    expect((await yun.ask('DELETE', `/passkeys/${list.passkeys[0]?.id}`)).body.code).toBe('passkey.last');
    const ring = softAuthenticator(MEMORY_ORIGIN);
    const { options } = await good(yun.ask('POST', '/passkeys/options'));
    await good(yun.ask('POST', '/passkeys', { name: 'ring', answer: ring.create(options) }));
    pass(duration(6, 'min'));
    const removal = () => yun.ask('DELETE', `/passkeys/${list.passkeys[0]?.id}`);
    expect((await removal()).body.code).toBe('session.step-up');
    expect(await revokedBits(yun)).not.toContain(first.message.statusIndex);
    const step = await good(yun.ask('POST', '/step-up/options'));
    await good(yun.ask('POST', '/step-up', { answer: ring.get(step.options) }));
    expect((await removal()).status).toBe(200);
    expect((await removal()).body.code).toBe('passkey.not-found');
    pass(duration(5, 's'));
    expect(await revokedBits(yun)).toContain(first.message.statusIndex);
    const closing = await closingOf(first);
    const closed = await good(yun.device.ask<SyncAnswer>('POST', '/sync', { ...EMPTY, closings: [closing] }));
    expect(closed.closed).toEqual([first.message.id]);
    expect(closed.balances).toMatchObject([{ available: 300_00, setAside: 0 }]);
    const second = await allowanceOf(yun);
    expect(second.message.total).toBe(200_00);
    expect(second.message.passkey?.key).toHaveLength(33);
    expect(second.message.passkey?.key).not.toEqual(first.message.passkey?.key);
    expect(await revokedBits(yun)).not.toContain(second.message.statusIndex);
  });

  test('the allowance names the passkey at hand by the word of the device; one it does not have changes nothing', async () => {
    const { member, pass } = world;
    const lin = await member('阿林', '13912345682', 300_00);
    const [first] = (await good(lin.ask<PasskeyList>('GET', '/passkeys'))).passkeys;
    pass(duration(1, 's'));
    const { options } = await good(lin.ask('POST', '/passkeys/options'));
    await good(
      lin.ask('POST', '/passkeys', { name: 'ring', answer: softAuthenticator(MEMORY_ORIGIN).create(options) }),
    );
    const named: (string | undefined)[] = [];
    for (const passkey of [undefined, first?.id, 'AAAA']) {
      const held = await allowanceOf(lin, passkey);
      named.push(held.message.passkey && toBase64url(held.message.passkey.key));
      const closing = await closingOf(held);
      expect(
        (await good(lin.device.ask<SyncAnswer>('POST', '/sync', { ...EMPTY, closings: [closing] }))).closed,
      ).toHaveLength(1);
    }
    expect(named[2]).toBe(named[0]);
    expect(named[1]).not.toBe(named[0]);
  });

  // how the new payment password came | what its owner did for it
  test.each<[string, string, (who: Member) => Promise<unknown>]>([
    ['found again by finger and text', '13912345683', recover],
    [
      'changed by the finger alone',
      '13912345684',
      (who) => who.ask('PUT', '/payment-password', { ...chosen('805417'), proof: { by: 'passkey' } }),
    ],
  ])('a payment password %s halves what is set aside', async (_how, phone, renew) => {
    const { member, pass } = world;
    const mei = await member('阿梅', phone, 300_00);
    await good(mei.ask('PUT', '/payment-password', { ...chosen('730291'), proof: { by: 'passkey' } }));
    const first = await allowanceOf(mei);
    expect(first.message).toMatchObject({ total: 200_00, perPayment: 100_00 });
    pass(duration(6, 'min'));
    await stepUp(mei);
    await renew(mei);
    pass(duration(5, 's'));
    expect(await revokedBits(mei)).toContain(first.message.statusIndex);
    const closed = await good(
      mei.device.ask<SyncAnswer>('POST', '/sync', { ...EMPTY, closings: [await closingOf(first)] }),
    );
    expect(closed.closed).toEqual([first.message.id]);
    expect(closed.balances).toMatchObject([{ available: 300_00, setAside: 0 }]);
    const second = await allowanceOf(mei);
    expect(second.message).toMatchObject({ total: 100_00, perPayment: 50_00 });
    expect(await revokedBits(mei)).not.toContain(second.message.statusIndex);
  });

  test('a pause calls back what is set aside; its end sets aside anew, and nothing is lost between', async () => {
    const { member, pass } = world;
    // From one address only so many sign up in an hour.
    pass(3_600_000);
    const [shu, shop] = [await member('阿舒', '13912345685', 300_00), await member('书铺', '13912345686', 1)];
    await good(shop.device.ask<SyncAnswer>('POST', '/sync', EMPTY));
    const first = await allowanceOf(shu);
    // What somebody with the phone in hand might try with a network; the words of the region stop it.
    const emptied = { key: toBase64url(freshSigner().key), currency: 'CNY', wrapped: true, total: 50_000_00 };
    const tried = await shu.device.ask<SyncAnswer>('POST', '/sync', {
      ...EMPTY,
      want: { ...emptied, payee: shop.device.id },
    });
    expect(tried.body.allowanceRefused).toBe('wallet.paused');
    pass(duration(5, 's'));
    expect(await revokedBits(shu)).toContain(first.message.statusIndex);
    const closed = await good(
      shu.device.ask<SyncAnswer>('POST', '/sync', { ...EMPTY, closings: [await closingOf(first)] }),
    );
    expect(closed.closed).toEqual([first.message.id]);
    expect(closed.balances).toMatchObject([{ available: 300_00, setAside: 0 }]);
    await expect(allowanceOf(shu)).rejects.toThrow('wallet.paused');
    const [alarm] = (await good(shu.ask<AlarmList>('GET', '/alarms'))).alarms;
    await stepUp(shu);
    expect(await good(shu.ask<AlarmList>('POST', `/alarms/${alarm?.id}/answer`, { mine: true }))).toMatchObject({
      paused: false,
    });
    const second = await allowanceOf(shu);
    expect(second.message).toMatchObject({ total: 200_00, perPayment: 100_00 });
    expect(await revokedBits(shu)).not.toContain(second.message.statusIndex);
  });

  const chosen = (password: string) => ({ id: newId(world.place.clock()), password });

  /** The way of a forgotten payment password, by the touch just made and a text. */
  async function recover(who: Member): Promise<void> {
    const path = `/recoveries/${newId(world.place.clock())}`;
    await good(who.ask('POST', '/recoveries', { id: path.split('/').at(-1) }));
    world.pass(1);
    await stepUp(who);
    await good(who.ask('POST', `${path}/passkey`));
    await good(who.ask('POST', `${path}/code`, { way: 'phone' }));
    await good(who.ask('PUT', `${path}/code`, { way: 'phone', code: await world.place.codeFor(`+86${who.phone}`) }));
    await good(who.ask('PUT', `${path}/password`, { password: '805417' }));
  }
});

/** The allowance a phone gets for a fresh key. */
async function allowanceOf(who: Member, passkey?: string) {
  const signer = freshSigner();
  const want = { key: toBase64url(signer.key), currency: 'CNY', wrapped: true, ...(passkey ? { passkey } : {}) };
  const answer = await good(who.device.ask<SyncAnswer>('POST', '/sync', { ...EMPTY, want }));
  const read = allowanceMessage.read(bytes(answer.allowance ?? ''));
  if (!read.ok) throw new Error(answer.allowanceRefused ?? read.error.code);
  return { ...read.value, signer };
}

/** The places that the status list of a phone's region says are revoked. */
async function revokedBits(who: Member): Promise<number[]> {
  const answer = await good(who.device.ask<SyncAnswer>('POST', '/sync', EMPTY));
  const status = answer.status?.find((one) => one.region === 'CN-SX');
  const bits = await unpackStatus(bytes(status?.list ?? ''));
  if (!status || !bits.ok) throw new Error('no status list');
  const list = { epoch: status.epoch, bits: bits.value };
  return Array.from({ length: bits.value.length * 8 }, (_, at) => at).filter((at) => isRevoked(list, at));
}

/** The word of a phone that spent nothing of an allowance and gives it back. */
async function closingOf({ signer, ...allowance }: Awaited<ReturnType<typeof allowanceOf>>): Promise<string> {
  return toBase64url(await signClosing(allowance, signer));
}
