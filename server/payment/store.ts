/** How payments, the words of payees and the cases are remembered: every statement on their tables, the same on both engines. */
import { byRegion } from '#server/ledger/by-region.ts';
import type { Sql } from '#server/platform/database.ts';
import type { RefusalCode } from '#shared/api/refusal.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import type { Duration, Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';

/**
 * settled: the payee can spend it. arriving: paid by the guarantee, spendable after the claim window.
 * disputed: nothing was posted. voided: the payee gave it up before it came in; nothing was posted.
 * reversed: the payee gave it back after it had been posted.
 */
export type PaymentState = 'settled' | 'arriving' | 'disputed' | 'voided' | 'reversed';

/** One payment for ever; sums in minor units of `currency`. `held` + `guaranteed` + `late` is what the payee was credited. */
export interface PaymentRow {
  readonly region: string;
  readonly id: Uint8Array;
  readonly allowance: Id;
  readonly number: number;
  readonly amount: number;
  readonly total: number;
  readonly currency: Currency;
  readonly previous: Uint8Array;
  readonly invoice: Uint8Array;
  readonly payer: Id;
  readonly payee_id: Id;
  readonly payee: Id;
  readonly payee_region: string;
  readonly signed_at: Instant;
  readonly uploaded_at: Instant;
  readonly uploaded_by: Id;
  readonly state: PaymentState;
  /** Paid from the allowance's hold, by the guarantee, and from the payer's balance after the release. */
  readonly held: number;
  readonly guaranteed: number;
  readonly late: number;
  readonly code: string | null;
  readonly matures_at: Instant | null;
  readonly bytes: Uint8Array;
}

const COLUMNS = `region, id, allowance, number, amount, total, currency, previous, invoice, payer, payee_id, payee,
  payee_region, signed_at, uploaded_at, uploaded_by, state, held, guaranteed, late, code, matures_at, bytes`;

/** Writes new payments; a payment that is there already is a Fault, for its allowance was locked. */
export async function insertPayments(tx: Sql, rows: readonly PaymentRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(
    `insert into payment (${COLUMNS})
     select unnest($1::text[]), unnest($2::bytea[]), unnest($3::uuid[]), unnest($4::int[]), unnest($5::bigint[]),
       unnest($6::bigint[]), unnest($7::text[]), unnest($8::bytea[]), unnest($9::bytea[]), unnest($10::uuid[]),
       unnest($11::uuid[]), unnest($12::uuid[]), unnest($13::text[]), unnest($14::bigint[]), unnest($15::bigint[]),
       unnest($16::uuid[]), unnest($17::text[]), unnest($18::bigint[]), unnest($19::bigint[]), unnest($20::bigint[]),
       unnest($21::text[]), unnest($22::bigint[]), unnest($23::bytea[])`,
    [
      rows.map((row) => row.region),
      rows.map((row) => row.id),
      rows.map((row) => row.allowance),
      rows.map((row) => row.number),
      rows.map((row) => row.amount),
      rows.map((row) => row.total),
      rows.map((row) => row.currency),
      rows.map((row) => row.previous),
      rows.map((row) => row.invoice),
      rows.map((row) => row.payer),
      rows.map((row) => row.payee_id),
      rows.map((row) => row.payee),
      rows.map((row) => row.payee_region),
      rows.map((row) => row.signed_at),
      rows.map((row) => row.uploaded_at),
      rows.map((row) => row.uploaded_by),
      rows.map((row) => row.state),
      rows.map((row) => row.held),
      rows.map((row) => row.guaranteed),
      rows.map((row) => row.late),
      rows.map((row) => row.code),
      rows.map((row) => row.matures_at),
      rows.map((row) => row.bytes),
    ],
  );
}

/** Why a late claim is not paid. */
export const UNCOVERED: RefusalCode = 'payment.late-uncovered';

/** Late claims just written that turn out not to be covered: nothing is posted for them. */
export async function disputeLate(tx: Sql, ids: readonly Uint8Array[]): Promise<void> {
  await tx.query("update payment set state = 'disputed', late = 0, code = $2 where id = any($1::bytea[])", [
    ids,
    UNCOVERED,
  ]);
}

/** What stands in the book of these payments, without their bytes; a part of a row. */
export type KnownPayment = Pick<PaymentRow, 'id' | 'state' | 'code'>;

/** Those of `ids` that are known, in any region. */
export function knownPayments(tx: Sql, ids: readonly Uint8Array[]): Promise<KnownPayment[]> {
  return tx.query<KnownPayment>('select id, state, code from payment where id = any($1::bytea[])', [ids]);
}

/** An allowance by its name. */
export interface AllowanceName {
  readonly region: string;
  readonly id: Id;
}

/*
 * One allowance after the other: for a list of them a planner that knows no figures yet would read the whole region. `offset 0`
 * keeps it from seeing through that.
 */

/** What stands in the book of the payments of these allowances. */
export function knownOfAllowances(tx: Sql, allowances: readonly AllowanceName[]): Promise<KnownPayment[]> {
  return byRegion(allowances, (region, some) =>
    tx.query<KnownPayment>(
      `select p.id, p.state, p.code from unnest($2::uuid[]) as i(allowance) cross join lateral (
         select id, state, code from payment where region = $1 and allowance = i.allowance offset 0) as p`,
      [region, some.map(({ id }) => id)],
    ),
  );
}

/** A payment as the chain of its allowance sees it. */
export type ChainPayment = Pick<
  PaymentRow,
  'id' | 'allowance' | 'number' | 'amount' | 'total' | 'payee_id' | 'previous' | 'state' | 'code'
>;

/** All payments of these allowances, whatever became of them. */
export function chainsOf(tx: Sql, allowances: readonly AllowanceName[]): Promise<ChainPayment[]> {
  return byRegion(allowances, (region, some) =>
    tx.query<ChainPayment>(
      `select p.* from unnest($2::uuid[]) as i(allowance) cross join lateral (
         select id, allowance, number, amount, total, payee_id, previous, state, code
         from payment where region = $1 and allowance = i.allowance offset 0) as p`,
      [region, some.map(({ id }) => id)],
    ),
  );
}

/** Whole rows of these payments. */
export function readPayments(tx: Sql, ids: readonly Uint8Array[]): Promise<PaymentRow[]> {
  return tx.query<PaymentRow>(`select ${COLUMNS} from payment where id = any($1::bytea[])`, [ids]);
}

/** What a window tells of a payment. */
export type PaymentStory = Pick<
  PaymentRow,
  | 'id'
  | 'region'
  | 'payee_region'
  | 'payer'
  | 'payee'
  | 'invoice'
  | 'amount'
  | 'currency'
  | 'signed_at'
  | 'uploaded_at'
  | 'code'
>;

/** What windows tell of these payments. */
export function readStories(tx: Sql, ids: readonly Uint8Array[]): Promise<PaymentStory[]> {
  return tx.query<PaymentStory>(
    `select id, region, payee_region, payer, payee, invoice, amount, currency, signed_at, uploaded_at, code
     from payment where id = any($1::bytea[])`,
    [ids],
  );
}

/** One row, locked until `tx` ends. Where it lies is looked up first: a statement that locks names its region. */
export async function lockPayment(tx: Sql, id: Uint8Array): Promise<PaymentRow | undefined> {
  const [found] = await tx.query<{ region: string }>('select region from payment where id = $1::bytea', [id]);
  if (found === undefined) return undefined;
  const rows = await tx.query<PaymentRow>(
    `select ${COLUMNS} from payment where region = $1 and id = $2::bytea for update`,
    [found.region, id],
  );
  return rows[0];
}

/** Whole rows of one allowance in the order they were signed and came in. */
export function paymentsOfAllowance(tx: Sql, region: string, allowance: Id): Promise<PaymentRow[]> {
  return tx.query<PaymentRow>(
    `select ${COLUMNS} from payment where allowance = $1 and region = $2 order by uploaded_at, number, id`,
    [allowance, region],
  );
}

/** Moves a payment on in its life. */
export async function writeState(tx: Sql, region: string, id: Uint8Array, state: PaymentState): Promise<void> {
  await tx.query('update payment set state = $3 where id = $1::bytea and region = $2', [id, region, state]);
}

/** Moves payments of one region on to `settled`. */
export async function writeMatured(tx: Sql, region: string, ids: readonly Uint8Array[]): Promise<void> {
  await tx.query(`update payment set state = 'settled' where id = any($1::bytea[]) and region = $2`, [ids, region]);
}

/** Payments of `region` that ripen by `now`, oldest first, locked; those another process has in hand are left to it. */
export function lockMaturing(tx: Sql, region: string, now: Instant, limit: number): Promise<PaymentRow[]> {
  return tx.query<PaymentRow>(
    `select ${COLUMNS} from payment where region = $1 and state = 'arriving' and matures_at <= $2
     order by matures_at, id limit $3 for update skip locked`,
    [region, now, limit],
  );
}

/** What a finality receipt says of a settled payment, and the receipt that was issued, if any. */
export type FinalPayment = Pick<
  PaymentRow,
  'region' | 'id' | 'payee_id' | 'payee_region' | 'invoice' | 'amount' | 'currency'
> & { readonly finality: Uint8Array | null };

/** Those of `ids` that are settled. */
export function readFinal(tx: Sql, ids: readonly Uint8Array[]): Promise<FinalPayment[]> {
  return tx.query<FinalPayment>(
    `select region, id, payee_id, payee_region, invoice, amount, currency, finality from payment
     where id = any($1::bytea[]) and state = 'settled'`,
    [ids],
  );
}

/** Keeps the first finality receipt of each payment. */
export async function keepFinality(
  tx: Sql,
  rows: readonly { readonly region: string; readonly id: Uint8Array; readonly finality: Uint8Array }[],
): Promise<void> {
  await byRegion(rows, (region, some) =>
    tx.query(
      `update payment as p set finality = i.finality
       from (select unnest($2::bytea[]) as id, unnest($3::bytea[]) as finality) as i
       where p.region = $1 and p.id = i.id and p.finality is null`,
      [region, some.map((row) => row.id), some.map((row) => row.finality)],
    ),
  );
}

/** A payee's word on a payment. `checked`: its signature was verified. */
export interface ReceiptRow {
  readonly region: string;
  readonly payment: Uint8Array;
  readonly id: Uint8Array;
  readonly status: 'accepted' | 'void';
  readonly counter: number;
  readonly said_at: Instant;
  readonly received_at: Instant;
  readonly received_from: Id;
  readonly checked: boolean;
  readonly bytes: Uint8Array;
}

/** Keeps a receipt once. */
export async function insertReceipt(tx: Sql, row: ReceiptRow): Promise<void> {
  await tx.query(
    `insert into payment_receipt (region, payment, id, status, counter, said_at, received_at, received_from, checked, bytes)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (payment, id, region) do nothing`,
    [
      row.region,
      row.payment,
      row.id,
      row.status,
      row.counter,
      row.said_at,
      row.received_at,
      row.received_from,
      row.checked,
      row.bytes,
    ],
  );
}

/** What was said of these payments before. */
export function receiptsOf(tx: Sql, payments: readonly Uint8Array[]): Promise<ReceiptRow[]> {
  return tx.query<ReceiptRow>(
    `select region, payment, id, status, counter, said_at, received_at, received_from, checked, bytes
     from payment_receipt where payment = any($1::bytea[]) order by counter, id`,
    [payments],
  );
}

/** Notes that these receipts are what they say they are. */
export async function markChecked(tx: Sql, payments: readonly Uint8Array[], ids: readonly Uint8Array[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.query(
    'update payment_receipt set checked = true where payment = any($1::bytea[]) and id = any($2::bytea[])',
    [payments, ids],
  );
}

/** How many receipts nobody could check yet came from `wallet`. */
export async function uncheckedReceipts(tx: Sql, wallet: Id): Promise<number> {
  const rows = await tx.query<{ count: number }>(
    'select count(*)::int as count from payment_receipt where received_from = $1 and not checked',
    [wallet],
  );
  return rows[0]?.count ?? 0;
}

/** Two payments that cannot both be honest, with the bytes that prove it. */
export interface ProofRow {
  readonly region: string;
  readonly allowance: Id;
  readonly payment: Uint8Array;
  readonly other: Uint8Array;
  readonly kind: 'fork' | 'overspent';
  readonly found_at: Instant;
  readonly bytes: Uint8Array;
}

/** Keeps a proof once. */
export async function insertProof(tx: Sql, row: ProofRow): Promise<void> {
  await tx.query(
    `insert into payment_proof (region, allowance, payment, other, kind, found_at, bytes)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (allowance, payment, other, region) do nothing`,
    [row.region, row.allowance, row.payment, row.other, row.kind, row.found_at, row.bytes],
  );
}

/** The proofs against one allowance, in the order they were found. */
export function proofsOf(tx: Sql, region: string, allowance: Id): Promise<ProofRow[]> {
  return tx.query<ProofRow>(
    `select region, allowance, payment, other, kind, found_at, bytes from payment_proof
     where allowance = $1 and region = $2 order by found_at, payment, other`,
    [allowance, region],
  );
}

/** A case: one for each allowance with which somebody promised more than it holds. */
export interface CaseRow {
  readonly region: string;
  readonly id: Id;
  readonly allowance: Id;
  readonly payer: Id;
  readonly kind: 'fork' | 'overspent';
  readonly opened_at: Instant;
}

/**
 * Opens a case unless the allowance has one; a fork found later makes an overspending case a fork case.
 * Answers whether anything is new.
 */
export async function openCase(tx: Sql, row: CaseRow): Promise<boolean> {
  const rows = await tx.query(
    `insert into payment_case as c (region, id, allowance, payer, kind, opened_at) values ($1, $2, $3, $4, $5, $6)
     on conflict (allowance, region) do update set kind = excluded.kind where excluded.kind = 'fork' and c.kind <> 'fork'
     returning c.id`,
    [row.region, row.id, row.allowance, row.payer, row.kind, row.opened_at],
  );
  return rows.length > 0;
}

/** The payer sees the case; so does whoever was to be paid with a payment that a proof names or the hold did not cover. */
const CONCERNED = `
select c.region, c.id, c.allowance, c.payer, c.kind, c.opened_at from payment_case c
left join (
  select p.region, p.allowance from payment p
  left join payment_proof f on f.region = p.region and f.allowance = p.allowance and (f.payment = p.id or f.other = p.id)
  where p.payee = $1 and (p.guaranteed > 0 or p.state = 'disputed' or f.allowance is not null)
  group by p.region, p.allowance
) as owed on owed.region = c.region and owed.allowance = c.allowance
where (c.payer = $1 or owed.allowance is not null)`;

/** The cases that concern `wallet`, newest first. */
export function casesOf(tx: Sql, wallet: Id, limit: number): Promise<CaseRow[]> {
  return tx.query<CaseRow>(`${CONCERNED} order by c.opened_at desc, c.id desc limit $2`, [wallet, limit]);
}

/** The case `id` when it concerns `wallet`. */
export async function caseOf(tx: Sql, wallet: Id, id: Id): Promise<CaseRow | undefined> {
  const rows = await tx.query<CaseRow>(`${CONCERNED} and c.id = $2`, [wallet, id]);
  return rows[0];
}

/** What the fund may pay in `region`. */
export interface GuaranteeTermsRow {
  readonly region: string;
  readonly currency: Currency;
  readonly payee_cap: number;
  readonly payer_cap: number;
  readonly window_ms: Duration;
}

/** Writes terms that are not there yet. */
export async function seedTerms(tx: Sql, row: GuaranteeTermsRow): Promise<void> {
  await tx.query(
    `insert into payment_guarantee_terms (region, currency, payee_cap, payer_cap, window_ms)
     values ($1, $2, $3, $4, $5) on conflict (region, currency) do nothing`,
    [row.region, row.currency, row.payee_cap, row.payer_cap, row.window_ms],
  );
}

/** The terms of a region, if it has a fund in this currency. */
export async function readTerms(tx: Sql, region: string, currency: Currency): Promise<GuaranteeTermsRow | undefined> {
  const rows = await tx.query<GuaranteeTermsRow>(
    `select region, currency, payee_cap, payer_cap, window_ms from payment_guarantee_terms
     where region = $1 and currency = $2`,
    [region, currency],
  );
  return rows[0];
}

/** What the fund of `region` has paid to `payee` since `since`. */
export async function guaranteedSince(
  tx: Sql,
  region: string,
  payee: Id,
  currency: Currency,
  since: number,
): Promise<number> {
  const rows = await tx.query<{ paid: number }>(
    `select coalesce(sum(guaranteed), 0)::bigint as paid from payment
     where payee = $1 and region = $2 and uploaded_at > $3 and currency = $4 and guaranteed > 0 and state <> 'reversed'`,
    [payee, region, since, currency],
  );
  return rows[0]?.paid ?? 0;
}

/** What the fund of `region` has paid for payments of one allowance. */
export async function guaranteedOf(tx: Sql, region: string, allowance: Id): Promise<number> {
  const rows = await tx.query<{ paid: number }>(
    `select coalesce(sum(guaranteed), 0)::bigint as paid from payment
     where allowance = $2 and region = $1 and guaranteed > 0 and state <> 'reversed'`,
    [region, allowance],
  );
  return rows[0]?.paid ?? 0;
}

/** What all payers of `region` owe its fund, locked until `tx` ends. */
export async function lockFund(tx: Sql, region: string, currency: Currency): Promise<number> {
  await tx.query('insert into payment_fund (region, currency, owed) values ($1, $2, 0) on conflict do nothing', [
    region,
    currency,
  ]);
  const rows = await tx.query<{ owed: number }>(
    'select owed from payment_fund where region = $1 and currency = $2 for update',
    [region, currency],
  );
  return rows[0]?.owed ?? 0;
}

/** Adds to what is owed (less when negative). */
export async function addOwed(tx: Sql, region: string, currency: Currency, by: number): Promise<void> {
  await tx.query(
    `insert into payment_fund as f (region, currency, owed) values ($1, $2, $3)
     on conflict (region, currency) do update set owed = f.owed + excluded.owed`,
    [region, currency, by],
  );
}

/** Notes when an epoch card was issued. */
export async function noteEpoch(tx: Sql, region: string, number: number, at: Instant): Promise<void> {
  await tx.query('insert into payment_epoch (region, number, time_at) values ($1, $2, $3) on conflict do nothing', [
    region,
    number,
    at,
  ]);
}

/** A moment at which the card `number` of `region`, or an older one, was the newest; undefined when none was noted. */
export async function epochTime(tx: Sql, region: string, number: number): Promise<Instant | undefined> {
  const rows = await tx.query<{ time_at: Instant }>(
    'select time_at from payment_epoch where region = $1 and number <= $2 order by number desc limit 1',
    [region, number],
  );
  return rows[0]?.time_at;
}

/** The newest card noted of `region`. */
export async function newestNoted(tx: Sql, region: string): Promise<{ number: number; time_at: Instant } | undefined> {
  const rows = await tx.query<{ number: number; time_at: Instant }>(
    'select number, time_at from payment_epoch where region = $1 order by number desc limit 1',
    [region],
  );
  return rows[0];
}

/** How much of one kind waits in a region, and since when the oldest of it. */
export interface WaitingRow {
  readonly region: string;
  readonly what: 'arriving' | 'unseen';
  readonly count: number;
  readonly since: Instant;
}

/** Payments whose money is not spendable yet, and payees' words about payments nobody has brought in. */
export function readWaiting(tx: Sql): Promise<WaitingRow[]> {
  return tx.query<WaitingRow>(
    `select region, 'arriving' as what, count(*) as count, min(uploaded_at) as since
     from payment where state = 'arriving' group by region
     union all
     select region, 'unseen' as what, count(*) as count, min(received_at) as since
     from payment_receipt where not checked group by region`,
  );
}

/** How many cases of each kind a region has ever opened. */
export function countCases(tx: Sql): Promise<{ region: string; kind: 'fork' | 'overspent'; count: number }[]> {
  return tx.query('select region, kind, count(*) as count from payment_case group by region, kind');
}

/** What all payers of `region` owe its fund, as it stands. */
export async function fundOwed(tx: Sql, region: string, currency: Currency): Promise<number> {
  const rows = await tx.query<{ owed: number }>('select owed from payment_fund where region = $1 and currency = $2', [
    region,
    currency,
  ]);
  return rows[0]?.owed ?? 0;
}

/** What all payers together owe each fund. */
export function readOwed(tx: Sql): Promise<{ region: string; currency: Currency; owed: number }[]> {
  return tx.query('select region, currency, owed from payment_fund');
}

/** Those of `payments` that are settled to payees of `region` and have no place in its tree yet. */
export async function unplaced(tx: Sql, region: string, payments: readonly Uint8Array[]): Promise<Uint8Array[]> {
  // A payment lies with its payer, its place with its payee.
  const settled = await tx.query<{ id: Uint8Array }>(
    "select id from payment where id = any($1::bytea[]) and payee_region = $2 and state = 'settled'",
    [payments, region],
  );
  const placed = await tx.query<{ payment: Uint8Array }>(
    'select payment from payment_claim where region = $1 and payment = any($2::bytea[])',
    [region, settled.map(({ id }) => id)],
  );
  const names = new Set(placed.map(({ payment }) => toBase64url(payment)));
  return settled.flatMap(({ id }) => (names.has(toBase64url(id)) ? [] : [id]));
}

/** Gives `payments` the places from `first` on, in their order. */
export async function placeClaims(
  tx: Sql,
  region: string,
  first: number,
  payments: readonly Uint8Array[],
): Promise<void> {
  await tx.query(
    `insert into payment_claim (region, payment, place)
     select $1, payment, $2::bigint + nth - 1 from unnest($3::bytea[]) with ordinality as t (payment, nth)`,
    [region, first, payments],
  );
}

/** Where a payment stands in the tree of `region`. */
export async function claimPlace(tx: Sql, region: string, payment: Uint8Array): Promise<number | undefined> {
  const rows = await tx.query<{ place: number }>(
    'select place from payment_claim where payment = $1::bytea and region = $2',
    [payment, region],
  );
  return rows[0]?.place;
}

/** A row of hashes of a region's tree. */
export interface ClaimTile {
  readonly level: number;
  readonly tile: number;
  readonly hashes: Uint8Array;
}

/** These rows of hashes, in no order; those that are not there yet are left out. */
export function readTiles(
  tx: Sql,
  region: string,
  tiles: readonly Pick<ClaimTile, 'level' | 'tile'>[],
): Promise<ClaimTile[]> {
  return tx.query<ClaimTile>(
    `select level, tile, hashes from payment_claim_tile
     where region = $1 and (level, tile) in (select * from unnest($2::integer[], $3::bigint[]))`,
    [region, tiles.map((one) => one.level), tiles.map((one) => one.tile)],
  );
}

/** Keeps rows of hashes, each at least as long as it was. */
export async function writeTiles(tx: Sql, region: string, tiles: readonly ClaimTile[]): Promise<void> {
  await tx.query(
    `insert into payment_claim_tile (region, level, tile, hashes)
     select $1, * from unnest($2::integer[], $3::bigint[], $4::bytea[])
     on conflict (region, level, tile) do update set hashes = excluded.hashes`,
    [region, tiles.map((one) => one.level), tiles.map((one) => one.tile), tiles.map((one) => one.hashes)],
  );
}

/** The largest tree of `region` so far. */
export async function newestTree(tx: Sql, region: string): Promise<{ count: number; root: Uint8Array } | undefined> {
  const rows = await tx.query<{ count: number; root: Uint8Array }>(
    'select count, root from payment_claim_root where region = $1 order by count desc limit 1',
    [region],
  );
  return rows[0];
}

/** How many entries the tree with this root has. */
export async function countUnder(tx: Sql, region: string, root: Uint8Array): Promise<number | undefined> {
  const rows = await tx.query<{ count: number }>(
    'select count from payment_claim_root where region = $1 and root = $2::bytea',
    [region, root],
  );
  return rows[0]?.count;
}

/** Keeps the root of the tree of `count` entries. */
export async function writeTree(tx: Sql, region: string, count: number, root: Uint8Array): Promise<void> {
  await tx.query('insert into payment_claim_root (region, count, root) values ($1, $2, $3)', [region, count, root]);
}
