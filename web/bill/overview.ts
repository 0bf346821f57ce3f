/** The first screen: what is there, what can be spent with no network, what waits, and what happened last. */
import type { Balance } from '#shared/api/sync.ts';
import type { Instant } from '#shared/base/time.ts';
import { type Entry, recentEntries } from '#web/bill/entries.ts';
import type { LinkState } from '#web/sync/state.ts';
import { liveAllowances } from '#web/vault/allowances.ts';
import { waiting } from '#web/vault/outbox.ts';
import { readSetting, type WalletSetting } from '#web/vault/settings.ts';
import type { Vault } from '#web/vault/vault.ts';

/** What the meter shows: over all live allowances for any payee. Sums in minor units. */
export interface OfflineMeter {
  readonly left: number;
  readonly total: number;
  readonly countLeft: number;
  readonly hoursLeft: number;
  /** The most that can be lost if somebody takes the phone and can use it: what is left and not locked by a passkey. */
  readonly worst: number;
  /** Whether a passkey locks every key that could spend it. */
  readonly locked: boolean;
}

/** Everything the first screen shows, read in one go. */
export interface Overview {
  readonly wallet: WalletSetting | undefined;
  readonly balance: Balance;
  readonly meter: OfflineMeter | undefined;
  /** Signed things the server has not answered for. */
  readonly waiting: number;
  readonly syncedAt: number | undefined;
  /** Why the server gave no allowance. */
  readonly refused: string | undefined;
  readonly recent: readonly Entry[];
}

const NOTHING = { currency: 'CNY', available: 0, setAside: 0, arriving: 0, frozen: 0, owed: 0 } as const;
const RECENT = 5;
const HOUR_MS = 3_600_000;

/** Reads the first screen from the vault alone. */
export async function readOverview(vault: Vault, now: Instant): Promise<Overview> {
  const { settings, balances, allowances, keys, outbox, payments, received, bills } = vault;
  // In one transaction: opening one for each question was half of what the first screen costs a slow phone to read.
  const stores = [settings, balances, allowances, keys, outbox, payments, received, bills];
  return await vault.transaction('r', stores, async () => await overviewOf(vault, now));
}

async function overviewOf(vault: Vault, now: Instant): Promise<Overview> {
  const [wallet, balances, meter, waits, syncedAt, refused, recent] = await Promise.all([
    readSetting(vault, 'wallet'),
    vault.balances.toArray(),
    readMeter(vault, now),
    waiting(vault),
    readSetting(vault, 'syncedAt'),
    readSetting(vault, 'allowanceRefused'),
    recentEntries(vault, RECENT),
  ]);
  const balance = balances.find((each) => each.currency === 'CNY') ?? balances[0] ?? NOTHING;
  return { wallet, balance, meter, waiting: waits, syncedAt, refused, recent };
}

async function readMeter(vault: Vault, now: Instant): Promise<OfflineMeter | undefined> {
  const rows = (await liveAllowances(vault, now)).filter((row) => row.payee === undefined);
  if (rows.length === 0) return undefined;
  const keys = await vault.keys.bulkGet(rows.map((row) => row.key));
  const left = rows.reduce((sum, row) => sum + row.total - row.spent, 0);
  const locked = keys.every((key) => key?.sealed !== undefined);
  const ends = Math.max(...rows.map((row) => row.expiresSeconds * 1000));
  return {
    left,
    total: rows.reduce((sum, row) => sum + row.total, 0),
    countLeft: rows.reduce((sum, row) => sum + row.most - row.count, 0),
    hoursLeft: Math.max(0, Math.floor((ends - now) / HOUR_MS)),
    worst: locked ? 0 : left,
    locked,
  };
}

/** Why a phone with no network cannot pay now. */
export type Obstacle = 'no-allowance' | 'spent' | 'no-count';

/** What the pill says. */
export interface Pill {
  readonly state: 'online' | 'weak' | 'offline' | 'stopped' | 'unknown';
  readonly obstacle?: Obstacle;
}

/** The one state of the wallet: the measured road, and with no road what can still be paid. */
export function pillOf(road: LinkState['road'], meter: OfflineMeter | undefined): Pill {
  if (road !== 'offline') return { state: road };
  if (!meter) return { state: 'stopped', obstacle: 'no-allowance' };
  if (meter.left <= 0) return { state: 'stopped', obstacle: 'spent' };
  return meter.countLeft <= 0 ? { state: 'stopped', obstacle: 'no-count' } : { state: 'offline' };
}
