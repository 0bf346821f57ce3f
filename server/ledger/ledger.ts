/**
 * The only truth about money: transfers are posted here, once each, and never changed.
 * Invariant: per region and currency all accounts sum to zero; a balance is the sum of its moves and never below its
 * floor; each region's journal has no gaps.
 */

import type { Account, AccountKind } from '#server/ledger/chart.ts';
import { openPosting, type Posted } from '#server/ledger/post.ts';
import { openRecall, type Recall } from '#server/ledger/recall.ts';
import * as store from '#server/ledger/store.ts';
import type { About, Transfer, TransferKind } from '#server/ledger/transfer.ts';
import { findTogether } from '#server/platform/batch.ts';
import type { Database, Sql } from '#server/platform/database.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import type { Id } from '#shared/base/id.ts';
import { type Result, refuse } from '#shared/base/result.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import { money } from '#shared/money/money.ts';

export type { Account, AccountKind } from '#server/ledger/chart.ts';
export type { Posted } from '#server/ledger/post.ts';
export type { JournalSide } from '#server/ledger/store.ts';
export type { About, Move, Transfer, TransferKind } from '#server/ledger/transfer.ts';

/** A transfer as it stands in the journal of `region` at place `cursor`. */
export interface JournalTransfer {
  readonly region: string;
  readonly cursor: number;
  readonly id: Id;
  readonly kind: TransferKind;
  readonly at: Instant;
  readonly about: About;
  readonly reverses: Id | null;
  readonly moves: readonly store.JournalMove[];
}

/** One account of a wallet; `balance` in minor units, in the sense of its normal side. */
export interface WalletAccount {
  readonly id: string;
  readonly kind: AccountKind;
  readonly currency: Currency;
  readonly balance: number;
}

/** What to take back: the transfer `original`, by a new transfer `id`. */
export interface Reversal {
  readonly region: string;
  readonly original: Id;
  readonly id: Id;
  readonly at: Instant;
  readonly about?: About;
}

/** Posts and reads. Refusals: `ledger.insufficient`, `ledger.id-reused`, `ledger.reversed`, `ledger.unknown`. */
export interface Ledger {
  /** Posts one unit, all or nothing, in its own transaction, together with whatever else waits. Safe to repeat. */
  post(unit: readonly Transfer[]): Promise<Result<Posted, Refusal>>;
  /**
   * Posts units inside a door's transaction, in order; a refused unit does not spoil the others.
   * Holds the journal of each touched region until the transaction ends: call it late.
   */
  postWithin(tx: Sql, units: readonly (readonly Transfer[])[]): Promise<Result<Posted, Refusal>[]>;
  /** Balances in minor units, in the sense of each normal side; an account that never moved has 0. */
  balances(region: string, accounts: readonly Account[], tx?: Sql): Promise<number[]>;
  /** Every account the wallet ever had in `region`. */
  walletAccounts(region: string, wallet: Id, tx?: Sql): Promise<WalletAccount[]>;
  /** How many transfers each reader of the journal is behind its end. */
  lag(): Promise<{ region: string; name: string; behind: number }[]>;
  /** At most `limit` transfers after cursor `after`, in order and without gaps. */
  journal(region: string, after: number, limit: number, tx?: Sql): Promise<JournalTransfer[]>;
  /** The transfer `id`, or undefined when there is none. */
  find(region: string, id: Id, tx?: Sql): Promise<JournalTransfer | undefined>;
  /** Takes a transfer back by a new one with the sides exchanged; a second one for the same transfer is refused. */
  reverse(reversal: Reversal, tx?: Sql): Promise<Result<Posted, Refusal>>;
}

/** Opens the ledger on a migrated database. */
export function openLedger(deps: { readonly database: Database }): Ledger {
  const { database } = deps;
  const recall = openRecall();
  const posting = openPosting(database, recall);
  const findAccounts = findTogether(
    (owners: readonly { readonly region: string; readonly wallet: Id }[]) => store.accountsOf(database, owners),
    { nameOf: ({ region, wallet }) => `${region} ${wallet}`, keyOf: ({ region, owner }) => `${region} ${owner}` },
  );

  const find = async (region: string, id: Id, tx: Sql = database) => {
    const row = await store.journalEntry(tx, region, id);
    return row ? toJournalTransfer(region, row) : undefined;
  };

  return {
    post: posting.post,
    postWithin: posting.postWithin,
    async balances(region, accounts, tx = database) {
      const rows = await store.accounts(tx, accounts);
      const found = new Map(rows.map((row) => [row.id, row.balance]));
      return accounts.map((account) => {
        assert(account.region === region, `${account.id} is not of ${region}`);
        return found.get(account.id) ?? 0;
      });
    },
    async walletAccounts(region, wallet, tx) {
      const owner = { region, wallet };
      const rows = await (tx ? store.accountsOf(tx, [owner]) : findAccounts(owner));
      return rows.map(({ id, kind, currency, balance }) => ({ id, kind, currency, balance }));
    },
    lag: () => store.followerLag(database),
    journal: (region, after, limit, tx = database) => readJournal(tx, recall, region, after, limit),
    find,
    async reverse(reversal, tx) {
      const transfer = await reversalOf(tx ?? database, reversal);
      if (!transfer) return refuse({ code: 'ledger.unknown' });
      if (!tx) return posting.post([transfer]);
      const [answer] = await posting.postWithin(tx, [[transfer]]);
      assert(answer !== undefined, 'one unit, one answer');
      return answer;
    },
  };
}

/**
 * The journal says which transfers there are and in which order; what they say, memory knows of those posted here
 * lately. It goes by the seal that stands in the journal: what was never committed has none there and is never told.
 */
async function readJournal(
  tx: Sql,
  recall: Recall,
  region: string,
  after: number,
  limit: number,
): Promise<JournalTransfer[]> {
  const seals = await store.journalSeals(tx, region, after, limit);
  const transfers: JournalTransfer[] = [];
  const missing: number[] = [];
  seals.forEach((seal, at) => {
    const transfer = recall.find(region, after + at + 1, seal);
    if (transfer === undefined) missing.push(after + at + 1);
    else transfers.push(postedTransfer(after + at + 1, transfer));
  });
  if (missing.length === 0) return transfers;
  for (const row of await store.journalAt(tx, region, missing)) transfers.push(toJournalTransfer(region, row));
  return transfers.sort((left, right) => left.cursor - right.cursor);
}

async function reversalOf(tx: Sql, reversal: Reversal): Promise<Transfer | undefined> {
  const original = await store.journalEntry(tx, reversal.region, reversal.original);
  if (!original) return undefined;
  const sides = original.moves.flatMap((move) => [move.debit, move.credit]);
  const rows = await store.accounts(
    tx,
    sides.map((side) => ({ region: reversal.region, id: side.id })),
  );
  const byId = new Map<string, Account>(rows.map(({ balance: _balance, ...account }) => [account.id, account]));
  const accountOf = (side: store.JournalSide) => {
    const account = byId.get(side.id);
    assert(account !== undefined, `${side.id} stands in the journal but is no account`);
    return account;
  };
  return {
    region: reversal.region,
    id: reversal.id,
    kind: 'reverse',
    at: reversal.at,
    reverses: reversal.original,
    ...(reversal.about ? { about: reversal.about } : {}),
    moves: original.moves.map((move) => ({
      debit: accountOf(move.credit),
      credit: accountOf(move.debit),
      amount: money(move.amount, move.currency),
    })),
  };
}

function toJournalTransfer(region: string, row: store.JournalRow): JournalTransfer {
  return {
    region,
    cursor: row.cursor,
    id: row.id as Id,
    kind: row.kind as TransferKind,
    at: row.at as Instant,
    about: row.about ?? {},
    reverses: row.reverses as Id | null,
    moves: row.moves,
  };
}

function postedTransfer(cursor: number, transfer: Transfer): JournalTransfer {
  const { region, id, kind, at, about = {}, reverses = null } = transfer;
  const moves = transfer.moves.map(({ debit, credit, amount }) => ({
    debit: sideOf(debit),
    credit: sideOf(credit),
    amount: amount.minor,
    currency: amount.currency,
  }));
  return { region, cursor, id, kind, at, about, reverses, moves };
}

function sideOf({ id, kind, owner }: Account): store.JournalSide {
  return { id, kind, owner };
}
