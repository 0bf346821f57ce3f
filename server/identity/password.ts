/**
 * The payment password: set, changed, guessed at and found again; and what a person lets go without it.
 * Invariant: a guess is counted in the database before it is looked at, and only a right one gives the counts back.
 */
import { watchedUntil } from '#server/identity/alarm.ts';
import { noteEvent } from '#server/identity/event.ts';
import { tellOwner } from '#server/identity/notice.ts';
import { type IdentityParts, no } from '#server/identity/parts.ts';
import type { Hasher } from '#server/identity/password-hash.ts';
import { type Session, STEP_UP_FRESH } from '#server/identity/session.ts';
import * as store from '#server/identity/store.ts';
import type { Sql } from '#server/platform/database.ts';
import { Undone, unlessUndone } from '#server/platform/undone.ts';
import type { FreeRequest, MoneyProof, PasswordRequest, PasswordView } from '#shared/api/password.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import { type Id, readId } from '#shared/base/id.ts';
import { ok, type Result } from '#shared/base/result.ts';
import { after, between, duration, type Instant, instant } from '#shared/base/time.ts';
import { readIdentityNumber } from '#shared/rules/identity-number.ts';
import { type Chooser, type MoneyRisk, passwordFault } from '#shared/rules/password.ts';

type Owner = Pick<Session, 'region' | 'wallet'>;

/** Passwords as identity's own files work with them; the front door is {@link MoneyProofs} and these views. */
export interface Passwords {
  readonly view: (owner: Owner) => Promise<PasswordView>;
  /** Refusals: every `password.*` of a bad choice, `session.step-up`, `wallet.frozen`, those of a guess, `money.act-reused`. */
  readonly set: (session: Session, asked: PasswordRequest) => Promise<Result<PasswordView, Refusal>>;
  /** Refusals: `password.free-most`, and those of the proof. */
  readonly setFree: (session: Session, asked: FreeRequest) => Promise<Result<PasswordView, Refusal>>;
  /** Looks at one guess. Refusals: `password.none`, `.wrong`, `.locked`, `.day-spent`, `.must-reset`, `request.too-many`. */
  readonly guess: (owner: Owner, digits: string) => Promise<Result<undefined, Refusal>>;
  /** A new password by any right; `then` runs in its transaction. */
  readonly replace: (owner: Owner, id: Id, digits: string, then: Replaced) => Promise<Result<undefined, Refusal>>;
  /** Lowers the wallet's limits for a while from `at`, in the transaction of a password that was found again. */
  readonly ease: (tx: Sql, owner: Owner, at: Instant) => Promise<void>;
  readonly onEased: (hook: LimitsEased) => void;
}

/** Runs inside the transaction that lowers a wallet's limits, so that what was promised under the full ones stops with it. */
export type LimitsEased = (tx: Sql, owner: { readonly region: string; readonly wallet: Id }) => Promise<void>;

/** Runs in the transaction that puts a new password in force; its refusal undoes everything. */
export type Replaced = (tx: Sql, at: Instant, isFirst: boolean) => Promise<Result<undefined, Refusal>>;

/** The password in force and the two before it. */
const REMEMBERED = 3;
const DAY = duration(1, 'd');

/** Opens the passwords over the database of `parts`. */
export function openPasswords(parts: IdentityParts, hasher: Hasher): Passwords {
  const hooks: LimitsEased[] = [];
  const ease = async (tx: Sql, { region, wallet }: Owner, at: Instant) => {
    await store.noteRecovered(tx, region, wallet, at);
    for (const hook of hooks) await hook(tx, { region, wallet });
  };
  const context = { ...parts, hasher, ease };
  return {
    view: (owner) => viewOf(parts, owner),
    set: (session, asked) => set(context, session, asked),
    setFree: (session, asked) => setFree(context, session, asked),
    guess: (owner, digits) => guess(context, owner, digits),
    replace: (owner, id, digits, then) => replace(context, owner, id, digits, then),
    ease,
    onEased: (hook) => {
      hooks.push(hook);
    },
  };
}

interface Context extends IdentityParts {
  readonly hasher: Hasher;
  readonly ease: Passwords['ease'];
}

async function set(
  context: Context,
  session: Session,
  { id: text, password, proof }: PasswordRequest,
): Promise<Result<PasswordView, Refusal>> {
  const id = readId(text);
  if (!id) return no('request.malformed');
  const { database, hasher } = context;
  const [current] = await store.passwordHashes(database, session.region, session.wallet);
  if (current?.id === id) {
    const isSame = await hasher.fits(session.wallet, password, current);
    if (!isSame.ok) return isSame;
    return isSame.value ? ok(await viewOf(context, session)) : no('money.act-reused');
  }
  const fault = await faultOf(context, session, password);
  if (fault) return no(fault);
  const proved = await prove(context, session, proof);
  if (!proved.ok) return proved;
  const done = await replace(context, session, id, password, async (tx, at, isFirst) => {
    // A passkey alone is what a stolen, unlocked phone has: a change proved by nothing else is treated as one found again.
    if (!isFirst && proof.by === 'passkey') await context.ease(tx, session, at);
    const code = isFirst ? 'password-set' : 'password-changed';
    await noteEvent(tx, session, { code, at, about: { by: proof.by } });
    return ok(undefined);
  });
  if (!done.ok) return done;
  await tellOwner(context, session, 'password');
  return ok(await viewOf(context, session));
}

async function setFree(
  context: Context,
  session: Session,
  { each, count, proof }: FreeRequest,
): Promise<Result<PasswordView, Refusal>> {
  const { terms } = await standing(context.database, session);
  if (each > terms.free_each_most || count > terms.free_count_most) {
    return no('password.free-most', { most: terms.free_each_most, currency: terms.currency });
  }
  const proved = await prove(context, session, proof);
  if (!proved.ok) return proved;
  const at = context.clock();
  const { region, wallet } = session;
  await context.database.transaction(async (tx) => {
    await store.writeFree(tx, { region, wallet, each, count, at });
    await noteEvent(tx, session, { code: 'free-set', at, about: { each, count, currency: terms.currency } });
  });
  return ok(await viewOf(context, session));
}

/** The old password, or a touch within five minutes; a touch alone does not undo a lock. */
async function prove(context: Context, session: Session, proof: MoneyProof): Promise<Result<undefined, Refusal>> {
  const { wallet, terms, password } = await standing(context.database, session);
  const now = context.clock();
  if (wallet.frozen_at !== null) return no('wallet.frozen');
  if (proof.by === 'password') return await guess(context, session, proof.password);
  const shut = password && shutBy(password, terms, now);
  if (shut && shut.code !== 'password.day-spent') return no(shut.code, shut.detail);
  return between(session.steppedUpAt, now) <= STEP_UP_FRESH ? ok(undefined) : no('session.step-up');
}

async function guess(context: Context, owner: Owner, digits: string): Promise<Result<undefined, Refusal>> {
  const { database, hasher } = context;
  const { terms } = await standing(database, owner);
  const { region, wallet } = owner;
  if ((await store.passwordHashes(database, region, wallet)).length === 0) return no('password.none');
  const place = hasher.enter();
  if (!place.ok) return place;
  try {
    const now = context.clock();
    const day = dayOf(terms, now);
    const lockUntil = after(now, terms.lock_ms);
    const counted = await store.countGuess(database, owner, { at: now, day, lockUntil }, terms);
    if (!counted) return await shutNow(context, owner);
    // Read after the count: a password that was changed meanwhile is the one to compare with.
    const [kept] = await store.passwordHashes(database, region, wallet);
    assert(kept !== undefined, 'a password stays set');
    if (!(await place.value.fits(wallet, digits, kept))) return await wrong(context, owner, counted, terms);
    await store.forgiveGuesses(database, region, wallet);
    if (hasher.isOld(kept)) await renew(context, kept, digits);
    return ok(undefined);
  } finally {
    place.value.leave();
  }
}

async function renew(context: Context, kept: store.PasswordHashRow, digits: string): Promise<void> {
  const hashed = await context.hasher.hash(kept.wallet, digits);
  if (hashed.ok) await store.renewPasswordHash(context.database, { ...kept, ...hashed.value });
}

async function wrong(
  context: Context,
  owner: Owner,
  counted: store.PasswordRow,
  terms: store.MoneyTermsRow,
): Promise<Result<undefined, Refusal>> {
  const now = context.clock();
  const shut = shutBy(counted, terms, now);
  if (!shut) return no('password.wrong', { left: guessesLeft(counted, terms, now) });
  if (shut.code !== 'password.day-spent') {
    await noteEvent(context.database, owner, { code: 'password-locked', at: now });
    await tellOwner(context, owner, 'locked');
  }
  return no(shut.code, shut.detail);
}

async function shutNow(context: Context, owner: Owner): Promise<Result<undefined, Refusal>> {
  const { terms, password } = await standing(context.database, owner);
  const shut = password && shutBy(password, terms, context.clock());
  // Between the count and this look a right guess may have opened the lock: whoever asks again will be looked at.
  return shut ? no(shut.code, shut.detail) : no('request.too-many', { seconds: 1 });
}

/** Why no guess is looked at now; undefined when one would be. */
function shutBy(row: store.PasswordRow, terms: store.MoneyTermsRow, now: Instant): Refusal | undefined {
  if (row.wrong_in_all >= terms.reset_after) return { code: 'password.must-reset' };
  if (row.locked_until !== null && row.locked_until > now) {
    return { code: 'password.locked', detail: { until: row.locked_until, seconds: secondsTo(row.locked_until, now) } };
  }
  if (row.day !== dayOf(terms, now) || row.day_count < terms.day_most) return undefined;
  return { code: 'password.day-spent', detail: { seconds: secondsTo(after(dayStart(terms, now), DAY), now) } };
}

function guessesLeft(row: store.PasswordRow | undefined, terms: store.MoneyTermsRow, now: Instant): number {
  if (!row) return terms.wrong_most;
  const isOver = row.locked_until !== null && row.locked_until <= now;
  const today = row.day === dayOf(terms, now) ? row.day_count : 0;
  const left = [
    terms.wrong_most - (isOver ? 0 : row.wrong),
    terms.reset_after - row.wrong_in_all,
    terms.day_most - today,
  ];
  return Math.max(0, Math.min(...left));
}

function secondsTo(later: Instant, now: Instant): number {
  return Math.ceil(between(now, later) / 1000);
}

/** The day in the region's own time, counted from 1970. */
function dayOf(terms: store.MoneyTermsRow, now: Instant): number {
  return Math.floor((now + terms.day_offset_minutes * 60_000) / DAY);
}

/** When the day of `now` began in the region. */
export function dayStart(terms: store.MoneyTermsRow, now: Instant): Instant {
  return instant(dayOf(terms, now) * DAY - terms.day_offset_minutes * 60_000);
}

async function replace(
  context: Context,
  owner: Owner,
  id: Id,
  digits: string,
  then: Replaced,
): Promise<Result<undefined, Refusal>> {
  const { database, hasher } = context;
  const { region, wallet } = owner;
  const fault = await faultOf(context, owner, digits);
  if (fault) return no(fault);
  const before = await store.passwordHashes(database, region, wallet);
  for (const one of before) {
    const isUsed = await hasher.fits(wallet, digits, one);
    if (!isUsed.ok) return isUsed;
    if (isUsed.value) return no('password.used');
  }
  const hashed = await hasher.hash(wallet, digits);
  if (!hashed.ok) return hashed;
  return await refusable(database, async (tx): Promise<Result<undefined, Refusal>> => {
    await store.lockWallet(tx, region, wallet);
    const current = await store.passwordHashes(tx, region, wallet);
    // Somebody was faster: what was proved and compared above was not about the password in force now.
    if (current[0]?.id !== before[0]?.id) return no('house.busy', { seconds: 1 });
    const at = context.clock();
    const isKept = await store.insertPasswordHash(tx, { region, wallet, id, ...hashed.value, set_at: at });
    if (!isKept) return no('money.act-reused');
    for (const old of current.slice(REMEMBERED - 1)) await store.forgetPasswordHash(tx, old);
    await store.forgiveGuesses(tx, region, wallet);
    return await then(tx, at, current.length === 0);
  });
}

/** A transaction that is undone when `work` refuses. */
async function refusable(
  database: IdentityParts['database'],
  work: (tx: Sql) => Promise<Result<undefined, Refusal>>,
): Promise<Result<undefined, Refusal>> {
  return unlessUndone(() =>
    database.transaction(async (tx) => {
      const done = await work(tx);
      if (!done.ok) throw new Undone(done.error);
      return done;
    }),
  );
}

async function faultOf(
  { database, secrets, clock }: IdentityParts,
  { region, wallet }: Owner,
  digits: string,
): Promise<Refusal['code'] | undefined> {
  const owner = await walletOf(database, wallet);
  const proved = await store.provedCertification(database, region, wallet);
  const number = proved ? secrets.open(proved.number_sealed) : '';
  const born = readIdentityNumber(number, clock())?.born;
  const numbers = [secrets.open(owner.phone_sealed), number];
  const chooser: Chooser = born === undefined ? { numbers } : { numbers, born };
  return passwordFault(digits, chooser);
}

/** Everything about a wallet that money asks after. */
export interface Standing {
  readonly wallet: store.WalletRow;
  readonly terms: store.MoneyTermsRow;
  readonly password: store.PasswordRow | undefined;
}

/** How a wallet stands where money is proved. */
export async function standing(tx: Sql, owner: Owner): Promise<Standing> {
  const wallet = await walletOf(tx, owner.wallet);
  const terms = await store.readMoneyTerms(tx, wallet.region, wallet.tier);
  const password = await store.readPassword(tx, wallet.region, wallet.id);
  assert(terms !== undefined, `no terms of ${wallet.region} for ${wallet.tier}`);
  return { wallet, terms, password };
}

async function walletOf(tx: Sql, wallet: Id): Promise<store.WalletRow> {
  const row = await store.readWallet(tx, wallet);
  assert(row !== undefined, 'a session belongs to a wallet');
  return row;
}

/** What makes an act of this wallet need both proofs now, and until when. */
export async function riskOf(
  tx: Sql,
  { wallet, terms }: Standing,
  now: Instant,
): Promise<{ readonly risk: MoneyRisk; readonly until: Instant } | undefined> {
  const recovered = wallet.recovered_at === null ? undefined : after(wallet.recovered_at, terms.risk_ms);
  if (recovered !== undefined && recovered > now) return { risk: 'recovered', until: recovered };
  const devices = await store.devicesOfWallet(tx, wallet.region, wallet.id);
  // The first phone is as old as the wallet; every later one is new for a while.
  const [newest] = devices.slice(0, -1).filter((one) => one.revoked_at === null);
  const until = newest && after(newest.created_at, terms.risk_ms);
  return until !== undefined && until > now ? { risk: 'new-device', until } : undefined;
}

/** What goes without a proof now: the person's own bounds, or the region's usual ones; nothing more while a wallet is watched. */
export async function freeOf(
  tx: Sql,
  { wallet, terms }: Standing,
  now: Instant,
): Promise<{ each: number; count: number; left: number }> {
  const own = await store.readFree(tx, wallet.region, wallet.id);
  // A tier or a region may have come to allow less since.
  const each = Math.min(own?.each_most ?? terms.free_each, terms.free_each_most);
  const count = Math.min(own?.count_most ?? terms.free_count, terms.free_count_most);
  const used = await store.countFree(tx, wallet.region, wallet.id, dayStart(terms, now));
  const isWatched = (await watchedUntil(tx, { region: wallet.region, wallet: wallet.id }, now)) !== undefined;
  return { each, count, left: isWatched ? 0 : Math.max(0, count - used) };
}

async function viewOf({ database, clock }: IdentityParts, owner: Owner): Promise<PasswordView> {
  const now = clock();
  const stands = await standing(database, owner);
  const { terms, password } = stands;
  const [hashes, free, risk] = await Promise.all([
    store.passwordHashes(database, owner.region, owner.wallet),
    freeOf(database, stands, now),
    riskOf(database, stands, now),
  ]);
  const [current] = hashes;
  const lockedUntil = password?.locked_until ?? 0;
  return {
    isSet: current !== undefined,
    ...(current ? { setAt: current.set_at } : {}),
    guessesLeft: guessesLeft(password, terms, now),
    ...(lockedUntil > now ? { lockedUntil } : {}),
    mustReset: (password?.wrong_in_all ?? 0) >= terms.reset_after,
    currency: terms.currency,
    free: { ...free, eachMost: terms.free_each_most, countMost: terms.free_count_most },
    largeFrom: terms.large_from,
    ...(risk ? { risk: risk.risk, riskUntil: risk.until } : {}),
  };
}
