/** How the house remembers top-ups: the only SQL of this capability. */
import type { Sql } from '#server/platform/database.ts';
import type { Channel, ChannelTerms, TopUpState } from '#shared/api/funding.ts';
import type { Id } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';

/** One top-up as kept. `nextAt` is when it is looked at again by itself; null once it has had its last word. */
export interface Row {
  readonly region: string;
  readonly id: Id;
  readonly wallet: Id;
  readonly reference: Id;
  readonly channel: Channel;
  readonly currency: Currency;
  readonly amount: number;
  readonly fee: number;
  readonly state: TopUpState;
  readonly reason: string | null;
  readonly day: number;
  readonly tries: number;
  readonly startedAt: Instant;
  readonly changedAt: Instant;
  readonly nextAt: Instant | null;
}

/** The terms of one channel, with how far its day is shifted from that of UTC. */
export type Terms = Omit<ChannelTerms, 'dayLeft'> & { readonly dayOffsetMinutes: number };

const ROW = `region, id, wallet, reference, channel, currency, amount, fee, state, reason, day, tries,
  started_at as "startedAt", changed_at as "changedAt", next_at as "nextAt"`;

/** Keeps a new top-up; false when the id is taken already. */
export async function insertRow(tx: Sql, row: Row): Promise<boolean> {
  const kept = await tx.query(
    `insert into funding (region, id, wallet, reference, channel, currency, amount, fee, state, day, started_at, changed_at, next_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
     on conflict (region, id) do nothing returning id`,
    [
      row.region,
      row.id,
      row.wallet,
      row.reference,
      row.channel,
      row.currency,
      row.amount,
      row.fee,
      row.state,
      row.day,
      row.startedAt,
      row.changedAt,
      row.nextAt,
    ],
  );
  return kept.length === 1;
}

/** The top-up `id`, locked until the transaction ends when `lock`. */
export async function readRow(tx: Sql, region: string, id: Id, lock = false): Promise<Row | undefined> {
  const rows = await tx.query<Row>(
    `select ${ROW} from funding where region = $1 and id = $2${lock ? ' for update' : ''}`,
    [region, id],
  );
  return rows[0];
}

/** The top-up a provider calls `reference`. */
export async function findByReference(tx: Sql, region: string, reference: Id): Promise<Row | undefined> {
  const rows = await tx.query<Row>(`select ${ROW} from funding where region = $1 and reference = $2`, [
    region,
    reference,
  ]);
  return rows[0];
}

/** The newest `limit` top-ups of a wallet. */
export function readOfWallet(tx: Sql, region: string, wallet: Id, limit: number): Promise<Row[]> {
  return tx.query<Row>(
    `select ${ROW} from funding where region = $1 and wallet = $2 order by started_at desc, id desc limit $3`,
    [region, wallet, limit],
  );
}

/** The top-ups among `ids`. */
export function readSome(tx: Sql, region: string, ids: readonly Id[]): Promise<Row[]> {
  return tx.query<Row>(`select ${ROW} from funding where region = $1 and id = any($2::uuid[])`, [region, ids]);
}

/** Ids of up to `limit` top-ups that want looking at, the longest waiting first. */
export async function readDue(tx: Sql, region: string, now: Instant, limit: number): Promise<Id[]> {
  const rows = await tx.query<{ id: Id }>(
    'select id from funding where region = $1 and next_at <= $2 order by next_at limit $3',
    [region, now, limit],
  );
  return rows.map((row) => row.id);
}

/** Writes the new state of a top-up. */
export async function updateRow(tx: Sql, row: Row): Promise<void> {
  await tx.query(
    `update funding set state = $3, reason = $4, tries = $5, changed_at = $6, next_at = $7
     where region = $1 and id = $2`,
    [row.region, row.id, row.state, row.reason, row.tries, row.changedAt, row.nextAt],
  );
}

/** The terms of every channel for a tier. */
export function readTerms(tx: Sql, region: string, tier: string): Promise<Terms[]> {
  return tx.query<Terms>(
    `select channel, currency, least, most, day_most as "dayMost", fee_fixed as "feeFixed",
       fee_basis_points as "feeBasisPoints", arrival_seconds as "arrivalSeconds", day_offset_minutes as "dayOffsetMinutes"
     from funding_terms where region = $1 and tier = $2 order by channel, currency`,
    [region, tier],
  );
}

type Day = Pick<Row, 'region' | 'wallet' | 'channel' | 'currency' | 'day'>;

/** What a wallet has used of a day. */
export async function readUsed(tx: Sql, day: Day): Promise<number> {
  const rows = await tx.query<{ used: number }>(
    'select used from funding_day where region = $1 and wallet = $2 and channel = $3 and currency = $4 and day = $5',
    [day.region, day.wallet, day.channel, day.currency, day.day],
  );
  return rows[0]?.used ?? 0;
}

/** Uses `amount` of the day unless more than `most` would be used; answers whether it fitted. */
export async function useDay(tx: Sql, day: Day, amount: number, most: number): Promise<boolean> {
  const used = await tx.query(
    `insert into funding_day as kept (region, wallet, channel, currency, day, used)
     select $1, $2, $3, $4, $5::integer, $6::bigint where $6::bigint <= $7::bigint
     on conflict (region, wallet, channel, currency, day) do update set used = kept.used + excluded.used
     where kept.used + excluded.used <= $7::bigint returning used`,
    [day.region, day.wallet, day.channel, day.currency, day.day, amount, most],
  );
  return used.length === 1;
}

/** Gives `amount` back to the day it was taken from. */
export async function giveBackDay(tx: Sql, day: Day, amount: number): Promise<void> {
  await tx.query(
    `update funding_day set used = used - $6
     where region = $1 and wallet = $2 and channel = $3 and currency = $4 and day = $5`,
    [day.region, day.wallet, day.channel, day.currency, day.day, amount],
  );
}
