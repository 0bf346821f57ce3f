/** What goes wrong: on the way of an upload, in the middle of a transaction, and in mutants of the house that must be found. */
import type { Allowances } from '#server/allowance/allowance.ts';
import type { Ledger, Move, Transfer } from '#server/ledger/ledger.ts';
import type { Database } from '#server/platform/database.ts';
import type { PaymentAnswer } from '#shared/api/sync.ts';
import type { Id } from '#shared/base/id.ts';
import { ok } from '#shared/base/result.ts';
import type { Duration } from '#shared/base/time.ts';
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

/** What every phone of a world does wrong. */
export type BadHabit = 'payee forgets' | 'payer forgets' | 'drops what was lost' | 'never asks again';

/** One planted mistake: in the house, in what its regions allow, or in the phones. */
export interface Mutant {
  readonly tamper?: Tamper;
  readonly policy?: NonNullable<MarketOptions['policy']>;
  readonly habit?: BadHabit;
}

/** A house whose `kind` of transfers are changed before they are posted. */
function posting(kind: Transfer['kind'], change: (unit: readonly Transfer[]) => readonly Transfer[]): Tamper {
  return {
    ledger: (ledger) => ({
      ...ledger,
      postWithin: (tx, units) =>
        ledger.postWithin(
          tx,
          units.map((unit) => (unit[0]?.kind === kind ? change(unit) : unit)),
        ),
    }),
  };
}

/** The moves of a unit changed one by one; a move that becomes undefined is left out. */
function moving(unit: readonly Transfer[], change: (move: Move) => Move | undefined): readonly Transfer[] {
  return unit.map((one) => ({ ...one, moves: one.moves.flatMap((move) => change(move) ?? []) }));
}

/** The same account of a wallet, but of another kind. */
function asAvailable(account: Move['credit']): Move['credit'] {
  return { ...account, id: account.id.replace(/^arriving/, 'available'), kind: 'available' };
}

function answering(change: (answer: PaymentAnswer, at: number, all: number) => PaymentAnswer): Tamper {
  return {
    payments: (payments) => ({
      ...payments,
      reconcile: async (uploader, all) =>
        (await payments.reconcile(uploader, all)).map((answer, at) => change(answer, at, all.length)),
    }),
  };
}

/** Houses with one mistake each. */
const HOUSES: Readonly<Record<string, Tamper>> = {
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
  'books only one side of a payment between regions': posting('claim', (unit) => unit.slice(0, 1)),
  'makes the guarantee spendable at once': posting('shortfall', (unit) =>
    moving(unit, (move) => (move.credit.kind === 'arriving' ? { ...move, credit: asAvailable(move.credit) } : move)),
  ),
  'lets the fund pay without a debt': posting('shortfall', (unit) =>
    moving(unit, (move) => (move.debit.kind === 'receivable' ? undefined : move)),
  ),
  'takes a void from the payee and gives it to nobody': posting('reverse', (unit) =>
    moving(unit, (move) => ({ ...move, credit: nowhere(move) })),
  ),
  'collects half of a debt': posting('recover', (unit) =>
    moving(unit, (move) => ({ ...move, amount: { ...move.amount, minor: Math.ceil(move.amount.minor / 2) } })),
  ),
  'returns a fen too little when an allowance is closed': posting('close', (unit) =>
    moving(unit, (move) =>
      move.amount.minor > 1 ? { ...move, amount: { ...move.amount, minor: move.amount.minor - 1 } } : move,
    ),
  ),
  'swaps the payees of two payments that come together': {
    ledger: (ledger) => ({ ...ledger, postWithin: (tx, units) => ledger.postWithin(tx, swapped(units)) }),
  },
  'forgets a closing': {
    allowances: (allowances) => ({ ...allowances, close: async (closings) => closings.map(() => ok('' as Id)) }),
  },
  'never releases what is left': { allowances: (allowances) => ({ ...allowances, releaseDue: async () => 0 }) },
  'loses the last payment of an upload': {
    payments: (payments) => ({
      ...payments,
      reconcile: async (uploader, all) => {
        const answers = await payments.reconcile(uploader, all.length > 1 ? all.slice(0, -1) : all);
        return all.map((_, at) => answers[at] ?? { id: '', outcome: 'settled' });
      },
    }),
  },
  'calls half a payment settled': answering((answer) =>
    answer.code?.startsWith('message.') ? { id: answer.id, outcome: 'settled' } : answer,
  ),
  'mixes up the answers of an upload': {
    payments: (payments) => ({
      ...payments,
      reconcile: async (uploader, all) => (await payments.reconcile(uploader, all)).toReversed(),
    }),
  },
  'promises at once what only arrives': answering((answer) =>
    answer.outcome === 'arriving' ? { ...answer, outcome: 'settled' } : answer,
  ),
  'tells every bill as settled': {
    bills: (bills) => ({
      ...bills,
      feed: async (owner, after, limit) => {
        const page = await bills.feed(owner, after, limit);
        return { ...page, bills: page.bills.map((bill) => ({ ...bill, state: 'settled' as const })) };
      },
    }),
  },
  'leaves a bill out': {
    bills: (bills) => ({
      ...bills,
      feed: async (owner, after, limit) => {
        const page = await bills.feed(owner, after, limit);
        return { ...page, bills: page.bills.filter((bill) => bill.sequence % 9 !== 8) };
      },
    }),
  },
  'publishes no settled claims': { payments: (payments) => ({ ...payments, sealClaims: async () => undefined }) },
};

/** All planted mistakes. Every one must be found by the simulation. */
export const MUTANTS: Readonly<Record<string, Mutant>> = {
  ...Object.fromEntries(Object.entries(HOUSES).map(([name, tamper]) => [`a house that ${name}`, { tamper }])),
  'a fund that pays nobody': { policy: { guaranteeEpochAge: 1 as Duration } },
  'a fund that pays whoever never looked at the lists': { policy: { guaranteeEpochAge: (10 ** 12) as Duration } },
  'a phone that forgets what it took': { habit: 'payee forgets' },
  'a phone that forgets what it paid': { habit: 'payer forgets' },
  'a phone that drops what was lost on the way': { habit: 'drops what was lost' },
  'a phone that does not ask again when nobody answered': { habit: 'never asks again' },
};

function nowhere(move: Move): Move['credit'] {
  const { currency } = move.credit;
  return {
    ...move.credit,
    id: `outside/nowhere/${currency}`,
    kind: 'outside',
    owner: 'nowhere',
    normal: 'debit',
    floor: null,
  };
}

/** The first two claims of one batch inside one region, each crediting the other's payee. */
function swapped(units: readonly (readonly Transfer[])[]): readonly (readonly Transfer[])[] {
  const plain = units.flatMap((unit, at) => (unit.length === 1 && unit[0]?.kind === 'claim' ? [at] : []));
  const [first, second] = plain;
  const [left, right] = [units[first ?? -1]?.[0], units[second ?? -1]?.[0]];
  const [to, from] = [left?.moves[0]?.credit, right?.moves[0]?.credit];
  if (!left || !right || !to || !from || left.region !== right.region || to.id === from.id) return units;
  const crediting = (one: Transfer, credit: Move['credit']) => moving([one], (move) => ({ ...move, credit }));
  return units.map((unit, at) => (at === first ? crediting(left, from) : at === second ? crediting(right, to) : unit));
}

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
