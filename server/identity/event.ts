/**
 * What happened to a wallet's keys, as its owner may read it: one row an act, in the transaction that does it.
 * Invariant: rows are only added; they name the person's own devices and figures, never a secret.
 */
import * as store from '#server/identity/store.ts';
import type { Sql } from '#server/platform/database.ts';
import type { SecurityEvent, SecurityEventCode } from '#shared/api/security.ts';
import { type Id, newId } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';

/** What is noted. `device` is the device's or passkey's own name, as its owner calls it. */
export interface Noted {
  readonly code: SecurityEventCode;
  readonly at: Instant;
  readonly device?: string;
  readonly about?: Readonly<Record<string, string | number>>;
}

/** Notes `noted` about a wallet. */
export async function noteEvent(
  tx: Sql,
  { region, wallet }: { readonly region: string; readonly wallet: Id },
  { code, at, device, about = {} }: Noted,
): Promise<void> {
  const row = { region, id: newId(at), wallet, code, device: device ?? null, about: JSON.stringify(about), at };
  await store.insertEvent(tx, row);
}

/** The newest events of a wallet, the newest first. */
export async function readEvents(
  tx: Sql,
  { region, wallet }: { readonly region: string; readonly wallet: Id },
  most: number,
): Promise<SecurityEvent[]> {
  return (await store.eventsOf(tx, region, wallet, most)).map(({ id, code, at, device, about }) => ({
    id,
    code: code as SecurityEventCode,
    at,
    region,
    ...(device === null ? {} : { device }),
    about: JSON.parse(about) as SecurityEvent['about'],
  }));
}
