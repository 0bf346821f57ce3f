/** How the house remembers money between people: the only SQL of this capability. */
import type { Sql } from '#server/platform/database.ts';
import type { ClaimState } from '#shared/api/transfer.ts';
import type { Id } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';

/** What a region decides; lengths in milliseconds, sums in minor units of its home currency. */
export interface Terms {
  readonly region: string;
  readonly codeDay: number;
  readonly addressLife: number;
  readonly findsDay: number;
  readonly nicknamePause: number;
  readonly asksDay: number;
  readonly askMost: number;
  readonly remindPause: number;
  readonly claimsMonth: number;
  readonly claimAge: number;
  readonly claimWindow: number;
  readonly silence: 'release' | 'return';
}

/** The terms of every region. */
export function readTerms(tx: Sql): Promise<Terms[]> {
  return tx.query<Terms>(
    `select region, code_day as "codeDay", address_life_ms as "addressLife", finds_day as "findsDay",
       nickname_pause_ms as "nicknamePause", asks_day as "asksDay", ask_most_ms as "askMost",
       remind_pause_ms as "remindPause", claims_month as "claimsMonth", claim_age_ms as "claimAge",
       claim_window_ms as "claimWindow", silence from transfer_terms`,
  );
}

/** What is counted. */
export type Counted = 'find' | 'ask' | 'claim';

/** Counts `times` more unless there would be more than `most` in the window; answers whether they fitted. */
export async function count(
  tx: Sql,
  one: { region: string; wallet: Id; act: Counted; windowAt: number; times: number; most: number },
): Promise<boolean> {
  const used = await tx.query(
    `insert into transfer_count as kept (region, wallet, act, window_at, used)
     select $1, $2::uuid, $3, $4::bigint, $5::integer where $5::integer <= $6::integer
     on conflict (wallet, act, window_at, region) do update set used = kept.used + excluded.used
     where kept.used + excluded.used <= $6::integer returning used`,
    [one.region, one.wallet, one.act, one.windowAt, one.times, one.most],
  );
  return used.length === 1;
}

/** Forgets counts of windows that began before `before`. */
export async function forgetCounts(tx: Sql, before: number): Promise<void> {
  await tx.query('delete from transfer_count where window_at < $1', [before]);
}

/** A nickname as kept. */
export interface NicknameRow {
  readonly wallet: Id;
  readonly name: string;
  readonly shape: string;
  readonly setAt: Instant;
}

const NICKNAME = 'wallet, name, shape, set_at as "setAt"';

/** The nickname of a wallet. */
export async function nicknameOf(tx: Sql, region: string, wallet: Id): Promise<NicknameRow | undefined> {
  const rows = await tx.query<NicknameRow>(
    `select ${NICKNAME} from transfer_nickname where wallet = $1 and region = $2`,
    [wallet, region],
  );
  return rows[0];
}

/** Who of `region` is called exactly `name`. */
export async function walletCalled(tx: Sql, region: string, name: string): Promise<Id | undefined> {
  const rows = await tx.query<{ wallet: Id }>('select wallet from transfer_nickname where region = $1 and name = $2', [
    region,
    name,
  ]);
  return rows[0]?.wallet;
}

/** Gives the wallet its nickname. Breaks the unique key when another has one of this shape: the database decides. */
export async function writeNickname(
  tx: Sql,
  region: string,
  { wallet, name, shape, setAt }: NicknameRow,
): Promise<void> {
  await tx.query(
    `insert into transfer_nickname (region, wallet, name, shape, set_at) values ($1, $2, $3, $4, $5)
     on conflict (wallet, region) do update set name = excluded.name, shape = excluded.shape, set_at = excluded.set_at`,
    [region, wallet, name, shape, setAt],
  );
}

/** An address as it was signed. */
export interface AddressRow {
  readonly region: string;
  readonly wallet: Id;
  readonly payee: Id;
  readonly name: string;
  readonly expiresAt: Instant;
  readonly bytes: Uint8Array;
}

/** The address of a wallet, if one was ever signed. */
export async function readAddress(tx: Sql, region: string, wallet: Id): Promise<AddressRow | undefined> {
  const rows = await tx.query<AddressRow>(
    `select region, wallet, payee, name, expires_at as "expiresAt", bytes from transfer_address
     where wallet = $1 and region = $2`,
    [wallet, region],
  );
  return rows[0];
}

/** Keeps the newest address of a wallet. */
export async function writeAddress(tx: Sql, row: AddressRow): Promise<void> {
  await tx.query(
    `insert into transfer_address (region, wallet, payee, name, expires_at, bytes) values ($1, $2, $3, $4, $5, $6::bytea)
     on conflict (wallet, region) do update set payee = excluded.payee, name = excluded.name,
       expires_at = excluded.expires_at, bytes = excluded.bytes`,
    [row.region, row.wallet, row.payee, row.name, row.expiresAt, row.bytes],
  );
}

/** A note as its payer uploaded it. */
export interface NoteRow {
  readonly region: string;
  readonly payment: Uint8Array;
  readonly payer: Id;
  readonly reference: Uint8Array;
  readonly id: Id;
  readonly payee: Id;
  readonly amount: number;
  readonly currency: Currency;
  readonly memo: string | null;
  /** When it was written, where the payee stood on a code on paper or in a link; by the payer's word. */
  readonly codeAt: Instant | null;
}

/** Keeps a note; the first word of a payer about a payment stays. Answers whether this was it. */
export async function insertNote(tx: Sql, row: NoteRow, at: Instant): Promise<boolean> {
  const kept = await tx.query(
    `insert into transfer_note (region, payment, payer, reference, id, payee_id, amount, currency, memo, code_at, kept_at)
     values ($1, $2::bytea, $3, $4::bytea, $5, $6, $7, $8, $9, $10, $11) on conflict (payment, payer, region) do nothing
     returning id`,
    [
      ...[row.region, row.payment, row.payer, row.reference, row.id, row.payee, row.amount, row.currency, row.memo],
      ...[row.codeAt, at],
    ],
  );
  return kept.length === 1;
}

/** The notes about these payments, by whomever. */
export function readNotes(tx: Sql, payments: readonly Uint8Array[]): Promise<NoteRow[]> {
  return tx.query<NoteRow>(
    `select region, payment, payer, reference, id, payee_id as payee, amount, currency, memo, code_at as "codeAt"
     from transfer_note where payment = any($1::bytea[])`,
    [payments],
  );
}

/** What all phones of each wallet have sent to codes since `since`, in minor units of `currency`; who sent nothing is absent. */
export function sumToCodes(
  tx: Sql,
  region: string,
  wallets: readonly Id[],
  since: number,
  currency: Currency,
): Promise<{ wallet: Id; sum: number }[]> {
  return tx.query(
    `select payer as wallet, sum(amount)::bigint as sum from transfer_note
     where payer = any($1::uuid[]) and region = $2 and code_at >= $3::bigint and currency = $4 group by payer`,
    [wallets, region, since, currency],
  );
}

/** A shared bill as kept. */
export interface SplitRow {
  readonly region: string;
  readonly id: Id;
  readonly asker: Id;
  readonly total: number;
  readonly own: number;
  readonly currency: Currency;
  readonly memo: string | null;
  readonly madeAt: Instant;
}

/** Keeps a shared bill; false when the id is taken. */
export async function insertSplit(tx: Sql, row: SplitRow): Promise<boolean> {
  const kept = await tx.query(
    `insert into transfer_split (region, id, asker, total, own, currency, memo, made_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (id, region) do nothing returning id`,
    [row.region, row.id, row.asker, row.total, row.own, row.currency, row.memo, row.madeAt],
  );
  return kept.length === 1;
}

const SPLIT = 'region, id, asker, total, own, currency, memo, made_at as "madeAt"';

/** The shared bill `id`. */
export async function readSplit(tx: Sql, id: Id): Promise<SplitRow | undefined> {
  const rows = await tx.query<SplitRow>(`select ${SPLIT} from transfer_split where id = $1`, [id]);
  return rows[0];
}

/** The newest shared bills of whoever asked. */
export function splitsOf(tx: Sql, region: string, asker: Id, limit: number): Promise<SplitRow[]> {
  return tx.query<SplitRow>(
    `select ${SPLIT} from transfer_split where asker = $1 and region = $2 order by made_at desc, id desc limit $3`,
    [asker, region, limit],
  );
}

/** One request for money as kept; `region` is the asker's. */
export interface AskRow {
  readonly region: string;
  readonly id: Id;
  readonly asker: Id;
  readonly asked: Id;
  readonly askedRegion: string;
  readonly amount: number;
  readonly currency: Currency;
  readonly memo: string | null;
  readonly split: Id | null;
  readonly state: 'open' | 'paid' | 'declined' | 'cancelled' | 'expired';
  readonly reason: string | null;
  readonly payment: Uint8Array | null;
  readonly madeAt: Instant;
  readonly expiresAt: Instant;
  readonly changedAt: Instant;
  readonly remindedAt: Instant | null;
}

const ASK = `region, id, asker, asked, asked_region as "askedRegion", amount, currency, memo, split, state, reason, payment,
  made_at as "madeAt", expires_at as "expiresAt", changed_at as "changedAt", reminded_at as "remindedAt"`;

/** Keeps a request; false when the id is taken. */
export async function insertAsk(tx: Sql, row: AskRow): Promise<boolean> {
  const kept = await tx.query(
    `insert into transfer_ask (region, id, asker, asked, asked_region, amount, currency, memo, split, state, made_at,
       expires_at, changed_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict (id, region) do nothing returning id`,
    [
      ...[row.region, row.id, row.asker, row.asked, row.askedRegion, row.amount, row.currency, row.memo, row.split],
      ...[row.state, row.madeAt, row.expiresAt, row.changedAt],
    ],
  );
  return kept.length === 1;
}

/** The request `id`. */
export async function readAsk(tx: Sql, id: Id): Promise<AskRow | undefined> {
  const rows = await tx.query<AskRow>(`select ${ASK} from transfer_ask where id = $1`, [id]);
  return rows[0];
}

/** The request `id`, locked until the transaction ends. Where it lies is looked up first: a lock is of one region. */
export async function lockAsk(tx: Sql, id: Id): Promise<AskRow | undefined> {
  const found = await readAsk(tx, id);
  if (found === undefined) return undefined;
  const rows = await tx.query<AskRow>(`select ${ASK} from transfer_ask where region = $1 and id = $2 for update`, [
    found.region,
    id,
  ]);
  return rows[0];
}

/** The newest requests a wallet made or was sent. */
export function asksOf(tx: Sql, wallet: Id, limit: number): Promise<AskRow[]> {
  return tx.query<AskRow>(
    `select ${ASK} from transfer_ask where asker = $1 or asked = $1 order by made_at desc, id desc limit $2`,
    [wallet, limit],
  );
}

/** The requests of a region that a payment names and that are not paid yet. */
export function asksBeingPaid(tx: Sql, region: string, limit: number): Promise<AskRow[]> {
  return tx.query<AskRow>(
    `select ${ASK} from transfer_ask where region = $1 and payment is not null and state <> 'paid'
     order by changed_at desc limit $2`,
    [region, limit],
  );
}

/** Writes what became of a request. */
export async function updateAsk(
  tx: Sql,
  { region, id, state, reason, payment, changedAt, remindedAt }: AskRow,
): Promise<void> {
  await tx.query(
    `update transfer_ask set state = $3, reason = $4, payment = $5::bytea, changed_at = $6, reminded_at = $7
     where id = $1 and region = $2`,
    [id, region, state, reason, payment, changedAt, remindedAt],
  );
}

/** Ends the requests of a region whose time is over, unless a payment has named one since `namedAfter`. */
export async function expireAsks(tx: Sql, region: string, now: Instant, namedAfter: number): Promise<void> {
  await tx.query(
    `update transfer_ask set state = 'expired', changed_at = $2::bigint where region = $1 and state = 'open'
     and expires_at <= $2::bigint and (payment is null or changed_at < $3::bigint)`,
    [region, now, namedAfter],
  );
}

/** One claim as kept; `region` is the payer's. */
export interface ClaimRow {
  readonly region: string;
  readonly id: Id;
  readonly payment: Uint8Array;
  readonly payer: Id;
  readonly payee: Id;
  readonly payeeRegion: string;
  readonly amount: number;
  readonly currency: Currency;
  readonly reason: string;
  readonly state: ClaimState;
  readonly held: number;
  readonly given: number;
  readonly answer: string | null;
  readonly silence: 'release' | 'return';
  readonly madeAt: Instant;
  readonly dueAt: Instant;
  readonly endedAt: Instant | null;
}

const CLAIM = `region, id, payment, payer, payee, payee_region as "payeeRegion", amount, currency, reason, state, held, given,
  answer, silence, made_at as "madeAt", due_at as "dueAt", ended_at as "endedAt"`;

/** Keeps a claim; false when its id or its payment has one already. */
export async function insertClaim(tx: Sql, row: ClaimRow): Promise<boolean> {
  const kept = await tx.query(
    `insert into transfer_claim (region, id, payment, payer, payee, payee_region, amount, currency, reason, state, held,
       silence, made_at, due_at)
     values ($1, $2, $3::bytea, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) on conflict do nothing returning id`,
    [
      ...[row.region, row.id, row.payment, row.payer, row.payee, row.payeeRegion, row.amount, row.currency],
      ...[row.reason, row.state, row.held, row.silence, row.madeAt, row.dueAt],
    ],
  );
  return kept.length === 1;
}

/** The claim `id`. */
export async function readClaim(tx: Sql, id: Id): Promise<ClaimRow | undefined> {
  const rows = await tx.query<ClaimRow>(`select ${CLAIM} from transfer_claim where id = $1`, [id]);
  return rows[0];
}

/** The claim `id`, locked until the transaction ends. Where it lies is looked up first: a lock is of one region. */
export async function lockClaim(tx: Sql, id: Id): Promise<ClaimRow | undefined> {
  const found = await readClaim(tx, id);
  if (found === undefined) return undefined;
  const rows = await tx.query<ClaimRow>(
    `select ${CLAIM} from transfer_claim where region = $1 and id = $2 for update`,
    [found.region, id],
  );
  return rows[0];
}

/** The claim about a payment of `region`. */
export async function claimOfPayment(tx: Sql, region: string, payment: Uint8Array): Promise<ClaimRow | undefined> {
  const rows = await tx.query<ClaimRow>(
    `select ${CLAIM} from transfer_claim where payment = $1::bytea and region = $2`,
    [payment, region],
  );
  return rows[0];
}

/** The newest claims a wallet made or has to answer. */
export function claimsOf(tx: Sql, wallet: Id, limit: number): Promise<ClaimRow[]> {
  return tx.query<ClaimRow>(
    `select ${CLAIM} from transfer_claim where payer = $1 or payee = $1 order by made_at desc, id desc limit $2`,
    [wallet, limit],
  );
}

/** Claims of a region whose payee has been silent for too long. */
export async function claimsDue(tx: Sql, region: string, now: Instant, limit: number): Promise<Id[]> {
  const rows = await tx.query<{ id: Id }>(
    `select id from transfer_claim where region = $1 and state = 'asked' and due_at <= $2 order by due_at limit $3`,
    [region, now, limit],
  );
  return rows.map(({ id }) => id);
}

/** Writes what a claim holds, while it is asked. */
export async function updateHeld(tx: Sql, { region, id, held }: ClaimRow): Promise<void> {
  await tx.query('update transfer_claim set held = $3 where id = $1 and region = $2', [id, region, held]);
}

/** Writes the last word on a claim. */
export async function endClaim(tx: Sql, { region, id, state, given, answer, endedAt }: ClaimRow): Promise<void> {
  await tx.query(
    `update transfer_claim set state = $3, given = $4, answer = $5, ended_at = $6 where id = $1 and region = $2`,
    [id, region, state, given, answer, endedAt],
  );
}

/** How many requests and claims wait for the word of each wallet; where there are none of a kind, that kind is absent. */
export function countWaiting(
  tx: Sql,
  wallets: readonly Id[],
  now: Instant,
): Promise<{ wallet: Id; what: 'asks' | 'claims'; count: number }[]> {
  return tx.query(
    `select asked as wallet, 'asks' as what, count(*) as count from transfer_ask
     where asked = any($1::uuid[]) and state = 'open' and payment is null and expires_at > $2::bigint group by asked
     union all
     select payee as wallet, 'claims' as what, count(*) as count from transfer_claim
     where payee = any($1::uuid[]) and state = 'asked' group by payee`,
    [wallets, now],
  );
}
