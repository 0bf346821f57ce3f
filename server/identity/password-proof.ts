/**
 * The proof of an act of money, which every capability that moves money for a person asks for before it acts.
 * Invariant: what stood for an act is kept under the act's own id: sending it again costs no second guess, no second touch
 * and no second of the day's free acts; one touch of a passkey stands for one act.
 */

import { pausedBy } from '#server/identity/alarm.ts';
import { gateBefore } from '#server/identity/parting.ts';
import { type IdentityParts, no } from '#server/identity/parts.ts';
import { freeOf, type Passwords, riskOf, standing } from '#server/identity/password.ts';
import { type Session, STEP_UP_FRESH } from '#server/identity/session.ts';
import * as store from '#server/identity/store.ts';
import type { Watch } from '#server/identity/watch.ts';
import type { Sql } from '#server/platform/database.ts';
import type { MoneyProof } from '#shared/api/password.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { Id } from '#shared/base/id.ts';
import { ok, type Result } from '#shared/base/result.ts';
import { between, duration, type Instant } from '#shared/base/time.ts';
import { type MoneyAct, type ProofNeeded, proofNeeded } from '#shared/rules/password.ts';

/** An act somebody has to stand for. `id` is the act's own (a transfer's, a withdrawal's); `target` who or what gets it. */
export interface ActToProve {
  readonly id: Id;
  readonly act: MoneyAct;
  readonly amount: number;
  readonly currency: string;
  readonly target: string;
  readonly proof: MoneyProof | undefined;
}

/** Whether an act went without a proof or with one. */
export type Authorised = 'free' | 'proved';

/** The front door of proofs. */
export interface MoneyProofs {
  /**
   * Whether the person of `session` stands for the act. Ask before acting and outside of the act's own transaction, but
   * only when the act is not there already: a retry finds the act first. The same id with other content is refused.
   * Refusals: `money.proof` (its detail `needed` says which), `session.step-up`, `wallet.frozen`, `wallet.paused`, `money.act-reused`,
   * and those of a guess: `password.wrong`, `.locked`, `.day-spent`, `.must-reset`, `.none`, `request.too-many`.
   */
  readonly authorise: (session: Session, asked: ActToProve) => Promise<Result<Authorised, Refusal>>;
}

/** What stands before money does not stand before these: who will not go on may take their money and leave. */
const WAYS_OUT: readonly MoneyAct[] = ['withdrawal', 'closing'];

/** How long a proof stands for an act that did not come to pass: time to send it again, not to come back to it. */
const GRANT_LIFE = duration(15, 'min');

/** Opens the proofs. */
export function openMoneyProofs(parts: IdentityParts, passwords: Passwords, watch: Watch): MoneyProofs {
  return { authorise: (session, asked) => authorise(parts, passwords, watch, session, asked) };
}

async function authorise(
  parts: IdentityParts,
  passwords: Passwords,
  watch: Watch,
  session: Session,
  asked: ActToProve,
): Promise<Result<Authorised, Refusal>> {
  const { database } = parts;
  const before = await held(database, parts.clock(), session, asked);
  if (before) return before;
  const seemed = await neededNow(parts, database, session, asked);
  if (!seemed.ok) return seemed;
  const { raised, stop } = await watch.weigh(session, asked);
  if (stop) return { ok: false, error: stop };
  // What weighed heavy may need more than it seemed.
  const needed = raised ? await neededNow(parts, database, session, asked) : seemed;
  if (!needed.ok) return needed;
  const how = howOf(needed.value, asked.proof);
  if (!how) return no('money.proof', { needed: needed.value });
  const isTouch = how === 'passkey' || how === 'both';
  if (isTouch && between(session.steppedUpAt, parts.clock()) > STEP_UP_FRESH) return no('session.step-up');
  if (how !== 'free' && asked.proof?.by === 'password') {
    const right = await passwords.guess(session, asked.proof.password);
    if (!right.ok) return right;
  }
  return await database.transaction((tx) => grant(parts, watch, tx, session, asked, how));
}

/** What was granted to this very act a while ago; undefined when nothing is. */
async function held(
  tx: Sql,
  now: Instant,
  session: Session,
  { id, act, amount, currency, target }: ActToProve,
): Promise<Result<Authorised, Refusal> | undefined> {
  const row = await store.readGrant(tx, session.region, id);
  if (!row) return undefined;
  const isSame =
    row.wallet === session.wallet &&
    row.kind === act &&
    row.amount === amount &&
    row.currency === currency &&
    row.target === target;
  if (!isSame) return no('money.act-reused');
  return between(row.at, now) <= GRANT_LIFE ? ok(row.how === 'free' ? 'free' : 'proved') : undefined;
}

async function neededNow(
  parts: IdentityParts,
  tx: Sql,
  session: Session,
  { act, amount, currency }: ActToProve,
): Promise<Result<ProofNeeded, Refusal>> {
  const stands = await standing(tx, session);
  if (stands.wallet.frozen_at !== null) return no('wallet.frozen');
  const pause = await pausedBy(tx, session);
  if (pause) return no('wallet.paused', { rule: pause.rule, since: pause.at });
  const gate = WAYS_OUT.includes(act) ? undefined : await gateBefore(parts, tx, session);
  if (gate) return { ok: false, error: gate };
  const now = parts.clock();
  const hashes = await store.passwordHashes(tx, session.region, session.wallet);
  const { currency: home, large_from: largeFrom } = stands.terms;
  const free = await freeOf(tx, stands, now);
  const risk = (await riskOf(tx, stands, now))?.risk;
  return ok(proofNeeded({ act, amount, currency, home, free, largeFrom, risk, hasPassword: hashes.length > 0 }));
}

/** How the proof that was given would stand for what is needed; undefined when it does not suffice. */
function howOf(needed: ProofNeeded, proof: MoneyProof | undefined): store.GrantRow['how'] | undefined {
  if (needed === 'nothing') return 'free';
  if (needed === 'both') return proof?.by === 'password' ? 'both' : undefined;
  if (needed === 'passkey') return proof?.by === 'passkey' ? 'passkey' : undefined;
  return proof?.by;
}

async function grant(
  parts: IdentityParts,
  watch: Watch,
  tx: Sql,
  session: Session,
  asked: ActToProve,
  how: store.GrantRow['how'],
): Promise<Result<Authorised, Refusal>> {
  const { region, wallet } = session;
  await store.lockWallet(tx, region, wallet);
  const now = parts.clock();
  // The same act may have come twice at once: the second finds the first one's proof here.
  const twin = await held(tx, now, session, asked);
  if (twin) return twin;
  const needed = await neededNow(parts, tx, session, asked);
  if (!needed.ok) return needed;
  // Others that came at the same moment may have used up what is free today.
  if (how === 'free' && needed.value !== 'nothing') return no('money.proof', { needed: needed.value });
  const isTouch = how === 'passkey' || how === 'both';
  if (isTouch && (await store.isTouchUsed(tx, region, session.id, session.steppedUpAt))) return no('session.step-up');
  const row: store.GrantRow = {
    region,
    act: asked.id,
    wallet,
    kind: asked.act,
    amount: asked.amount,
    currency: asked.currency,
    target: asked.target,
    how,
    session: isTouch ? session.id : null,
    touched_at: isTouch ? session.steppedUpAt : null,
    at: now,
  };
  await watch.note(tx, region, [{ ...asked, wallet, at: now }]);
  if (await store.insertGrant(tx, row)) return ok(how === 'free' ? 'free' : 'proved');
  await store.renewGrant(tx, row);
  return ok(how === 'free' ? 'free' : 'proved');
}
