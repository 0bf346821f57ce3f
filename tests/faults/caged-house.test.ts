/** The house as `npm start` runs it, where it can start nothing and touch only its own folder, does all of its work. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SyncAnswer } from '#shared/api/sync.ts';
import { EMPTY_SYNC, openPurse } from '#tests/attack/stage.ts';
import { booksOf, clock, openTroubled, type Troubled } from '#tests/kit/fault-house.ts';
import { freePort, startHouse } from '#tests/kit/house.ts';
import { good } from '#tests/kit/member.ts';

/** So many signatures at once go to the verifying threads. */
const PAYMENTS = 40;
const FEN = 10;
const PATIENCE_MS = 240_000;

describe.each(['pglite', 'postgres'] as const)('a caged house on %s', (database) => {
  let troubled: Troubled;
  let metricsPort: number;
  beforeAll(async () => {
    metricsPort = await freePort();
    const environment = { METRICS_PORT: String(metricsPort) };
    troubled = await openTroubled({ caged: true, database, minor: PAYMENTS * FEN, environment });
  }, PATIENCE_MS);
  afterAll(() => troubled?.house.stop(), PATIENCE_MS);

  test(
    'settles what a phone brings, remembers it after a kill, and its books are proved',
    async () => {
      const { house, place, payer, payee } = troubled;
      const purse = await openPurse(payer, { ...place, clock }, PAYMENTS * FEN);
      const payments: string[] = [];
      for (let at = 0; at < PAYMENTS; at += 1) payments.push((await purse.pay(payee, FEN)).bytes);
      const bring = () => good(payer.device.ask<SyncAnswer>('POST', '/sync', { ...EMPTY_SYNC, payments }));
      expect((await bring()).answers.map((one) => one.outcome)).toEqual(payments.map(() => 'settled'));
      await house.kill();
      await house.restart();
      expect((await bring()).answers.map((one) => one.outcome)).toEqual(payments.map(() => 'settled'));
      const { balances } = await good(payee.device.ask<SyncAnswer>('POST', '/sync', EMPTY_SYNC));
      expect(balances).toMatchObject([{ currency: 'CNY', available: PAYMENTS * FEN }]);
    },
    PATIENCE_MS,
  );

  test('its keys stand in its folder, the sandbox has its own', () => {
    expect(readdirSync(join(troubled.house.dataDir, 'keys'))).toContain('root.pem');
    expect(readdirSync(join(troubled.house.dataDir, 'sandbox'))).toContain('compiled');
  });

  test('its figures can be read, those of the kernel as well', async () => {
    const answer = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
    const figures = await answer.text();
    const said = figures.split('\n').flatMap((line) => /^(\w+) [1-9]/.exec(line)?.[1] ?? []);
    expect(said).toEqual(
      expect.arrayContaining(['piaohao_disk_free_bytes', 'process_resident_memory_bytes', 'process_max_fds']),
    );
  });

  test(
    'ends well, with its books in order',
    async () => {
      const { house } = troubled;
      expect(await house.end('server', 'SIGTERM')).toEqual({ code: 0 });
      expect(await house.end('sandbox', 'SIGTERM')).toEqual({ code: 0 });
      expect(await booksOf(house)).toMatchObject({ findings: [], payments: PAYMENTS, transfers: PAYMENTS });
      expect(readdirSync(house.dataDir)).not.toContain('server.lock');
    },
    PATIENCE_MS,
  );
});

test(
  'a caged house with too little disk left says so instead of writing',
  async () => {
    // More than any disk here has: no new account can be kept.
    const environment = { DISK_FLOOR_MB: '1000000', LOG_LEVEL: 'silent' };
    await expect(startHouse({ caged: true, environment })).rejects.toThrow(/writes need \d+ MB/);
  },
  PATIENCE_MS,
);
