/**
 * Everything this phone holds, in one IndexedDB.
 * Invariant: every write is strictly durable (on the disk before it is said to be done), because a promise of money
 * that a flat battery can take back is none. Writes are few and batched, so this costs milliseconds.
 */
import { Dexie, type EntityTable, type Table } from 'dexie';
import type { Balance } from '#shared/api/sync.ts';
import type {
  AllowanceRow,
  BillRow,
  BroughtRow,
  CaseRow,
  ContactRow,
  DeviceRow,
  InvoiceRow,
  KeyRow,
  ListRow,
  OpinionRow,
  OutboxRow,
  PaymentRow,
  ReceivedRow,
  TopUpRow,
  TotalRow,
  WordsRow,
} from '#web/vault/rows.ts';

/** One small fact under its name; see settings.ts for the names and their types. */
export interface SettingRow {
  name: string;
  value: unknown;
}

/** The stores of one wallet on one phone. */
export type Vault = Dexie & {
  settings: Table<SettingRow, string>;
  keys: EntityTable<KeyRow, 'id'>;
  allowances: EntityTable<AllowanceRow, 'id'>;
  payments: EntityTable<PaymentRow, 'id'>;
  invoices: EntityTable<InvoiceRow, 'id'>;
  received: EntityTable<ReceivedRow, 'id'>;
  outbox: EntityTable<OutboxRow, 'order'>;
  bills: EntityTable<BillRow, 'id'>;
  totals: Table<TotalRow, [string, string, string]>;
  words: Table<WordsRow, [string, string]>;
  brought: EntityTable<BroughtRow, 'id'>;
  balances: Table<Balance, string>;
  contacts: EntityTable<ContactRow, 'id'>;
  topUps: EntityTable<TopUpRow, 'id'>;
  devices: EntityTable<DeviceRow, 'id'>;
  lists: Table<ListRow, string>;
  cases: EntityTable<CaseRow, 'id'>;
  opinions: EntityTable<OpinionRow, 'id'>;
};

/** Opens (at first use) the vault called `name`; tests give each case its own. */
export function openVault(name: string): Vault {
  const vault = new Dexie(name, { chromeTransactionDurability: 'strict' }) as Vault;
  vault.version(1).stores({
    settings: 'name',
    keys: 'id, use',
    allowances: 'id, state',
    payments: 'id, &invoice, &[allowance+number], state',
    invoices: 'id, madeAt',
    received: 'id, [allowance+number], invoice, allowance',
    outbox: '++order, &[kind+id], kind',
    bills: 'id, sequence, at, [month+at], payment',
    monthTotals: '[month+currency], month',
    balances: 'currency',
    contacts: 'id, lastAt',
    topUps: 'id, state',
    devices: 'id',
    lists: 'name',
  });
  // Cases came later: a phone that holds the first schema gets the new store and keeps the others as they are.
  vault.version(2).stores({ cases: 'id, openedAt, notice' });
  vault.version(3).stores({ opinions: 'id, type, bill, disputed' });
  // Bills searched by words and added up by day, and beside the house's those of other wallets. Bills that are here
  // already are counted by whoever needs the sums first (see bills.ts).
  vault.version(4).stores({
    bills: 'id, sequence, at, [month+at], payment, [peer.id+at]',
    received: 'id, [allowance+number], invoice, allowance, state',
    monthTotals: null,
    totals: '[source+span+currency], [source+span]',
    words: '[source+day]',
    brought: 'id, at, [month+at], [peer.id+at]',
  });
  // Another tab brings a newer schema: step aside at once, so that its upgrade is not blocked by this old one.
  vault.on('versionchange', () => {
    // After Dexie's own handler, which would let the old code open the new schema again.
    queueMicrotask(() => vault.close({ disableAutoOpen: true }));
    globalThis.dispatchEvent?.(new Event('vault-outdated'));
  });
  vault.on('blocked', () => {
    globalThis.dispatchEvent?.(new Event('vault-blocked'));
  });
  return vault;
}

/** This phone's vault. */
export const vault: Vault = openVault('piaohao');

/**
 * Opens the connection again when the browser has dropped it (WebKit does so in the background; retrying on the dead
 * connection never helps). Call it when the app becomes visible. Answers whether the vault can be read.
 */
export async function reviveVault(kept: Vault = vault): Promise<boolean> {
  try {
    await kept.settings.count();
    return true;
  } catch {
    kept.close({ disableAutoOpen: false });
    try {
      await kept.open();
      await kept.settings.count();
      return true;
    } catch {
      return false;
    }
  }
}
