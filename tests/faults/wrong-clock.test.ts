/**
 * The clock of the machine a running server stands on jumps an hour or four hundred days (by libfaketime): nothing falls due
 * that is not, phones are told what the matter is, and all goes on by itself when the clock is right again.
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { SyncAnswer } from '#shared/api/sync.ts';
import { newId } from '#shared/base/id.ts';
import { duration } from '#shared/base/time.ts';
import { EMPTY_SYNC, openPurse } from '#tests/attack/stage.ts';
import { booksOf, clock, openTroubled, type Troubled, whileStopped } from '#tests/kit/fault-house.ts';
import { report } from '#tests/kit/fault-report.ts';
import { deviceHeader, good, type Member, openMember } from '#tests/kit/member.ts';

const YUAN = 1_00;
const WEEK = duration(7, 'd');
/** Wallets are closed every ten seconds; all else that is looked at is heard of at once. */
const CLOSING_MS = 12_000;
const AT_ONCE_MS = 2_000;
const READY_AGAIN_MS = 5_000;
const PATIENCE_MS = 600_000;

/** By how much, as libfaketime reads it, for how long, and what the house then says is wrong. */
const JUMPS = [
  ['an hour on', '+1h', AT_ONCE_MS, 'clock'],
  ['an hour back', '-1h', AT_ONCE_MS, undefined],
  ['four hundred days on', '+400d', CLOSING_MS, 'clock'],
  ['four hundred days back', '-400d', AT_ONCE_MS, undefined],
] as const;
const RIGHT = '+0';

describe.each(['pglite', 'postgres'] as const)('F5 on %s, the clock jumps', (database) => {
  let troubled: Troubled;
  let file: string;
  let leaver: Member;
  let paid = 0;
  let readyAgainMs = 0;

  beforeAll(async () => {
    file = join(await mkdtemp(join(tmpdir(), 'piaohao-clock-')), 'clock');
    jump(RIGHT);
    const environment = {
      LD_PRELOAD: libfaketime(),
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      // What nobody sets is not set: how long the machine runs.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
    troubled = await openTroubled({ database, minor: 1_000 * YUAN, environment });
    leaver = await openMember(troubled.place, { phone: '13800138018' });
    // Somebody has asked to close their wallet, and has a week to think it over.
    await whileStopped(troubled.house, (inside) =>
      inside.query(
        `insert into account_closing (region, id, wallet, state, asked_at, due_at)
         values ('CN-SX', $1::uuid, $2::uuid, 'cooling', $3::bigint, $4::bigint)`,
        [newId(clock()), leaver.wallet, clock(), clock() + WEEK],
      ),
    );
  }, PATIENCE_MS);
  afterAll(() => troubled?.house.stop(), PATIENCE_MS);

  afterEach(() => jump(RIGHT));

  function jump(by: string): void {
    writeFileSync(file, by);
  }

  const unready = async () => {
    const answer = (await (await fetch(`${troubled.house.origin}/readyz`)).json()) as { failed?: string };
    return answer.failed;
  };
  const bringAt = async (time: number, payments: string[]) => {
    const body = { ...EMPTY_SYNC, payments };
    const answer = await fetch(`${troubled.house.origin}/sync`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: deviceHeader(troubled.payer.device, 'POST', '/sync', body, time),
      },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as unknown };
  };
  const bring = (payments: string[]) =>
    troubled.payer.device.ask<SyncAnswer>('POST', '/sync', { ...EMPTY_SYNC, payments });

  test.each(JUMPS)(
    '%s and back: nothing is lost, nothing falls due',
    async (_what, by, lasting, failed) => {
      const { place, payer, payee } = troubled;
      const purse = await openPurse(payer, { ...place, clock }, 3 * YUAN);
      const payments: string[] = [];
      for (let at = 0; at < 3; at += 1) payments.push((await purse.pay(payee, YUAN)).bytes);
      expect((await good(bring(payments.slice(0, 1)))).answers).toMatchObject([{ outcome: 'settled' }]);

      jump(by);
      await pause(lasting);
      expect(await unready()).toBe(failed);
      // A phone whose clock is right is told the time of the house, and asks again by it, as the app does.
      const told = await bring(payments.slice(0, 2));
      expect(told).toMatchObject({ status: 401, body: { code: 'device.clock-skew' } });
      const { serverTime } = told.body as unknown as { serverTime: number };
      const answered = await bringAt(serverTime, payments.slice(0, 2));
      if (failed) expect(answered).toMatchObject({ status: 503, body: { code: 'house.unreachable' } });
      else expect(answered).toMatchObject({ body: { answers: [{ outcome: 'settled' }, { outcome: 'settled' }] } });

      jump(RIGHT);
      const began = performance.now();
      await expect.poll(unready, { timeout: READY_AGAIN_MS, interval: 100 }).toBe(undefined);
      readyAgainMs = Math.max(readyAgainMs, Math.round(performance.now() - began));
      expect((await good(bring(payments))).answers.map((one) => one.outcome)).toEqual(payments.map(() => 'settled'));
      paid += payments.length;
      const { balances } = await good(payee.device.ask<SyncAnswer>('POST', '/sync', EMPTY_SYNC));
      expect(balances).toMatchObject([{ currency: 'CNY', available: paid * YUAN }]);
      // Their week is not over: they are still a customer.
      expect((await leaver.device.ask('POST', '/sync', EMPTY_SYNC)).status).toBe(200);
    },
    PATIENCE_MS,
  );

  test('afterwards the books are proved, and each payment is in them once', async () => {
    await troubled.house.kill('server');
    const books = await booksOf(troubled.house);
    expect(books).toMatchObject({ findings: [], payments: paid, transfers: paid });
    report(`F5 a machine's clock, ${database}`, JUMPS.length, { paid, lost: 0, twice: 0, readyAgainMs });
  });
});

/** Where Debian puts it, whatever the processor. */
function libfaketime(): string {
  const found = readdirSync('/usr/lib')
    .map((name) => join('/usr/lib', name, 'faketime/libfaketimeMT.so.1'))
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error('libfaketime is missing. Install it: sudo apt-get install -y faketime');
  return found;
}
