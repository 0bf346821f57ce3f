/**
 * The drill: a house is backed up while people pay in it, put back on the other database, proved by every auditor, and
 * goes on from there.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SyncAnswer } from '#shared/api/sync.ts';
import { EMPTY_SYNC, openPurse } from '#tests/attack/stage.ts';
import { runCommand } from '#tests/kit/command.ts';
import { freshPostgres } from '#tests/kit/databases.ts';
import { clock, openTroubled, type Troubled } from '#tests/kit/fault-house.ts';
import { good } from '#tests/kit/member.ts';

const FEN = 10;
const BEFORE = 20;
const DURING = 40;
const PATIENCE_MS = 300_000;

describe.each(['pglite', 'postgres'] as const)('a house on %s', (kind) => {
  const folder = mkdtempSync(join(tmpdir(), 'piaohao-drill-'));
  const file = join(folder, 'house.backup');
  const pass = ['--passphrase-file', join(folder, 'passphrase')];
  let troubled: Troubled;
  beforeAll(async () => {
    writeFileSync(join(folder, 'passphrase'), 'correct horse battery staple');
    troubled = await openTroubled({ caged: true, database: kind, minor: (BEFORE + DURING) * FEN });
  }, PATIENCE_MS);
  afterAll(async () => {
    await troubled?.house.stop();
    rmSync(folder, { recursive: true, force: true });
  }, PATIENCE_MS);

  test(
    'is backed up while people pay, put back elsewhere, proved, and goes on',
    async () => {
      const { house, place, payer, payee } = troubled;
      const purse = await openPurse(payer, { ...place, clock }, (BEFORE + DURING) * FEN);
      const payments: string[] = [];
      for (let at = 0; at < BEFORE + DURING; at += 1) payments.push((await purse.pay(payee, FEN)).bytes);
      const bring = async (some: readonly string[]) => {
        const body = { ...EMPTY_SYNC, payments: [...some] };
        return (await good(payer.device.ask<SyncAnswer>('POST', '/sync', body))).answers.map((one) => one.outcome);
      };
      const settled = (count: number) => Array.from({ length: count }, () => 'settled');
      expect(await bring(payments.slice(0, BEFORE))).toEqual(settled(BEFORE));

      let isDone = false;
      const backingUp = runCommand(house.environment, 'backup', file, ...pass).finally(() => {
        isDone = true;
      });
      let during = 0;
      for (; !isDone && during < DURING; during += 1)
        expect(await bring([payments[BEFORE + during] ?? ''])).toEqual(['settled']);
      expect(await backingUp).toMatchObject({ code: 0, said: expect.stringContaining('with the keys') });
      console.log(`${kind}: ${during} payments were settled while the backup was made`);
      expect((await fetch(`${house.origin}/readyz`)).status).toBe(200);

      // A drill proves the file and leaves nothing; the house does not notice.
      const drilled = await runCommand(house.environment, 'drill', file, ...pass);
      expect(drilled).toMatchObject({ code: 0, said: expect.stringContaining('The drill is passed.') });

      await house.end('server', 'SIGTERM');
      const { DATABASE_URL: _old, ...others } = house.environment;
      const elsewhere = {
        ...others,
        DATA_DIR: join(folder, 'elsewhere'),
        ...(kind === 'pglite' ? { DATABASE_URL: await freshPostgres('empty') } : {}),
      };
      const restored = await runCommand(elsewhere, 'restore', file, ...pass);
      expect(restored).toMatchObject({
        code: 0,
        said: expect.stringMatching(
          /each as it was[\s\S]*ledger is proved[\s\S]*book of payments is proved[\s\S]*logbook is proved/,
        ),
      });
      expect(await runCommand(elsewhere, 'restore', file, ...pass)).toMatchObject({
        code: 2,
        said: expect.stringContaining('nothing is ever written over a house'),
      });

      // The same people, the same keys, another database: what was lost with the old one is brought again and settled.
      delete house.environment.DATABASE_URL;
      Object.assign(house.environment, elsewhere);
      await house.restart('server');
      expect(await bring(payments)).toEqual(settled(payments.length));
      const { balances } = await good(payee.device.ask<SyncAnswer>('POST', '/sync', EMPTY_SYNC));
      expect(balances).toMatchObject([{ currency: 'CNY', available: (BEFORE + DURING) * FEN }]);
      expect(await runCommand(house.environment, 'audit:ledger')).toMatchObject({ code: 0 });
    },
    PATIENCE_MS,
  );
});
