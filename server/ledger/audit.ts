/**
 * Recomputes the whole ledger from its moves and says which row is wrong and by how much.
 * Invariant: it trusts no sum, no order and no seal that it has not made itself.
 */

import { type Account, CHART } from '#server/ledger/chart.ts';
import * as store from '#server/ledger/store.ts';
import { sealOf } from '#server/ledger/transfer.ts';
import type { Database, Sql } from '#server/platform/database.ts';
import { sameBytes } from '#shared/base/bytes.ts';

/** What can be wrong. */
export type AuditCheck =
  | 'journal-gap'
  | 'journal-end'
  | 'seal'
  | 'moves-missing'
  | 'move-orphaned'
  | 'move-account'
  | 'balance'
  | 'floor'
  | 'account'
  | 'trial-balance'
  | 'reversal'
  | 'follower';

/** One wrong row. `row` names it; `off` is by how many minor units (or places) it is wrong, where that can be said. */
export interface Finding {
  readonly check: AuditCheck;
  readonly region: string;
  readonly row: string;
  readonly off: number;
  readonly says: string;
}

/** What was looked at, and everything that is wrong; no findings: the ledger is proved. */
export interface AuditReport {
  readonly regions: number;
  readonly transfers: number;
  readonly moves: number;
  readonly accounts: number;
  readonly findings: readonly Finding[];
}

/** What one region's audit keeps while it reads the journal. */
interface Desk {
  readonly region: string;
  readonly accounts: ReadonlyMap<string, store.AccountRow>;
  readonly sums: Map<string, number>;
  /** Whose money filled a hold or a freeze first: its id names the allowance or claim, so only that move says whose it is. */
  readonly holders: Map<string, string>;
  readonly findings: Finding[];
  last: number;
  transfers: number;
  moves: number;
}

const PAGE = 5_000;

/** Audits every region at one moment; writers may go on meanwhile. */
export async function auditLedger(database: Database): Promise<AuditReport> {
  return database.transaction(async (tx) => {
    await store.freezeView(tx);
    const desks: Desk[] = [];
    for (const end of await store.journalEnds(tx)) desks.push(await auditRegion(tx, end.region, end.cursor));
    return {
      regions: desks.length,
      transfers: desks.reduce((sum, desk) => sum + desk.transfers, 0),
      moves: desks.reduce((sum, desk) => sum + desk.moves, 0),
      accounts: desks.reduce((sum, desk) => sum + desk.accounts.size, 0),
      findings: desks.flatMap((desk) => desk.findings),
    };
  });
}

async function auditRegion(tx: Sql, region: string, end: number): Promise<Desk> {
  const rows = await store.auditAccounts(tx, region);
  const accounts = new Map(rows.map((row) => [row.id, row]));
  const empty = { sums: new Map(), holders: new Map(), findings: [], last: 0, transfers: 0, moves: 0 };
  const desk: Desk = { region, accounts, ...empty };
  for (let full = true; full; ) {
    const transfers = await store.auditTransfers(tx, region, desk.last, PAGE);
    full = transfers.length === PAGE;
    const moves = await store.auditMoves(tx, region, desk.last, full ? (transfers.at(-1)?.cursor ?? null) : null);
    readPage(desk, transfers, moves);
    await checkReversals(tx, desk, transfers);
  }
  if (desk.last !== end) {
    find(
      desk,
      'journal-end',
      `journal end of ${region}`,
      end - desk.last,
      `says ${end}, the last transfer is ${desk.last}`,
    );
  }
  checkAccounts(desk);
  checkTrialBalance(desk);
  for (const follower of await store.auditFollowers(tx, region)) {
    if (follower.cursor < 0 || follower.cursor > end) {
      find(
        desk,
        'follower',
        `follower ${follower.name}`,
        follower.cursor - end,
        `stands at ${follower.cursor} of ${end}`,
      );
    }
  }
  return desk;
}

function find(desk: Desk, check: AuditCheck, row: string, off: number, says: string): void {
  desk.findings.push({ check, region: desk.region, row, off, says });
}

function readPage(desk: Desk, transfers: readonly store.AuditTransfer[], moves: readonly store.AuditMove[]): void {
  const byCursor = Map.groupBy(moves, (move) => move.cursor);
  for (const transfer of transfers) {
    const row = `transfer ${transfer.id} at ${transfer.cursor}`;
    if (transfer.cursor !== desk.last + 1) {
      find(desk, 'journal-gap', row, transfer.cursor - desk.last - 1, `follows ${desk.last}`);
    }
    const own = byCursor.get(transfer.cursor) ?? [];
    byCursor.delete(transfer.cursor);
    if (own.length === 0) find(desk, 'moves-missing', row, 0, 'has no moves');
    else if (!sameBytes(sealOf({ ...transfer, moves: own }), transfer.seal)) {
      const total = own.reduce((sum, move) => sum + move.amount, 0);
      find(desk, 'seal', row, 0, `does not match its seal (${own.length} moves, ${total} in sum)`);
    }
    desk.last = transfer.cursor;
  }
  for (const [cursor, own] of byCursor) {
    const total = own.reduce((sum, move) => sum + move.amount, 0);
    find(desk, 'move-orphaned', `moves at ${cursor}`, total, 'belong to no transfer');
  }
  for (const move of moves) bookMove(desk, move);
  desk.transfers += transfers.length;
  desk.moves += moves.length;
}

function bookMove(desk: Desk, move: store.AuditMove): void {
  for (const side of ['debit', 'credit'] as const) {
    const account = desk.accounts.get(move[side]);
    const row = `move ${move.cursor}/${move.line}`;
    if (!account) find(desk, 'move-account', row, move.amount, `names ${move[side]}, which does not exist`);
    else if (account.currency !== move.currency) {
      find(desk, 'move-account', row, move.amount, `puts ${move.currency} into ${account.id} of ${account.currency}`);
    }
    // The sum is kept debit-positive, so that an account's own idea of its side is not trusted either.
    desk.sums.set(move[side], (desk.sums.get(move[side]) ?? 0) + (side === 'debit' ? move.amount : -move.amount));
  }
  const [filled, [from, holder = '']] = [move.credit, move.debit.split('/')];
  if (isNamedByAct(filled) && from === 'available' && !desk.holders.has(filled)) desk.holders.set(filled, holder);
}

async function checkReversals(tx: Sql, desk: Desk, transfers: readonly store.AuditTransfer[]): Promise<void> {
  const reversing = transfers.flatMap(({ id, cursor, reverses }) => (reverses ? [{ id, cursor, reverses }] : []));
  if (reversing.length === 0) return;
  const originals = await store.knownTransfers(
    tx,
    reversing.map((one) => ({ region: desk.region, id: one.reverses })),
  );
  const cursors = new Map(originals.map((one) => [one.id, one.cursor]));
  for (const { id, cursor, reverses } of reversing) {
    const original = cursors.get(reverses);
    if (original === undefined || original >= cursor) {
      find(
        desk,
        'reversal',
        `transfer ${id} at ${cursor}`,
        0,
        `takes back ${reverses}, which does not stand before it`,
      );
    }
  }
}

function checkAccounts(desk: Desk): void {
  for (const account of desk.accounts.values()) {
    const row = `account ${account.id}`;
    const fault = chartFault(account, desk.holders.get(account.id));
    if (fault) find(desk, 'account', row, account.balance, fault);
    const debit = desk.sums.get(account.id) ?? 0;
    const expected = debit === 0 ? 0 : normalOf(account) === 'debit' ? debit : -debit;
    if (account.balance !== expected) {
      find(desk, 'balance', row, account.balance - expected, `holds ${account.balance}, its moves say ${expected}`);
    }
    const floor = CHART[account.kind]?.floor ?? account.floor;
    if (floor !== null && account.balance < floor) {
      find(desk, 'floor', row, floor - account.balance, `holds ${account.balance}, below its floor ${floor}`);
    }
  }
}

/** Whether an account is called by what it was opened for, an allowance or a claim, and not by its owner. */
function isNamedByAct(id: string): boolean {
  return id.startsWith('hold/') || id.startsWith('frozen/');
}

/** The side an account's id says it has. */
function normalOf(account: Account): 'debit' | 'credit' {
  const kind = account.id.split('/')[0] ?? '';
  return Object.entries(CHART).find(([name]) => name === kind)?.[1].normal ?? account.normal;
}

function chartFault(account: Account, holder: string | undefined): string | undefined {
  const [kind, named, currency] = account.id.split('/');
  const made = CHART[account.kind];
  if (!made || kind !== account.kind) return `is called ${account.kind}`;
  if (currency !== account.currency) return `is kept in ${account.currency}`;
  if (made.normal !== account.normal) return `grows on the ${account.normal} side`;
  if (made.floor !== account.floor) return `has the floor ${account.floor}, its kind ${made.floor}`;
  if (made.owned !== (account.owner !== null)) return made.owned ? 'has lost its owner' : `belongs to ${account.owner}`;
  const owner = isNamedByAct(account.id) ? (holder ?? account.owner) : named;
  if (made.owned && account.owner !== owner) return `belongs to ${account.owner}`;
  return undefined;
}

function checkTrialBalance(desk: Desk): void {
  const sums = new Map<string, number>();
  for (const account of desk.accounts.values()) {
    const signed = normalOf(account) === 'debit' ? account.balance : -account.balance;
    sums.set(account.currency, (sums.get(account.currency) ?? 0) + signed);
  }
  for (const [currency, sum] of sums) {
    if (sum !== 0) find(desk, 'trial-balance', `all accounts in ${currency}`, sum, `sum to ${sum} instead of zero`);
  }
}
