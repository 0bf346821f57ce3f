/** How the house remembers money on its way in and out, cards, and statements of providers: the only SQL of this capability. */

import type { Way } from '#server/funding/channel.ts';
import type { Sql } from '#server/platform/database.ts';
import type { StatementEntry } from '#shared/api/bank.ts';
import type { Card, TopUpState } from '#shared/api/funding.ts';
import type { Id } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';

/**
 * One top-up or withdrawal as kept. `nextAt` is when it is looked at again by itself; null once it has had its last word.
 * `free` of its `amount` were taken from what `month` has free; `cardBank` and `cardLast4` say which card it was.
 */
export interface Row {
  readonly region: string;
  readonly id: Id;
  readonly wallet: Id;
  readonly reference: Id;
  readonly way: 'in' | 'out';
  readonly channel: Way;
  readonly currency: Currency;
  readonly amount: number;
  readonly fee: number;
  readonly free: number;
  readonly month: number;
  readonly card: Id | null;
  readonly cardBank: string | null;
  readonly cardLast4: string | null;
  readonly page: string | null;
  readonly code: string | null;
  readonly until: Instant | null;
  readonly state: TopUpState;
  readonly reason: string | null;
  readonly day: number;
  readonly tries: number;
  readonly startedAt: Instant;
  readonly changedAt: Instant;
  readonly nextAt: Instant | null;
}

/** The terms of one way, with how far its day is shifted from that of UTC. */
export interface Terms {
  readonly channel: Way;
  readonly currency: string;
  readonly least: number;
  readonly most: number;
  readonly dayMost: number;
  readonly feeFixed: number;
  readonly feeBasisPoints: number;
  readonly arrivalSeconds: number;
  readonly freeMonth: number;
  readonly dayOffsetMinutes: number;
}

const ROW = `region, id, wallet, reference, way, channel, currency, amount, fee, free, month, card,
  card_bank as "cardBank", card_last4 as "cardLast4", page, code, code_until as "until", state, reason, day, tries,
  started_at as "startedAt", changed_at as "changedAt", next_at as "nextAt"`;

/** Keeps a new top-up; false when the id is taken already. */
export async function insertRow(tx: Sql, row: Row): Promise<boolean> {
  const kept = await tx.query(
    `insert into funding (region, id, wallet, reference, way, channel, currency, amount, fee, free, month, card,
       card_bank, card_last4, state, day, started_at, changed_at, next_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
     on conflict (region, id) do nothing returning id`,
    [
      row.region,
      row.id,
      row.wallet,
      row.reference,
      row.way,
      row.channel,
      row.currency,
      row.amount,
      row.fee,
      row.free,
      row.month,
      row.card,
      row.cardBank,
      row.cardLast4,
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

/** The newest `limit` top-ups (`in`) or withdrawals (`out`) of a wallet. */
export function readOfWallet(tx: Sql, of: Pick<Row, 'region' | 'wallet' | 'way'>, limit: number): Promise<Row[]> {
  return tx.query<Row>(
    `select ${ROW} from funding where region = $1 and wallet = $2 and way = $3
     order by started_at desc, id desc limit $4`,
    [of.region, of.wallet, of.way, limit],
  );
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
    `update funding set state = $3, reason = $4, tries = $5, changed_at = $6, next_at = $7, page = $8, code = $9,
       code_until = $10
     where region = $1 and id = $2`,
    [row.region, row.id, row.state, row.reason, row.tries, row.changedAt, row.nextAt, row.page, row.code, row.until],
  );
}

/** Makes a pending top-up due at `now` when its next look is after `later`; `tries` is where its pauses begin again. */
export async function wake(tx: Sql, row: Row, now: Instant, later: Instant, tries: number): Promise<void> {
  await tx.query(
    `update funding set next_at = $3, tries = least(tries, $5)
     where region = $1 and id = $2 and state = 'pending' and next_at > $4`,
    [row.region, row.id, now, later, tries],
  );
}

/** The terms of every way for a tier. */
export function readTerms(tx: Sql, region: string, tier: string): Promise<Terms[]> {
  return tx.query<Terms>(
    `select channel, currency, least, most, day_most as "dayMost", fee_fixed as "feeFixed",
       fee_basis_points as "feeBasisPoints", arrival_seconds as "arrivalSeconds", free_month as "freeMonth",
       day_offset_minutes as "dayOffsetMinutes"
     from funding_terms where region = $1 and tier = $2 order by channel, currency`,
    [region, tier],
  );
}

/** Whether any tier of a region may use `channel` with `currency`. */
export async function hasTerms(tx: Sql, region: string, channel: Way, currency: string): Promise<boolean> {
  const rows = await tx.query(
    'select 1 as found from funding_terms where region = $1 and channel = $2 and currency = $3 limit 1',
    [region, channel, currency],
  );
  return rows.length === 1;
}

type UsedDay = Pick<Row, 'region' | 'wallet' | 'channel' | 'currency' | 'day'>;

/** What a wallet has used of a day. */
export async function readUsed(tx: Sql, day: UsedDay): Promise<number> {
  const rows = await tx.query<{ used: number }>(
    'select used from funding_day where region = $1 and wallet = $2 and channel = $3 and currency = $4 and day = $5',
    [day.region, day.wallet, day.channel, day.currency, day.day],
  );
  return rows[0]?.used ?? 0;
}

/** Uses `amount` of the day unless more than `most` would be used; answers whether it fitted. */
export async function useDay(tx: Sql, day: UsedDay, amount: number, most: number): Promise<boolean> {
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
export async function giveBackDay(tx: Sql, day: UsedDay, amount: number): Promise<void> {
  await tx.query(
    `update funding_day set used = used - $6
     where region = $1 and wallet = $2 and channel = $3 and currency = $4 and day = $5`,
    [day.region, day.wallet, day.channel, day.currency, day.day, amount],
  );
}

type Month = Pick<Row, 'region' | 'wallet' | 'currency' | 'month'>;

/** What a wallet has used of what a month has free, locked until the transaction ends when `lock`. */
export async function readFreeUsed(tx: Sql, month: Month, lock = false): Promise<number> {
  const key = [month.region, month.wallet, month.currency, month.month];
  if (lock) {
    await tx.query(
      `insert into funding_free (region, wallet, currency, month, used) values ($1, $2, $3, $4, 0)
       on conflict do nothing`,
      key,
    );
  }
  const rows = await tx.query<{ used: number }>(
    `select used from funding_free where region = $1 and wallet = $2 and currency = $3 and month = $4
     ${lock ? 'for update' : ''}`,
    key,
  );
  return rows[0]?.used ?? 0;
}

/** Uses `amount` of what a month has free; a negative amount gives it back. Lock it first. */
export async function useFree(tx: Sql, month: Month, amount: number): Promise<void> {
  if (amount === 0) return;
  await tx.query(
    `update funding_free set used = used + $5
     where region = $1 and wallet = $2 and currency = $3 and month = $4`,
    [month.region, month.wallet, month.currency, month.month, amount],
  );
}

/** One card as kept. `reference` names it at the bank. */
export interface CardRow {
  readonly region: string;
  readonly id: Id;
  readonly wallet: Id;
  readonly reference: Id;
  readonly state: Card['state'];
  readonly page: string | null;
  readonly token: string | null;
  readonly bin: string | null;
  readonly bank: string | null;
  readonly kind: 'debit' | 'credit' | null;
  readonly last4: string | null;
  readonly reason: string | null;
  readonly isDefault: boolean;
  readonly startedAt: Instant;
  readonly changedAt: Instant;
}

const CARD = `region, id, wallet, reference, state, page, token, bin, bank, kind, last4, reason,
  is_default as "isDefault", started_at as "startedAt", changed_at as "changedAt"`;

/** Keeps a card that is about to be bound; false when the id is taken already. */
export async function insertCard(tx: Sql, row: CardRow): Promise<boolean> {
  const kept = await tx.query(
    `insert into funding_card (region, id, wallet, reference, state, started_at, changed_at)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (region, id) do nothing returning id`,
    [row.region, row.id, row.wallet, row.reference, row.state, row.startedAt, row.changedAt],
  );
  return kept.length === 1;
}

/** The card `id`, locked until the transaction ends when `lock`. */
export async function readCard(tx: Sql, region: string, id: Id, lock = false): Promise<CardRow | undefined> {
  const rows = await tx.query<CardRow>(
    `select ${CARD} from funding_card where region = $1 and id = $2${lock ? ' for update' : ''}`,
    [region, id],
  );
  return rows[0];
}

/** The cards of a wallet that are bound or being bound, the default one first, then the newest; locked when `lock`. */
export function readCards(tx: Sql, region: string, wallet: Id, lock = false): Promise<CardRow[]> {
  return tx.query<CardRow>(
    `select ${CARD} from funding_card where region = $1 and wallet = $2 and state in ('binding', 'bound')
     order by is_default desc, started_at desc, id desc${lock ? ' for update' : ''}`,
    [region, wallet],
  );
}

/** Writes what became of a card. */
export async function updateCard(tx: Sql, row: CardRow): Promise<void> {
  await tx.query(
    `update funding_card set state = $3, page = $4, token = $5, bin = $6, bank = $7, kind = $8, last4 = $9,
       reason = $10, is_default = $11, changed_at = $12
     where region = $1 and id = $2`,
    [
      row.region,
      row.id,
      row.state,
      row.page,
      row.token,
      row.bin,
      row.bank,
      row.kind,
      row.last4,
      row.reason,
      row.isDefault,
      row.changedAt,
    ],
  );
}

/** Takes the mark of the default card from whichever card of a wallet bears it. */
export async function clearDefault(tx: Sql, region: string, wallet: Id): Promise<void> {
  await tx.query('update funding_card set is_default = false where region = $1 and wallet = $2 and is_default', [
    region,
    wallet,
  ]);
}

/** Whether a top-up or withdrawal with this card has not had its last word. */
export async function isCardBusy(tx: Sql, region: string, card: Id): Promise<boolean> {
  const rows = await tx.query(
    'select 1 as busy from funding where region = $1 and card = $2 and next_at is not null limit 1',
    [region, card],
  );
  return rows.length === 1;
}

/** The provider's day whose statement is kept, and its bookings. */
export interface Day {
  readonly region: string;
  readonly service: string;
  readonly day: number;
}

/** The days after `since` whose statement of a service has been read. */
export async function readStatementDays(tx: Sql, of: Omit<Day, 'day'>, since: number): Promise<Set<number>> {
  const rows = await tx.query<{ day: number }>(
    'select day from funding_statement where region = $1 and service = $2 and day > $3',
    [of.region, of.service, since],
  );
  return new Set(rows.map(({ day }) => day));
}

/** Keeps the statement of a day; false when another process has kept it. */
export async function insertStatement(
  tx: Sql,
  of: Day,
  entries: readonly StatementEntry[],
  at: Instant,
): Promise<boolean> {
  const { region, service, day } = of;
  const kept = await tx.query(
    `insert into funding_statement (region, service, day, read_at, entries) values ($1, $2, $3, $4, $5)
     on conflict (region, service, day) do nothing returning day`,
    [region, service, day, at, entries.length],
  );
  if (kept.length === 0) return false;
  await tx.query(
    `insert into funding_entry (region, service, day, reference, returned, place, side, amount, currency, reason)
     select $1, $2, $3::integer, e.reference, e.returned, e.place, e.side, e.amount, e.currency, e.reason
     from unnest($4::uuid[], $5::boolean[], $6::text[], $7::bigint[], $8::text[], $9::text[]) with ordinality
       as e(reference, returned, side, amount, currency, reason, place)`,
    [
      region,
      service,
      day,
      entries.map((one) => one.id),
      entries.map((one) => one.returned),
      entries.map((one) => one.side),
      entries.map((one) => one.amount),
      entries.map((one) => one.currency),
      entries.map((one) => one.reason ?? null),
    ],
  );
  return true;
}

/** A difference between what a provider booked and what the house knows; `ours` and `theirs` in minor units. */
export interface Finding extends Day {
  readonly reference: Id;
  readonly kind: 'sum' | 'state' | 'twice' | 'unknown-here' | 'missing-there';
  readonly ours: number | null;
  readonly theirs: number | null;
  readonly currency: string;
  readonly foundAt: Instant;
  readonly closedAt: Instant | null;
}

/** What the bookings of a day differ in: another sum, a booking twice, one the house does not know or holds otherwise. */
const DIFFERING = `
select e.reference, case
    when f.reference is null or f.channel <> $4 then 'unknown-here'
    when e.amount <> f.amount or e.currency <> f.currency then 'sum'
    when f.state not in ('settled', 'returned') or (e.returned and f.state <> 'returned') then 'state'
    else 'twice' end as kind,
  f.amount as ours, e.amount as theirs, e.currency
from funding_entry e left join funding f on f.region = e.region and f.reference = e.reference
where e.region = $1 and e.service = $2 and e.day = $3 and (
  f.reference is null or f.channel <> $4 or e.amount <> f.amount or e.currency <> f.currency
  or f.state not in ('settled', 'returned') or (e.returned and f.state <> 'returned')
  or exists (select 1 from funding_entry o where o.region = $1 and o.reference = e.reference
    and o.returned = e.returned and o.service = e.service and (o.day, o.place) < (e.day, e.place)))`;

/** What the house settled on a day and the provider has booked on no day it told of. */
const MISSING = `
select f.reference, 'missing-there' as kind, f.amount as ours, null::bigint as theirs, f.currency
from funding f
where f.region = $1 and f.channel = $3 and f.state = 'settled' and f.changed_at >= $4 and f.changed_at < $5
  and not exists (select 1 from funding_entry e where e.region = f.region and e.reference = f.reference
    and e.service = $2 and not e.returned)`;

/** Everything in which the kept statement of a day differs from what the house knows; the day is from `from` to `to`. */
export async function readDifferences(
  tx: Sql,
  of: Day & { readonly channel: Way; readonly from: Instant; readonly to: Instant },
): Promise<Pick<Finding, 'reference' | 'kind' | 'ours' | 'theirs' | 'currency'>[]> {
  type Difference = Pick<Finding, 'reference' | 'kind' | 'ours' | 'theirs' | 'currency'>;
  const { region, service, day, channel, from, to } = of;
  const differing = await tx.query<Difference>(DIFFERING, [region, service, day, channel]);
  return [...differing, ...(await tx.query<Difference>(MISSING, [region, service, channel, from, to]))];
}

/** Keeps a finding; true when it is new. */
export async function insertFinding(tx: Sql, finding: Finding): Promise<boolean> {
  const rows = await tx.query(
    `insert into funding_finding (region, service, reference, kind, day, ours, theirs, currency, found_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing returning reference`,
    [
      finding.region,
      finding.service,
      finding.reference,
      finding.kind,
      finding.day,
      finding.ours,
      finding.theirs,
      finding.currency,
      finding.foundAt,
    ],
  );
  return rows.length === 1;
}

const FINDING = `region, service, reference, kind, day, ours, theirs, currency, found_at as "foundAt",
  closed_at as "closedAt"`;

/** The open findings of a region, the oldest first, at most `limit`. */
export function readOpenFindings(tx: Sql, region: string, limit: number): Promise<Finding[]> {
  return tx.query<Finding>(
    `select ${FINDING} from funding_finding where region = $1 and closed_at is null order by found_at limit $2`,
    [region, limit],
  );
}

/** The open findings of all regions. */
export function readAllFindings(tx: Sql): Promise<Finding[]> {
  return tx.query<Finding>(
    `select ${FINDING} from funding_finding where closed_at is null order by region, found_at, reference`,
  );
}

/** How many statements have been read. */
export async function countStatements(tx: Sql): Promise<number> {
  const rows = await tx.query<{ count: number }>('select count(*)::integer as count from funding_statement');
  return rows[0]?.count ?? 0;
}

/** How many findings of each region and kind are open. */
export function countFindings(tx: Sql): Promise<{ region: string; kind: string; count: number }[]> {
  return tx.query(
    `select region, kind, count(*)::integer as count from funding_finding where closed_at is null
     group by region, kind order by region, kind`,
  );
}

/** Closes a finding that is none any more. */
export async function closeFinding(tx: Sql, finding: Finding, at: Instant): Promise<void> {
  await tx.query(
    `update funding_finding set closed_at = $5
     where region = $1 and service = $2 and reference = $3 and kind = $4 and closed_at is null`,
    [finding.region, finding.service, finding.reference, finding.kind, at],
  );
}
