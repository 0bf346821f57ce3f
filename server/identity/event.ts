/**
 * What happened to a wallet's keys, as its owner may read it: one row an act, in the transaction that does it.
 * Invariant: rows are only added; they name the person's own devices and figures, never a secret.
 */
import * as store from '#server/identity/store.ts';
import type { Sql } from '#server/platform/database.ts';
import type { SecurityEvent, SecurityEventCode, SecurityEventList } from '#shared/api/security.ts';
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

/** Events a page: as many as a person reads through at once. */
const PAGE = 30;

/** A page of what happened to a wallet, the newest first: the newest of all, or those before the event `before`. */
export async function readEvents(
  tx: Sql,
  { region, wallet }: { readonly region: string; readonly wallet: Id },
  before: Id | undefined,
): Promise<SecurityEventList> {
  const rows = await store.eventsOf(tx, region, wallet, { before, most: PAGE + 1 });
  return { events: rows.slice(0, PAGE).map(eventOf), more: rows.length > PAGE };
}

/** An event with whom it happened to. */
export type EventOf = SecurityEvent & { readonly wallet: Id };

/** What happened in a region after one event, in the order of time; for whoever tells phones of it. */
export async function readEventsAfter(
  tx: Sql,
  region: string,
  after: { readonly at: Instant; readonly id: Id },
  most: number,
): Promise<EventOf[]> {
  const rows = await store.eventsAfter(tx, region, after, most);
  return rows.map((row) => ({ ...eventOf(row), wallet: row.wallet }));
}

function eventOf({ id, code, at, device, about, region }: store.EventRow): SecurityEvent {
  return {
    id,
    code: code as SecurityEventCode,
    at,
    region,
    ...(device === null ? {} : { device }),
    about: JSON.parse(about) as SecurityEvent['about'],
  };
}
