/**
 * The server killed at any moment of reconciliation, with many uploads under way: what was answered is there for
 * ever and once, what was not is taken in again, and it is ready again soon.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SyncAnswer } from '#shared/api/sync.ts';
import { EMPTY_SYNC, openPurse } from '#tests/attack/stage.ts';
import { openClient } from '#tests/kit/crowd.ts';
import { booksOf, clock, openTroubled, outcomesOf, syncLetter, type Troubled } from '#tests/kit/fault-house.ts';
import { isLong, report, size, slack } from '#tests/kit/fault-report.ts';
import { good } from '#tests/kit/member.ts';

const ROUNDS = size(1, 100);
const UPLOADS = size(100, 200);
const CLIENTS = 40;
const FEN = 10;
const READY_MS = 5_000;

describe.each(['pglite', 'postgres'] as const)('killed in reconciliation on %s', (kind) => {
  let troubled: Troubled;
  beforeAll(async () => {
    troubled = await openTroubled({ database: kind, minor: ROUNDS * UPLOADS * FEN });
  }, 180_000);
  afterAll(() => troubled?.house.stop());

  /** Sends each payment once; `settled` fills with the ids of those that are answered as settled. */
  async function upload(payments: readonly string[], settled: string[]): Promise<void> {
    const { port, payer, payee } = troubled;
    let next = 0;
    const clients = Array.from({ length: CLIENTS }, async (_, at) => {
      const client = openClient(port);
      const device = at % 2 === 0 ? payer.device : payee.device;
      for (let payment = payments[next++]; payment !== undefined; payment = payments[next++]) {
        const reply = await client.ask(syncLetter(device, { payments: [payment] }));
        if (!reply.ending.startsWith('answered')) break;
        for (const { id, outcome } of outcomesOf(reply)) if (outcome === 'settled') settled.push(id);
      }
      client.close();
    });
    await Promise.all(clients);
  }

  /** The phone comes again with everything it has no answer for, and with what it has one for as well. */
  async function again(payments: readonly string[]): Promise<SyncAnswer['answers']> {
    const answers: SyncAnswer['answers'] = [];
    for (let at = 0; at < payments.length; at += 100) {
      const part = payments.slice(at, at + 100);
      const request = { ...EMPTY_SYNC, payments: part };
      answers.push(...(await good(troubled.payer.device.ask<SyncAnswer>('POST', '/sync', request))).answers);
    }
    return answers;
  }

  test(`${ROUNDS} x ${UPLOADS} uploads`, async () => {
    const { house, place, payer, payee } = troubled;
    const figures = { uploads: ROUNDS * UPLOADS, answered: 0, lost: 0, slowestReadyMs: 0 };
    for (let round = 0; round < ROUNDS; round += 1) {
      const purse = await openPurse(payer, { ...place, clock }, UPLOADS * FEN);
      const paid: { id: string; bytes: string }[] = [];
      for (let at = 0; at < UPLOADS; at += 1) paid.push(await purse.pay(payee, FEN));
      const answered: string[] = [];
      const uploading = upload(
        paid.map((one) => one.bytes),
        answered,
      );
      // At any moment of the work, however fast this machine does it: after some answers, and then a little more.
      const heard = Math.random() * UPLOADS * 0.75;
      let over = false;
      uploading.finally(() => {
        over = true;
      });
      while (answered.length < heard && !over) await pause(1);
      await pause(Math.random() * 60);
      await house.kill('server');
      await uploading;
      const began = performance.now();
      await house.restart('server');
      figures.slowestReadyMs = Math.max(figures.slowestReadyMs, Math.round(performance.now() - began));
      for (const id of answered) {
        const { body } = await payer.ask('GET', `/payments/${id}`);
        if (body.state !== 'settled') figures.lost += 1;
      }
      figures.answered += answered.length;
      const outcomes = await again(paid.map((one) => one.bytes));
      expect(outcomes.filter((one) => one.outcome !== 'settled')).toEqual([]);
      expect(outcomes.map((one) => one.id).sort()).toEqual(paid.map((one) => one.id).sort());
    }
    const { balances } = await good(payee.device.ask<SyncAnswer>('POST', '/sync', EMPTY_SYNC));
    expect(balances).toMatchObject([{ currency: 'CNY', available: ROUNDS * UPLOADS * FEN }]);
    await house.kill('server');
    const books = await booksOf(house);
    expect(books).toMatchObject({ findings: [], payments: ROUNDS * UPLOADS, transfers: ROUNDS * UPLOADS });
    report(`F1 killed in reconciliation, ${kind}`, ROUNDS, { ...figures, double: 0, trialBalance: 0 });
    expect(figures.lost).toBe(0);
    expect(figures.answered, 'some are answered before the kill').toBeGreaterThan(0);
    // How soon is a figure of the long run, on a machine that does nothing else.
    if (isLong) expect(figures.slowestReadyMs).toBeLessThan(READY_MS * slack);
  }, 3_600_000);
});
