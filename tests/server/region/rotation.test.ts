/**
 * The drill of a rotation: the key of a region changes while people pay. What the old key signed is good to its end, the new
 * one is known to phones before they meet it, and nobody is refused.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildHouse, type House } from '#server/app.ts';
import { readNewest } from '#server/logbook/logbook.ts';
import { GENERATION_TAIL, generationOf, generationStart } from '#server/region/issuer-key.ts';
import { ROTATION_AT_ONCE, ROTATION_NOTICE, rotateKey } from '#server/region/rotation.ts';
import type { NetworkView } from '#shared/api/region.ts';
import type { SyncAnswer } from '#shared/api/sync.ts';
import { fromBase64url, sameBytes } from '#shared/base/bytes.ts';
import { type Duration, duration, type Instant, instant, after as later } from '#shared/base/time.ts';
import { type KeySet, keySetMessage } from '#shared/protocol/key-set.ts';
import { verifyAsync, webVerifier } from '#shared/protocol/signature.ts';
import { allowanceChecks } from '#shared/protocol/trust.ts';
import { EMPTY_SYNC, fund, openPurse } from '#tests/attack/stage.ts';
import { freshPostgres } from '#tests/kit/databases.ts';
import { ROOM } from '#tests/kit/fault-house.ts';
import { good, type Member, openMember, openTexts, type Place } from '#tests/kit/member.ts';
import { memoryHouse } from '#tests/kit/memory-house.ts';

const BY = { who: 'operator Wang', why: 'a drill' };
const START = later(generationStart(generationOf(instant(1_800_000_000_000))), duration(40, 'd'));
const FEN = 10;
const PAYMENTS = 40;

describe.each(['pglite', 'postgres'] as const)('on %s', (kind) => {
  let now: Instant = START;
  const clock = () => now;
  const pass = (length: Duration) => {
    now = later(now, length);
  };
  let house: House;
  let place: Place;
  let close: () => Promise<void>;
  beforeAll(async () => {
    const texts = await openTexts(clock);
    const memory = memoryHouse(texts.url);
    const databaseUrl = kind === 'postgres' ? await freshPostgres() : undefined;
    house = await buildHouse({ ...memory.config, databaseUrl }, { clock, logTo: memory.logTo });
    await house.database.query('update region_policy set policy = policy || $1::jsonb', [ROOM]);
    pass(duration(3, 's'));
    place = { app: house.app, origin: memory.config.origin, clock, codeFor: texts.codeFor };
    close = async () => {
      await house.app.close();
      await house.close();
      await texts.close();
      memory.remove();
    };
  }, 120_000);
  afterAll(() => close?.());

  const held = async (): Promise<KeySet> => {
    const network = (await house.app.inject('/network')).json() as NetworkView;
    const read = keySetMessage.read(fromBase64url(network.keySet) ?? new Uint8Array());
    if (!read.ok) throw new Error(read.error.code);
    return read.value.message;
  };
  const settle = async ({ device }: Member, payments: readonly string[]) => {
    const body = { ...EMPTY_SYNC, payments: [...payments] };
    return (await good(device.ask<SyncAnswer>('POST', '/sync', body))).answers.map((one) =>
      'code' in one ? `${one.outcome} ${String(one.code)}` : one.outcome,
    );
  };
  const rich = async (phone: string) => {
    const member = await openMember(place, { phone });
    await fund({ house, place } as Parameters<typeof fund>[0], member, PAYMENTS * FEN);
    return member;
  };
  const verdict = async (allowance: Parameters<typeof allowanceChecks>[0], keySet: KeySet) => {
    const checked = await verifyAsync(allowanceChecks(allowance, keySet), webVerifier());
    return checked.ok ? 'ok' : checked.error.code;
  };

  test('a leaked key is changed in two minutes while payments flow', async () => {
    const [payer, second, payee] = [
      await rich('13800138000'),
      await rich('13800138001'),
      await openMember(place, { phone: '13800138009' }),
    ];
    await good(payee.device.ask('POST', '/sync', EMPTY_SYNC));
    const old = await openPurse(payer, { clock }, PAYMENTS * FEN);
    const offline: string[] = [];
    for (let at = 0; at < PAYMENTS; at += 1) offline.push((await old.pay(payee, FEN)).bytes);
    const before = await held();

    const outcomes: string[] = [];
    const flowing = (async () => {
      for (const one of offline.slice(0, PAYMENTS - 10)) {
        outcomes.push(...(await settle(payer, [one])));
        pass(duration(10, 's'));
      }
    })();
    const ordered = await rotateKey(house.database, 'CN-SX', ROTATION_AT_ONCE, BY, now);
    await flowing;
    expect(outcomes).toEqual(offline.slice(0, PAYMENTS - 10).map(() => 'settled'));
    expect(ordered.ok && now > ordered.value).toBe(true);

    // The other payer's allowance is signed by the new key, which a payee learnt by any sync since the order.
    const known = await held();
    expect(known.epoch).toBe(before.epoch + 1);
    const young = await openPurse(second, { clock }, PAYMENTS * FEN);
    expect(sameBytes(young.allowance.kid, old.allowance.kid)).toBe(false);
    expect(await verdict(young.allowance, known)).toBe('ok');
    expect(await verdict(old.allowance, known)).toBe('ok');
    // Whoever was offline all the time does not know the new key: that is what the usual notice is for.
    expect(await verdict(young.allowance, before)).toBe('issuer.unknown');
    const paid = [(await young.pay(payee, FEN)).bytes, (await young.pay(payee, FEN)).bytes];
    expect(await settle(second, paid)).toEqual(['settled', 'settled']);

    // Signed offline under the old key, brought two days later by the payee.
    pass(duration(2, 'd'));
    expect(await settle(payee, offline.slice(PAYMENTS - 10))).toEqual(
      offline.slice(PAYMENTS - 10).map(() => 'settled'),
    );
    const acts = (await readNewest(house.database, 'CN-SX', 1_000)).map(({ act, who }) => `${act} by ${who}`);
    expect(acts.filter((act) => act.startsWith('key'))).toEqual([
      ...Array.from({ length: 2 }, () => 'keys-published by house'),
      'key-rotated by operator Wang',
      ...Array.from({ length: 3 }, () => 'keys-published by house'),
    ]);
  }, 120_000);

  test('with the usual notice whoever was online once within it verifies everything', async () => {
    const ordered = await rotateKey(house.database, 'CN-SX', ROTATION_NOTICE, BY, now);
    expect(ordered).toMatchObject({ ok: true });
    expect(await rotateKey(house.database, 'CN-SX', ROTATION_NOTICE, BY, now)).toEqual({ ok: false, error: 'pending' });
    pass(duration(2, 'min'));
    const early = await held();
    const payer = await rich('13800138002');
    const last = await openPurse(payer, { clock }, PAYMENTS * FEN);
    pass(duration(8, 'd'));
    const payer2 = await rich('13800138003');
    const first = await openPurse(payer2, { clock }, PAYMENTS * FEN);
    expect(sameBytes(first.allowance.kid, last.allowance.kid)).toBe(false);
    expect([await verdict(first.allowance, early), await verdict(last.allowance, early)]).toEqual(['ok', 'ok']);
    const kids = (await held()).issuers.length;
    pass(GENERATION_TAIL);
    expect((await held()).issuers.length).toBeLessThan(kids);
  }, 120_000);

  test('it is refused where it could not be kept, and Beijing has its own keys', async () => {
    const rotate = (region: string, at: Instant) => rotateKey(house.database, region, ROTATION_NOTICE, BY, at);
    expect(await rotate('CN-XX', now)).toEqual({ ok: false, error: 'no-region' });
    const end = generationStart(generationOf(now) + 1);
    expect(await rotate('CN-BJ', later(end, duration(-1, 'd')))).toEqual({ ok: false, error: 'due' });
    const begin = generationStart(generationOf(now));
    for (let times = 0; times < 3; times += 1) {
      expect(await rotate('CN-BJ', later(begin, duration(times * 10, 'd')))).toMatchObject({ ok: true });
    }
    expect(await rotate('CN-BJ', later(begin, duration(40, 'd')))).toEqual({ ok: false, error: 'too-many' });
  });
});
