/** What the house remembers of allowances and certificates, in SQL. */
import type { StopReason } from '#server/allowance/held.ts';
import { byRegion } from '#server/ledger/by-region.ts';
import type { Sql } from '#server/platform/database.ts';
import type { Id } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import type { GuaranteeGrade } from '#shared/protocol/certificate.ts';

/** A row of `allowance`. */
export interface AllowanceRow {
  region: string;
  id: Id;
  reference: Uint8Array;
  wallet: Id;
  device: Id;
  device_key: Uint8Array;
  currency: Currency;
  total: number;
  claimed: number;
  returned: number;
  state: 'live' | 'closed' | 'stopped' | 'released';
  stop_reason: StopReason | null;
  payee: Id | null;
  guaranteed: boolean;
  status_index: number;
  issued_at: Instant;
  expires_at: Instant;
  claim_until_at: Instant;
  bytes: Uint8Array;
}

/** A row of `allowance_certificate`. */
export interface CertificateRow {
  region: string;
  payee: Id;
  wallet: Id;
  key: Uint8Array;
  name: string;
  guarantee: GuaranteeGrade;
  expires_at: Instant;
  seen_at: Instant;
  bytes: Uint8Array;
}

/** A row of `allowance_setting`. */
export interface SettingRow {
  cap: number | null;
  count: number | null;
}

const COLUMNS = `region, id, reference, wallet, device, device_key, currency, total, claimed, returned, state,
  stop_reason, payee, guaranteed, status_index, issued_at, expires_at, claim_until_at, bytes`;

/** The rows of these references in one region, locked in one order. */
export function lockByReference(tx: Sql, region: string, references: readonly Uint8Array[]): Promise<AllowanceRow[]> {
  return tx.query<AllowanceRow>(
    `select a.* from (
       select found.id from unnest($2::bytea[]) as i(reference) cross join lateral (
         select id from allowance where region = $1 and reference = i.reference offset 0) as found
       order by found.id
     ) as o cross join lateral (select ${COLUMNS} from allowance where region = $1 and id = o.id for update) as a`,
    [region, references],
  );
}

/** The rows of these references, of every region, as they stand. */
export function readByReference(tx: Sql, references: readonly Uint8Array[]): Promise<AllowanceRow[]> {
  return tx.query<AllowanceRow>(`select ${COLUMNS} from allowance where reference = any($1::bytea[])`, [references]);
}

/** The allowance of a device key. */
export async function readByKey(tx: Sql, region: string, key: Uint8Array): Promise<AllowanceRow | undefined> {
  const rows = await tx.query<AllowanceRow>(`select ${COLUMNS} from allowance where device_key = $2 and region = $1`, [
    region,
    key,
  ]);
  return rows[0];
}

/** The allowances of a wallet that were issued after `since` or are still live at `now`. */
export function readRecent(tx: Sql, region: string, wallet: Id, since: Instant, now: Instant): Promise<AllowanceRow[]> {
  return tx.query<AllowanceRow>(
    `select ${COLUMNS} from allowance
     where wallet = $2 and region = $1 and (issued_at > $3 or (state = 'live' and expires_at > $4))
     order by issued_at`,
    [region, wallet, since, now],
  );
}

/** What a wallet spent from allowances issued at or after `since`; what live ones may still spend counts as spent. */
export async function sumSpent(tx: Sql, region: string, wallet: Id, since: Instant): Promise<number> {
  const rows = await tx.query<{ spent: number }>(
    `select coalesce(sum(case when state in ('closed', 'released') then claimed else total - returned end), 0)::bigint
       as spent
     from allowance where wallet = $2 and region = $1 and issued_at >= $3`,
    [region, wallet, since],
  );
  return rows[0]?.spent ?? 0;
}

/** Keeps new allowances. */
export async function insertAllowances(tx: Sql, rows: readonly AllowanceRow[]): Promise<void> {
  await byRegion(rows, (region, some) =>
    tx.query(
      `insert into allowance (region, id, reference, wallet, device, device_key, currency, total, state, payee,
         guaranteed, status_index, issued_at, expires_at, claim_until_at, bytes)
       select $1, i.* from unnest($2::uuid[], $3::bytea[], $4::uuid[], $5::uuid[], $6::bytea[], $7::text[], $8::bigint[],
         $9::text[], $10::uuid[], $11::boolean[], $12::integer[], $13::bigint[], $14::bigint[], $15::bigint[],
         $16::bytea[]) as i`,
      [
        region,
        some.map((row) => row.id),
        some.map((row) => row.reference),
        some.map((row) => row.wallet),
        some.map((row) => row.device),
        some.map((row) => row.device_key),
        some.map((row) => row.currency),
        some.map((row) => row.total),
        some.map((row) => row.state),
        some.map((row) => row.payee),
        some.map((row) => row.guaranteed),
        some.map((row) => row.status_index),
        some.map((row) => row.issued_at),
        some.map((row) => row.expires_at),
        some.map((row) => row.claim_until_at),
        some.map((row) => row.bytes),
      ],
    ),
  );
}

/** Adds to what was taken out of holds; answers how many rows there were. */
export async function addClaims(
  tx: Sql,
  claims: readonly { region: string; id: Id; amount: number }[],
): Promise<number> {
  const rows = await byRegion(claims, (region, some) => {
    const sums: Record<string, number> = {};
    for (const { id, amount } of some) sums[id] = (sums[id] ?? 0) + amount;
    return tx.query(
      `update allowance set claimed = claimed + ($3::jsonb ->> id::text)::bigint
       where region = $1 and id = any($2::uuid[]) returning id`,
      [region, Object.keys(sums), sums],
    );
  });
  return rows.length;
}

/** How an allowance ended, and what went back with it. */
export interface AllowanceEnd {
  readonly region: string;
  readonly id: Id;
  readonly state: 'closed' | 'released';
  readonly returned: number;
  readonly closing: Uint8Array | null;
}

/** Notes the ends of allowances, each at most once. */
export async function endAllowances(tx: Sql, ends: readonly AllowanceEnd[]): Promise<void> {
  await byRegion(ends, (region, some) =>
    tx.query(
      `update allowance as a set state = i.state, returned = a.returned + i.returned, closing = coalesce(i.closing, a.closing)
       from unnest($2::uuid[], $3::text[], $4::bigint[], $5::bytea[]) as i(id, state, returned, closing)
       where a.region = $1 and a.id = i.id`,
      [
        region,
        some.map((end) => end.id),
        some.map((end) => end.state),
        some.map((end) => end.returned),
        some.map((end) => end.closing),
      ],
    ),
  );
}

/** Stops an allowance and every other live one of its device; answers their places in the status list. */
export function stopAllowances(
  tx: Sql,
  region: string,
  device: Id,
  allowance: Id | null,
  reason: string,
): Promise<Pick<AllowanceRow, 'status_index'>[]> {
  return tx.query<Pick<AllowanceRow, 'status_index'>>(
    `with before as (
       select region, id, status_index from allowance
       where region = $1 and ((device = $2 and state = 'live') or (id = $3 and state in ('live', 'closed')))
       order by id for update
     ), stopped as (
       update allowance a set state = 'stopped', stop_reason = $4 from before
       where a.region = $1 and a.region = before.region and a.id = before.id returning a.id
     )
     select status_index from before`,
    [region, device, allowance, reason],
  );
}

/** The live allowances of a wallet, locked in one order. */
export function lockLive(tx: Sql, region: string, wallet: Id): Promise<AllowanceRow[]> {
  return tx.query<AllowanceRow>(
    `select ${COLUMNS} from allowance where wallet = $2 and region = $1 and state = 'live' order by id for update`,
    [region, wallet],
  );
}

/** Stops these allowances alone; their device goes on. */
export async function stopThese(tx: Sql, region: string, ids: readonly Id[], reason: string): Promise<void> {
  await tx.query(
    "update allowance set state = 'stopped', stop_reason = $3 where id = any($2::uuid[]) and region = $1 and state = 'live'",
    [region, ids, reason],
  );
}

/** The device an allowance was issued to. */
export async function readOwner(
  tx: Sql,
  region: string,
  allowance: Id,
): Promise<{ device: Id; wallet: Id } | undefined> {
  const rows = await tx.query<{ device: Id; wallet: Id }>(
    'select device, wallet from allowance where id = $2 and region = $1',
    [region, allowance],
  );
  return rows[0];
}

/** Stops a device for new allowances; the first reason stays. */
export async function stopDevice(
  tx: Sql,
  device: { region: string; id: Id; wallet: Id },
  reason: string,
  at: Instant,
): Promise<void> {
  await tx.query(
    `insert into allowance_stopped_device (region, device, wallet, reason, stopped_at) values ($1, $2, $3, $4, $5)
     on conflict (device, region) do nothing`,
    [device.region, device.id, device.wallet, reason, at],
  );
}

/** Whether a device was stopped. */
export async function isStopped(tx: Sql, region: string, device: Id): Promise<boolean> {
  const rows = await tx.query('select 1 from allowance_stopped_device where device = $2 and region = $1', [
    region,
    device,
  ]);
  return rows.length > 0;
}

/** Some allowances of a region whose claim window is over at `now`, each handed to one process only. */
export function takeDue(tx: Sql, region: string, now: Instant, most: number): Promise<AllowanceRow[]> {
  return tx.query<AllowanceRow>(
    `select ${COLUMNS} from allowance where region = $1 and claim_until_at < $2 and state <> 'released'
     order by claim_until_at limit $3 for update skip locked`,
    [region, now, most],
  );
}

const HOUR_MS = 3_600_000;

/** From this hour on (counted from 1970) nothing can be claimed any more of an allowance whose window ends at `claimUntil`. */
function endHour(claimUntil: Instant): number {
  return Math.floor(claimUntil / HOUR_MS) + 1;
}

/** Holds the region's sum until `tx` ends: whoever adds to it does so one after the other. */
export async function lockOutstanding(tx: Sql, region: string): Promise<void> {
  await tx.query(
    `insert into allowance_outstanding (region, ends_hour, total) values ($1, 0, 0)
     on conflict (region, ends_hour) do update set total = 0`,
    [region],
  );
}

/** Adds open allowances to what `region` promises. */
export async function addOutstanding(
  tx: Sql,
  region: string,
  promised: readonly { readonly claimUntil: Instant; readonly total: number }[],
): Promise<void> {
  const sums = new Map<number, number>();
  for (const { claimUntil, total } of promised) {
    const hour = endHour(claimUntil);
    sums.set(hour, (sums.get(hour) ?? 0) + total);
  }
  await tx.query(
    `insert into allowance_outstanding as o (region, ends_hour, total)
     select $1, i.* from unnest($2::bigint[], $3::bigint[]) as i
     on conflict (region, ends_hour) do update set total = o.total + excluded.total`,
    [region, [...sums.keys()], [...sums.values()]],
  );
}

/** What all open allowances of a region come to that can be claimed at `now`, to the hour, in minor units of its home currency. */
export async function sumOutstanding(tx: Sql, region: string, now: Instant): Promise<number> {
  const rows = await tx.query<{ total: number }>(
    `select coalesce(sum(total), 0)::bigint as total from allowance_outstanding where region = $1 and ends_hour > $2`,
    [region, Math.floor(now / HOUR_MS)],
  );
  return rows[0]?.total ?? 0;
}

/** Forgets the hours that were over a day ago. */
export async function forgetOutstanding(tx: Sql, now: Instant): Promise<void> {
  await tx.query('delete from allowance_outstanding where ends_hour > 0 and ends_hour < $1', [
    Math.floor(now / HOUR_MS) - 24,
  ]);
}

/**
 * The person's own limits of each wallet, and the locks under which one allowance of a wallet is issued after the other;
 * taken in one order.
 */
export async function lockSettings(
  tx: Sql,
  owners: readonly { readonly region: string; readonly wallet: Id }[],
): Promise<Map<Id, SettingRow>> {
  const rows = await byRegion(owners, async (region, some) => {
    const wallets = some.map(({ wallet }) => wallet).sort();
    await tx.query(
      `insert into allowance_setting (region, wallet) select $1, i.* from unnest($2::uuid[]) as i
       on conflict (wallet, region) do nothing`,
      [region, wallets],
    );
    return tx.query<SettingRow & { wallet: Id }>(
      `select wallet, cap, count from allowance_setting where region = $1 and wallet = any($2::uuid[])
       order by wallet for update`,
      [region, wallets],
    );
  });
  return new Map(rows.map(({ wallet, cap, count }) => [wallet, { cap, count }]));
}

/** The person's own limits. */
export async function readSetting(tx: Sql, region: string, wallet: Id): Promise<SettingRow> {
  const rows = await tx.query<SettingRow>(
    'select cap, count from allowance_setting where wallet = $2 and region = $1',
    [region, wallet],
  );
  return rows[0] ?? { cap: null, count: null };
}

/** Replaces the person's own limits. */
export async function writeSetting(tx: Sql, region: string, wallet: Id, setting: SettingRow): Promise<void> {
  await tx.query(
    `insert into allowance_setting (region, wallet, cap, count) values ($1, $2, $3, $4)
     on conflict (wallet, region) do update set cap = excluded.cap, count = excluded.count`,
    [region, wallet, setting.cap, setting.count],
  );
}

/** The certificates of these payees, of every region. */
export function readCertificates(tx: Sql, payees: readonly string[]): Promise<CertificateRow[]> {
  return tx.query<CertificateRow>(
    `select region, payee, wallet, key, name, guarantee, expires_at, seen_at, bytes from allowance_certificate
     where payee = any($1::uuid[])`,
    [payees],
  );
}

/** Keeps a payee's newest certificate. */
export async function writeCertificate(tx: Sql, row: CertificateRow): Promise<void> {
  await tx.query(
    `insert into allowance_certificate (region, payee, wallet, key, name, guarantee, expires_at, seen_at, bytes)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (payee, region) do update set key = excluded.key, name = excluded.name,
       guarantee = excluded.guarantee, expires_at = excluded.expires_at, seen_at = excluded.seen_at,
       bytes = excluded.bytes`,
    [row.region, row.payee, row.wallet, row.key, row.name, row.guarantee, row.expires_at, row.seen_at, row.bytes],
  );
}

/** Notes that a payee was heard of. */
export async function touchCertificate(tx: Sql, region: string, payee: Id, at: Instant): Promise<void> {
  await tx.query('update allowance_certificate set seen_at = $3 where payee = $2 and region = $1', [region, payee, at]);
}
