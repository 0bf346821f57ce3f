/** How notices are remembered: the only SQL of this capability. */
import type { Sql } from '#server/platform/database.ts';
import type { Id } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';

/** Where a phone is reached. */
export interface SubscriptionRow {
  readonly region: string;
  readonly device: Id;
  readonly wallet: Id;
  readonly key_version: number;
  readonly endpoint_hash: Uint8Array;
  readonly sealed: Uint8Array;
  readonly details: boolean;
  readonly made_at: Instant;
}

const SUBSCRIPTION = 'region, device, wallet, key_version, endpoint_hash, sealed, details, made_at';

/** Keeps it in the place of what this phone, or another wallet in the same browser, had before. */
export async function keepSubscription(tx: Sql, row: SubscriptionRow): Promise<void> {
  await tx.query('delete from notice_subscription where endpoint_hash = $1 and device <> $2', [
    row.endpoint_hash,
    row.device,
  ]);
  await tx.query(
    `insert into notice_subscription (${SUBSCRIPTION}) values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (device, region) do update set key_version = excluded.key_version, sealed = excluded.sealed,
       endpoint_hash = excluded.endpoint_hash, details = excluded.details, made_at = excluded.made_at, paused_until = 0`,
    [row.region, row.device, row.wallet, row.key_version, row.endpoint_hash, row.sealed, row.details, row.made_at],
  );
}

/** What the phone `device` has. */
export async function readSubscription(tx: Sql, region: string, device: Id): Promise<SubscriptionRow | undefined> {
  const rows = await tx.query<SubscriptionRow>(
    `select ${SUBSCRIPTION} from notice_subscription where region = $1 and device = $2`,
    [region, device],
  );
  return rows[0];
}

/** Takes the phone's place and everything on its way to it away. */
export async function dropSubscription(tx: Sql, region: string, device: Id): Promise<void> {
  await tx.query('delete from notice_subscription where region = $1 and device = $2', [region, device]);
  await tx.query('delete from notice_due where region = $1 and device = $2', [region, device]);
}

/** The phones of `wallets` that are told things, since when, and whether they are told sums. */
export function phonesOf(
  tx: Sql,
  region: string,
  wallets: readonly string[],
): Promise<Pick<SubscriptionRow, 'device' | 'wallet' | 'details' | 'made_at'>[]> {
  return tx.query(
    'select device, wallet, details, made_at from notice_subscription where region = $1 and wallet = any($2::uuid[])',
    [region, wallets],
  );
}

/** One thing to tell one phone. */
export interface DueRow {
  readonly region: string;
  readonly device: Id;
  readonly subject: string;
  readonly wallet: Id;
  readonly said: string;
  /** Whose name is told with it. */
  readonly peer: Id | null;
  readonly made_at: Instant;
}

/** Puts them on their way; what was told before is not told again. */
export async function insertDue(tx: Sql, rows: readonly DueRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(
    `insert into notice_due (region, device, subject, wallet, said, peer, made_at, due_at)
     select n.region, n.device, n.subject, n.wallet, n.said, n.peer, n.made_at, n.made_at
     from unnest($1::text[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::uuid[], $7::bigint[])
       as n(region, device, subject, wallet, said, peer, made_at)
     on conflict (device, subject, region) do nothing`,
    [
      rows.map(({ region }) => region),
      rows.map(({ device }) => device),
      rows.map(({ subject }) => subject),
      rows.map(({ wallet }) => wallet),
      rows.map(({ said }) => said),
      rows.map(({ peer }) => peer),
      rows.map(({ made_at }) => made_at),
    ],
  );
}

/** A line that may go out now, with where it goes. */
export type WaitingRow = DueRow & { readonly tries: number } & Pick<SubscriptionRow, 'key_version' | 'sealed'>;

/** The oldest lines that may go out at `now`. */
export function waiting(tx: Sql, region: string, now: Instant, most: number): Promise<WaitingRow[]> {
  return tx.query<WaitingRow>(
    `select d.region, d.device, d.subject, d.wallet, d.said, d.peer, d.made_at, d.tries, s.key_version, s.sealed
     from notice_due d join notice_subscription s on s.region = d.region and s.device = d.device
     where d.region = $1 and d.done_at is null and d.due_at <= $2 and s.paused_until <= $2
     order by d.due_at limit $3`,
    [region, now, most],
  );
}

type Line = Pick<DueRow, 'region' | 'device' | 'subject'>;

/** It was sent, or is given up. */
export async function endDue(tx: Sql, { region, device, subject }: Line, at: Instant): Promise<void> {
  await tx.query('update notice_due set done_at = $4 where region = $1 and device = $2 and subject = $3', [
    ...[region, device, subject, at],
  ]);
}

/** It goes out again at `dueAt`. */
export async function putOff(tx: Sql, { region, device, subject }: Line, dueAt: Instant): Promise<void> {
  await tx.query(
    'update notice_due set tries = tries + 1, due_at = $4 where region = $1 and device = $2 and subject = $3',
    [region, device, subject, dueAt],
  );
}

/** Nothing goes to this phone before `until`. */
export async function pause(tx: Sql, region: string, device: Id, until: Instant): Promise<void> {
  await tx.query('update notice_subscription set paused_until = $3 where region = $1 and device = $2', [
    ...[region, device, until],
  ]);
}

/** Forgets what was made before `before`. */
export async function forgetDue(tx: Sql, before: Instant): Promise<void> {
  await tx.query('delete from notice_due where made_at < $1', [before]);
}

/** Up to which moment events were read; undefined where none were. */
export async function readSeen(tx: Sql, region: string): Promise<Instant | undefined> {
  const rows = await tx.query<{ events_at: Instant }>('select events_at from notice_seen where region = $1', [region]);
  return rows[0]?.events_at;
}

/** Events were read up to `at`. */
export async function saveSeen(tx: Sql, region: string, at: Instant): Promise<void> {
  await tx.query(
    `insert into notice_seen (region, events_at) values ($1, $2)
     on conflict (region) do update set events_at = excluded.events_at`,
    [region, at],
  );
}
