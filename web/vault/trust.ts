/** What this phone goes by when it verifies: the newest public lists it has verified and kept, and the time it believes. */
import type { Refusal } from '#shared/api/refusal.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { type Instant, instant } from '#shared/base/time.ts';
import { type Certificate, certificateMessage } from '#shared/protocol/certificate.ts';
import { type Epoch, epochMessage } from '#shared/protocol/epoch.ts';
import { type KeySet, keySetMessage } from '#shared/protocol/key-set.ts';
import type { MessageType, Signed } from '#shared/protocol/message.ts';
import type { StatusList } from '#shared/protocol/status.ts';
import type { Trust } from '#shared/protocol/trust.ts';
import type { ListRow } from '#web/vault/rows.ts';
import { readSetting } from '#web/vault/settings.ts';
import { believedTime } from '#web/vault/time-floor.ts';
import type { Vault } from '#web/vault/vault.ts';

/** A region's status list, and the newest moment at which a server said that there is no newer one. */
export interface HeldStatus {
  readonly list: StatusList;
  readonly asOf: Instant;
}

/** The verified public lists of this phone; each was verified before it was kept. */
export interface HeldLists {
  readonly keySet?: Signed<KeySet>;
  readonly epoch?: Signed<Epoch>;
  /** By region. */
  readonly statuses: ReadonlyMap<string, HeldStatus>;
  readonly certificate?: Signed<Certificate>;
}

/** Reads the lists that are kept. */
export async function heldLists(vault: Vault): Promise<HeldLists> {
  const all = await vault.lists.toArray();
  const rows = new Map(all.map((row) => [row.name, row]));
  const keySet = read(keySetMessage, rows.get('keySet'));
  const epoch = read(epochMessage, rows.get('epoch'));
  const certificate = read(certificateMessage, rows.get('certificate'));
  return {
    statuses: new Map(all.flatMap(statusIn)),
    ...(keySet ? { keySet } : {}),
    ...(epoch ? { epoch } : {}),
    ...(certificate ? { certificate } : {}),
  };
}

/** Under which name the status list of `region` is kept. */
export function statusName(region: string): `status:${string}` {
  return `status:${region}`;
}

function statusIn({ name, version, bytes, asOf }: ListRow): [string, HeldStatus][] {
  if (!name.startsWith('status:') || asOf === undefined) return [];
  return [[name.slice('status:'.length), { list: { epoch: version, bits: bytes }, asOf: instant(asOf) }]];
}

/** Keeps one verified list. */
export async function keepList(vault: Vault, row: ListRow): Promise<void> {
  await vault.lists.put(row);
}

/** Why this phone holds no keys: it has no wallet, or that has not synced yet. */
export async function noKeys(vault: Vault): Promise<{ readonly code: 'wallet.unsynced' | 'wallet.none' }> {
  return { code: (await readSetting(vault, 'wallet')) ? 'wallet.unsynced' : 'wallet.none' };
}

/**
 * What payments are verified by. Refusals: `wallet.none` with no wallet on this phone, `wallet.unsynced` before its first
 * sync, `clock.turned-back` when this phone's clock says an earlier time than a server has already signed.
 */
export async function readTrust(
  vault: Vault,
  clockSays: Instant,
): Promise<Result<{ readonly trust: Trust; readonly lists: HeldLists }, Refusal>> {
  const lists = await heldLists(vault);
  if (!lists.keySet) return refuse(await noKeys(vault));
  const time = await believedTime(vault, clockSays);
  if (time.turnedBack) return refuse({ code: 'clock.turned-back' });
  return ok({ trust: { keySet: lists.keySet.message, now: time.now, floor: time.floor }, lists });
}

function read<Message>(type: MessageType<Message>, row: ListRow | undefined): Signed<Message> | undefined {
  const signed = row && type.read(row.bytes);
  return signed?.ok ? signed.value : undefined;
}
