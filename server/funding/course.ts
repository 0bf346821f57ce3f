/**
 * The course of money in or out after it was kept: asked for outside any transaction, then heard of until its last word.
 * Invariant: a settled top-up has one transfer in the ledger, a withdrawal one from its first moment; one that ended
 * without the money where it should be has had it taken back, once, whatever was lost, doubled or killed.
 */
import type { Order, Word } from '#server/funding/channel.ts';
import { feeIdOf, returnIdOf } from '#server/funding/names.ts';
import { type FundingNeeds, USUAL_TEMPO } from '#server/funding/needs.ts';
import { type Happening, stepOf } from '#server/funding/steps.ts';
import * as store from '#server/funding/store.ts';
import { available, feeIncome, outside } from '#server/ledger/chart.ts';
import type { Move, Transfer } from '#server/ledger/ledger.ts';
import type { Sql } from '#server/platform/database.ts';
import { Undone } from '#server/platform/undone.ts';
import { isFinal } from '#shared/api/funding.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import type { Id } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { after, duration, type Instant } from '#shared/base/time.ts';
import { money } from '#shared/money/money.ts';

/** One look at an act: ask when it was never asked, else query; ask again when the provider never heard of it. */
export async function pursue(needs: FundingNeeds, region: string, id: Id): Promise<void> {
  const claimed = await claim(needs, region, id);
  if (!claimed) return;
  const { order, first, look } = claimed;
  const door = needs.channels[claimed.channel];
  let word = first ? await door.ask(order) : await door.query(order);
  if (word.says === 'absent') {
    await hear(needs, region, id, { says: 'absent' }, look);
    const mayAsk = await hear(needs, region, id, 'ask', look);
    if (!mayAsk.ok || !mayAsk.value) return;
    word = await door.ask(order);
  }
  await hear(needs, region, id, word, look);
}

/** Asks the provider again about an act that has had its last word: a statement said something else. */
export async function askAgain(needs: FundingNeeds, row: store.Row): Promise<void> {
  const word = await needs.channels[row.channel].query(await orderOf(needs.database, row));
  if (word.says === 'returned') await hear(needs, row.region, row.id, word);
}

/** Takes a due act for one look, so that no other process looks at the same time; undefined when it is not due. */
function claim(
  needs: FundingNeeds,
  region: string,
  id: Id,
): Promise<{ order: Order; channel: store.Row['channel']; first: boolean; look: number } | undefined> {
  const { lease } = needs.tempo ?? USUAL_TEMPO;
  return needs.database.transaction(async (tx) => {
    const row = await store.readRow(tx, region, id, true);
    const now = needs.clock();
    if (!row || row.nextAt === null || row.nextAt > now) return undefined;
    const first = row.state === 'started';
    const state = first ? 'asked' : row.state;
    const look = row.tries + 1;
    await store.updateRow(tx, { ...row, state, tries: look, nextAt: after(now, lease) });
    return { order: await orderOf(tx, row), channel: row.channel, first, look };
  });
}

async function orderOf(tx: Sql, row: store.Row): Promise<Order> {
  const card = row.card === null ? undefined : await store.readCard(tx, row.region, row.card);
  return { ...row, token: card?.token ?? null };
}

/**
 * Books what happened; true when it was a legal step. Whatever it means for the money is posted in the same transaction.
 * Refuses `funding.spent` when a top-up is to be taken back and the wallet does not have it any more.
 * `look`: which look the word answers. Once another has begun it is too late, for that one may have undone what was done.
 */
export async function hear(
  needs: FundingNeeds,
  region: string,
  id: Id,
  word: Word | 'ask',
  look?: number,
): Promise<Result<boolean, Refusal>> {
  const happening: Happening = word === 'ask' ? 'ask' : word.says;
  try {
    const legal = await needs.database.transaction(async (tx) => {
      const row = await store.readRow(tx, region, id, true);
      assert(row !== undefined, `nothing called ${id} in ${region}`);
      if (look !== undefined && look !== row.tries) return false;
      const state = stepOf(row.state, happening);
      if (state === undefined) {
        tellContradiction(needs, row, happening);
        return false;
      }
      const now = needs.clock();
      const next: store.Row = {
        ...row,
        ...errandOf(word, state),
        state,
        reason: word !== 'ask' && 'reason' in word ? word.reason : null,
        changedAt: state === row.state ? row.changedAt : now,
        nextAt: nextLook(needs, row, happening, state),
      };
      await store.updateRow(tx, next);
      if (isFinal(state)) await book(needs, tx, row, next);
      return true;
    });
    return ok(legal);
  } catch (error) {
    if (!(error instanceof Undone)) throw error;
    needs.log.warn({ region, funding: id, code: error.refusal.code }, 'a top-up could not be taken back');
    return refuse(error.refusal);
  }
}

/** What the person has to do is told while it waits for them, and gone with the last word. */
function errandOf(word: Word | 'ask', state: store.Row['state']): Partial<store.Row> {
  if (isFinal(state)) return { page: null, code: null, until: null };
  return word !== 'ask' && word.says === 'pending' && word.errand ? word.errand : {};
}

/** A word that cannot be true beside the last one. That what was returned had been settled is none. */
function tellContradiction(needs: FundingNeeds, row: store.Row, happening: Happening): void {
  const isWord = happening === 'settled' || happening === 'declined' || happening === 'returned';
  const agrees = happening === row.state || (row.state === 'returned' && happening === 'settled');
  if (!isFinal(row.state) || !isWord || agrees) return;
  const { region, id, state } = row;
  needs.log.warn({ region, funding: id, state, happening }, 'a provider contradicts itself');
}

function nextLook(
  needs: FundingNeeds,
  row: store.Row,
  happening: Happening,
  state: store.Row['state'],
): Instant | null {
  if (isFinal(state)) return null;
  const { first, most, lease } = needs.tempo ?? USUAL_TEMPO;
  if (happening === 'ask' || happening === 'absent') return after(needs.clock(), lease);
  const pause = Math.min(most, first * 2 ** Math.min(Math.max(row.tries - 1, 0), 20));
  return after(needs.clock(), duration(pause, 'ms'));
}

/** What the last word means for the money: a top-up arrives when it settles, a withdrawal comes back when it does not. */
async function book(needs: FundingNeeds, tx: Sql, before: store.Row, row: store.Row): Promise<void> {
  if (row.state === 'settled') {
    if (row.way === 'in') await payIn(needs, tx, row);
    return;
  }
  await store.giveBackDay(tx, row, row.amount);
  if (row.way === 'out') {
    await store.useFree(tx, row, -row.free);
    await takeBack(needs, tx, row, row.reference, 'withdrawal');
    if (row.fee > 0) await takeBack(needs, tx, row, feeIdOf(row.reference), 'fee');
  } else if (before.state === 'settled') {
    await takeBack(needs, tx, row, row.reference, 'top-up');
  }
}

async function payIn(needs: FundingNeeds, tx: Sql, row: store.Row): Promise<void> {
  const { region, currency } = row;
  const source = outside(region, row.channel, currency);
  const arriving: Move = {
    debit: source,
    credit: available(region, row.wallet, currency),
    amount: money(row.amount - row.fee, currency),
  };
  const fee: Move = { debit: source, credit: feeIncome(region, currency), amount: money(row.fee, currency) };
  const transfer: Transfer = {
    region,
    id: row.reference,
    kind: 'top-up',
    moves: row.fee > 0 ? [arriving, fee] : [arriving],
    at: row.changedAt,
    about: { funding: row.id, channel: row.channel },
  };
  const [posted] = await needs.ledger.postWithin(tx, [[transfer]]);
  assert(posted?.ok === true, `the ledger would not take top-up ${row.id}`);
}

/** Takes a withdrawal and its fee out of the wallet, in the transaction that keeps it; undoes it when there is not enough. */
export async function payOut(needs: FundingNeeds, tx: Sql, row: store.Row): Promise<void> {
  const { region, currency, reference } = row;
  const wallet = available(region, row.wallet, currency);
  const part = (id: Id, kind: 'withdraw' | 'fee', credit: Move['credit'], minor: number): Transfer => ({
    ...{ region, id, kind, moves: [{ debit: wallet, credit, amount: money(minor, currency) }] },
    ...{ at: row.startedAt, about: { funding: row.id, channel: row.channel } },
  });
  const unit = [part(reference, 'withdraw', outside(region, row.channel, currency), row.amount)];
  if (row.fee > 0) unit.push(part(feeIdOf(reference), 'fee', feeIncome(region, currency), row.fee));
  const [posted] = await needs.ledger.postWithin(tx, [unit]);
  if (!posted?.ok) throw new Undone(posted?.error ?? { code: 'house.fault' });
}

async function takeBack(
  needs: FundingNeeds,
  tx: Sql,
  row: store.Row,
  original: Id,
  was: 'top-up' | 'withdrawal' | 'fee',
): Promise<void> {
  const { region, id, channel, reason } = row;
  const about = { funding: id, channel, was, reason: reason ?? 'MS03' };
  const reversal = { region, original, id: returnIdOf(original), at: row.changedAt, about };
  const taken = await needs.ledger.reverse(reversal, tx);
  if (taken.ok) return;
  // A withdrawal's money lies with the house until it is given back; only a wallet can have spent what is asked of it.
  assert(row.way === 'in' && taken.error.code === 'ledger.insufficient', `${original} could not be taken back`);
  throw new Undone({ code: 'funding.spent' });
}
