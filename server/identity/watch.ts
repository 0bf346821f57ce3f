/**
 * Watching over a wallet's money: what is spent is weighed by the region's own terms, before an act where there is one to
 * stop, else after the fact; who is out of their ordinary way hears of it, and for the worst nothing goes meanwhile.
 * Invariant: what an alarm stops, its owner ends with one touch of the passkey; nobody is stopped without a way on.
 */
import { alarmsOf, pausedBy } from '#server/identity/alarm.ts';
import { noteEvent } from '#server/identity/event.ts';
import type { Freezes } from '#server/identity/freeze.ts';
import { tellOwner } from '#server/identity/notice.ts';
import { type IdentityParts, no } from '#server/identity/parts.ts';
import type { Session } from '#server/identity/session.ts';
import * as store from '#server/identity/store.ts';
import { findTogether } from '#server/platform/batch.ts';
import type { Sql } from '#server/platform/database.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { AlarmList } from '#shared/api/security.ts';
import { type Id, newId } from '#shared/base/id.ts';
import { ok, type Result } from '#shared/base/result.ts';
import { after, type Instant, instant } from '#shared/base/time.ts';
import { anomalyAt, type WatchedAct } from '#shared/rules/anomaly.ts';

type Owner = Pick<Session, 'region' | 'wallet'>;

/** An alarm that was just raised. */
export type Alarm = store.AlarmRow;

/** Runs in the transaction that raises an alarm or takes its owner's answer. */
export type AlarmHook = (tx: Sql, alarm: Alarm) => Promise<void>;

/** Money somebody is about to spend. */
export interface ActAhead {
  readonly amount: number;
  readonly currency: string;
  /** Where it goes; the wallet's own region when absent. */
  readonly toRegion?: string;
}

/** Money somebody has spent. */
export interface ActBehind extends ActAhead {
  readonly wallet: Id;
  readonly id: Id;
  readonly at: Instant;
}

/** What came of weighing an act: whether an alarm was raised by it, and `wallet.paused` with the rule hit, now or before. */
export interface Weighed {
  readonly raised: boolean;
  readonly stop?: Refusal;
}

/** The watch. */
export interface Watch {
  readonly view: (owner: Owner) => Promise<AlarmList>;
  /** How many alarms wait for the owner's word. */
  readonly open: (owner: Owner) => Promise<number>;
  /** Weighs an act before it is done. */
  readonly weigh: (owner: Owner, act: ActAhead) => Promise<Weighed>;
  /** Notes acts that are done, in their transaction, without weighing them again. */
  readonly note: (tx: Sql, region: string, acts: readonly ActBehind[]) => Promise<void>;
  /** Notes and weighs acts that are done; the alarms it raises are for {@link Watch.tell}, once `tx` has ended. */
  readonly saw: (tx: Sql, region: string, acts: readonly ActBehind[]) => Promise<Alarm[]>;
  /** Notes that another phone speaks for the wallet. */
  readonly enrolled: (tx: Sql, owner: Owner) => Promise<Alarm[]>;
  /** Tells the owners by every road. */
  readonly tell: (alarms: readonly Alarm[]) => Promise<void>;
  /** It was the owner (ask for a fresh passkey first), or it was not: then the wallet is frozen. Refusal: `alarm.not-found`. */
  readonly answer: (owner: Owner, id: Id, mine: boolean) => Promise<Result<AlarmList, Refusal>>;
  /** Two of support have looked into it: nothing is stopped by it any more. */
  readonly clear: (tx: Sql, owner: Owner, at: Instant) => Promise<void>;
  readonly onAlarm: (hook: AlarmHook) => void;
  readonly onAnswered: (hook: AlarmHook) => void;
}

function nameOfOwner({ region, wallet }: Owner): string {
  return `${region} ${wallet}`;
}

/** Opens the watch over the database of `parts`. */
export function openWatch(parts: IdentityParts, freezes: Freezes): Watch {
  const { database, clock } = parts;
  const hooks: AlarmHook[] = [];
  const answered: AlarmHook[] = [];
  const findOpen = findTogether((owners: readonly Owner[]) => store.countOpenAlarms(database, owners, clock()), {
    nameOf: nameOfOwner,
    keyOf: nameOfOwner,
  });
  const tell = async (alarms: readonly Alarm[]) => {
    for (const alarm of alarms) await tellOwner(parts, alarm, `alarm-${alarm.answer}`);
  };
  return {
    view: (owner) => alarmsOf(database, owner, clock()),
    open: async (owner) => (await findOpen(owner))[0]?.count ?? 0,
    async weigh(owner, act) {
      // What is stopped already needs no second word.
      if ((await store.readWallet(database, owner.wallet))?.frozen_at != null) return { raised: false };
      const raised = await database.transaction(async (tx) => {
        await store.lockWallet(tx, owner.region, owner.wallet);
        const now = clock();
        const ahead = { at: now, amount: await counted(tx, owner.region, act), toRegion: act.toRegion ?? owner.region };
        return await weigh(parts, hooks, tx, owner.region, new Map([[owner.wallet, [ahead]]]));
      });
      await tell(raised);
      const pause = await pausedBy(database, owner);
      const stop = pause && ({ code: 'wallet.paused', detail: { rule: pause.rule, since: pause.at } } as const);
      return { raised: raised.length > 0, ...(stop ? { stop } : {}) };
    },
    note: (tx, region, acts) => note(parts, tx, region, acts),
    async saw(tx, region, acts) {
      if (acts.length === 0) return [];
      await note(parts, tx, region, acts);
      const wallets = new Map([...Map.groupBy(acts, ({ wallet }) => wallet).keys()].map((wallet) => [wallet, []]));
      return await weigh(parts, hooks, tx, region, wallets);
    },
    enrolled: (tx, { region, wallet }) => weigh(parts, hooks, tx, region, new Map([[wallet, []]])),
    tell,
    answer: (owner, id, mine) => answer(parts, freezes, answered, owner, id, mine),
    async clear(tx, { region, wallet }, at) {
      for (const row of await store.openAlarms(tx, region, wallet)) {
        await store.answerAlarm(tx, { ...row, answered: 'support', answered_at: at });
      }
    },
    onAlarm: (hook) => {
      hooks.push(hook);
    },
    onAnswered: (hook) => {
      answered.push(hook);
    },
  };
}

/** Terms are said in the region's own money: an act in another is counted, and its sum is not. */
async function counted(tx: Sql, region: string, { amount, currency }: ActAhead): Promise<number> {
  return (await store.homeCurrency(tx, region)) === currency ? amount : 0;
}

async function note({ clock }: IdentityParts, tx: Sql, region: string, acts: readonly ActBehind[]): Promise<void> {
  const now = clock();
  const home = await store.homeCurrency(tx, region);
  const rows = acts.map(({ wallet, id, amount, currency, toRegion = region, at }) => ({
    ...{ wallet, id, amount: currency === home ? amount : 0, to_region: toRegion },
    // The clock of a phone may run ahead; nothing is spent in the future.
    at: instant(Math.min(at, now)),
  }));
  await store.insertWatched(tx, region, rows);
}

/** Weighs the wallets of `ahead`, each with what it is about to do, and raises what is found. */
async function weigh(
  { clock }: IdentityParts,
  hooks: readonly AlarmHook[],
  tx: Sql,
  region: string,
  ahead: ReadonlyMap<Id, readonly WatchedAct[]>,
): Promise<Alarm[]> {
  const terms = await store.readAnomalyTerms(tx, region);
  const longest = Math.max(0, ...terms.map(({ window }) => window));
  const now = clock();
  const since = instant(Math.max(0, now - longest));
  const habits = await store.habitsOf(tx, region, [...ahead.keys()], since);
  const raised: Alarm[] = [];
  for (const [wallet, acts] of ahead) {
    const known = habits.get(wallet);
    if (!known) continue;
    const regions = new Map(known.regions);
    for (const { toRegion } of acts) if (!regions.has(toRegion)) regions.set(toRegion, now);
    const all = [...known.acts, ...acts];
    const hit = anomalyAt(now, { home: region, ...known, acts: all, regions }, terms);
    if (hit) raised.push(await raise(tx, { region, wallet }, hit, all, now));
  }
  for (const alarm of raised) for (const hook of hooks) await hook(tx, alarm);
  return raised;
}

async function raise(
  tx: Sql,
  { region, wallet }: Owner,
  hit: store.AnomalyTermRow,
  acts: readonly WatchedAct[],
  now: Instant,
): Promise<Alarm> {
  const newest = acts.toSorted((one, other) => other.at - one.at)[0];
  const { rule, answer } = hit;
  const alarm: Alarm = {
    ...{ region, id: newId(now), wallet, rule, answer },
    amount: newest?.amount ?? 0,
    currency: await store.homeCurrency(tx, region),
    at: now,
    until: after(now, hit.hold),
    answered: null,
    answered_at: null,
  };
  await store.insertAlarm(tx, alarm);
  const about = { rule, answer, amount: alarm.amount, currency: alarm.currency };
  await noteEvent(tx, alarm, { code: 'alarm', at: now, about });
  return alarm;
}

async function answer(
  parts: IdentityParts,
  freezes: Freezes,
  hooks: readonly AlarmHook[],
  owner: Owner,
  id: Id,
  mine: boolean,
): Promise<Result<AlarmList, Refusal>> {
  const { database, clock } = parts;
  const { region, wallet } = owner;
  const found = await database.transaction(async (tx) => {
    await store.lockWallet(tx, region, wallet);
    const row = await store.readAlarm(tx, region, wallet, id);
    if (!row) return false;
    // Who has said that it was not them does not take it back here: the freeze has its own end.
    if (row.answered === 'not-mine' || (mine && row.answered !== null)) return true;
    const said: Alarm = { ...row, answered: mine ? 'mine' : 'not-mine', answered_at: clock() };
    await store.answerAlarm(tx, said);
    const code = mine ? 'alarm-mine' : 'alarm-not-mine';
    await noteEvent(tx, owner, { code, at: clock(), about: { rule: row.rule } });
    for (const hook of hooks) await hook(tx, said);
    return true;
  });
  if (!found) return no('alarm.not-found');
  if (!mine) await freezes.freeze(owner);
  return ok(await alarmsOf(database, owner, clock()));
}
