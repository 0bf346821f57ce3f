/**
 * How units get into the journal. The quick road writes all that waits for a region in one statement; when that statement
 * meets a broken floor, a known id or a race, or a unit is of several regions, the sure road holds their journals and
 * decides unit by unit, in order. Inside a door's transaction the journals are held first, and the same statement is tried
 * in each before deciding one by one.
 * Invariant: a unit is written wholly or not at all, and exactly once for its ids.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Account } from '#server/ledger/chart.ts';
import type { Recall } from '#server/ledger/recall.ts';
import * as store from '#server/ledger/store.ts';
import { asSealed, assertWellFormed, sealOf, type Transfer } from '#server/ledger/transfer.ts';
import { gather } from '#server/platform/batch.ts';
import { type Database, type Sql, sqlState, Unavailable } from '#server/platform/database.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import { sameBytes, toHex } from '#shared/base/bytes.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';

/** Where a unit stands: `cursor` of its last transfer in the first one's region, `cursors` of all regions; `fresh` unless repeated. */
export interface Posted {
  readonly cursor: number;
  readonly cursors: Readonly<Record<string, number>>;
  readonly fresh: boolean;
}

type Unit = readonly Transfer[];
type Answer = Result<Posted, Refusal>;

/** Units at most in one statement: above a thousand the gain is small and everybody waits longer. */
const MOST_UNITS = 1_000;
const ATTEMPTS = 4;

/** The two ways to post of one ledger. */
export interface Posting {
  post(unit: Unit): Promise<Answer>;
  postWithin(tx: Sql, units: readonly Unit[]): Promise<Answer[]>;
}

/** Opens posting on `database`; `recall` is told of everything that may have been written. */
export function openPosting(database: Database, recall: Recall): Posting {
  const desk: Desk = { database, recall };
  const enqueue = gather<Unit, Answer>((units) => postBatch(desk, units), { most: MOST_UNITS });
  return {
    async post(unit) {
      assertUnit(unit);
      return enqueue(unit);
    },
    async postWithin(tx, units) {
      for (const unit of units) assertUnit(unit);
      if (units.length === 0) return [];
      // Made ready first: nobody else posts while the journal is held.
      const draft = draftOf(units);
      await store.holdJournal(tx, [...draft.appends.keys()]);
      return (await postTogether(tx, units, draft, recall)) ?? postSurely(tx, units, recall);
    },
  };
}

interface Desk {
  readonly database: Database;
  readonly recall: Recall;
}

function assertUnit(unit: Unit): void {
  assert(unit.length > 0, 'a unit has at least one transfer');
  for (const transfer of unit) assertWellFormed(transfer);
  assert(unit.length === 1 || new Set(unit.map(keyOf)).size === unit.length, 'a unit names each id once');
}

/** Tries again when the connection broke, even in the middle of a commit: a repeat finds what was written. */
async function postBatch(desk: Desk, units: readonly Unit[]): Promise<Answer[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await postOnce(desk, units);
    } catch (error) {
      const lost = error instanceof Unavailable && error.code === 'house.unreachable';
      if (!lost || attempt === ATTEMPTS) throw error;
      await pause(50 * 2 ** attempt);
    }
  }
}

async function postOnce(desk: Desk, units: readonly Unit[]): Promise<Answer[]> {
  const answers: (Answer | undefined)[] = units.map(() => undefined);
  const quick = await postQuickly(desk, firstOfEachId(units));
  const rest: number[] = [];
  units.forEach((unit, at) => {
    const answer = quick.get(unit);
    if (answer) answers[at] = answer;
    else rest.push(at);
  });
  if (rest.length > 0) {
    const left = rest.map((at) => units[at] ?? []);
    const sure = await desk.database.transaction(async (tx) => {
      await store.holdJournal(tx, [...new Set(left.flat().map((transfer) => transfer.region))]);
      return postSurely(tx, left, desk.recall);
    });
    rest.forEach((at, place) => {
      answers[at] = sure[place];
    });
  }
  return answers.map((answer) => {
    assert(answer !== undefined, 'every unit is answered');
    return answer;
  });
}

/** The units whose ids no earlier unit of the batch has: repeats within one batch are for the sure road. */
function firstOfEachId(units: readonly Unit[]): Unit[] {
  const taken = new Set<string>();
  const first: Unit[] = [];
  for (const unit of units) {
    const keys = unit.flatMap((transfer) =>
      transfer.reverses ? [keyOf(transfer), `reverses ${transfer.reverses}`] : [keyOf(transfer)],
    );
    if (keys.every((key) => !taken.has(key))) first.push(unit);
    for (const key of keys) taken.add(key);
  }
  return first;
}

/** One statement for all units of a region; what it could not write (because of repeats, floors or races) is missing in the answer. */
async function postQuickly(desk: Desk, units: readonly Unit[]): Promise<Map<Unit, Answer>> {
  const done = new Map<Unit, Answer>();
  const regions = Map.groupBy(units, regionOf);
  regions.delete(undefined);
  // Each unit is by itself: regions need not wait for each other.
  await Promise.all([...regions.values()].map((some) => postInRegion(desk, some, done)));
  return done;
}

/** The region of all of a unit; undefined when it is of several. */
function regionOf([first, ...others]: Unit): string | undefined {
  return others.every(({ region }) => region === first?.region) ? first?.region : undefined;
}

async function postInRegion(
  { database, recall }: Desk,
  units: readonly Unit[],
  done: Map<Unit, Answer>,
): Promise<void> {
  let left = units;
  for (let attempt = 0; attempt < 2 && left.length > 0; attempt += 1) {
    const draft = draftOf(left);
    const [what] = draft.appends.values();
    const appended = what && (await orNothing(store.append(database, what)));
    if (!appended) return;
    if (appended.known.length === 0) {
      if (appended.base === undefined) return;
      const bases = new Map([[what.region, appended.base]]);
      remember(recall, draft, bases);
      for (const unit of left)
        done.set(unit, ok(new PostedUnit(unit, (transfer) => placeOf(draft, bases, transfer), true)));
      return;
    }
    const known = new Map(appended.known.map((row) => [keyOf(row), row]));
    for (const unit of left) {
      const answer = answerKnown(unit, known);
      if (answer) done.set(unit, answer);
    }
    left = left.filter((unit) => !done.has(unit));
  }
}

/** Runs `work` so that when it answers undefined, the transaction goes on as if it had never been tried. */
async function attempt<Answer>(tx: Sql, work: () => Promise<Answer | undefined>): Promise<Answer | undefined> {
  await tx.query('savepoint ledger_attempt');
  const answer = await work();
  if (answer === undefined) await tx.query('rollback to savepoint ledger_attempt');
  await tx.query('release savepoint ledger_attempt');
  return answer;
}

/** What was appended; undefined when a known id, a floor or another process stood in the way. */
async function orNothing<Answer>(appending: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await appending;
  } catch (error) {
    if (['23505', '23514', '40001', '40P01'].includes(sqlState(error) ?? '')) return undefined;
    throw error;
  }
}

/** With the journals held: all units in one statement a region when each can be written; undefined, with nothing written, when one cannot. */
async function postTogether(
  tx: Sql,
  units: readonly Unit[],
  draft: Draft,
  recall: Recall,
): Promise<Answer[] | undefined> {
  const bases = await attempt(tx, () => orNothing(appendAll(tx, draft)));
  if (bases === undefined) return undefined;
  remember(recall, draft, bases);
  return units.map((unit) => ok(new PostedUnit(unit, (transfer) => placeOf(draft, bases, transfer), true)));
}

/** Where each region of a draft began; its journals are held. */
async function appendAll(tx: Sql, { appends }: Draft): Promise<Map<string, number>> {
  const bases = new Map<string, number>();
  for (const [region, what] of appends) bases.set(region, await store.appendNew(tx, what));
  return bases;
}

/** With the journal held nobody else posts: what is read here is still so when it is written. */
async function postSurely(tx: Sql, units: readonly Unit[], recall: Recall): Promise<Answer[]> {
  const transfers = units.flat();
  const known = new Map((await store.knownTransfers(tx, transfers)).map((row) => [keyOf(row), row]));
  const state = await readState(tx, transfers);
  const accepted: Unit[] = [];
  const holders = new Map<string, Unit>();
  const decided = units.map((unit): Unit | Answer => {
    const repeat = answerKnown(unit, known);
    if (repeat) return repeat;
    const twin = unit.map((transfer) => holders.get(keyOf(transfer))).find((holder) => holder !== undefined);
    if (twin) return sameUnit(twin, unit) ? twin : refuse({ code: 'ledger.id-reused' });
    const refusal = applyTo(state, unit);
    if (refusal) return refuse(refusal);
    accepted.push(unit);
    for (const transfer of unit) holders.set(keyOf(transfer), unit);
    return unit;
  });
  const draft = draftOf(accepted);
  const bases = await appendAll(tx, draft);
  remember(recall, draft, bases);
  return decided.map((one, at) =>
    isUnit(one) ? ok(new PostedUnit(one, (transfer) => placeOf(draft, bases, transfer), one === units[at])) : one,
  );
}

function isUnit(one: Unit | Answer): one is Unit {
  return Array.isArray(one);
}

/** What stands in the accounts while units are decided one after the other. */
interface State {
  readonly balances: Map<string, number>;
  readonly floors: Map<string, number | null>;
  readonly reversed: Set<string>;
}

async function readState(tx: Sql, transfers: readonly Transfer[]): Promise<State> {
  const named = new Map(accountsIn(transfers).map((account) => [keyOf(account), account]));
  const rows = await store.accounts(tx, [...named.values()]);
  for (const row of rows) {
    const account = named.get(keyOf(row));
    assert(account?.normal === row.normal && account.currency === row.currency, `${row.id} was opened otherwise`);
  }
  const taken = transfers.flatMap(({ region, reverses }) => (reverses ? [{ region, id: reverses }] : []));
  const reversals = await store.knownReversals(tx, taken);
  // The floor an account was opened with stays its floor.
  const floors = [...named.values(), ...rows].map((account) => [keyOf(account), account.floor] as const);
  return {
    balances: new Map(rows.map((row) => [keyOf(row), row.balance])),
    floors: new Map(floors),
    reversed: new Set(reversals.map((row) => keyOf({ region: row.region, id: row.reverses }))),
  };
}

/** Books `unit` in `state`, or says why not and leaves `state` as it was. */
function applyTo(state: State, unit: Unit): Refusal | undefined {
  const reversed = unit.flatMap(({ region, reverses }) => (reverses ? [keyOf({ region, id: reverses })] : []));
  if (reversed.some((key) => state.reversed.has(key)) || new Set(reversed).size < reversed.length) {
    return { code: 'ledger.reversed' };
  }
  const after = new Map<string, number>();
  for (const change of changesOf(unit)) {
    const key = keyOf(change.account);
    const balance = (state.balances.get(key) ?? 0) + change.by;
    const floor = state.floors.get(key) ?? null;
    if (floor !== null && balance < floor) return insufficient(change.account, balance - change.by);
    after.set(key, balance);
  }
  for (const [key, balance] of after) state.balances.set(key, balance);
  for (const key of reversed) state.reversed.add(key);
  return undefined;
}

function insufficient(account: Account, balance: number): Refusal {
  return { code: 'ledger.insufficient', detail: { account: account.kind, currency: account.currency, balance } };
}

interface Change {
  readonly account: Account;
  /** By how much the balance grows, in the sense of the normal side. */
  by: number;
  /** The lowest it stands on the way, looked at after each unit. */
  least: number;
}

/** What one unit does to each account. */
function changesOf(unit: Unit): Change[] {
  const changes = openChanges();
  changes.book(unit);
  return changes.all();
}

interface Draft {
  readonly appends: ReadonlyMap<string, store.Append>;
  /** Each transfer as the row it is written as, in their order. */
  readonly rows: ReadonlyMap<Transfer, store.NewTransfer>;
}

/** What one statement a region has to write for `units`, in their order. */
function draftOf(units: readonly Unit[]): Draft {
  const written = new Map<string, { readonly transfers: store.NewTransfer[]; readonly moves: store.NewMove[] }>();
  const rows = new Map<Transfer, store.NewTransfer>();
  const changes = openChanges();
  for (const unit of units) {
    for (const transfer of unit) {
      const { region } = transfer;
      const own = written.get(region) ?? { transfers: [], moves: [] };
      written.set(region, own);
      const step = own.transfers.length + 1;
      const sealed = asSealed(transfer);
      const seal = sealOf(sealed);
      const { id, kind, at, about, reverses } = sealed;
      const row = { step, id, kind, at, about, reverses, seal };
      own.transfers.push(row);
      rows.set(transfer, row);
      sealed.moves.forEach(({ debit, credit, amount, currency }, line) => {
        own.moves.push({ step, line, debit, credit, amount, currency });
      });
    }
    changes.book(unit);
  }
  const byRegion = Map.groupBy(changes.all(), ({ account }) => account.region);
  const appends = [...written].map(([region, own]): [string, store.Append] => [
    region,
    { region, ...own, changes: byRegion.get(region) ?? [] },
  ]);
  return { appends: new Map(appends), rows };
}

/** Adds up what units do to each account, one unit after the other. */
function openChanges(): { readonly book: (unit: Unit) => void; readonly all: () => Change[] } {
  const byKey = new Map<string, Change>();
  // Most accounts come again as the same object: then their name need not be made and looked up.
  const byAccount = new Map<Account, Change>();
  const of = (account: Account): Change => {
    const known = byAccount.get(account);
    if (known !== undefined) return known;
    const key = keyOf(account);
    const change = byKey.get(key) ?? { account, by: 0, least: 0 };
    byKey.set(key, change);
    byAccount.set(account, change);
    return change;
  };
  return {
    book(unit) {
      const touched: Change[] = [];
      for (const { moves } of unit) {
        for (const { debit, credit, amount } of moves) {
          const [from, into] = [of(debit), of(credit)];
          from.by += debit.normal === 'debit' ? amount.minor : -amount.minor;
          into.by += credit.normal === 'credit' ? amount.minor : -amount.minor;
          touched.push(from, into);
        }
      }
      for (const change of touched) change.least = Math.min(change.least, change.by);
    },
    all: () => [...byKey.values()],
  };
}

/** Tells followers of this process what has its places now, should it be committed. */
function remember(recall: Recall, draft: Draft, bases: ReadonlyMap<string, number>): void {
  for (const [transfer, { seal }] of draft.rows) recall.keep(placeOf(draft, bases, transfer), transfer, toHex(seal));
}

function placeOf({ rows }: Draft, bases: ReadonlyMap<string, number>, transfer: Transfer): number {
  return (bases.get(transfer.region) ?? 0) + (rows.get(transfer)?.step ?? 0);
}

/** Where a unit stands, reckoned when it is asked for: few ask, and of a thousand units it would cost a thousand small tables. */
class PostedUnit implements Posted {
  readonly #unit: Unit;
  readonly #place: (transfer: Transfer) => number;
  readonly fresh: boolean;

  constructor(unit: Unit, place: (transfer: Transfer) => number, fresh: boolean) {
    this.#unit = unit;
    this.#place = place;
    this.fresh = fresh;
  }

  get cursor(): number {
    return this.cursors[this.#unit[0]?.region ?? ''] ?? 0;
  }

  get cursors(): Record<string, number> {
    const cursors: Record<string, number> = {};
    for (const transfer of this.#unit) {
      cursors[transfer.region] = Math.max(cursors[transfer.region] ?? 0, this.#place(transfer));
    }
    return cursors;
  }
}

/** The answer for a unit some of whose ids are in the journal; undefined when none is. */
function answerKnown(unit: Unit, known: ReadonlyMap<string, store.KnownTransfer>): Answer | undefined {
  const rows = unit.map((transfer) => known.get(keyOf(transfer)));
  if (rows.every((row) => row === undefined)) return undefined;
  const same = unit.every((transfer, at) => {
    const row = rows[at];
    return row !== undefined && sameBytes(sealOf(asSealed(transfer, row.at)), row.seal);
  });
  if (!same) return refuse({ code: 'ledger.id-reused' });
  return ok(new PostedUnit(unit, (transfer) => known.get(keyOf(transfer))?.cursor ?? 0, false));
}

function sameUnit(left: Unit, right: Unit): boolean {
  const seals = (unit: Unit) => unit.map((transfer) => toHex(sealOf(asSealed(transfer, 0)))).join();
  return left.length === right.length && seals(left) === seals(right);
}

function accountsIn(transfers: readonly Transfer[]): Account[] {
  return transfers.flatMap(({ moves }) => moves.flatMap(({ debit, credit }) => [debit, credit]));
}

function keyOf(thing: { readonly region: string; readonly id: string }): string {
  return `${thing.region} ${thing.id}`;
}
