/**
 * Money sent to the wrong person: claimed by its payer, held where it is unspent, answered by its payee, over in time.
 * Invariant: while a claim is asked, frozen[claim] in the ledger is what it holds, afterwards nothing; no more than the
 * payment ever goes back, and what is not held goes back only by the payee's own word.
 */

import type { Session } from '#server/identity/identity.ts';
import { available, clearing, frozen } from '#server/ledger/chart.ts';
import type { Move, Transfer } from '#server/ledger/ledger.ts';
import { actId } from '#server/ledger/transfer.ts';
import type { Sql } from '#server/platform/database.ts';
import { Undone, unlessUndone } from '#server/platform/undone.ts';
import { notesOf } from '#server/transfer/note.ts';
import { type Owner, type TransferParts, windowOf } from '#server/transfer/parts.ts';
import * as store from '#server/transfer/store.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { Claim, ClaimAnswer, ClaimEvent, ClaimRequest } from '#shared/api/transfer.ts';
import { assert } from '#shared/base/assert.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import { type Id, idToBytes, readId } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { after, type Duration } from '#shared/base/time.ts';
import { money } from '#shared/money/money.ts';
import { isFit } from '#shared/protocol/schema.ts';

/** Claims in one answer, and those ended in one round of work. */
const LIST_MOST = 100;
const ROUND_MOST = 100;

/** How often a hold is tried again while the payee spends at the same moment. */
const HOLD_TRIES = 3;

/**
 * Claims a payment back. Refusals: `request.not-found`, `claim.asked-for`, `claim.not-settled`, `claim.too-old`,
 * `claim.twice`, `claim.month`, `transfer.self`, `invoice.memo`, and those of a proof.
 */
export async function claimBack(
  parts: TransferParts,
  owner: Session,
  request: ClaimRequest,
): Promise<Result<Claim, Refusal>> {
  const id = readId(request.id);
  const payment = fromBase64url(request.payment);
  if (id === undefined || payment === undefined || !isFit(request.reason)) return refuse({ code: 'invoice.memo' });
  const before = await store.claimOfPayment(parts.database, owner.region, payment);
  if (before && before.payer !== owner.wallet) return refuse({ code: 'request.not-found' });
  if (before) return before.id === id ? shown(parts, owner, before) : refuse({ code: 'claim.twice' });
  const draft = await draftOf(parts, owner, id, payment, request.reason);
  if (!draft.ok) return draft;
  const { amount, currency, payee } = draft.value;
  const proved = await parts.identity.authorise(owner, {
    ...{ id, act: 'claim', amount, currency, target: payee, proof: request.proof },
  });
  if (!proved.ok) return proved;
  try {
    const row = await parts.database.transaction(async (tx) => {
      const most = parts.terms(owner.region).claimsMonth;
      const counted = { ...owner, act: 'claim' as const, windowAt: windowOf(draft.value.madeAt, 30), times: 1, most };
      if (!(await store.count(tx, counted))) throw new Undone({ code: 'claim.month', detail: { most } });
      if (!(await store.insertClaim(tx, draft.value))) throw new Undone({ code: 'claim.twice' });
      const held = { ...draft.value, held: await hold(parts, tx, draft.value) };
      await store.updateHeld(tx, held);
      return held;
    });
    return shown(parts, owner, row);
  } catch (error) {
    if (!(error instanceof Undone)) throw error;
    // Two tries of one phone at once: the first is the claim of both.
    const rival = await store.claimOfPayment(parts.database, owner.region, payment);
    return rival?.id === id ? shown(parts, owner, rival) : refuse(error.refusal);
  }
}

async function draftOf(
  parts: TransferParts,
  owner: Owner,
  id: Id,
  payment: Uint8Array,
  reason: string,
): Promise<Result<store.ClaimRow, Refusal>> {
  const { database } = parts;
  const view = await parts.payments.view(owner.wallet, payment, { finality: false });
  if (!view.ok) return view;
  const { role, state, amount, peer, signedAt, uploadedAt } = view.value;
  if (role !== 'payer') return refuse({ code: 'request.not-found' });
  const payee = readId(peer.id);
  if (payee === undefined || payee === owner.wallet) return refuse({ code: 'transfer.self' });
  // Whoever was asked for the very sum, by a code or by a request, did not send it to the wrong person.
  const note = (await notesOf(parts, database, [payment])).get(toBase64url(payment));
  if (note === undefined || (await store.readAsk(database, note.id)) !== undefined) {
    return refuse({ code: 'claim.asked-for' });
  }
  if (state !== 'settled') return refuse({ code: 'claim.not-settled' });
  const now = parts.clock();
  const terms = parts.terms(owner.region);
  // By the later of both: a clock turned back buys nothing, and money that came late can still be claimed.
  if (now - Math.max(signedAt, uploadedAt) > terms.claimAge) return refuse({ code: 'claim.too-old' });
  return ok({
    ...{ region: owner.region, id, payment, payer: owner.wallet, payee, payeeRegion: peer.region, amount },
    ...{ currency: note.currency, reason, state: 'asked', held: 0, given: 0, answer: null, silence: terms.silence },
    ...{ madeAt: now, dueAt: after(now, terms.claimWindow as Duration), endedAt: null },
  });
}

/** Sets aside what of the payment its payee has not spent; answers how much that is. */
async function hold(parts: TransferParts, tx: Sql, row: store.ClaimRow): Promise<number> {
  const { payeeRegion: region, currency, payee } = row;
  for (let turn = 0; turn < HOLD_TRIES; turn += 1) {
    const spendable = available(region, payee, currency);
    const [unspent = 0] = await parts.ledger.balances(region, [spendable], tx);
    const held = Math.min(unspent, row.amount);
    if (held <= 0) return 0;
    const moves = [{ debit: spendable, credit: holdOf(row), amount: money(held, currency) }];
    const transfer = {
      region,
      id: idOf(row, 'hold'),
      kind: 'freeze' as const,
      moves,
      at: row.madeAt,
      about: about(row),
    };
    const [posted] = await parts.ledger.postWithin(tx, [[transfer]]);
    if (posted?.ok) return held;
  }
  return 0;
}

/**
 * The payee's answer: gives `give` back, nought to refuse. The same answer again is the same act. Refusals:
 * `request.not-found`, `claim.closed`, `claim.give`, `claim.reason`, `wallet.frozen`, `ledger.insufficient`, and those of
 * a proof where money is given.
 */
export async function answerClaim(
  parts: TransferParts,
  owner: Session,
  id: Id,
  { give, reason, proof }: ClaimAnswer,
): Promise<Result<Claim, Refusal>> {
  if (give === 0 && reason === undefined) return refuse({ code: 'claim.reason' });
  if (reason !== undefined && !isFit(reason)) return refuse({ code: 'invoice.memo' });
  const asked = await store.readClaim(parts.database, id);
  if (asked?.payee === owner.wallet && asked.state === 'asked' && give > 0 && give <= asked.amount) {
    const { currency, payer: target } = asked;
    // Another sum is another act, so that a proof given for one fen never stands for all of it.
    const act = { id: actId(`piaohao-claim-answer-${give}`, idToBytes(id)), act: 'transfer' as const };
    const proved = await parts.identity.authorise(owner, { ...act, amount: give, currency, target, proof });
    if (!proved.ok) return proved;
  }
  return end(parts, owner, id, async (tx, row) => {
    if (row.payee !== owner.wallet) return { code: 'request.not-found' };
    const state = give === 0 ? 'refused' : 'returned';
    if (row.state === state && row.given === give) return row;
    if (row.state !== 'asked') return { code: 'claim.closed' };
    if (give > row.amount) return { code: 'claim.give', detail: { most: row.amount, currency: row.currency } };
    if (give > 0 && (await parts.identity.isFrozen(tx, owner.wallet))) return { code: 'wallet.frozen' };
    return { ...row, state, given: give, answer: reason ?? null };
  });
}

/** The payer takes the claim back. Refusals: `request.not-found`, `claim.closed`. */
export function withdrawClaim(parts: TransferParts, owner: Owner, id: Id): Promise<Result<Claim, Refusal>> {
  return end(parts, owner, id, async (_tx, row) => {
    if (row.payer !== owner.wallet) return { code: 'request.not-found' };
    if (row.state === 'withdrawn') return row;
    return row.state === 'asked' ? { ...row, state: 'withdrawn' } : { code: 'claim.closed' };
  });
}

/** Ends the claims nobody answered in time as their region's terms say; periodic work. Answers how many there were. */
export async function endDueClaims(parts: TransferParts): Promise<number> {
  let count = 0;
  for (const { region } of parts.regions.list()) {
    for (const id of await store.claimsDue(parts.database, region, parts.clock(), ROUND_MOST)) {
      await parts.database.transaction(async (tx) => {
        const row = await store.lockClaim(tx, id);
        if (row?.state !== 'asked') return;
        const given = row.silence === 'return' ? row.held : 0;
        await writeEnd(parts, tx, row, { ...row, state: 'lapsed', given });
      });
      count += 1;
    }
  }
  return count;
}

async function end(
  parts: TransferParts,
  owner: Owner,
  id: Id,
  step: (tx: Sql, row: store.ClaimRow) => Promise<store.ClaimRow | Refusal>,
): Promise<Result<Claim, Refusal>> {
  return unlessUndone(async () => {
    const row = await parts.database.transaction(async (tx) => {
      const locked = await store.lockClaim(tx, id);
      const next = locked ? await step(tx, locked) : ({ code: 'request.not-found' } as const);
      if ('code' in next) throw new Undone(next);
      return next === locked || locked === undefined ? next : await writeEnd(parts, tx, locked, next);
    });
    return shown(parts, owner, row);
  });
}

/** Gives back what is given, first out of what is held, and sets the rest free: one unit, in one transaction with the word. */
async function writeEnd(
  parts: TransferParts,
  tx: Sql,
  before: store.ClaimRow,
  next: store.ClaimRow,
): Promise<store.ClaimRow> {
  const row = { ...next, endedAt: parts.clock() };
  await store.endClaim(tx, row);
  const unit = endUnit(row, before.held);
  if (unit.length > 0) {
    const [posted] = await parts.ledger.postWithin(tx, [unit]);
    assert(posted !== undefined, 'one unit, one answer');
    if (!posted.ok) throw new Undone(posted.error);
  }
  return row;
}

/** The postings that end a claim which held `held`. Pure. */
export function endUnit(row: store.ClaimRow, held: number): Transfer[] {
  const { region, payeeRegion, currency, payer, payee, given, endedAt } = row;
  const at = endedAt ?? row.madeAt;
  const own = available(payeeRegion, payee, currency);
  const back = available(region, payer, currency);
  const fromHeld = Math.min(held, given);
  const sameRegion = region === payeeRegion;
  const target = sameRegion ? back : clearing(payeeRegion, region, currency);
  const move = (debit: Move['debit'], credit: Move['credit'], minor: number): Move[] =>
    minor === 0 ? [] : [{ debit, credit, amount: money(minor, currency) }];
  const transfer = (place: string, act: string, kind: Transfer['kind'], moves: Move[]): Transfer[] =>
    moves.length === 0 ? [] : [{ region: place, id: idOf(row, act), kind, moves, at, about: about(row) }];
  return [
    ...transfer(payeeRegion, 'give-back', 'give-back', [
      ...move(holdOf(row), target, fromHeld),
      ...move(own, target, given - fromHeld),
    ]),
    ...(sameRegion
      ? []
      : transfer(region, 'give-back-home', 'give-back', move(clearing(region, payeeRegion, currency), back, given))),
    ...transfer(payeeRegion, 'release', 'unfreeze', move(holdOf(row), own, held - fromHeld)),
  ];
}

function holdOf(row: store.ClaimRow) {
  return frozen(row.payeeRegion, row.id, row.currency, row.payee);
}

function idOf(row: store.ClaimRow, act: string): Id {
  return actId(`piaohao-claim-${act}`, idToBytes(row.id));
}

function about(row: store.ClaimRow) {
  return { claim: row.id, payment: toBase64url(row.payment) };
}

/** The newest claims of both sides. */
export async function listClaims(parts: TransferParts, owner: Owner): Promise<Claim[]> {
  return viewClaims(parts, owner, await store.claimsOf(parts.database, owner.wallet, LIST_MOST));
}

async function shown(parts: TransferParts, owner: Owner, row: store.ClaimRow): Promise<Result<Claim, Refusal>> {
  const [claim] = await viewClaims(parts, owner, [row]);
  return claim === undefined ? refuse({ code: 'request.not-found' }) : ok(claim);
}

async function viewClaims(parts: TransferParts, owner: Owner, rows: readonly store.ClaimRow[]): Promise<Claim[]> {
  const people = await parts.identity.people([...new Set(rows.flatMap(({ payer, payee }) => [payer, payee]))]);
  return rows.map((row) => {
    const isPayer = row.payer === owner.wallet;
    const person = people.get(isPayer ? row.payee : row.payer);
    return {
      id: row.id,
      role: isPayer ? 'payer' : 'payee',
      state: row.state,
      payment: toBase64url(row.payment),
      peer: { name: person?.verifiedName ?? '', region: isPayer ? row.payeeRegion : row.region },
      amount: row.amount,
      currency: row.currency,
      reason: row.reason,
      held: row.state === 'asked' ? row.held : 0,
      given: row.given,
      madeAt: row.madeAt,
      dueAt: row.dueAt,
      silence: row.silence,
      timeline: timelineOf(row),
    };
  });
}

/** What happened, oldest first; what was held is said even when it was nothing, for that is the news. Pure. */
export function timelineOf(row: store.ClaimRow): ClaimEvent[] {
  const events: ClaimEvent[] = [
    { at: row.madeAt, code: 'claimed', amount: row.amount, reason: row.reason },
    { at: row.madeAt, code: 'held', amount: row.held },
  ];
  const at = row.endedAt;
  if (at === null) return events;
  if (row.state === 'refused') events.push({ at, code: 'refused', ...(row.answer ? { reason: row.answer } : {}) });
  if (row.state === 'lapsed' || row.state === 'withdrawn') events.push({ at, code: row.state });
  if (row.given > 0) {
    events.push({ at, code: 'returned', amount: row.given, ...(row.answer ? { reason: row.answer } : {}) });
  }
  const released = row.held - Math.min(row.held, row.given);
  if (released > 0) events.push({ at, code: 'released', amount: released });
  return events;
}
