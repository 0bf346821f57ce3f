/** What goes wrong: on the way of an upload, in the middle of a transaction, and in mutants of the house that must be found. */
import type { Allowances } from '#server/allowance/allowance.ts';
import type { Ledger, Transfer } from '#server/ledger/ledger.ts';
import type { Database } from '#server/platform/database.ts';
import type { MarketOptions } from '#tests/kit/market.ts';
import type { Chance } from '#tests/simulation/chance.ts';

/** What happens to one upload. */
export type Road =
  | 'good'
  | 'lost'
  | 'doubled'
  | 'reordered'
  | 'truncated'
  | 'answer-lost'
  | 'crash-before'
  | 'crash-after';

const ROADS: readonly (readonly [Road, number])[] = [
  ['good', 50],
  ['lost', 8],
  ['doubled', 10],
  ['reordered', 10],
  ['truncated', 6],
  ['answer-lost', 6],
  ['crash-before', 5],
  ['crash-after', 5],
];

/** The road of the next upload. */
export function drawRoad(chance: Chance): Road {
  let left = chance.below(100);
  for (const [road, weight] of ROADS) {
    if (left < weight) return road;
    left -= weight;
  }
  return 'good';
}

/** Thrown where the process would have died. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

/** A database that dies when told to: before the commit (nothing is kept) or after it (nobody hears of it). */
export interface Mortal {
  readonly database: Database;
  crashNext: 'before' | 'after' | undefined;
}

/** `database`, made mortal. Transactions that write nothing count as well: a crash picks its moment blindly. */
export function mortal(database: Database): Mortal {
  const self: Mortal = {
    crashNext: undefined,
    database: {
      kind: database.kind,
      query: (text, values) => database.query(text, values),
      probe: () => database.probe(),
      close: () => database.close(),
      async transaction(work) {
        const when = self.crashNext;
        self.crashNext = undefined;
        const answer = await database.transaction(async (tx) => {
          const value = await work(tx);
          if (when === 'before') throw new Crash('the process died before its commit');
          return value;
        });
        if (when === 'after') throw new Crash('the process died after its commit');
        return answer;
      },
    },
  };
  return self;
}

type Tamper = NonNullable<MarketOptions['tamper']>;

/** Houses with one mistake each. Every one must be found by the simulation. */
export const MUTANTS: Readonly<Record<string, Tamper>> = {
  'counts a claim twice': { ledger: (ledger) => onClaims(ledger, (unit) => [...unit, ...unit.map(again)]) },
  'pays the payer instead of the payee': {
    ledger: (ledger) =>
      onClaims(ledger, (unit) => unit.map((one) => ({ ...one, moves: one.moves.map(backToPayer(one)) }))),
  },
  'pays one fen less': {
    ledger: (ledger) =>
      onClaims(ledger, (unit) =>
        unit.map((one) => ({
          ...one,
          moves: one.moves.map((move) => ({
            ...move,
            amount: { ...move.amount, minor: Math.max(1, move.amount.minor - 1) },
          })),
        })),
      ),
  },
  'says a claim was posted and forgets it': {
    ledger: (ledger) => ({
      ...ledger,
      postWithin: async (tx, units) => {
        const kept = units.filter((unit) => unit[0]?.kind !== 'claim');
        const answers = [...(await ledger.postWithin(tx, kept))];
        return units.map((unit) =>
          unit[0]?.kind === 'claim'
            ? { ok: true, value: { cursor: 1, cursors: {}, fresh: true } }
            : (answers.shift() as never),
        );
      },
    }),
  },
  'does not stop a cheat': { allowances: (allowances) => ({ ...allowances, stop: async () => undefined }) },
  'forgets what was taken from a hold': { allowances: (allowances) => forgetful(allowances) },
  'never collects a debt': { payments: (payments) => ({ ...payments, recoverDebts: async () => undefined }) },
  'does not hear a void': {
    payments: (payments) => ({ ...payments, takeReceipts: async (_from, all) => all.map(() => undefined) }),
  },
  'lets nothing ripen': { payments: (payments) => ({ ...payments, ripen: async () => 0 }) },
  'answers a repeat otherwise': {
    payments: (payments) => {
      const seen = new Set<string>();
      return {
        ...payments,
        reconcile: async (uploader, all) =>
          (await payments.reconcile(uploader, all)).map((answer) => {
            const repeated = seen.has(answer.id);
            seen.add(answer.id);
            return repeated ? { ...answer, outcome: 'disputed' as const } : answer;
          }),
      };
    },
  },
};

function onClaims(ledger: Ledger, change: (unit: readonly Transfer[]) => readonly Transfer[]): Ledger {
  const changed = (unit: readonly Transfer[]) => (unit[0]?.kind === 'claim' && unit.length === 1 ? change(unit) : unit);
  return { ...ledger, postWithin: (tx, units) => ledger.postWithin(tx, units.map(changed)) };
}

function again(one: Transfer): Transfer {
  const id = `${one.id.slice(0, -4)}${one.id.slice(-4) === '0000' ? '0001' : '0000'}` as Transfer['id'];
  // The second one comes out of nowhere, as a real double booking would.
  return {
    ...one,
    id,
    moves: one.moves.map((move) => ({
      ...move,
      debit: {
        ...move.credit,
        id: `outside/nowhere/${move.credit.currency}`,
        kind: 'outside',
        owner: 'nowhere',
        normal: 'debit',
        floor: null,
      },
    })),
  };
}

function backToPayer(transfer: Transfer) {
  return (move: Transfer['moves'][number]): Transfer['moves'][number] => {
    const wallet = move.debit.owner;
    if (transfer.kind !== 'claim' || wallet === null) return move;
    return { ...move, credit: { ...move.credit, id: `available/${wallet}/${move.credit.currency}`, owner: wallet } };
  };
}

function forgetful(allowances: Allowances): Allowances {
  return { ...allowances, claim: async () => undefined };
}
