/** Small words for ledger tests: a migrated ledger, ids and wallets by name, and units in one line. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { available, outside } from '#server/ledger/chart.ts';
import { type Account, type Ledger, openLedger, type Transfer, type TransferKind } from '#server/ledger/ledger.ts';
import type { Database } from '#server/platform/database.ts';
import { migrate } from '#server/platform/migrate.ts';
import type { Id } from '#shared/base/id.ts';
import { instant } from '#shared/base/time.ts';
import { money } from '#shared/money/money.ts';

/** The region of a test that needs only one. */
export const SHANXI = 'CN-SX';

/** The ledger's schema as `migrate` takes it. */
export const LEDGER_SCHEMA = {
  name: 'ledger',
  schema: readFileSync(join(import.meta.dirname, '../../server/ledger/schema.sql'), 'utf8'),
};

/** A ledger on a fresh `database`. */
export async function ledgerOn(database: Database): Promise<Ledger> {
  await migrate(database, [LEDGER_SCHEMA]);
  return openLedger({ database });
}

/** The id that stands for `name` in every test. */
export function idOf(name: string): Id {
  const hex = createHash('sha256').update(name).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}` as Id;
}

/** The spendable account of the person called `name`. */
export function walletOf(name: string, region: string = SHANXI): Account {
  return available(region, idOf(name), 'CNY');
}

/** The bank through which money comes in. */
export function bank(region: string = SHANXI): Account {
  return outside(region, 'bank', 'CNY');
}

/** A transfer with one move of CNY, at a fixed moment. */
export function transfer(
  name: string,
  debit: Account,
  credit: Account,
  minor: number,
  more: Partial<Pick<Transfer, 'at' | 'about' | 'reverses'>> & { kind?: TransferKind } = {},
): Transfer {
  return {
    region: debit.region,
    id: idOf(`transfer ${name}`),
    kind: 'top-up',
    at: instant(1_700_000_000_000),
    moves: [{ debit, credit, amount: money(minor, 'CNY') }],
    ...more,
  };
}
