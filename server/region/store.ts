/** What regions remember, in SQL. */
import type { Sql } from '#server/platform/database.ts';
import type { Rotation } from '#server/region/issuer-key.ts';
import type { RegionSeed, RegionTerms } from '#server/region/seed.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import type { Policy, Tier } from '#shared/rules/policy.ts';

/** A row of `region`. */
export interface RegionRow {
  region: string;
  names: { zh: string; en: string };
  currency: Currency;
  currencies: Currency[];
  issuing: boolean;
  withdrawal: boolean;
  cross_region: boolean;
  cross_region_since: Instant;
  terms: RegionTerms;
}

/** A row of `region_epoch`; without its status list, which can be large. */
export interface EpochRow {
  number: number;
  time_at: number;
  card: Uint8Array<ArrayBuffer>;
  status_stale: boolean;
  status_epoch: number;
  status_hash: Uint8Array<ArrayBuffer>;
}

/** Writes a region that is not there yet; a row that is there stays as it is. */
export async function seedRegion(tx: Sql, seed: RegionSeed): Promise<void> {
  await tx.query(
    `insert into region (region, names, currency, currencies, issuing, cross_region, terms)
     values ($1, $2::jsonb, $3, $4::jsonb, true, true, $5::jsonb) on conflict (region) do nothing`,
    [seed.region, seed.names, seed.currency, JSON.stringify(seed.currencies), seed.terms],
  );
}

/** Writes a policy that is not there yet. */
export async function seedPolicy(tx: Sql, region: string, tier: Tier, policy: Policy): Promise<void> {
  await tx.query(
    `insert into region_policy (region, tier, policy) values ($1, $2, $3::jsonb) on conflict (region, tier) do nothing`,
    [region, tier, policy],
  );
}

const REGION = 'region, names, currency, currencies, issuing, withdrawal, cross_region, cross_region_since, terms';

/** All regions in the order of their codes. */
export function readRegions(tx: Sql): Promise<RegionRow[]> {
  return tx.query<RegionRow>(`select ${REGION} from region order by region`);
}

/** One region, held until `tx` ends. */
export async function lockRegion(tx: Sql, region: string): Promise<RegionRow | undefined> {
  const rows = await tx.query<RegionRow>(`select ${REGION} from region where region = $1 for update`, [region]);
  return rows[0];
}

/** All policies. */
export function readPolicies(tx: Sql): Promise<{ region: string; tier: Tier; policy: Policy }[]> {
  return tx.query('select region, tier, policy from region_policy');
}

/** Replaces the policy of a tier. */
export async function writePolicy(tx: Sql, region: string, tier: Tier, policy: Policy): Promise<void> {
  await tx.query(
    `insert into region_policy (region, tier, policy) values ($1, $2, $3::jsonb)
     on conflict (region, tier) do update set policy = excluded.policy`,
    [region, tier, policy],
  );
}

/** Replaces a region's terms. */
export async function writeTerms(tx: Sql, region: string, terms: RegionTerms): Promise<void> {
  await tx.query('update region set terms = $2::jsonb where region = $1', [region, terms]);
}

/** Sets the kill switches. */
export async function writeSwitches(
  tx: Sql,
  region: string,
  to: Pick<RegionRow, 'issuing' | 'withdrawal' | 'cross_region'>,
  at: Instant,
): Promise<void> {
  await tx.query(
    `update region set issuing = $2, withdrawal = $3, cross_region = $4,
       cross_region_since = case when cross_region = $4 then cross_region_since else $5 end
     where region = $1`,
    [region, to.issuing, to.withdrawal, to.cross_region, at],
  );
}

/** The newest key set of the network. */
export async function readKeySet(tx: Sql): Promise<{ epoch: number; bytes: Uint8Array<ArrayBuffer> } | undefined> {
  const rows = await tx.query<{ epoch: number; bytes: Uint8Array<ArrayBuffer> }>(
    `select epoch, bytes from region_key_set where region = '' order by epoch desc limit 1`,
  );
  return rows[0];
}

/** Keeps a key set unless another process was first with this epoch; answers whether it was kept. */
export async function writeKeySet(tx: Sql, epoch: number, bytes: Uint8Array): Promise<boolean> {
  const rows = await tx.query(
    `insert into region_key_set (region, epoch, bytes) values ('', $1, $2) on conflict (region, epoch) do nothing
     returning epoch`,
    [epoch, bytes],
  );
  return rows.length > 0;
}

/** Every key set the network ever had, oldest first. */
export async function readKeySets(tx: Sql): Promise<Uint8Array<ArrayBuffer>[]> {
  const rows = await tx.query<{ bytes: Uint8Array<ArrayBuffer> }>(
    `select bytes from region_key_set where region = '' order by epoch`,
  );
  return rows.map((row) => row.bytes);
}

/** Opens the row of a region's epochs, so that it can be locked. */
export async function openEpoch(tx: Sql, region: string): Promise<void> {
  await tx.query(
    `insert into region_epoch
       (region, number, time_at, card, status_stale, status_epoch, status_packed, status_hash)
     values ($1, 0, 0, ''::bytea, true, 0, ''::bytea, ''::bytea) on conflict (region) do nothing`,
    [region],
  );
}

/** The newest epoch of a region, locked until `tx` ends. */
export async function lockEpoch(tx: Sql, region: string): Promise<EpochRow | undefined> {
  const rows = await tx.query<EpochRow>(
    `select number, time_at, card, status_stale, status_epoch, status_hash from region_epoch
     where region = $1 for update`,
    [region],
  );
  return rows[0];
}

/** Keeps a new epoch card. */
export async function writeEpoch(
  tx: Sql,
  region: string,
  epoch: { number: number; time: Instant; card: Uint8Array },
): Promise<void> {
  await tx.query('update region_epoch set number = $2, time_at = $3, card = $4 where region = $1', [
    region,
    epoch.number,
    epoch.time,
    epoch.card,
  ]);
}

/** Keeps the bits that begin with epoch `number`. */
export async function writeStatus(
  tx: Sql,
  region: string,
  status: { number: number; packed: Uint8Array; hash: Uint8Array },
): Promise<void> {
  await tx.query(
    `update region_epoch set status_stale = false, status_epoch = $2, status_packed = $3, status_hash = $4
     where region = $1`,
    [region, status.number, status.packed, status.hash],
  );
}

/** The published status list of a region and the epoch it began with. */
export async function readStatus(
  tx: Sql,
  region: string,
): Promise<{ status_epoch: number; status_packed: Uint8Array<ArrayBuffer> } | undefined> {
  const rows = await tx.query<{ status_epoch: number; status_packed: Uint8Array<ArrayBuffer> }>(
    'select status_epoch, status_packed from region_epoch where region = $1',
    [region],
  );
  return rows[0];
}

/** Says that the published bits are behind. */
export async function markStatusStale(tx: Sql, region: string): Promise<void> {
  await tx.query('update region_epoch set status_stale = true where region = $1', [region]);
}

/** Takes `slot` until `until` when nobody has it at `now`; answers whether it was free. */
export async function takeSlot(tx: Sql, region: string, slot: number, until: Instant, now: Instant): Promise<boolean> {
  const rows = await tx.query(
    `insert into region_status as status (region, slot, until_at, revoked) values ($1, $2, $3, false)
     on conflict (region, slot) do update set until_at = excluded.until_at, revoked = false
       where status.until_at < $4
     returning slot`,
    [region, slot, until, now],
  );
  return rows.length === 1;
}

/** Sets the bits of `slots`. */
export async function revokeSlots(tx: Sql, region: string, slots: readonly number[]): Promise<void> {
  await tx.query('update region_status set revoked = true where region = $1 and slot = any($2::integer[])', [
    region,
    slots,
  ]);
}

/** The revoked places whose allowances can still be claimed at `now`, in order. */
export async function readRevoked(tx: Sql, region: string, now: Instant): Promise<number[]> {
  const rows = await tx.query<{ slot: number }>(
    'select slot from region_status where region = $1 and revoked and until_at >= $2 order by slot',
    [region, now],
  );
  return rows.map((row) => row.slot);
}

/** Every change of a key before its time, oldest first. */
export async function readRotations(tx: Sql): Promise<Rotation[]> {
  const rows = await tx.query<{ region: string; from_at: Instant }>(
    'select region, from_at from region_rotation order by from_at, region',
  );
  return rows.map(({ region, from_at: from }) => ({ region, from }));
}

/** Has the key of a region changed at a moment. */
export async function insertRotation(tx: Sql, { region, from }: Rotation): Promise<void> {
  await tx.query('insert into region_rotation (region, from_at) values ($1, $2)', [region, from]);
}
